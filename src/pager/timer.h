/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/timer.h - requests that go on at a later time.
 *
 * One thread for a system, started with the first filter that delays: event
 * loops must not sleep.  A request that waits here is in flight in its queue
 * as one that others post; when it is due, the timer's thread posts it, and
 * the thread that has the queue goes on with it.
 *
 *	vm_timer_post_in --> waiting, the earliest first --due--> posted
 */
#ifndef PAGER_TIMER_H
#define PAGER_TIMER_H

#include <stdint.h>

#include "base/compiler.h"
#include "object/pager_ops.h"

struct vm_os;
struct vm_timer;

/* 0, -ENOMEM, or why there is no thread. */
VM_MUST_CHECK int vm_timer_create(const struct vm_os *os,
    struct vm_timer **out);
void vm_timer_destroy(struct vm_timer *timer);	/* nothing waits */

/* io->request, which is expected in io->queue, is posted ns from now on. */
void vm_timer_post_in(struct vm_timer *timer, struct vm_pager_io *io,
    uint64_t ns);

/* Sleeps for that long; for callers that may.  No ranked lock is held. */
void vm_timer_sleep(struct vm_timer *timer, uint64_t ns);

#endif
