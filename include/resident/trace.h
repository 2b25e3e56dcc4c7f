/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/trace.h - the last things that happened in a system, in order.
 *
 * A system made with trace_events keeps that many.  Reading disturbs nobody:
 * writers overwrite the oldest and never wait, and a reader is told how many
 * it missed.  The same points are static probes of the library (bpftrace,
 * perf: usdt:libresident.so:resident:NAME), ring or no ring.
 */
#ifndef RESIDENT_TRACE_H
#define RESIDENT_TRACE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;

struct vm_trace_event {
	uint64_t time_ns;	/* CLOCK_MONOTONIC */
	uint64_t object;	/* the object's id; 0 where there is none */
	uint64_t pindex;	/* the page in it */
	uint64_t argument;	/* what it counts depends on the event */
	uint32_t thread;	/* threads are numbered as they first trace */
	uint32_t event;		/* vm_trace_name says which */
};

/* Where a reader is; all zero is the beginning.  One per reader. */
struct vm_trace_cursor {
	uint64_t next;		/* number of the next event */
	uint64_t lost;		/* events gone before they were read */
};

/*
 * Copies up to max events that happened since the last call with this cursor,
 * oldest first, and advances the cursor.  How many; 0: nothing new.  -EINVAL:
 * an argument is NULL; -ENOENT: the system keeps none.  Any thread; never
 * sleeps.  (FreeBSD's KTR, Mach's event traps.)
 */
int vm_trace_read(struct vm *vm, struct vm_trace_cursor *cursor,
    struct vm_trace_event *events, uint32_t max);

/* "fault"; NULL for a number that is no event.  They are 0, 1, 2, ... */
const char *vm_trace_name(uint32_t event);

#ifdef __cplusplus
}
#endif

#endif
