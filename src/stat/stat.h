/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat/stat.h - the counters of one system.
 *
 * A counter only grows and has a name and a unit.  Adding must cost nothing on
 * a hit, and where 16 threads fault at once, so each system has 64 shards on
 * cache lines of their own; reading sums over all.  A thread owns a shard, the
 * same one in every system, from its first count to its end: nobody else adds
 * to it, and the add is a load and a store.  Threads that come when all are
 * owned share the last one and add atomically.
 *
 * Adds are relaxed: a sum read while others count is some value between the
 * start and the end of the reading, per counter; two counters read one after
 * the other need not fit together.  After a join or a lock they are exact.
 * Gauges (how many pages are free now) live with what they measure, not here.
 */
#ifndef STAT_STAT_H
#define STAT_STAT_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/compiler.h"

/*
 * X(name): what it counts.  The public names are these, in this order; new
 * ones go to the end.
 */
#define VM_COUNTERS(X) \
	X(faults)		/* faults resolved, of any kind */ \
	X(faults_minor)		/* of these, the page was resident */ \
	X(faults_write)		/* of these, a write to a clean page */ \
	X(grabs)		/* pages grabbed through the explicit API */ \
	X(grab_misses)		/* of these, not resident */ \
	X(pages_in)		/* pages filled by a pager */ \
	X(pages_out)		/* pages written back by a pager */ \
	X(pages_zeroed)		/* pages filled with zeros, no pager */ \
	X(evicted_clean)	/* pages dropped that needed no write */ \
	X(evicted_dirty)	/* pages dropped after their write */ \
	X(reads)		/* read requests to backing store */ \
	X(writes)		/* write requests to backing store */ \
	X(read_bytes)		/* bytes these brought */ \
	X(written_bytes)	/* bytes these took */ \
	X(read_errors)		/* read requests that failed */ \
	X(write_errors)		/* write requests that failed */ \
	X(syncs)		/* syncs of backing store */ \
	X(readahead_pages)	/* of pages_in, not asked for yet */ \
	X(wait_ns)		/* ns that threads waited for pages to fill */ \
	X(memory_waits)		/* allocations that had to wait */ \
	X(memory_wait_ns)	/* ns that these waited */ \
	X(wakeups)		/* times the daemon was woken */ \
	X(victims_busy)		/* victims given up: busy, held or wired */ \
	X(protect_calls)	/* write-protect calls to the kernel */ \
	X(punch_calls)		/* hole punches in stores */ \
	X(forks)		/* address spaces duplicated */ \
	X(remaps)		/* ranges moved or unmapped by it */ \
	X(pages_taken)		/* descriptors taken from the free ones */ \
	X(pages_freed)		/* and given back (FreeBSD's v_tfree) */ \
	X(loan_copies)		/* pages copied since they were lent */ \
	X(compact_moves)	/* pages moved to make room for a run */ \
	X(compact_failures)	/* times that no room could be made */ \
	X(rescues)		/* sweeps while the daemon hung */ \
	X(rescued)		/* pages that these freed */ \
	X(limbo_touched)	/* mapped pages seen to be touched */ \
	X(limbo_again)		/* of these, marked as used again */ \
	X(victims_kept)		/* given up: their objects keep them */ \
	X(readahead_used)	/* fetched ahead, and used since */ \
	X(readahead_unused)	/* fetched ahead, and gone before any use */ \
	X(no_room_pages)	/* not written: their pager had no room */ \
	X(pages_dirtied)	/* pages, no anonymous ones, become dirty */ \
	X(pages_undirtied)	/* and are dirty no more */ \
	X(cleaned_pages)	/* of pages_out, in the background */

#define VM_COUNTER_ENUM(name) VM_COUNTER_##name,
/* Lower case behind the prefix: the name is the public key as well. */
enum vm_counter {
	VM_COUNTERS(VM_COUNTER_ENUM)
	VM_COUNTER_COUNT,
};
#undef VM_COUNTER_ENUM

/* 64 shards, 63 of them owned: a bit of a word for each; 16 KiB a system. */
#define VM_COUNTER_SHARDS 64

struct vm_counter_shard {
	_Alignas(VM_CACHE_LINE)
	_Atomic uint64_t value[VM_COUNTER_COUNT];	/* (A) */
};

/* All zero is the start: no init, no fini.  vm_os.alloc aligns enough. */
struct vm_counters {
	struct vm_counter_shard shard[VM_COUNTER_SHARDS];
};

/* The last one is for those who own none. */
#define VM_SHARD_SHARED (VM_COUNTER_SHARDS - 1)

/* Which shard is this thread's, plus 1; 0: it has not asked (T).  Who shares
 * his thread with others, as tasks of a simulation do, owns none. */
#define VM_SHARD_NONE (VM_SHARD_SHARED + 1)
extern _Thread_local VM_INITIAL_EXEC uint32_t vm_own_shard;

/* The rest of vm_count. */
void vm_count_shared(struct vm_counters *counters, enum vm_counter counter,
    uint64_t n);

/* Relaxed: a count orders nothing. */
static inline void
vm_count(struct vm_counters *counters, enum vm_counter counter, uint64_t n)
{
	uint32_t own = vm_own_shard - 1;
	_Atomic uint64_t *value;

	vm_assert(counter < VM_COUNTER_COUNT);
	if (VM_UNLIKELY(own >= VM_SHARD_SHARED)) {
		vm_count_shared(counters, counter, n);
		return;
	}
	value = &counters->shard[own].value[counter];
	atomic_store_explicit(value, atomic_load_explicit(value,
	    memory_order_relaxed) + n, memory_order_relaxed);
}

uint64_t vm_counter_read(const struct vm_counters *counters,
    enum vm_counter counter);

/* "read_bytes"; lives as long as the program. */
const char *vm_counter_name(enum vm_counter counter);

#endif
