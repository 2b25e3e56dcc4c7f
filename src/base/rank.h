/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/rank.h - the one lock order of the system, lowest taken first.
 *
 * Busy (page/slot.h) is not in this order: it is what one holds instead of a
 * lock while I/O runs.  No pager call, callback or system call is made under
 * a lock, but pmap's own.
 */
#ifndef BASE_RANK_H
#define BASE_RANK_H

enum vm_rank {
	VM_RANK_NONE = 0,	/* unordered: tests and leaf locks of tools */
	VM_RANK_SYSTEM,		/* vm: list of objects, life of the system */
	VM_RANK_SPACE,		/* a space's events are read and applied */
	VM_RANK_MAP,		/* an address space's entries */
	VM_RANK_OBJECT,		/* an object: size, index, streams, barrier */
	VM_RANK_INDEX,		/* an object's index: leaves come and go */
	VM_RANK_PMAP,		/* an object's list of mappings */
	VM_RANK_QUEUE,		/* page queues and policy */
	VM_RANK_FRAME,		/* free lists of frames and leaves */
	VM_RANK_LIMIT,		/* waiting for memory */
	VM_RANK_PAGER,		/* a pager's own tables, swap space */
	VM_RANK_LEAF,		/* statistics, trace: takes nothing further */
};

#endif
