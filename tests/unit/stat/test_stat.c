/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters: names, sums over shards, and nothing lost under contention. */
#include "stat/stat.h"

#include <pthread.h>

#include "check.h"

static struct vm_counters counters;

TEST(counters_begin_at_zero_and_add_up)
{
	memset(&counters, 0, sizeof(counters));
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_faults), 0);
	vm_count(&counters, VM_COUNTER_faults, 1);
	vm_count(&counters, VM_COUNTER_faults, 41);
	vm_count(&counters, VM_COUNTER_remaps, 0);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_faults), 42);
	for (int i = 1; i < VM_COUNTER_COUNT; i++)
		CHECK_INT(vm_counter_read(&counters, (enum vm_counter)i), 0);
}

TEST(names_are_the_public_keys_and_differ)
{
	CHECK_STR(vm_counter_name(VM_COUNTER_faults), "faults");
	CHECK_STR(vm_counter_name(VM_COUNTER_read_bytes), "read_bytes");
	CHECK_STR(vm_counter_name(VM_COUNTER_remaps), "remaps");
	for (int i = 0; i < VM_COUNTER_COUNT; i++)
		for (int j = 0; j < i; j++)
			CHECK(strcmp(vm_counter_name((enum vm_counter)i),
			    vm_counter_name((enum vm_counter)j)) != 0);
}

TEST(a_counter_that_is_none_dies)
{
	CHECK_DIES(vm_count(&counters, VM_COUNTER_COUNT, 1));
	CHECK_DIES((void)vm_counter_read(&counters, VM_COUNTER_COUNT));
	CHECK_DIES((void)vm_counter_name(VM_COUNTER_COUNT));
}

/* More threads than shards, so that some share one. */
enum { THREADS = 40, ROUNDS = 5000 };

static void *
count_many(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		vm_count(&counters, VM_COUNTER_reads, 1);
		vm_count(&counters, VM_COUNTER_read_bytes, i);
	}
	return NULL;
}

TEST(threads_that_share_shards_lose_no_count)
{
	pthread_t thread[THREADS];
	unsigned used = 0;

	memset(&counters, 0, sizeof(counters));
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, count_many,
		    NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_reads),
	    THREADS * ROUNDS);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_read_bytes),
	    (intmax_t)THREADS * ROUNDS * (ROUNDS - 1) / 2);
	for (int i = 0; i < VM_COUNTER_SHARDS; i++)
		used += counters.shard[i].value[VM_COUNTER_reads] > 0;
	CHECK_INT(used, VM_COUNTER_SHARDS);
}
