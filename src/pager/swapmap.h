/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/swapmap.h - which pages of the swap file are taken.
 *
 * One bit per page, 1 is taken.  Room is handed out in runs: the next one of
 * the wanted length behind the last (next fit, so that what goes out one
 * after the other lies one after the other), or else the longest of those that
 * are met first.  A map that is in pieces all over has no long run, and looking
 * through all of it takes longer than writing does; so only words without a
 * free page cost time beyond that.
 *
 * The map grows by pages when it is about an eighth from full, so that runs
 * stay long, up to max_pages.  The memory comes from the caller, who may have
 * to get it without the lock that protects the map.
 */
#ifndef PAGER_SWAPMAP_H
#define PAGER_SWAPMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* 64 free runs: the longest of so many is hardly shorter than that of all. */
#define VM_SWAPMAP_LOOKS 64u

/* All fields belong to the lock of the map's owner (S), but for (C). */
struct vm_swapmap {
	uint64_t *words;	/* (S) */
	uint64_t pages;		/* bits in use of words, 64 each (S) */
	uint64_t free_pages;	/* of these, not taken (S) */
	uint64_t next_page;	/* where the last run ended (S) */
	uint64_t max_pages;	/* (C) */
};

/* No pages yet, no memory. */
void vm_swapmap_init(struct vm_swapmap *map, uint64_t max_pages);

/* Gives the memory back to the caller, who frees it. */
uint64_t *vm_swapmap_fini(struct vm_swapmap *map);

/*
 * The bytes of zeroed memory that vm_swapmap_grow wants now, before a run of
 * so many pages is taken; 0: it need not or cannot grow.
 */
size_t vm_swapmap_growth_bytes(const struct vm_swapmap *map, unsigned want);

/* Returns what the caller has to free: the old memory, or this when it is not
 * more than there is. */
VM_MUST_CHECK uint64_t *vm_swapmap_grow(struct vm_swapmap *map,
    uint64_t *words, size_t bytes);

/*
 * Takes a run of want pages, or the longest of the shorter ones looked at;
 * returns its length, 0 when nothing is free.
 */
unsigned vm_swapmap_take(struct vm_swapmap *map, unsigned want,
    uint64_t *first);

/* The same of the pages [from, end), which the map has. */
unsigned vm_swapmap_take_within(struct vm_swapmap *map, unsigned want,
    uint64_t from, uint64_t end, uint64_t *first);

/* Exactly these pages, if all of them are there and free. */
VM_MUST_CHECK bool vm_swapmap_try(struct vm_swapmap *map, uint64_t first,
    unsigned count);

/* Gives back pages that are taken. */
void vm_swapmap_give(struct vm_swapmap *map, uint64_t first, unsigned count);

#endif
