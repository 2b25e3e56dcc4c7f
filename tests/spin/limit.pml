/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit.pml - src/limit: pages are promised, taken, given, waited for.
 *
 * PAGES pages, THREADS threads that each want one page ROUNDS times, sometimes
 * keep it for the daemon to evict and sometimes give it back, and one daemon
 * that sleeps until it is kicked.  free counts what nobody was promised, frames
 * is the length of the free lists; each is changed in one step, in the order
 * of the code: a giver adds to frames, adds to free, reads waiting; a waiter
 * adds to waiting, reads free.  The line of those who wait, and the sleep on
 * a condition, are under limit's lock.
 *
 * Holds: a promised page is always found; free and promised and used pages
 * are all; nobody waits while a page is free that nobody is about to hand out
 * (a deadlock here: the daemon sleeps, too); no cycle without progress.
 */
#ifdef PROGRESS
#define THREADS 2	/* cycles cost more states; two make one */
#else
#define THREADS 3
#endif
#define ROUNDS 2
#define PAGES 1

byte free = PAGES, frames = PAGES;
byte waiting, resident, finished;
bool locked;
bool kicked, daemon_asleep;
bool granted[THREADS];
chan line = [THREADS] of { byte };

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

inline kick()
{
	atomic {
		if
		:: kicked -> i = 0
		:: !kicked -> kicked = true; i = 1
		fi
	}
#ifndef KICK_WAKES_NOBODY
	if
	:: i == 1 -> lock(); daemon_asleep = false; unlock()
	:: else
	fi;
#endif
	i = 0
}

/* hand_out_locked(): free pages to those who wait, oldest first. */
inline hand_out()
{
	do
	:: atomic {
		len(line) != 0 && free != 0 ->
		free--;
		line?i;
		granted[i] = true;	/* and his condition wakes him */
		i = 0
	};
		waiting--
	:: atomic { len(line) == 0 || free == 0 -> break }
	od
}

inline frame_take()
{
	atomic { assert(frames != 0); frames-- }
}

/* vm_limit_give() */
inline give()
{
#ifdef FREE_BEFORE_FRAMES
	free++;
	frames++;
	w = waiting;
#else
#ifdef WAITING_READ_FIRST
	w = waiting;
	frames++;
	free++;
#else
	frames++;
	free++;
	assert(free <= PAGES);
	w = waiting;
#endif
#endif
#ifndef NOTHING_IS_HANDED_OUT
	if
	:: w != 0 -> lock(); hand_out(); unlock()
	:: else
	fi;
#endif
	w = 0
}

active [THREADS] proctype thread()
{
	byte round, i, w;

	do
	:: round == ROUNDS -> break
	:: else ->
		round++;
		/* vm_limit_take() */
		if
		:: waiting != 0 -> goto wait
		:: waiting == 0
		fi;
		atomic {
			if
			:: free != 0 -> free--; w = 1
			:: free == 0 -> w = 0
			fi
		}
		kick();
		if
		:: w == 1 -> w = 0; goto take
		:: else
		fi;
		/* vm_limit_wait() */
wait:
#ifdef KICKS_BEFORE_JOINING
		kick();
#endif
		lock();
#ifdef WAITING_RAISED_LAST
		hand_out();
		line!_pid;
		waiting++;
#else
		line!_pid;
		waiting++;
#ifndef JOINS_WITHOUT_LOOKING
		hand_out();
#endif
#endif
		unlock();
#ifndef KICKS_BEFORE_JOINING
		kick();
#endif
		granted[_pid] -> granted[_pid] = false;
take:
progress_take:
		frame_take();
		if
		:: give()
		:: resident++
		fi
	od;
	finished++
}

/* Evicts what is resident.  Who waits keeps it from sleeping. */
active proctype pager_daemon()
{
	byte i, w;

	do
	:: lock();
		do
		:: kicked || waiting != 0 -> break
		:: else ->
#ifdef KICK_FORGOTTEN
			unlock();
			daemon_asleep = true;
#else
			atomic { daemon_asleep = true; unlock() }
#endif
end_sleep:
			!daemon_asleep;
			lock()
		od;
		kicked = false;
		unlock();
		do
		:: atomic { resident != 0 -> resident-- };
progress_free:
			give()
		:: resident == 0 -> break
		od;
		/* Its pause, when nothing was free: until something changes. */
		if
		:: kicked || waiting == 0 || resident != 0
		:: finished == THREADS
		fi
	:: finished == THREADS && resident == 0 -> break
	od
}
