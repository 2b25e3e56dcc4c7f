/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/shelf.h - a few pages at hand for each processor, promised already.
 *
 * A page from the shelf costs one locked instruction, and one back to it
 * another: no watermark is looked at, no count that others share is written.
 * That is what who takes a page pays, but for one time in half a shelf, when it
 * is empty and filled, or full and half of it given back.
 *
 *	free --promise, take--> shelf --vm_shelf_take--> taken
 *	free <--give, unpromise-- shelf <--vm_shelf_give-- taken
 *
 * Pages on a shelf are not free to limit and taken to frame; their descriptors
 * are as vm_frame_take leaves them, warm, and for the pool.  Only ordinary
 * takers have them, and only while nothing is the matter: nobody waits, the
 * limit is not exceeded, the daemon has no streak of vain passes, no event loop
 * wants to hear of pages that are given.  Shelves are small, and none on
 * systems below 1024 pages.
 *
 * Who finds nothing, who is about to wait, and who has to see each free page
 * shuts the shelves and empties them; a shelf's user looks whether they are
 * shut with its lock held, so that nothing is put on one behind the back of who
 * emptied it.  The lock is only ever tried, but by who empties them all.
 */
#ifndef LIMIT_SHELF_H
#define LIMIT_SHELF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "page/page.h"

struct vm_limit;

/* 16 shelves: as magazines, a power of two; processors beyond share them. */
#define VM_SHELVES 16u
/* 32 pages at most, 1/1024 of all: two batches of 16. */
#define VM_SHELF_MAX 32u
#define VM_SHELF_SHARE 1024u

/* (S): who has busy. */
struct vm_shelf {
	_Alignas(VM_CACHE_LINE) _Atomic bool busy;	/* the lock (A) */
	_Atomic uint32_t count;		/* stored under (S) (A) */
	/* Of its pages so many more became loose than ceased to be: the
	 * caller's count, kept here because it is at hand; stored under (S)
	 * (A). */
	_Atomic uint32_t loose;
	struct vm_page *page[VM_SHELF_MAX];	/* (S) */
};

struct vm_shelves {
	uint32_t size;			/* of each; 0: there are none (C) */
	_Atomic uint32_t shut;		/* who wants them empty (A) */
	struct vm_shelf shelf[VM_SHELVES];
};

void vm_shelves_init(struct vm_shelves *shelves, uint32_t pages);

/* How many pages more a taker should ask for, to put them on the shelf. */
uint32_t vm_shelf_wants(const struct vm_limit *limit);
/* Puts them there; those for which there is no place are given. */
void vm_shelf_fill(struct vm_limit *limit, struct vm_page **pages,
    uint32_t count);
/* One more on a full shelf of ours, which is left: the older half is given. */
void vm_shelf_push_full(struct vm_limit *limit, struct vm_shelf *shelf,
    struct vm_page *page);

/* From shut to open they are empty and stay so; how many pages they had, which
 * were given.  Holds no lock. */
uint32_t vm_shelves_shut(struct vm_limit *limit);
void vm_shelves_open(struct vm_limit *limit);

/* Pages on all of them, and loose of all of them, each as it is at some moment
 * during the call. */
uint32_t vm_shelves_count(const struct vm_limit *limit);
uint32_t vm_shelves_loose(const struct vm_limit *limit);

#endif
