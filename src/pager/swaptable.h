/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/swaptable.h - where in the swap file the pages of an object are.
 *
 * Two levels: a directory that grows to the highest page ever entered, and
 * leaves of 1024 entries for 4 MiB of 4 KiB pages each.  Leaves stay until the
 * table is destroyed: 0.1 % of the memory they tell about.  The memory comes
 * from the caller, who may have to get it without the lock that protects the
 * table: what vm_swaptable_lacks once said is there, stays there.
 */
#ifndef PAGER_SWAPTABLE_H
#define PAGER_SWAPTABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "page/page.h"

/* Entries: 0 is none; else the page of the swap file, plus one, and: */
#define VM_SWAP_LOST	0x80000000u	/* its contents are not to be trusted */
#define VM_SWAP_NEW	0x40000000u	/* nothing has been written there */
/* 2^30 - 2 pages: 4 TiB of 4 KiB. */
#define VM_SWAP_PAGES_MAX 0x3ffffffeu

#define VM_SWAP_LEAF_PAGES 1024u

struct vm_swap_leaf;

/* All fields belong to the lock of the table's owner (S).  Zero is empty. */
struct vm_swaptable {
	struct vm_swap_leaf **leaves;	/* (S) */
	size_t leaf_count;		/* (S) */
};

uint32_t vm_swaptable_get(const struct vm_swaptable *table,
    vm_pindex_t pindex);

/* Returns the entry that was there.  The table lacks nothing for it. */
uint32_t vm_swaptable_set(struct vm_swaptable *table, vm_pindex_t pindex,
    uint32_t entry);

/* The first page at or behind pindex that may have an entry; UINT64_MAX: none
 * has.  Skips leaves that are not there. */
vm_pindex_t vm_swaptable_next(const struct vm_swaptable *table,
    vm_pindex_t pindex);

/* The bytes of zeroed memory that setting pindex still needs: 0 when it needs
 * none, SIZE_MAX when there cannot be so much. */
size_t vm_swaptable_lacks(const struct vm_swaptable *table,
    vm_pindex_t pindex);

/* Takes the memory that lacks asked for, if it still needs it; returns what
 * the caller has to free, or NULL. */
VM_MUST_CHECK void *vm_swaptable_supply(struct vm_swaptable *table,
    vm_pindex_t pindex, void *memory, size_t bytes);

/* One block of memory of a table that is not used any more, for the caller to
 * free; NULL when that was all. */
void *vm_swaptable_dismantle(struct vm_swaptable *table);

#endif
