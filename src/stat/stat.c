/* SPDX-License-Identifier: BSD-2-Clause */
/* stat/stat.c - stat.h has the contract. */
#include "stat/stat.h"

#include <assert.h>

#include "base/assert.h"
#include "stat/trace.h"

static unsigned
shard_of_thread(void)
{
	return vm_thread_number() % VM_COUNTER_SHARDS;
}

void
vm_count(struct vm_counters *counters, enum vm_counter counter, uint64_t n)
{
	vm_assert(counter < VM_COUNTER_COUNT);
	/* Relaxed: a count orders nothing. */
	atomic_fetch_add_explicit(
	    &counters->shard[shard_of_thread()].value[counter], n,
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
