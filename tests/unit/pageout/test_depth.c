/* SPDX-License-Identifier: BSD-2-Clause */
/* How many writes of a flush are on their way at once. */
#include <sched.h>

#include "memory_pager.h"
#include "pageout/launder.h"

static void *
flush_all(void *arg)
{
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	return arg;
}

static unsigned
kept_now(void)
{
	unsigned count;

	pthread_mutex_lock(&mem.lock);
	count = mem.kept_count;
	pthread_mutex_unlock(&mem.lock);
	return count;
}

/* Starts a flush of runs of so many dirty pages each, which needs more than
 * depth writes; exactly that many come before one is answered. */
static void
check_depth(unsigned flags, uint64_t run, uint64_t runs, unsigned depth)
{
	pthread_t thread;

	mem_set_up(AT_ONCE, flags);
	for (uint64_t i = 0; i < runs; i++)
		for (uint64_t k = 0; k < run; k++)
			put(i * (run + 1) + k, 7);
	CHECK_INT(mem.outs, 0);
	mem.how = KEPT;
	CHECK(pthread_create(&thread, NULL, flush_all, NULL) == 0);
	while (kept_now() < depth)
		sched_yield();
	for (int i = 0; i < 200; i++)
		sched_yield();
	CHECK_INT(kept_now(), depth);
	for (uint64_t i = 0; i < runs; i++)
		mem_answer(mem_take());
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_INT(mem.outs, runs);
	CHECK_INT(object->dirty, 0);
	mem.how = AT_ONCE;
	mem_tear_down();
}

TEST(scattered_pages_go_32_at_a_time)
{
	check_depth(0, 1, VM_LAUNDRY_DEPTH + 8, VM_LAUNDRY_DEPTH);
	check_depth(VM_OBJECT_STORE, 1, VM_LAUNDRY_DEPTH + 8,
	    VM_LAUNDRY_DEPTH);
}

/* What is copied out of a store is bounded; what is in the pool is not. */
TEST(runs_out_of_a_store_go_8_at_a_time)
{
	check_depth(VM_OBJECT_STORE, 2, VM_LAUNDRY_STAGED + 4,
	    VM_LAUNDRY_STAGED);
	check_depth(0, 2, VM_LAUNDRY_STAGED + 4, VM_LAUNDRY_STAGED + 4);
}
