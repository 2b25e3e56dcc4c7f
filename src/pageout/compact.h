/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/compact.h - room for neighbours where the free frames are scattered.
 *
 * Whoever wants a run of pages (limit/run.h) has been promised as many frames
 * as the run has, and no more are needed to make it: a page that is in the way
 * moves to one of the promised frames, and leaves its own in exchange.
 *
 *	choose	among the blocks of the wanted size, aligned to it, of a
 *		segment that may serve: the one with the fewest pages that
 *		cannot move, of these the one with the fewest that must
 *	claim	the free frames in it
 *	vacate	the others: slot exclusive (tried, never waited for), a frame
 *		elsewhere, the bytes, the identity with all that the page is
 *		(vm_foreign_move), the slot released under the new number
 *
 * What is claimed is in nobody's list and so nobody takes it meanwhile.  Where
 * one page does not go the block is given up, what was claimed goes back, and
 * what has moved stays moved: it is as good there as here.
 *
 * A page cannot move while it is busy, wired, held or lent, nor one without
 * identity: its owner knows its address.  One whose bytes are in a store moves
 * its descriptor only.  That needs a hollow frame; where there is none the
 * page leaves, if it is clean.  No dirty page ever does.
 *
 * Bound: VM_COMPACT_TRIES blocks for each segment; for each the descriptors of
 * the segment are looked at once, and a run's pages are copied once.
 *
 * Not promised: that a run is found wherever one could be.  Nobody waits for
 * a busy page, and two who compact at once may be in each other's way.
 */
#ifndef PAGEOUT_COMPACT_H
#define PAGEOUT_COMPACT_H

#include "object/vm.h"

/* 4: a page that was idle and is busy when it is to move spoils a block; that
 * happens to a fourth one in a row only where nothing helps. */
#define VM_COMPACT_TRIES 4u

/* From now on runs of the system are made where there are none; once. */
void vm_compact_init(struct vm *vm);

#endif
