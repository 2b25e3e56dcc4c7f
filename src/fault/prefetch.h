/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/prefetch.h - reading ahead while the reader goes on.
 *
 * A thread of the system, started when it is first wanted, and its filler:
 *
 *	early page's first use --trigger--> vm_prefetch --post--> thread:
 *		what is behind is left behind, room is made, fills start;
 *		their reads end in the thread, too
 *
 * So a reader pays for a window with one lock and one wake, and neither takes
 * frames nor evicts nor waits; where he is faster than the disk he meets pages
 * that are on their way and sleeps on their slots.  Its fills are up to
 * VM_FILL_PAGES pages, PREFETCH_DEPTH of them are begun at a time; of these the
 * disk has half a window, and gets more as soon as some have ended.
 *
 * Nothing depends on it: what finds the queue full, no memory or no thread is
 * not fetched, and will be missed.  It waits for no slot, no memory, and nobody
 * but the disk.  A request pins its object until its last fill has begun, and
 * fills pin it as ever.
 */
#ifndef FAULT_PREFETCH_H
#define FAULT_PREFETCH_H

#include "base/compiler.h"
#include "object/early.h"
#include "object/object.h"

/* 0, -ENOMEM.  No thread yet. */
VM_MUST_CHECK int vm_prefetch_init(struct vm *vm);
/* No object is left; may be called without an init. */
void vm_prefetch_fini(struct vm *vm);

/* 64 pages: fewer are read sooner than another thread has woken. */
#define VM_PREFETCH_LEAST 64u

/* Who missed leaves it to the thread. */
static inline bool
vm_prefetch_worth(const struct vm_reach *reach)
{
	return reach->count > 1 || (reach->count == 1 &&
	    reach->pages >= VM_PREFETCH_LEAST);
}

/*
 * To be fetched by the thread.  may_start: where there is none yet, it is
 * started; not in a handler, since that allocates.  False: it will not be done.
 * Never sleeps but for a lock and, once, the start.
 */
bool vm_prefetch(struct vm_object *object, const struct vm_step *step,
    bool may_start);

/* The rest of vm_prefetch_use. */
void vm_prefetch_used(struct vm_page *page, bool may_start);

/* A use of a page that the caller holds; if it is the first of an early one,
 * and that a trigger, its stream goes on. */
static inline void
vm_prefetch_use(struct vm_page *page, bool may_start)
{
	if (vm_page_early(page))
		vm_prefetch_used(page, may_start);
}

/* Waits until all that was asked for so far has been read; for tests. */
void vm_prefetch_drain(struct vm *vm);

#endif
