/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/launder.h - dirty pages go to the pager.
 *
 * A laundry is the place of a thread that cleans: an I/O queue and jobs.  A job
 * is one write of a run of neighbouring dirty pages, whose slots it holds
 * exclusively until the write is done:
 *
 *	add: (store, window) write-protect everywhere, then read the bytes;
 *		submit
 *	done ok: clean; asked to leave: leaves at once, else stays resident
 *	done failed: stays dirty and resident, counted, reported; the policy
 *		offers others first
 *
 * A page of which some block is not valid is a job of its own: what the pager
 * has is read, the dirty blocks are laid over it, and that is written.  So the
 * blocks that nobody knows are on disk afterwards as they were before.
 *
 * A precious page is written though it may be clean; then it is precious no
 * more, since the pager has it.
 *
 * Nobody loses a byte in between: a client that writes during the write traps
 * (its page is protected) and waits for the slot, and its write makes the page
 * dirty again.  With the protection left out, writes are lost by the hundred;
 * the tests show it.
 */
#ifndef PAGEOUT_LAUNDER_H
#define PAGEOUT_LAUNDER_H

#include <stdbool.h>

#include "base/compiler.h"
#include "object/object.h"

/* 256 pages, 1 MiB of 4 KiB pages a write: more than that no disk takes in one
 * piece, and a page waits for all of its run. */
#define VM_LAUNDRY_PAGES 256
/* Whatever vm->laundry_pages says, runs of 64 pages can be added. */
#define VM_LAUNDRY_RUN 64
/* 32 pages of a write while somebody reads: what comes behind one waits for
 * it. */
#define VM_LAUNDRY_READING 32
/* 32 writes at once: scattered single pages go twice as fast as with 8, with
 * 64 no faster but each takes twice as long (docs/performance.md). */
#define VM_LAUNDRY_DEPTH 32
/* 256: no disk we know takes more at a time. */
#define VM_LAUNDRY_DEPTH_MAX 256
/* 8 of these may be runs that have to be copied, out of a store: 2 MiB of
 * staging with runs of 256 KiB.  Pages of the pool go from their frames. */
#define VM_LAUNDRY_STAGED 8

struct vm_laundry;

VM_MUST_CHECK int vm_laundry_new(struct vm *vm, struct vm_laundry **out);
/* For no more than depth writes at once, instead of vm->laundry_depth. */
VM_MUST_CHECK int vm_laundry_new_of(struct vm *vm, unsigned depth,
    struct vm_laundry **out);
void vm_laundry_free(struct vm_laundry *laundry);	/* finished */

/*
 * Writes a run of neighbouring pages of one object, dirty or precious, slots
 * exclusive, at most vm->laundry_pages or VM_LAUNDRY_RUN; takes the slots over.
 * Those for which leaving says so leave when they are written; they were
 * claimed (object/quota.h).  NULL: none.  May sleep for earlier jobs.
 */
void vm_laundry_add(struct vm_laundry *laundry, struct vm_page **pages,
    unsigned count, const bool *leaving);

/*
 * From now on no more than that many writes at once, at least one, at most
 * those of vm->laundry_depth.  Those under way go on.
 */
void vm_laundry_bound(struct vm_laundry *laundry, unsigned depth);

/* Waits for a job, unless there is none: false. */
bool vm_laundry_reap(struct vm_laundry *laundry);

/*
 * Waits for all jobs.  0, or the first error (negative errno) since the last
 * finish, with its sentence.
 */
int vm_laundry_finish(struct vm_laundry *laundry);

/* Pages evicted since the last call. */
uint32_t vm_laundry_evicted(struct vm_laundry *laundry);

/* To stable storage. */
#define VM_LAUNDER_SYNC		0x1u
/* Pages marked NOSYNC are passed over. */
#define VM_LAUNDER_PASS_NOSYNC	0x2u

/*
 * Dirty and precious pages of [first, end) are written.  What was dirty at the
 * start has been written when this returns 0.  Sleeps.
 */
VM_MUST_CHECK int vm_launder_range(struct vm_object *object,
    vm_pindex_t first, vm_pindex_t end, unsigned flags);

#endif
