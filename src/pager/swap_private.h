/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/swap_private.h - the swap file behind anon.h.
 *
 * The file grows with what is taken: each GROW_BYTES are allocated on the disk
 * before they are handed out, where the file system can do that, so that a
 * full disk is an error of reserve and not of the write.  It never shrinks.
 *
 * One lock (S) protects the map and the tables of all objects; it is taken
 * for memory accesses only.
 */
#ifndef PAGER_SWAP_PRIVATE_H
#define PAGER_SWAP_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "pager/anon.h"
#include "pager/backing_private.h"
#include "pager/swapmap.h"

/* (C) constant, (S) lock, (A) atomic. */
struct vm_swap {
	struct vm_backing backing;	/* opened once, see open */
	struct vm_lock lock;
	struct vm_swapmap map;		/* (S) */
	uint64_t on_disk_pages;		/* allocated from the front on (S) */
	/* Nobody has to allocate: the file system cannot (A). */
	_Atomic bool sparse;
	_Atomic bool open;		/* backing may be used (A) */
	bool opening;			/* somebody opens it now (S) */
	struct vm_cond opened;		/* that is over (S) */
	char *name;			/* "swap file in /tmp" (C) */
	const char *directory;		/* the end of name (C) */
};

/*
 * Takes a run of up to want pages: returns its length, at least 1, or a
 * negative errno with its sentence.  The lock is not held.  Sleeps.
 */
VM_MUST_CHECK int vm_swap_take(struct vm_swap *swap, unsigned want,
    uint64_t *first);

/* Gives back pages nobody uses.  The lock is held. */
void vm_swap_give_locked(struct vm_swap *swap, uint64_t first, unsigned count);

#endif
