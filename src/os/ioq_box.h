/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/ioq_box.h - where other threads put what they have done for a queue.
 *
 * A queue belongs to one thread, but some requests are ended by another one:
 * a pager's own thread, a timer.  Each form of queue has a box for these.
 *
 *	out --vm_ioq_box_expect--> expected --vm_ioq_box_post--> posted
 *	expected --vm_ioq_box_withdraw--> out
 *	posted --vm_ioq_box_take--> out
 *
 * Expect, withdraw, take and wait are for the thread that has the queue, post
 * is for any.  Posting, the sleep of a reap and the event of an event loop are
 * under one lock (L): when the queue's thread has taken the last request and
 * ends the queue, no poster is still looking at it.
 *
 * The event (an eventfd) exists when somebody asked for it, and is readable
 * while a request is posted, perhaps a moment longer.
 */
#ifndef OS_IOQ_BOX_H
#define OS_IOQ_BOX_H

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "os/ioq.h"

struct vm_os;

struct vm_ioq_box {
	const struct vm_os *os;		/* eventfd, event_set, ... (C) */
	struct vm_lock lock;		/* rank LEAF */
	struct vm_cond arrived;		/* (L) */
	struct vm_list expected;	/* (L) */
	struct vm_list posted;		/* (L) */
	int event;			/* -1: nobody asked (L) */
	unsigned count;			/* expected and posted (T) */
};

void vm_ioq_box_init(struct vm_ioq_box *box, const struct vm_os *os);
void vm_ioq_box_fini(struct vm_ioq_box *box);	/* count is 0 */

void vm_ioq_box_expect(struct vm_ioq_box *box, struct vm_ioq_request *req);
void vm_ioq_box_withdraw(struct vm_ioq_box *box, struct vm_ioq_request *req);

/* Once for each expected request; its result is this. */
void vm_ioq_box_post(struct vm_ioq_box *box, struct vm_ioq_request *req,
    int64_t result);

/* The request that was posted first, NULL when there is none; the event is
 * cleared with the last. */
struct vm_ioq_request *vm_ioq_box_take(struct vm_ioq_box *box);

/* Sleeps until something is posted.  count > 0, or it would be for ever. */
void vm_ioq_box_wait(struct vm_ioq_box *box);

/* The event's descriptor; a negative errno when there cannot be one. */
VM_MUST_CHECK int vm_ioq_box_event(struct vm_ioq_box *box);

#endif
