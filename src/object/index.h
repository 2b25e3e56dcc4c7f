/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/index.h - from pindex to slot, read without locks.
 *
 * Two levels: a directory of numbers, and leaves of VM_LEAF_SLOTS slots.  A
 * leaf exists while one of its slots is resident or held for a page that is
 * not there yet.
 *
 * Leaves are type-stable: they come from one array per system (struct
 * vm_leaves), are recycled only as leaves, and their slot words are never
 * reset.  So nobody needs a grace period: a reader may find a leaf that has
 * just been recycled, takes the slot, and then looks the identity up again:
 * the slot is its own if it is still found there (vm_index_owns).  While it
 * holds the slot of a resident page, or holds the leaf itself, the leaf cannot
 * go away.
 *
 * Looking up again costs nothing, for the same two lines are read; and no line
 * of the leaf but the slot's own.  That it suffices: whoever was given the leaf
 * after us took it out of our directory before, and who takes a slot sees what
 * was done before its last holder let it go.  A directory that was replaced is
 * not looked at twice, for the pointer to it is read again too; one that is
 * being replaced was ours until then.  Who stores nothing (resident/read.h)
 * has seen the word first; that it is the same afterwards says that nobody
 * else had the slot in between.
 *
 *	free --create--> live, used = n --last use dropped--> DEAD --> free
 *
 * used counts the resident slots and the holds; only a leaf that is not DEAD
 * can be held.  An old directory, after growth, is kept until the index ends
 * (a late reader may still look into it): at most as much again.
 *
 * 8 slots and 24 bytes to a leaf, and 4 bytes to its place: 92 bytes for a page
 * that is resident alone.  What a page costs of index, by how many of an
 * object's pages are resident, at random:
 *
 *	all		11.5 bytes
 *	1 in 64		83 of leaves and 32 of directory: 2.8 %
 *
 * 16 slots and pointers to them would be 167 there, 4 slots 119 (all: 15).
 */
#ifndef OBJECT_INDEX_H
#define OBJECT_INDEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/lock.h"
#include "page/page.h"
#include "page/slot.h"

struct vm_os;
struct vm_index;

#define VM_LEAF_SLOTS 8

struct vm_leaf {
	struct vm_index *owner;		/* whose it is (C) while held */
	union {
		uint64_t at;		/* place in its directory (C) too */
		struct vm_leaf *next;	/* of a free one (F) */
	};
	_Atomic uint32_t used;		/* LEAF_DEAD, or a count (A) */
	_Atomic uint32_t dirty;		/* dirty pages (A) */
	struct vm_slot slot[VM_LEAF_SLOTS];
};

/* All leaves of a system. */
struct vm_leaves {
	const struct vm_os *os;	/* (C) */
	struct vm_leaf *array;	/* number 0 is none (C) */
	uint32_t count;		/* (C) */
	struct vm_lock lock;	/* rank FRAME (F) */
	struct vm_leaf *free;	/* (F) */
	uint32_t fresh;		/* numbers above were never used (F) */
	uint32_t live;		/* (F) */
};

VM_MUST_CHECK int vm_leaves_init(struct vm_leaves *leaves,
    const struct vm_os *os, uint32_t count);
void vm_leaves_fini(struct vm_leaves *leaves);

/*
 * Of the directory: where its leaf is, in slots (of 8 bytes) from the start of
 * the array; 0: none.  So the slot's address is one sum, and 2^32 of them are
 * as many leaves as a system has pages.
 */
struct vm_leaf_place {
	_Atomic uint32_t slots;		/* stored under (I) (A) */
};

/*
 * What a hit reads first, what changes with every leaf last.  The directory
 * grows before its length does, and is read after it: so it is never shorter
 * than its reader believes.
 */
struct vm_index {
	_Atomic(struct vm_leaf_place *) directory;	/* under (I) (A) */
	struct vm_leaf *array;		/* of all leaves (C) */
	_Atomic uint64_t places;	/* in the directory; under (I) (A) */
	struct vm_leaves *leaves;	/* (C) */
	_Atomic uint32_t live;		/* leaves; written under (I) (A) */
	struct vm_lock lock;		/* rank INDEX (I) */
};

VM_MUST_CHECK int vm_index_init(struct vm_index *index,
    struct vm_leaves *leaves, uint64_t pages);
void vm_index_fini(struct vm_index *index);	/* no slot is in use */
/* Room for so many pages; never shrinks. */
VM_MUST_CHECK int vm_index_grow(struct vm_index *index, uint64_t pages);

static inline struct vm_leaf *
vm_index_leaf(const struct vm_index *index, vm_pindex_t pindex)
{
	uint64_t at = pindex / VM_LEAF_SLOTS;
	size_t slots;

	if (VM_UNLIKELY(at >= atomic_load_explicit(&index->places,
	    memory_order_acquire)))
		return NULL;
	slots = atomic_load_explicit(&atomic_load_explicit(&index->directory,
	    memory_order_acquire)[at].slots, memory_order_acquire);
	return slots == 0 ? NULL : (struct vm_leaf *)(void *)
	    ((struct vm_slot *)(void *)index->array + slots);
}

/* The slot of an identity, NULL when no leaf covers it: absent and idle.
 * Not held: check with vm_index_owns after taking it. */
static inline struct vm_slot *
vm_index_find(const struct vm_index *index, vm_pindex_t pindex)
{
	struct vm_leaf *leaf = vm_index_leaf(index, pindex);

	return leaf == NULL ? NULL : &leaf->slot[pindex % VM_LEAF_SLOTS];
}

/* For whoever holds the slot: is it (still) this identity's? */
static inline bool
vm_index_owns(const struct vm_index *index, const struct vm_slot *slot,
    vm_pindex_t pindex)
{
	return VM_LIKELY(vm_index_find(index, pindex) == slot);
}

/*
 * Resident, and now shared by us too: true, *number says which page.  False:
 * absent or exclusive; *slot is then where to wait, or NULL (absent, idle).
 */
VM_MUST_CHECK bool vm_index_try_shared(struct vm_index *index,
    vm_pindex_t pindex, struct vm_slot **slot, uint32_t *number);

/*
 * Makes the slot exclusive, resident or not (*number), with a leaf made for it
 * if need be.  1: it is ours; 0: somebody is in it, *slot says where to wait;
 * -ENOMEM: no leaf left.
 */
VM_MUST_CHECK int vm_index_try_excl(struct vm_index *index,
    vm_pindex_t pindex, struct vm_slot **slot, uint32_t *number);

/* The slot, held, is about to be released as absent: asks for the memory of its
 * leaf, where uses are counted. */
void vm_index_expect(const struct vm_index *index, const struct vm_slot *slot);

/* As try_excl, but only when the page is resident (or, with absent, only when
 * it is not); false otherwise. */
VM_MUST_CHECK bool vm_index_try_excl_if(struct vm_index *index,
    vm_pindex_t pindex, bool resident, struct vm_slot **slot,
    uint32_t *number);

/*
 * Sleeps until the slot, where the page was found to be busy, may have been
 * released; at once when it is the page's no more, since its new owner may keep
 * it for as long as he likes.
 */
void vm_index_wait(struct vm_index *index, vm_pindex_t pindex,
    struct vm_slot *slot, bool shared_suffices);

/* The end of every exclusive hold: number as it is from now on. */
void vm_index_release_excl(struct vm_index *index, struct vm_slot *slot,
    uint32_t number);

/*
 * The first pindex >= from and < end whose slot is resident or held, and its
 * slot; false when there is none.  With dirty_only, leaves without dirty pages
 * are passed over.  What it says may change at once.
 */
bool vm_index_next(struct vm_index *index, bool dirty_only, vm_pindex_t *from,
    vm_pindex_t end, struct vm_slot **slot);

/* The same backwards: the last pindex <= *from and >= first. */
bool vm_index_prev(struct vm_index *index, vm_pindex_t *from,
    vm_pindex_t first, struct vm_slot **slot);

/* The number of the page that is resident there, VM_SLOT_ABSENT when none is;
 * whoever holds it.  Takes nothing, marks nothing, and may be wrong at once. */
uint32_t vm_index_peek(struct vm_index *index, vm_pindex_t pindex);

/*
 * How many slots of each leaf's place are in use, 0 to VM_LEAF_SLOTS, of the
 * first count places; how many places there are.  Each is right at some moment
 * during the call, not all at the same.
 */
uint64_t vm_index_occupancy(struct vm_index *index, uint32_t *used,
    uint64_t count);
/* Adds to histogram[n] how many places have n slots in use; places in all. */
uint64_t vm_index_histogram(struct vm_index *index,
    uint64_t histogram[VM_LEAF_SLOTS + 1]);

/* Whether a leaf covers the identity: it may be resident or held. */
bool vm_index_covers(struct vm_index *index, vm_pindex_t pindex);

/* The leaf's dirty count follows a page, whose slot is held exclusively. */
void vm_index_count_dirty(struct vm_index *index, struct vm_slot *slot,
    int change);

#endif
