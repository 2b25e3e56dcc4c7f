/* SPDX-License-Identifier: BSD-2-Clause */
/* stat/stat.c - stat.h has the contract. */
#include "stat/stat.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/assert.h"

/* Bit i: shard i is owned (A). */
static _Atomic uint64_t owned;

_Static_assert(VM_COUNTER_SHARDS == 64, "a bit each");

_Thread_local uint32_t vm_own_shard;

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static bool have_key;	/* (key_once) */

/* At a thread's end.  Release: its adds come before the next owner's. */
static void
give_back(void *shard)
{
	uint64_t bit = UINT64_C(1) << ((uintptr_t)shard - 1);

	vm_own_shard = VM_SHARD_NONE;
	atomic_fetch_and_explicit(&owned, ~bit, memory_order_release);
}

static void
make_key(void)
{
	have_key = pthread_key_create(&key, give_back) == 0;
}

/* Some shard that nobody owns, plus 1; 0: none. */
static uint32_t
claim(void)
{
	uint64_t old = atomic_load_explicit(&owned, memory_order_relaxed);
	unsigned shard;

	do {
		if ((~old << 1) == 0)	/* but for the last */
			return 0;
		shard = VM_LOWEST_BIT(~old);
	} while (!atomic_compare_exchange_weak_explicit(&owned, &old,
	    old | UINT64_C(1) << shard, memory_order_acquire,
	    memory_order_relaxed));
	return shard + 1;
}

/* Once for each thread: counts that come after it gave its shard back are
 * shared. */
static void
ask_for_shard(void)
{
	uint32_t shard;

	vm_own_shard = VM_SHARD_NONE;
	(void)pthread_once(&key_once, make_key);
	if (!have_key)
		return;
	shard = claim();
	if (shard == 0)
		return;
	if (pthread_setspecific(key, (void *)(uintptr_t)shard) == 0)
		vm_own_shard = shard;
	else
		give_back((void *)(uintptr_t)shard);
}

void
vm_count_shared(struct vm_counters *counters, enum vm_counter counter,
    uint64_t n)
{
	if (vm_own_shard == 0)
		ask_for_shard();
	atomic_fetch_add_explicit(
	    &counters->shard[vm_own_shard - 1].value[counter], n,
	    memory_order_relaxed);
}

uint64_t
vm_counter_read(const struct vm_counters *counters, enum vm_counter counter)
{
	uint64_t sum = 0;

	vm_assert(counter < VM_COUNTER_COUNT);
	for (unsigned i = 0; i < VM_COUNTER_SHARDS; i++)
		sum += atomic_load_explicit(&counters->shard[i].value[counter],
		    memory_order_relaxed);
	return sum;
}

const char *
vm_counter_name(enum vm_counter counter)
{
#define NAME(name) #name,
	static const char *const names[] = { VM_COUNTERS(NAME) };
#undef NAME

	static_assert(VM_COUNT(names) == VM_COUNTER_COUNT, "one name each");
	vm_assert(counter < VM_COUNTER_COUNT);
	return names[counter];
}
