/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/swaptable.c - swaptable.h has the contract. */
#include "pager/swaptable.h"

#include <string.h>

#include "base/assert.h"

struct vm_swap_leaf {
	struct vm_swap_entry entry[VM_SWAP_LEAF_PAGES];	/* (S) */
	/* As many again where the table is numbered, else none (S). */
	uint64_t number[];
};

/* 16 leaves: 64 MiB of 4 KiB pages, and a directory of two cache lines. */
#define LEAVES_MIN 16u

#define FILE_SHIFT	VM_SWAP_PLACE_BITS
#define KIND_SHIFT	(FILE_SHIFT + VM_SWAP_FILE_BITS)
#define NEXT_SHIFT	(KIND_SHIFT + VM_SWAP_KIND_BITS)
#define NEXT_FILE_SHIFT	(NEXT_SHIFT + VM_SWAP_PLACE_BITS)
#define HAS_NEXT	(UINT64_C(1) << 63)

#define PLACE_MASK	(VM_SWAP_PAGES_MAX - 1)
#define FILE_MASK	((UINT64_C(1) << VM_SWAP_FILE_BITS) - 1)
#define KIND_MASK	((UINT64_C(1) << VM_SWAP_KIND_BITS) - 1)
#define AT_MASK		((UINT64_C(1) << NEXT_SHIFT) - 1)

_Static_assert(NEXT_FILE_SHIFT + VM_SWAP_FILE_BITS == 63, "a word");

/* ---- words --------------------------------------------------------------- */

enum vm_swap_kind
vm_swap_kind_of(uint64_t where)
{
	return (enum vm_swap_kind)(where >> KIND_SHIFT & KIND_MASK);
}

static struct vm_swap_place
place_at(uint64_t where, unsigned shift)
{
	return (struct vm_swap_place){
		.page = (uint32_t)(where >> shift & PLACE_MASK),
		.file = (uint8_t)(where >> (shift + FILE_SHIFT) & FILE_MASK),
	};
}

struct vm_swap_place
vm_swap_place_of(uint64_t where)
{
	vm_assert(vm_swap_kind_of(where) == VM_SWAP_FILE);
	return place_at(where, 0);
}

uint32_t
vm_swap_record_of(uint64_t where)
{
	vm_assert(vm_swap_kind_of(where) == VM_SWAP_PACKED);
	return (uint32_t)(where & PLACE_MASK);
}

bool
vm_swap_has_next(uint64_t where)
{
	return (where & HAS_NEXT) != 0;
}

struct vm_swap_place
vm_swap_next_of(uint64_t where)
{
	vm_assert(vm_swap_has_next(where));
	return place_at(where, NEXT_SHIFT);
}

static uint64_t
bits_of(struct vm_swap_place place)
{
	vm_assert(place.page < VM_SWAP_PAGES_MAX);
	vm_assert(place.file < VM_SWAP_FILES_MAX);
	return (uint64_t)place.file << FILE_SHIFT | place.page;
}

uint64_t
vm_swap_at_file(uint64_t where, struct vm_swap_place place)
{
	return (where & ~AT_MASK) | (uint64_t)VM_SWAP_FILE << KIND_SHIFT |
	    bits_of(place);
}

uint64_t
vm_swap_at(uint64_t where, enum vm_swap_kind kind, uint32_t record)
{
	vm_assert(kind != VM_SWAP_FILE && record < VM_SWAP_PAGES_MAX);
	return (where & ~AT_MASK) | (uint64_t)kind << KIND_SHIFT | record;
}

uint64_t
vm_swap_with_next(uint64_t where, struct vm_swap_place next)
{
	return (where & AT_MASK) | HAS_NEXT | bits_of(next) << NEXT_SHIFT;
}

uint64_t
vm_swap_without_next(uint64_t where)
{
	return where & AT_MASK;
}

/* ---- entries ------------------------------------------------------------- */

static struct vm_swap_leaf *
leaf_of(const struct vm_swaptable *table, vm_pindex_t pindex)
{
	uint64_t number = pindex / VM_SWAP_LEAF_PAGES;

	return number < table->leaf_count ? table->leaves[number] : NULL;
}

struct vm_swap_entry *
vm_swaptable_entry(const struct vm_swaptable *table, vm_pindex_t pindex)
{
	struct vm_swap_leaf *leaf = leaf_of(table, pindex);

	return leaf == NULL ? NULL :
	    &leaf->entry[pindex % VM_SWAP_LEAF_PAGES];
}

struct vm_swap_entry
vm_swaptable_get(const struct vm_swaptable *table, vm_pindex_t pindex)
{
	const struct vm_swap_entry *entry = vm_swaptable_entry(table, pindex);

	return entry == NULL ? (struct vm_swap_entry){ 0, 0 } : *entry;
}

uint64_t
vm_swaptable_number(const struct vm_swaptable *table, vm_pindex_t pindex)
{
	const struct vm_swap_leaf *leaf = leaf_of(table, pindex);

	return leaf == NULL || !table->numbered ? 0 :
	    leaf->number[pindex % VM_SWAP_LEAF_PAGES];
}

void
vm_swaptable_set_number(struct vm_swaptable *table, vm_pindex_t pindex,
    uint64_t number)
{
	struct vm_swap_leaf *leaf = leaf_of(table, pindex);

	vm_assert(leaf != NULL);
	if (table->numbered)
		leaf->number[pindex % VM_SWAP_LEAF_PAGES] = number;
}

vm_pindex_t
vm_swaptable_next(const struct vm_swaptable *table, vm_pindex_t pindex)
{
	uint64_t number = pindex / VM_SWAP_LEAF_PAGES;

	if (leaf_of(table, pindex) != NULL)
		return pindex;
	while (number < table->leaf_count && table->leaves[number] == NULL)
		number++;
	return number < table->leaf_count ? number * VM_SWAP_LEAF_PAGES :
	    UINT64_MAX;
}

static size_t
leaf_bytes(const struct vm_swaptable *table)
{
	return sizeof(struct vm_swap_leaf) + (table->numbered ?
	    VM_SWAP_LEAF_PAGES * sizeof(uint64_t) : 0);
}

size_t
vm_swaptable_lacks(const struct vm_swaptable *table, vm_pindex_t pindex)
{
	uint64_t number = pindex / VM_SWAP_LEAF_PAGES;
	uint64_t count = 2 * (uint64_t)table->leaf_count;

	if (number < table->leaf_count)
		return table->leaves[number] != NULL ? 0 : leaf_bytes(table);
	if (count <= number)
		count = number + 1;
	if (count < LEAVES_MIN)
		count = LEAVES_MIN;
	return count > SIZE_MAX / sizeof(table->leaves[0]) ? SIZE_MAX :
	    (size_t)count * sizeof(table->leaves[0]);
}

void *
vm_swaptable_supply(struct vm_swaptable *table, vm_pindex_t pindex,
    void *memory, size_t bytes)
{
	struct vm_swap_leaf **old = table->leaves;
	uint64_t number = pindex / VM_SWAP_LEAF_PAGES;

	/* Somebody else was faster, and may have left a smaller need. */
	if (bytes != vm_swaptable_lacks(table, pindex))
		return memory;
	if (number < table->leaf_count) {
		table->leaves[number] = memory;
		return NULL;
	}
	if (old != NULL)
		memcpy(memory, old, table->leaf_count * sizeof(old[0]));
	table->leaves = memory;
	table->leaf_count = bytes / sizeof(old[0]);
	return old;
}

void *
vm_swaptable_dismantle(struct vm_swaptable *table)
{
	void *memory = table->leaves;

	while (table->leaf_count > 0) {
		struct vm_swap_leaf *leaf =
		    table->leaves[--table->leaf_count];

		if (leaf != NULL)
			return leaf;
	}
	table->leaves = NULL;
	return memory;
}
