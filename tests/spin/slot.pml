/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slot.pml - src/page/slot.c: the busy word, its sleepers and their wake-up.
 *
 * A loop around a compare and swap decides on the word that it replaces, and
 * one that gives up decides on one load: each is one atomic step here.  A futex
 * compares and goes to sleep in one step, for the kernel does both under a lock
 * that its wake-up takes too.  Between such steps anybody may run.  Memory is
 * sequentially consistent here; the orders in slot.c are ThreadSanitizer's to
 * judge (tests/stress/test_protocol_slot.c).
 *
 * THREADS threads take the slot ROUNDS times each, shared or exclusively,
 * change their hold sometimes, and sometimes stay as a sharer for ever.  At
 * most two sharers fit, and the version has one bit, so that both limits of
 * the real word are met.
 *
 * A sharer leaves by a subtraction, and sees to the sleepers in a second step;
 * an exclusive holder may subtract, too, before he knows that he is none.
 *
 * Holds: one exclusive holder and no sharer with him; nobody sleeps who could
 * have what he sleeps for and whom nobody is about to wake (a deadlock here);
 * a sleeper's bit is on an idle word only while the last sharer is about to
 * take it away; and no cycle without progress.
 */
#define THREADS 3
#define ROUNDS 2

#define EXCL		1
#define WAITERS		2
#define ONE_VERSION	4
#define VERSION		4		/* bit 2 */
#define ONE_SHARER	64
#define SHARERS		192		/* bits 6 and 7, nothing above */
#define FULL		(2 * ONE_SHARER)

byte word;
bool resident;
bool asleep[THREADS];
byte readers, writers, staying, leaving;

inline check_holds()
{
	assert(writers <= 1 && (writers == 0 || readers == 0));
	assert((word & WAITERS) == 0 || (word & (EXCL | SHARERS)) != 0 ||
	    leaving > 0)
}

#define sharable (resident && (word & EXCL) == 0 && (word & SHARERS) != FULL)
#define idle ((word & (EXCL | SHARERS)) == 0)

#ifdef SHARER_IGNORES_EXCL
#define may_share (resident && (word & SHARERS) != FULL)
#else
#define may_share sharable
#endif
#ifdef EXCL_IGNORES_SHARERS
#define may_excl ((word & EXCL) == 0)
#else
#define may_excl idle
#endif

inline wake_all()
{
	d_step {
		i = 0;
		do
		:: i < THREADS -> asleep[i] = false; i++
		:: else -> break
		od;
		i = 0
	}
}

/* leave_excl(): the new low half is what it becomes, besides the version. */
inline leave_excl(becomes, here)
{
	d_step {
		old = word;
		assert((word & SHARERS) == 0);
		word = ((word + ONE_VERSION) & VERSION) | becomes;
#ifdef WAITERS_STAY
		word = word | (old & WAITERS);
#endif
		resident = here;
		writers--;
		readers = readers + (becomes == ONE_SHARER -> 1 : 0);
		wakes = (old & WAITERS) != 0;
		old = 0;
		check_holds()
	}
#ifndef EXCL_WAKES_NOBODY
	if
	:: wakes -> wakes = false; wake_all()
	:: else
	fi
#endif
}

inline release_shared()
{
	d_step {
		old = word;
		word = (word - ONE_SHARER) & 255;
		readers--;
		wakes = (old & WAITERS) != 0 &&
		    ((old & SHARERS) == ONE_SHARER
#ifndef FULL_KEEPS_SLEEPERS
		    || (old & SHARERS) == FULL
#endif
		    );
		leaving = leaving + (wakes -> 1 : 0);
		old = 0
	}
	if
	:: wakes ->
		wakes = false;
		d_step { word = word & (255 - WAITERS); leaving-- };
#ifndef SHARER_WAKES_NOBODY
		wake_all()
#endif
	:: else
	fi
}

/* Who ends a hold of which he does not know that it is exclusive. */
inline try_leave()
{
	word = (word - ONE_SHARER) & 255;
#ifndef EXCL_STAYS_LESSENED
	word = (word + ONE_SHARER) & 255;
#endif
	assert((word & EXCL) != 0)
}

/* wait_prepare() and wait_sleep(), with a place for others in between. */
inline wait(shared_suffices)
{
	atomic {
		seen = 0;
		if
		:: idle
		:: !idle && shared_suffices && sharable
		:: else ->
#ifndef NO_WAITERS_BIT
			word = word | WAITERS;
#endif
			seen = word
		fi
	}
	if
	:: seen == 0
	:: seen != 0 ->
		d_step {
			if
#ifdef SLEEPS_WITHOUT_LOOKING
			:: true -> asleep[_pid] = true
#else
			:: word == seen -> asleep[_pid] = true
			:: else
#endif
			fi;
			seen = 0
		}
		if
		:: !asleep[_pid]
		/* Behind a sharer who stays for ever only a sharer gets in. */
		:: staying > 0 && !shared_suffices -> goto done
		fi
	fi
}

active [THREADS] proctype thread()
{
	byte round, seen, old, i;
	bool shared, wakes;

	do
	:: round == ROUNDS -> break
	:: else ->
		round++;
		if
		:: shared = true
		:: shared = false
		fi;
retry:
		if
		:: shared -> goto take_shared
		:: !shared -> goto take_excl
		fi;
take_shared:
		if
		:: atomic { may_share -> word = word + ONE_SHARER;
			readers++; check_holds() };
			goto reads
		/* Absent and idle: a reader fills it. */
		:: atomic { !resident && idle -> goto take_excl }
		:: atomic { !may_share && !(!resident && idle) }
			wait(true);
			goto retry
		fi;
take_excl:
		if
		:: atomic { may_excl -> word = word | EXCL; writers++; check_holds() };
			goto writes
		:: atomic { !may_excl }
			wait(shared && resident);
			goto retry
		fi;
writes:
progress_excl:
		if
		:: true
		:: true -> try_leave()
		fi;
		if
		:: leave_excl(0, true)
		:: leave_excl(0, false)		/* evicted */
		:: leave_excl(ONE_SHARER, true);	/* published, stays */
			goto reads
		fi;
		goto next;
reads:
progress_shared:
		if
		:: release_shared()
		:: atomic { staying == 0 && round == ROUNDS -> staying++ };
			goto done
		:: atomic {
#ifdef UPGRADE_AMONG_SHARERS
			(word & SHARERS) != 0
#else
			(word & SHARERS) == ONE_SHARER
#endif
			-> word = (word - ONE_SHARER) | EXCL;
			readers--; writers++; check_holds() };
			goto writes
		fi;
next:
		skip
	od;
done:
	skip
}
