/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A waiter kicked the daemon and then stood in line.  A daemon that looked in
 * between, in vain, slept for ever: nobody told it that somebody waits by now,
 * and pages that others let go later were not freed.  (Found by
 * tests/spin/limit.pml, whose KICKS_BEFORE_JOINING this is.)
 */
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "limit/limit.h"
#include "os/os.h"

/* 1,000,000 turns of the processor: seconds. */
enum { PAGES = 64, PAGE_BYTES = 4096, TURNS = 1000000 };

static struct vm_os os;
static struct vm_frames frames;
static struct vm_limit limit;
static _Atomic int waiters_reads;
static _Thread_local bool in_waiter;

/* The waiter's second look at the clock is after its kick, before it stands in
 * line: then the daemon has its turn, finds nothing, and goes to sleep. */
static uint64_t
clock_ns(void)
{
	if (in_waiter && atomic_fetch_add(&waiters_reads, 1) == 1) {
		in_waiter = false;
		CHECK(vm_limit_daemon_wait(&limit, 0));
		vm_limit_pass_done(&limit, 0);
		CHECK(!atomic_load(&limit.kicked));
	}
	return 0;
}

static void *
wait_for_page(void *arg)
{
	in_waiter = true;
	CHECK_INT(vm_limit_wait(&limit, VM_HOME_POOL, UINT64_MAX, arg), 0);
	return NULL;
}

TEST(who_stands_in_line_has_kicked_the_daemon)
{
	struct vm_page *page[PAGES], *got;
	pthread_t waiter;
	unsigned taken;

	os = vm_os_linux;
	os.clock_ns = clock_ns;
	CHECK_INT(vm_frames_init(&frames, &os, PAGES, PAGE_BYTES), 0);
	vm_limit_init(&limit, &frames);
	taken = vm_limit_take(&limit, VM_HOME_POOL, VM_CLASS_INTERRUPT, 0, page,
	    PAGES);
	CHECK(taken > 0);
	CHECK(pthread_create(&waiter, NULL, wait_for_page, &got) == 0);
	while (atomic_load(&limit.waiting) == 0)
		sched_yield();
	for (int i = 0; i < TURNS && !atomic_load(&limit.kicked); i++)
		sched_yield();
	CHECK(atomic_load(&limit.kicked));
	vm_limit_give(&limit, page, taken);
	CHECK(pthread_join(waiter, NULL) == 0);
	vm_limit_give(&limit, &got, 1);
	vm_limit_fini(&limit);
	vm_frames_fini(&frames);
}
