/* SPDX-License-Identifier: BSD-2-Clause */
/* object/index.c - index.h has the theory. */
#include "object/index.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"

#define LEAF_DEAD UINT32_C(0x80000000)

_Static_assert(sizeof(struct vm_leaf) == 88, "see the sum in index.h");

_Static_assert(sizeof(struct vm_leaf) % sizeof(struct vm_slot) == 0,
    "leaves begin where a slot could");
_Static_assert((UINT64_C(1) << 32) / (sizeof(struct vm_leaf) /
    sizeof(struct vm_slot)) > VM_SLOT_PAGES_MAX, "a leaf for each page");

/* Number 0, which is none, is there and not used. */
static size_t
array_bytes(uint32_t count)
{
	return ((size_t)count + 1) * sizeof(struct vm_leaf);
}

/* Of an allocation with places behind it. */
struct vm_directory {
	struct vm_directory *older;	/* replaced by this one (I) */
	size_t bytes;			/* of this allocation (C) */
	uint64_t places;		/* (C) */
	struct vm_leaf_place place[];
};

/* Whose the places are; NULL: none. */
static struct vm_directory *
directory_of(const struct vm_index *index)
{
	struct vm_leaf_place *place = atomic_load_explicit(&index->directory,
	    memory_order_relaxed);

	return place == NULL ? NULL : VM_CONTAINER(place, struct vm_directory,
	    place);
}

static uint64_t
places(const struct vm_index *index)
{
	return atomic_load_explicit(&index->places, memory_order_acquire);
}

/* What leads to the leaf at, for who has the index's lock. */
static _Atomic uint32_t *
way_locked(struct vm_index *index, uint64_t at)
{
	vm_lock_assert_held(&index->lock);
	vm_assert(at < places(index));
	return &atomic_load_explicit(&index->directory,
	    memory_order_relaxed)[at].slots;
}

int
vm_leaves_init(struct vm_leaves *leaves, const struct vm_os *os,
    uint32_t count)
{
	void *array;
	int error = os->map_anon(array_bytes(count), &array);

	if (error != 0)
		return vm_error(ENOMEM, "create: no room for %u index leaves",
		    count);
	/* As with descriptors: they are looked up in no order. */
	if (array_bytes(count) >= VM_OS_HUGE_TABLE)
		(void)os->want_huge(array, array_bytes(count));
	*leaves = (struct vm_leaves){
		.os = os, .array = array, .count = count,
	};
	vm_lock_init(&leaves->lock, VM_RANK_FRAME, "leaves");
	return 0;
}

void
vm_leaves_fini(struct vm_leaves *leaves)
{
	vm_assert(leaves->live == 0);
	leaves->os->unmap(leaves->array, array_bytes(leaves->count));
	vm_lock_fini(&leaves->lock);
}

static struct vm_leaf *
leaf_new(struct vm_leaves *leaves)
{
	struct vm_leaf *leaf;

	vm_lock(&leaves->lock);
	leaf = leaves->free;
	if (leaf != NULL)
		leaves->free = leaf->next;
	else if (leaves->fresh < leaves->count)
		leaf = &leaves->array[++leaves->fresh];
	if (leaf != NULL)
		leaves->live++;
	vm_unlock(&leaves->lock);
	return leaf;
}

static void
leaf_free(struct vm_leaves *leaves, struct vm_leaf *leaf)
{
	vm_lock(&leaves->lock);
	leaf->next = leaves->free;
	leaves->free = leaf;
	leaves->live--;
	vm_unlock(&leaves->lock);
}

static struct vm_leaf *
leaf_of(const struct vm_index *index, const struct vm_slot *slot)
{
	const char *base = (const char *)index->leaves->array;
	size_t at = (size_t)((const char *)slot - base);

	return &index->leaves->array[at / sizeof(struct vm_leaf)];
}

void
vm_index_expect(const struct vm_index *index, const struct vm_slot *slot)
{
	VM_PREFETCH(leaf_of(index, slot));
}

/* One more use; false when the leaf is on its way out. */
static bool
leaf_hold(struct vm_leaf *leaf)
{
	uint32_t used = atomic_load_explicit(&leaf->used,
	    memory_order_relaxed);

	do {
		if (used & LEAF_DEAD)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&leaf->used, &used,
	    used + 1, memory_order_acquire, memory_order_relaxed));
	return true;
}

static void
leaf_unlink(struct vm_leaf *leaf)
{
	struct vm_index *index = leaf->owner;
	struct vm_leaves *leaves = index->leaves;

	vm_assert(atomic_load_explicit(&leaf->dirty,
	    memory_order_relaxed) == 0);
	vm_lock(&index->lock);
	atomic_store_explicit(way_locked(index, leaf->at), 0,
	    memory_order_release);
	atomic_fetch_sub(&index->live, 1);
	vm_unlock(&index->lock);
	leaf_free(leaves, leaf);	/* the index may be gone by now */
}

static void
leaf_drop(struct vm_leaf *leaf)
{
	uint32_t used = atomic_load_explicit(&leaf->used,
	    memory_order_relaxed);
	uint32_t rest;

	do {
		vm_assert(used != 0 && !(used & LEAF_DEAD));
		rest = used == 1 ? LEAF_DEAD : used - 1;
	} while (!atomic_compare_exchange_weak_explicit(&leaf->used, &used,
	    rest, memory_order_acq_rel, memory_order_relaxed));
	if (rest == LEAF_DEAD)
		leaf_unlink(leaf);
}

static uint32_t
slots_to(const struct vm_index *index, const struct vm_leaf *leaf)
{
	return (uint32_t)((size_t)(leaf - index->array) *
	    (sizeof(*leaf) / sizeof(leaf->slot[0])));
}

/* 1: *out is a new leaf, held once; 0: somebody was first; -ENOMEM. */
static int
leaf_create(struct vm_index *index, vm_pindex_t pindex, struct vm_leaf **out)
{
	struct vm_leaf *leaf = leaf_new(index->leaves);
	_Atomic uint32_t *way;
	uint64_t at = pindex / VM_LEAF_SLOTS;
	bool first;

	if (leaf == NULL)
		return vm_error(ENOMEM, "no index leaf left (%u in use)",
		    index->leaves->count);
	vm_lock(&index->lock);
	way = way_locked(index, at);
	first = atomic_load_explicit(way, memory_order_relaxed) == 0;
	if (first) {
		leaf->owner = index;
		leaf->at = at;
		atomic_store_explicit(&leaf->dirty, 0, memory_order_relaxed);
		atomic_fetch_add(&index->live, 1);
		atomic_store_explicit(&leaf->used, 1, memory_order_release);
		atomic_store_explicit(way, slots_to(index, leaf),
		    memory_order_release);
	}
	vm_unlock(&index->lock);
	if (!first)
		leaf_free(index->leaves, leaf);
	*out = leaf;
	return first;
}

/* Of a leaf that is held. */
static bool
leaf_is(const struct vm_leaf *leaf, const struct vm_index *index,
    vm_pindex_t pindex)
{
	return leaf->owner == index && leaf->at == pindex / VM_LEAF_SLOTS;
}

/* The leaf that covers pindex, held once more, when there is one. */
static struct vm_leaf *
leaf_get(struct vm_index *index, vm_pindex_t pindex)
{
	struct vm_leaf *leaf;

	while ((leaf = vm_index_leaf(index, pindex)) != NULL) {
		if (!leaf_hold(leaf))
			continue;	/* its last holder is unlinking it */
		if (leaf_is(leaf, index, pindex))
			return leaf;
		leaf_drop(leaf);	/* recycled since we found it */
	}
	return NULL;
}

int
vm_index_init(struct vm_index *index, struct vm_leaves *leaves,
    uint64_t pages)
{
	index->leaves = leaves;
	index->array = leaves->array;
	vm_lock_init(&index->lock, VM_RANK_INDEX, "index");
	atomic_init(&index->directory, NULL);
	atomic_init(&index->places, 0);
	atomic_init(&index->live, 0);
	return vm_index_grow(index, pages);
}

static void
free_directories(struct vm_index *index)
{
	struct vm_directory *directory = directory_of(index);

	while (directory != NULL) {
		struct vm_directory *older = directory->older;

		index->leaves->os->unmap(directory, directory->bytes);
		directory = older;
	}
}

void
vm_index_fini(struct vm_index *index)
{
	/* A late reader may hold a leaf for a moment: its drop unlinks it. */
	while (atomic_load(&index->live) != 0)
		continue;
	/* Who emptied it last may still be on its way out of the lock. */
	vm_lock(&index->lock);
	vm_unlock(&index->lock);
	free_directories(index);
	vm_lock_fini(&index->lock);
}

/* Under the index lock: leaves must not come or go while they are copied.
 * False: somebody else made it as large meanwhile. */
static bool
replace_directory(struct vm_index *index, struct vm_directory *directory)
{
	struct vm_directory *old = directory_of(index);

	vm_lock_assert_held(&index->lock);
	if (old != NULL && old->places >= directory->places)
		return false;
	directory->older = old;
	for (uint64_t at = 0; old != NULL && at < old->places; at++)
		atomic_store_explicit(&directory->place[at].slots,
		    atomic_load_explicit(&old->place[at].slots,
		    memory_order_relaxed), memory_order_relaxed);
	atomic_store_explicit(&index->directory, directory->place,
	    memory_order_release);
	atomic_store_explicit(&index->places, directory->places,
	    memory_order_release);
	return true;
}

int
vm_index_grow(struct vm_index *index, uint64_t pages)
{
	const struct vm_os *os = index->leaves->os;
	uint64_t now = places(index), wanted = pages / VM_LEAF_SLOTS + 1;
	struct vm_directory *directory;
	void *memory;
	size_t bytes;
	bool placed;

	if (wanted <= now)
		return 0;
	/* Doubling keeps what old directories cost below the present one. */
	if (wanted < 2 * now)
		wanted = 2 * now;
	bytes = sizeof(*directory) + wanted * sizeof(directory->place[0]);
	if (os->map_anon(bytes, &memory) != 0)
		return vm_error(ENOMEM, "object: no room for an index of "
		    "%llu pages", (unsigned long long)pages);
	if (bytes >= VM_OS_HUGE_TABLE)
		(void)os->want_huge(memory, bytes);
	directory = memory;
	directory->bytes = bytes;
	directory->places = wanted;
	vm_lock(&index->lock);
	placed = replace_directory(index, directory);
	vm_unlock(&index->lock);
	if (!placed)
		os->unmap(memory, bytes);
	return 0;
}

bool
vm_index_covers(struct vm_index *index, vm_pindex_t pindex)
{
	return vm_index_leaf(index, pindex) != NULL;
}

bool
vm_index_try_shared(struct vm_index *index, vm_pindex_t pindex,
    struct vm_slot **slot, uint32_t *number)
{
	for (;;) {
		*slot = vm_index_find(index, pindex);
		if (*slot == NULL || !vm_slot_try_shared(*slot, number))
			return false;
		if (vm_index_owns(index, *slot, pindex))
			return true;
		vm_slot_release_shared(*slot);
	}
}

/* The leaf that covers pindex, held once more; made if need be.  0, -ENOMEM. */
static int
leaf_make(struct vm_index *index, vm_pindex_t pindex, struct vm_leaf **out)
{
	*out = leaf_get(index, pindex);
	while (*out == NULL) {
		int created = leaf_create(index, pindex, out);

		if (created < 0)
			return created;
		if (created == 0)
			*out = leaf_get(index, pindex);
	}
	return 0;
}

/*
 * The hold of the leaf stays when the page is absent (it is the use of the
 * slot), and is given back when it is resident (it is counted already) or when
 * the slot was refused.
 */
int
vm_index_try_excl(struct vm_index *index, vm_pindex_t pindex,
    struct vm_slot **slot, uint32_t *number)
{
	struct vm_leaf *leaf;
	int error = leaf_make(index, pindex, &leaf);

	if (error != 0)
		return error;
	*slot = &leaf->slot[pindex % VM_LEAF_SLOTS];
	if (!vm_slot_try_excl(*slot, number)) {
		leaf_drop(leaf);
		return 0;
	}
	if (*number != VM_SLOT_ABSENT)
		leaf_drop(leaf);
	return 1;
}

bool
vm_index_try_excl_if(struct vm_index *index, vm_pindex_t pindex,
    bool resident, struct vm_slot **slot, uint32_t *number)
{
	struct vm_leaf *leaf;

	if (resident)
		leaf = leaf_get(index, pindex);
	else if (leaf_make(index, pindex, &leaf) != 0)
		return false;
	if (leaf == NULL)
		return false;
	*slot = &leaf->slot[pindex % VM_LEAF_SLOTS];
	if (!vm_slot_try_excl_if(*slot, resident, number)) {
		leaf_drop(leaf);
		return false;
	}
	if (resident)
		leaf_drop(leaf);	/* the page's own use keeps it */
	return true;
}

/* A leaf that is recycled after the look in between had its slot released
 * before, which wakes. */
void
vm_index_wait(struct vm_index *index, vm_pindex_t pindex,
    struct vm_slot *slot, bool shared_suffices)
{
	uint32_t seen;

	if (vm_slot_wait_prepare(slot, shared_suffices, &seen) &&
	    vm_index_owns(index, slot, pindex))
		vm_slot_wait_sleep(slot, seen);
}

void
vm_index_release_excl(struct vm_index *index, struct vm_slot *slot,
    uint32_t number)
{
	struct vm_leaf *leaf = leaf_of(index, slot);

	vm_slot_release_excl(slot, number);
	/* The slot's use of the leaf ends when it is absent: for a page that
	 * was resident it is the residence's, else the holder's own. */
	if (number == VM_SLOT_ABSENT)
		leaf_drop(leaf);
}

void
vm_index_count_dirty(struct vm_index *index, struct vm_slot *slot, int change)
{
	struct vm_leaf *leaf = leaf_of(index, slot);

	if (change > 0)
		atomic_fetch_add_explicit(&leaf->dirty, 1,
		    memory_order_relaxed);
	else
		atomic_fetch_sub_explicit(&leaf->dirty, 1,
		    memory_order_relaxed);
}

/* The first slot in use of [*from, end) within one leaf. */
static bool
next_in_leaf(struct vm_leaf *leaf, vm_pindex_t *from, vm_pindex_t end,
    struct vm_slot **slot)
{
	vm_pindex_t stop = *from - *from % VM_LEAF_SLOTS + VM_LEAF_SLOTS;

	for (; *from < end && *from < stop; ++*from) {
		*slot = &leaf->slot[*from % VM_LEAF_SLOTS];
		if (vm_slot_used(*slot))
			return true;
	}
	return false;
}

bool
vm_index_next(struct vm_index *index, bool dirty_only, vm_pindex_t *from,
    vm_pindex_t end, struct vm_slot **slot)
{
	uint64_t length = places(index);

	if (atomic_load(&index->live) == 0)
		return false;	/* of a large object, a long way */
	while (*from < end && *from / VM_LEAF_SLOTS < length) {
		struct vm_leaf *leaf = vm_index_leaf(index, *from);

		vm_pindex_t stop = *from - *from % VM_LEAF_SLOTS +
		    VM_LEAF_SLOTS;

		if (leaf != NULL && (!dirty_only || atomic_load_explicit(
		    &leaf->dirty, memory_order_relaxed) != 0) &&
		    next_in_leaf(leaf, from, end, slot))
			return true;
		*from = stop;
	}
	return false;
}

/* The last slot in use of [first, *from] within one leaf. */
static bool
prev_in_leaf(struct vm_leaf *leaf, vm_pindex_t *from, vm_pindex_t first,
    struct vm_slot **slot)
{
	for (;; --*from) {
		*slot = &leaf->slot[*from % VM_LEAF_SLOTS];
		if (vm_slot_used(*slot))
			return true;
		if (*from == first || *from % VM_LEAF_SLOTS == 0)
			return false;
	}
}

/* Not before the directory's end: beyond it nothing is. */
static void
clip(struct vm_index *index, vm_pindex_t *from)
{
	uint64_t length = places(index);

	if (*from / VM_LEAF_SLOTS >= length)
		*from = length * VM_LEAF_SLOTS - 1;
}

bool
vm_index_prev(struct vm_index *index, vm_pindex_t *from, vm_pindex_t first,
    struct vm_slot **slot)
{
	clip(index, from);
	while (*from >= first && atomic_load(&index->live) != 0) {
		struct vm_leaf *leaf = vm_index_leaf(index, *from);
		vm_pindex_t base = *from - *from % VM_LEAF_SLOTS;

		if (leaf != NULL && prev_in_leaf(leaf, from, first, slot))
			return true;
		if (base <= first)
			return false;
		*from = base - 1;
	}
	return false;
}

uint32_t
vm_index_peek(struct vm_index *index, vm_pindex_t pindex)
{
	struct vm_slot *slot = vm_index_find(index, pindex);
	uint32_t number;

	if (slot == NULL)
		return VM_SLOT_ABSENT;
	number = vm_slot_number(slot);
	return vm_index_owns(index, slot, pindex) ? number : VM_SLOT_ABSENT;
}

/* Slots in use below a place of the directory. */
static uint32_t
occupancy(struct vm_index *index, uint64_t at)
{
	struct vm_leaf *leaf = vm_index_leaf(index, at * VM_LEAF_SLOTS);
	uint32_t used = leaf == NULL ? 0 : atomic_load_explicit(&leaf->used,
	    memory_order_relaxed);

	if ((used & LEAF_DEAD) != 0)
		return 0;	/* on its way out */
	/* Those who only look at the leaf hold it for a moment, too. */
	return used > VM_LEAF_SLOTS ? VM_LEAF_SLOTS : used;
}

uint64_t
vm_index_occupancy(struct vm_index *index, uint32_t *used, uint64_t count)
{
	uint64_t leaves = places(index);

	for (uint64_t at = 0; at < count && at < leaves; at++)
		used[at] = occupancy(index, at);
	return leaves;
}

uint64_t
vm_index_histogram(struct vm_index *index,
    uint64_t histogram[VM_LEAF_SLOTS + 1])
{
	uint64_t leaves = places(index);

	for (uint64_t at = 0; at < leaves; at++)
		histogram[occupancy(index, at)]++;
	return leaves;
}
