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
enum { THREADS = 80, ROUNDS = 2000 };

static pthread_barrier_t all_here;

static void *
count_many(void *arg)
{
	vm_count(&counters, VM_COUNTER_faults, 1);
	if (arg != NULL)	/* all have asked before the first one ends */
		pthread_barrier_wait(&all_here);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		vm_count(&counters, VM_COUNTER_reads, 1);
		vm_count(&counters, VM_COUNTER_read_bytes, i);
	}
	return NULL;
}

static unsigned
shards_used(void)
{
	unsigned used = 0;

	for (int i = 0; i < VM_COUNTER_SHARDS; i++)
		used += counters.shard[i].value[VM_COUNTER_reads] > 0;
	return used;
}

TEST(threads_that_share_the_last_shard_lose_no_count)
{
	pthread_t thread[THREADS];

	memset(&counters, 0, sizeof(counters));
	CHECK(pthread_barrier_init(&all_here, NULL, THREADS) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, count_many,
		    &all_here) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK(pthread_barrier_destroy(&all_here) == 0);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_faults), THREADS);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_reads),
	    THREADS * ROUNDS);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_read_bytes),
	    (intmax_t)THREADS * ROUNDS * (ROUNDS - 1) / 2);
	CHECK(counters.shard[VM_SHARD_SHARED].value[VM_COUNTER_reads] >
	    ROUNDS);
}

TEST(a_shard_is_the_next_threads_when_its_owner_has_ended)
{
	pthread_t thread;

	memset(&counters, 0, sizeof(counters));
	vm_count(&counters, VM_COUNTER_wakeups, 1);
	for (int i = 0; i < 2 * VM_COUNTER_SHARDS; i++) {
		CHECK(pthread_create(&thread, NULL, count_many, NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	CHECK_INT(shards_used(), 1);
	CHECK_INT(counters.shard[VM_SHARD_SHARED].value[VM_COUNTER_reads], 0);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_reads),
	    2 * VM_COUNTER_SHARDS * ROUNDS);
}

/* As destructors of others may do, after the shard was given back. */
static void
count_late(void *arg)
{
	(void)arg;
	vm_count(&counters, VM_COUNTER_forks, 1);
}

static void *
count_at_the_end(void *key)
{
	CHECK(pthread_setspecific(*(pthread_key_t *)key, key) == 0);
	vm_count(&counters, VM_COUNTER_forks, 1);
	return NULL;
}

TEST(a_thread_that_is_ending_still_counts)
{
	pthread_t thread;
	pthread_key_t key;

	memset(&counters, 0, sizeof(counters));
	vm_count(&counters, VM_COUNTER_wakeups, 1);	/* its key is older */
	CHECK(pthread_key_create(&key, count_late) == 0);
	CHECK(pthread_create(&thread, NULL, count_at_the_end, &key) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(pthread_key_delete(key) == 0);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_forks), 2);
	CHECK_INT(counters.shard[VM_SHARD_SHARED].value[VM_COUNTER_forks], 1);
}
