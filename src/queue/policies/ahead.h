/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/ahead.h - pages fetched ahead of need, not used so far.
 *
 * They go out before any page that was asked for, oldest first, but not before
 * a grace has passed in which as many pages arrived as a share of the system:
 * without it the daemon's next batch would take what a stream is about to
 * read.  Those still in their grace are taken when nothing else is left.
 *
 * Everything here is under the queue lock (Q).
 */
#ifndef QUEUE_POLICIES_AHEAD_H
#define QUEUE_POLICIES_AHEAD_H

#include "queue/policies/line.h"

/*
 * 1/4 of the system's pages: the largest window there is (object/early.h).
 */
#define VM_AHEAD_GRACE_SHARE 4u

struct vm_ahead {
	struct vm_line line;	/* (Q) */
	uint32_t arrivals;	/* pages enqueued ever, modulo 2^32 (Q) */
	uint32_t grace;		/* arrivals (C) */
};

static inline void
vm_ahead_init(struct vm_ahead *ahead, uint8_t tag, uint32_t pages)
{
	vm_line_init(&ahead->line, tag);
	ahead->arrivals = 0;
	ahead->grace = pages / VM_AHEAD_GRACE_SHARE;
}

static inline void
vm_ahead_put(struct vm_ahead *ahead, struct vm_page *page)
{
	page->weight = ahead->arrivals;
	vm_line_put_hot(&ahead->line, page);
}

static inline bool
vm_ahead_in_grace(const struct vm_ahead *ahead, const struct vm_page *page)
{
	return ahead->arrivals - page->weight < ahead->grace;
}

#endif
