/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/timer.c - timer.h has the theory. */
#include "pager/timer.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/lock.h"
#include "os/os.h"

/* (L) its lock. */
struct vm_timer {
	const struct vm_os *os;		/* (C) */
	struct vm_thread *thread;	/* (C) */
	struct vm_lock lock;		/* rank PAGER */
	struct vm_cond changed;		/* something earlier, or the end (L) */
	struct vm_cond never;		/* nobody wakes it (L) */
	struct vm_list waiting;		/* the earliest first (L) */
	bool stopping;			/* (L) */
};

static struct vm_pager_io *
io_at(struct vm_node *node)
{
	return VM_ENTRY(node, struct vm_pager_io, passing.waiting);
}

/* The one that is due, off the list, or NULL; *left: ns until the next is. */
static struct vm_pager_io *
take_due_locked(struct vm_timer *timer, uint64_t *left)
{
	struct vm_pager_io *io = io_at(vm_list_first(&timer->waiting));
	uint64_t now = timer->os->clock_ns();

	*left = VM_FUTEX_FOREVER;
	if (io == NULL)
		return NULL;
	if (io->passing.due_ns > now) {
		*left = io->passing.due_ns - now;
		return NULL;
	}
	vm_node_remove(&io->passing.waiting);
	return io;
}

static void
run(void *arg)
{
	struct vm_timer *timer = arg;
	struct vm_pager_io *io;
	uint64_t left;

	vm_lock(&timer->lock);
	while (!timer->stopping) {
		io = take_due_locked(timer, &left);
		if (io == NULL) {
			vm_cond_wait(&timer->changed, &timer->lock, left);
			continue;
		}
		vm_unlock(&timer->lock);
		vm_ioq_post(io->queue, &io->request, 0);
		vm_lock(&timer->lock);
	}
	vm_unlock(&timer->lock);
}

int
vm_timer_create(const struct vm_os *os, struct vm_timer **out)
{
	struct vm_timer *timer = os->alloc(sizeof(*timer));
	int error;

	if (timer == NULL)
		return vm_error(ENOMEM, "timer: %s", vm_errno_text(ENOMEM));
	timer->os = os;
	vm_lock_init(&timer->lock, VM_RANK_PAGER, "timer");
	vm_cond_init(&timer->changed);
	vm_cond_init(&timer->never);
	vm_list_init(&timer->waiting);
	error = os->thread_start("resident-timer", run, timer,
	    &timer->thread);
	if (error != 0) {
		timer->thread = NULL;
		vm_timer_destroy(timer);
		return vm_error(-error, "timer: starting a thread: %s",
		    vm_errno_text(-error));
	}
	*out = timer;
	return 0;
}

void
vm_timer_destroy(struct vm_timer *timer)
{
	if (timer->thread != NULL) {
		vm_lock(&timer->lock);
		vm_assert(vm_list_empty(&timer->waiting));
		timer->stopping = true;
		vm_cond_wake_all(&timer->changed);
		vm_unlock(&timer->lock);
		timer->os->thread_join(timer->thread);
	}
	vm_cond_fini(&timer->never);
	vm_cond_fini(&timer->changed);
	vm_lock_fini(&timer->lock);
	timer->os->free(timer);
}

void
vm_timer_post_in(struct vm_timer *timer, struct vm_pager_io *io, uint64_t ns)
{
	struct vm_node *before;

	vm_lock(&timer->lock);
	io->passing.due_ns = timer->os->clock_ns() + ns;
	/* From the end: most delays of a filter are alike. */
	for (before = timer->waiting.head.prev;
	    before != &timer->waiting.head; before = before->prev)
		if (io_at(before)->passing.due_ns <= io->passing.due_ns)
			break;
	vm_node_insert_before(&io->passing.waiting, before->next);
	if (vm_list_first(&timer->waiting) == &io->passing.waiting)
		vm_cond_wake_all(&timer->changed);
	vm_unlock(&timer->lock);
}

void
vm_timer_sleep(struct vm_timer *timer, uint64_t ns)
{
	uint64_t now = timer->os->clock_ns(), end = now + ns;

	vm_lock(&timer->lock);
	for (; now < end; now = timer->os->clock_ns())
		vm_cond_wait(&timer->never, &timer->lock, end - now);
	vm_unlock(&timer->lock);
}
