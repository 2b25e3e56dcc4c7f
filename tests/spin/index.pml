/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index.pml - src/object/index.c: leaves are found without a lock, recycled at
 * once, and known again by vm_index_owns.
 *
 * Two identities, two leaves of one slot each, two pages.  A directory entry
 * leads to the leaf of an identity; a leaf that nobody uses any more is taken
 * out and given to whoever needs one next, its slot's word as it is.  Readers
 * hold a leaf found in the directory only by the slot that they take in it, or
 * by its use count.  What slot.pml has shown of the slot's word is taken for
 * granted: busy or not, one step.  Who finds a slot busy gives up here.
 *
 * Holds: one exclusive holder of an identity, no sharers with him; the page in
 * the slot of an identity is that identity's, and no page is in two slots; a
 * leaf is given back once and while nobody uses it; no cycle without progress.
 */
#ifdef PROGRESS
#define THREADS 2	/* cycles cost more states; two make one */
#else
#define THREADS 3
#endif
#define ROUNDS 2

#define IDENTITIES	2
#define LEAVES		2
#define PAGES		2
#define NONE		3	/* no leaf, no identity */
#define DEAD		9

byte directory[IDENTITIES] = NONE;
bool index_lock[IDENTITIES];	/* two indexes, one identity of each */

byte owner[LEAVES] = NONE;
byte used[LEAVES] = DEAD;
bool excl[LEAVES];
byte sharers[LEAVES];
byte number[LEAVES];		/* page + 1, 0: absent */
bool leaf_free[LEAVES] = true;

bool page_free[PAGES] = true;
byte where[PAGES] = NONE;

byte holders[IDENTITIES];	/* exclusive */
byte readers[IDENTITIES];
byte finished;

inline lock(whose) { atomic { !index_lock[whose] -> index_lock[whose] = true } }
inline unlock(whose) { index_lock[whose] = false }

/* leaf_new(): ok says whether there was one. */
inline leaf_new()
{
	atomic {
		if
		:: leaf_free[0] -> leaf = 0; leaf_free[0] = false
		:: !leaf_free[0] && leaf_free[1] -> leaf = 1;
			leaf_free[1] = false
		:: else -> leaf = NONE
		fi
	}
}

inline give_leaf()
{
	atomic {
		assert(!leaf_free[leaf]);
		leaf_free[leaf] = true
	}
}

/* leaf_hold() */
inline hold()
{
	atomic {
		if
#ifndef DEAD_LEAVES_ARE_HELD
		:: used[leaf] == DEAD -> ok = false
		:: used[leaf] != DEAD -> used[leaf]++; ok = true
#else
		:: used[leaf] = (used[leaf] == DEAD -> 1 : used[leaf] + 1);
			ok = true
#endif
		fi
	}
}

inline drop()
{
	atomic {
		assert(used[leaf] != 0 && used[leaf] != DEAD);
		last = used[leaf] == 1;
		used[leaf] = (last -> DEAD : used[leaf] - 1)
	}
	if
#ifndef NOBODY_UNLINKS
	:: last -> unlink()
#endif
	:: else
	fi
}

/* leaf_unlink() */
inline unlink()
{
	from = owner[leaf];
	lock(from);
#ifdef GIVEN_BEFORE_UNLINKED
	give_leaf();
#endif
	directory[from] = NONE;
	owner[leaf] = NONE;
	unlock(from);
#ifndef GIVEN_BEFORE_UNLINKED
	give_leaf();
#endif
	from = 0
}

/* leaf_create(): the leaf is ours, held once, or leaf is NONE and none_left says
 * whether there was none left. */
inline create()
{
	leaf_new();
	if
	:: leaf == NONE -> none_left = true
	:: else ->
		lock(id);
		if
#ifndef NOBODY_WAS_FIRST
		:: directory[id] != NONE ->
			unlock(id);
			give_leaf();
			leaf = NONE
#endif
		:: else ->
			owner[leaf] = id;
			used[leaf] = 1;
			directory[id] = leaf;
			unlock(id)
		fi
	fi
}

active [THREADS] proctype thread()
{
	byte round, id, leaf, page, from;
	bool ok, last, none_left;

	do
	/* The last one, to whom recycled leaves happen, has one turn. */
	:: round == (_pid == THREADS - 1 -> 1 : ROUNDS) -> break
	:: else ->
		round++;
		if
		:: id = 0
		:: id = 1
		fi;
		if
		:: goto find_shared
		:: goto make
		fi;

		/* vm_index_try_shared() */
find_shared:
		leaf = directory[id];
		if
		:: leaf == NONE -> goto next
		:: else
		fi;
		atomic {
			if
			:: number[leaf] == 0 || excl[leaf] -> goto next
			:: else -> sharers[leaf]++; page = number[leaf]
			fi
		}
#ifndef SHARED_WITHOUT_OWNS
		if
		:: directory[id] == leaf
		:: directory[id] != leaf -> sharers[leaf]--; goto find_shared
		fi;
#endif
		atomic {
			readers[id]++;
			assert(holders[id] == 0);
			assert(where[page - 1] == id)
		}
progress_shared:
		assert(where[page - 1] == id && holders[id] == 0);
		d_step { readers[id]--; sharers[leaf]-- }
		goto next;

		/* vm_index_try_excl(): leaf_make() */
make:
		leaf = directory[id];
		if
		:: leaf != NONE ->
			hold();
			if
			:: !ok -> goto make	/* being unlinked */
#ifndef HELD_WITHOUT_LOOKING
			:: ok && owner[leaf] != id -> drop(); goto make
#endif
			:: else
			fi
		:: leaf == NONE ->
			create();
			if
			:: none_left -> goto next
			:: !none_left && leaf == NONE -> goto make
			:: else
			fi
		fi;
		atomic {
			if
			:: excl[leaf] || sharers[leaf] != 0 -> ok = false
			:: else -> ok = true; excl[leaf] = true;
				page = number[leaf];
				holders[id]++;
				assert(holders[id] == 1 && readers[id] == 0)
			fi
		}
#ifdef HOLD_OF_AN_ABSENT_SLOT_DROPPED
		if
		:: true -> drop()
#else
		if
		:: !ok || page != 0 -> drop()
		:: else
#endif
		fi;
		if
		:: !ok -> goto next
		:: else
		fi;

		/* Exclusive: fill it or give it up; evict it or leave it. */
progress_excl:
		assert(owner[leaf] == id);
		if
		:: page == 0 ->
			atomic {
				if
				:: page_free[0] -> page = 1
				:: !page_free[0] && page_free[1] -> page = 2
				:: else
				fi;
				if
				:: page != 0 -> page_free[page - 1] = false;
					assert(where[page - 1] == NONE);
					assert(number[0] != page &&
					    number[1] != page);
					where[page - 1] = id
				:: else
				fi
			}
		:: page != 0 ->
			assert(where[page - 1] == id);
			if
			:: skip
			:: where[page - 1] = NONE;
#ifdef GIVEN_BEFORE_ABSENT
				page_free[page - 1] = true;
#endif
				last = true;
				goto evicted
			fi
		fi;
		d_step { excl[leaf] = false; number[leaf] = page; holders[id]-- }
		if
		:: page == 0 -> drop()
		:: else
		fi;
		goto next;
evicted:
		skip;
		d_step { excl[leaf] = false; number[leaf] = 0; holders[id]-- }
		drop();
#ifndef GIVEN_BEFORE_ABSENT
		page_free[page - 1] = true;
#endif
next:
		skip;
		atomic { page = 0; leaf = 0; ok = false; last = false;
			none_left = false }
	od;
	finished++
}

/* Nothing is lost: a leaf is free, or leads to a resident page. */
active proctype last_look()
{
	finished == THREADS ->
	assert(leaf_free[0] == (owner[0] == NONE));
	assert(leaf_free[1] == (owner[1] == NONE));
	assert(leaf_free[0] || (number[0] != 0 && used[0] == 1));
	assert(leaf_free[1] || (number[1] != 0 && used[1] == 1))
}
