/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/pressure.h - how much time is lost to waiting, and how bad that is.
 *
 * After Linux's pressure stall information (kernel/sched/psi.c, since 4.20):
 * of two things one can wait for, memory and the bytes of a page, it is
 * counted how long
 *
 *	some	at least one thread waited for it
 *	full	as many threads waited as use the system at all: nobody got on
 *
 * in total, and as shares of the last 10, 60 and 300 s, which are folded every
 * 2 s.  A thread uses the system if it grabbed or served a page between the
 * last two folds: its shard of the counters (stat/stat.h) moved.  Threads that
 * share the last shard are one.  A thread that serves others, clients' faults,
 * is none; those that it served since are, by their numbers modulo 64.
 *
 * Of waits for memory within a second comes the level:
 *
 *	none --1 % some--> some --10 % some--> medium --10 % full--> critical
 *
 * A level rises at once, when so much of the second is lost, and falls when a
 * second is over that was better.  1 %: one thread waited for 10 ms, which is
 * ten writes of a disk: the daemon is not ahead any more.  10 %: it is a tenth
 * of the time of somebody, which people notice (Android's lmkd begins to act
 * at 7 %).  10 % of the time nobody at all got on, or six passes freed nothing,
 * or one did since dirty pages found no room on disk: the program does better
 * to give something up.
 *
 * A wait costs two reads of the clock and two short locks; a hit, and a miss
 * that reads memory, nothing.
 */
#ifndef LIMIT_PRESSURE_H
#define LIMIT_PRESSURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "stat/stat.h"

enum vm_wait_for_what {
	VM_WAITS_MEMORY,
	VM_WAITS_MISS,		/* a page's bytes, of a pager that sleeps */
	VM_WAITS,
};

enum vm_stall { VM_STALL_SOME, VM_STALL_FULL, VM_STALLS };

/* 10, 60 and 300 s. */
#define VM_STALL_SPANS 3u

enum vm_pressure_level {
	VM_LEVEL_NONE,
	VM_LEVEL_SOME,
	VM_LEVEL_MEDIUM,
	VM_LEVEL_CRITICAL,
};

struct vm_stalls {
	uint32_t waiting;	/* threads, now (P) */
	uint64_t total_ns[VM_STALLS];	/* (P) */
	uint64_t folded_ns[VM_STALLS];	/* totals at the last fold (P) */
	/* Hundredths of a percent, times 65536 (P). */
	uint64_t average[VM_STALLS][VM_STALL_SPANS];
};

struct vm_pressure {
	struct vm_lock lock;	/* rank LEAF (P) */
	/* When somebody last began or ended to read a page (A). */
	_Atomic uint64_t read_ns;
	struct vm_stalls stalls[VM_WAITS];	/* (P) */
	uint64_t changed_ns;	/* totals are of then (P) */
	uint64_t folded_at_ns;	/* (P) */
	uint32_t active;	/* threads that use the system; 1 (P) */
	uint64_t used[VM_COUNTER_SHARDS];	/* of each at the fold (P) */
	uint64_t servers;	/* shards of threads that serve others (P) */
	uint64_t served;	/* since the fold: a bit of 64 for each (P) */
	uint64_t second_ns;	/* the second of the level began then (P) */
	uint64_t second_total_ns[VM_STALLS];	/* (P) */
	_Atomic enum vm_pressure_level level;	/* stored under (P) (A) */
};

/* What is said of one kind. */
struct vm_stall_figures {
	uint64_t total_us;
	uint64_t average[VM_STALL_SPANS];	/* hundredths of a percent */
};

/* Times are those of any clock that goes on. */
void vm_pressure_init(struct vm_pressure *pressure);
void vm_pressure_fini(struct vm_pressure *pressure);	/* nobody waits */

/* This thread waits, and no more.  counters: NULL, or whose shards say who is
 * active.  Never sleeps. */
void vm_pressure_enter(struct vm_pressure *pressure,
    const struct vm_counters *counters, enum vm_wait_for_what what,
    uint64_t now_ns);
/* Another process's thread does, as this one knows, who serves it. */
void vm_pressure_enter_for(struct vm_pressure *pressure,
    const struct vm_counters *counters, enum vm_wait_for_what what,
    uint64_t now_ns, int thread);
void vm_pressure_leave(struct vm_pressure *pressure,
    const struct vm_counters *counters, enum vm_wait_for_what what,
    uint64_t now_ns);

/* A page is read: those who write in the background are to stand back. */
static inline void
vm_pressure_reads(struct vm_pressure *pressure, uint64_t now_ns)
{
	atomic_store_explicit(&pressure->read_ns, now_ns,
	    memory_order_relaxed);
}

/* 5 ms: who reads one page after the other from a disk that needs as long is
 * still reading. */
#define VM_READING_NS UINT64_C(5000000)

/* Whether somebody reads, or did a moment ago. */
static inline bool
vm_pressure_reading(const struct vm_pressure *pressure, uint64_t now_ns)
{
	uint64_t read_ns = atomic_load_explicit(&pressure->read_ns,
	    memory_order_relaxed);

	return read_ns != 0 && now_ns < read_ns + VM_READING_NS;
}

/*
 * The level as of now; *before: as it was.  hopeless: passes freed nothing, so
 * that it is critical whatever the waits say.
 */
enum vm_pressure_level vm_pressure_judge(struct vm_pressure *pressure,
    const struct vm_counters *counters, bool hopeless, uint64_t now_ns,
    enum vm_pressure_level *before);

void vm_pressure_read(struct vm_pressure *pressure,
    const struct vm_counters *counters, uint64_t now_ns,
    struct vm_stall_figures out[VM_WAITS][VM_STALLS]);

#endif
