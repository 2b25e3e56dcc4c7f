/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/swaptable.c - swaptable.h has the contract. */
#include "pager/swaptable.h"

#include <string.h>

#include "base/assert.h"

struct vm_swap_leaf {
	uint32_t entry[VM_SWAP_LEAF_PAGES];	/* (S) */
};

/* 16 leaves: 64 MiB of 4 KiB pages, and a directory of two cache lines. */
#define LEAVES_MIN 16u

static struct vm_swap_leaf *
leaf_of(const struct vm_swaptable *table, vm_pindex_t pindex)
{
	uint64_t number = pindex / VM_SWAP_LEAF_PAGES;

	return number < table->leaf_count ? table->leaves[number] : NULL;
}

uint32_t
vm_swaptable_get(const struct vm_swaptable *table, vm_pindex_t pindex)
{
	const struct vm_swap_leaf *leaf = leaf_of(table, pindex);

	return leaf == NULL ? 0 : leaf->entry[pindex % VM_SWAP_LEAF_PAGES];
}

uint32_t
vm_swaptable_set(struct vm_swaptable *table, vm_pindex_t pindex,
    uint32_t entry)
{
	struct vm_swap_leaf *leaf = leaf_of(table, pindex);
	uint32_t *place, old;

	vm_assert(leaf != NULL);
	place = &leaf->entry[pindex % VM_SWAP_LEAF_PAGES];
	old = *place;
	*place = entry;
	return old;
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

size_t
vm_swaptable_lacks(const struct vm_swaptable *table, vm_pindex_t pindex)
{
	uint64_t number = pindex / VM_SWAP_LEAF_PAGES;
	uint64_t count = 2 * (uint64_t)table->leaf_count;

	if (number < table->leaf_count)
		return table->leaves[number] != NULL ? 0 :
		    sizeof(struct vm_swap_leaf);
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
