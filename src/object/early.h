/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/early.h - pages that were fetched before anybody asked for them.
 *
 *	fill --enter--> EARLY --use--> a page like any other
 *	                  '----leave---> gone unused
 *
 * EARLY is the flag SPECULATIVE of a page with an identity.  Its first use is
 * seen by who grabs it, since such a page is never READY (page/slot.h); or by
 * the policy, which finds the mark of a client or an optimistic reader.  Each
 * end is counted, in the system and in the object, whose windows it moves.
 *
 * No more than a quarter of the system is early at any time: what more were
 * fetched would push out what others fetched, before it is used.
 */
#ifndef OBJECT_EARLY_H
#define OBJECT_EARLY_H

#include "object/object.h"

/* 1/4: a window of 16 MiB in a system of 64 MiB.  Readers leave what is behind
 * them, so that this is all they take. */
#define VM_EARLY_SHARE 4u

/* So many pages of a fill are early; each has an identity, and its slot is held
 * exclusively. */
void vm_early_enter(struct vm_page **pages, unsigned count);

/* A use of a page that has the flag; its slot is held, or it is queued and the
 * queue's lock is.  False: somebody else was first. */
bool vm_early_use(struct vm_page *page);

/* It is no longer one, whatever became of it; true: it was. */
VM_MUST_CHECK bool vm_early_stop(struct vm_page *page);

/* A page that has the flag loses its identity. */
void vm_early_leave(struct vm_page *page);

/* Pages that may be fetched ahead now. */
uint32_t vm_early_room(const struct vm *vm);

static inline bool
vm_page_early(const struct vm_page *page)
{
	return VM_UNLIKELY((atomic_load_explicit(&page->flags,
	    memory_order_relaxed) & VM_PGA_SPECULATIVE) != 0);
}

#endif
