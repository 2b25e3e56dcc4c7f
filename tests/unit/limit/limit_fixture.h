/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit_fixture.h - a small system of frames under a limit, and threads that
 * wait for pages in it.
 *
 * The clock stands still unless a test moves it (clock_ns), and counts how
 * often it was read; drop can be made to fail.
 */
#ifndef LIMIT_FIXTURE_H
#define LIMIT_FIXTURE_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "base/error.h"
#include "check.h"
#include "limit/limit.h"
#include "os/os.h"

/* 64 pages: interrupt 0, reserved 1, severe 2, min 3, low 4, target 5. */
enum { PAGES = 64, PAGE_BYTES = 4096 };

struct fixture {
	struct vm_os os;
	struct vm_frames frames;
	struct vm_limit limit;
	struct vm_page *held[PAGES];
	unsigned held_count;
};

static _Atomic uint64_t clock_value_ns, clock_reads;
static bool drop_fails;

static uint64_t
fake_clock_ns(void)
{
	atomic_fetch_add(&clock_reads, 1);
	return atomic_load(&clock_value_ns);
}

static int
fake_drop(void *base, size_t bytes)
{
	return drop_fails ? -EINVAL : vm_os_linux.drop(base, bytes);
}

static inline void
setup(struct fixture *x)
{
	atomic_store(&clock_value_ns, 0);
	drop_fails = false;
	x->os = vm_os_linux;
	x->os.clock_ns = fake_clock_ns;
	x->os.drop = fake_drop;
	x->held_count = 0;
	CHECK_INT(vm_frames_init(&x->frames, &x->os, PAGES, PAGE_BYTES), 0);
	vm_limit_init(&x->limit, &x->frames);
}

static inline void
teardown(struct fixture *x)
{
	vm_limit_give(&x->limit, x->held, x->held_count);
	vm_limit_fini(&x->limit);
	vm_frames_fini(&x->frames);
}

/* Takes pages until only left are free. */
static inline void
take_down_to(struct fixture *x, uint32_t left)
{
	unsigned want = atomic_load(&x->limit.free) - left;

	CHECK_INT(vm_limit_take(&x->limit, VM_HOME_POOL, VM_CLASS_INTERRUPT, 0,
	    x->held + x->held_count, want), want);
	x->held_count += want;
}

static inline void
give_one(struct fixture *x)
{
	x->held_count--;
	vm_limit_give(&x->limit, x->held + x->held_count, 1);
}

struct waiter {
	struct fixture *x;
	uint64_t timeout_ns;
	pthread_t thread;
	struct vm_page *page;
	int result;
	char text[VM_ERROR_BYTES];
};

static inline void *
wait_for_page(void *arg)
{
	struct waiter *w = arg;

	w->result = vm_limit_wait(&w->x->limit, VM_HOME_POOL, w->timeout_ns,
	    &w->page);
	if (w->result != 0)
		memcpy(w->text, vm_error_text(), sizeof(w->text));
	return NULL;
}

/* Returns when it stands in line and sleeps; nothing is free at that time. */
static inline void
start_waiter(struct waiter *w, struct fixture *x)
{
	uint32_t before = atomic_load(&x->limit.waiting);

	*w = (struct waiter){ .x = x, .timeout_ns = UINT64_MAX };
	CHECK(pthread_create(&w->thread, NULL, wait_for_page, w) == 0);
	while (atomic_load(&x->limit.waiting) == before)
		sched_yield();
	vm_lock(&x->limit.lock);	/* it looks once before it sleeps */
	vm_unlock(&x->limit.lock);
}

static inline void
join(struct waiter *w)
{
	CHECK(pthread_join(w->thread, NULL) == 0);
}

static inline void
join_with_page(struct waiter *w)
{
	join(w);
	CHECK_INT(w->result, 0);
	w->x->held[w->x->held_count++] = w->page;
}

#endif
