/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/grab.h - pages for a thread that may sleep: the explicit path.
 *
 *	hit	shared or exclusive in the slot: no lock, no queue
 *	part	not wholly valid: exclusive, the rest is read
 *	lent	to be written or wired: exclusive, into a page of its own
 *	busy	sleep on the slot, look again
 *	miss	borrow a filler, start a fill, reap until it is done
 *	device	enter the page of its memory
 *	memory	wait in line for a page, start over with it in hand
 *	again	the pager has no room: pause, start over (patience.h)
 *
 * Several pages at once (many.c): all that can be had without sleeping are
 * taken in ascending order, all reads that are needed go at the same time.
 * Where something else stands in the way everything is let go, that one page
 * is brought in by itself, with all the waiting that needs, and it begins
 * again; so nobody waits for a slot while he holds another (rule 16).
 */
#ifndef FAULT_GRAB_H
#define FAULT_GRAB_H

#include "base/compiler.h"
#include "object/object.h"

/* The bits of resident/page.h. */
#define VM_HOW_WRITE	0x1u	/* exclusive */
#define VM_HOW_ZERO	0x2u	/* contents not wanted */
#define VM_HOW_NOWAIT	0x4u	/* neither sleep nor read */
#define VM_HOW_WIRED	0x8u	/* and one wire more */
#define VM_HOW_NOREAD	0x10u	/* as valid as it is, a new page not at all */
#define VM_HOW_SYSTEM	0x20u	/* class of the memory */
#define VM_HOW_INTERRUPT	0x40u
#define VM_HOW_ONCE	0x80u	/* sleep once at most */
#define VM_HOW_OVERWRITE	0x100u	/* undefined, valid and dirty */
/* Not of resident/page.h: the thread resolves its own fault, and may allocate
 * nothing. */
#define VM_HOW_FAULT	0x20000u
/* Nor this: the page came open (a window). */
#define VM_HOW_OPEN	0x40000u
/* Not of resident/page.h: exclusive, but its bytes are not changed, so that
 * who borrows them goes on doing so. */
#define VM_HOW_KEEP_LENT	0x10000u

/* 256 pages: 1 MiB of 4 KiB pages, what one transfer can be. */
#define VM_GRAB_PAGES_MAX 256u

/* Arguments are checked already. */
VM_MUST_CHECK int vm_grab(struct vm_object *object, vm_pindex_t pindex,
    unsigned how, struct vm_page **out);

/* Ends a grab, shared or exclusive: the slot says which it was. */
void vm_ungrab(struct vm_page *page);

struct vm_grab_run {
	struct vm_object *object;
	vm_pindex_t pindex;
	unsigned count;		/* VM_GRAB_PAGES_MAX at most */
	unsigned how;
};

/* All of them, or none: 0 or a negative errno.  With NOWAIT those from the
 * front that can be had at once, at least one.  *got: how many. */
VM_MUST_CHECK int vm_grab_many(const struct vm_grab_run *run,
    struct vm_page **pages, unsigned *got);
void vm_ungrab_many(struct vm_page **pages, unsigned count);

/* Two runs of one page each, which are not the same, in the order of rule 4:
 * both, or neither.  Waits for neither with the other in hand. */
VM_MUST_CHECK int vm_grab_pair(const struct vm_grab_run run[2],
    struct vm_page *pages[2]);

/*
 * All of them, their frames one behind the other in memory: who is elsewhere
 * moves.  0, or a negative errno: -EBUSY (one that would have to move is wired,
 * held or lent), -ENOTSUP (no frames, or in a store), -ENOMEM, -EAGAIN
 * (NOWAIT).
 */
VM_MUST_CHECK int vm_grab_contig(const struct vm_grab_run *run,
    struct vm_page **pages);

/* Brings [first, end) in as far as memory is plenty; waits for the reads. */
VM_MUST_CHECK int vm_grab_ahead(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end);

#endif
