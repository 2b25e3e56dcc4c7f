/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat/trace.h - the last things that happened in one system, in order.
 *
 * A ring of records.  Any thread adds to it without a lock and without ever
 * waiting; a reader copies what is there and says how much it missed.  Off
 * (no ring) it costs one load and a branch; each point is a static probe as
 * well (base/probe.h), ring or no ring.
 *
 * Event number p (they begin at 1) goes to record p mod size.  A record's
 * state word says whose it is:
 *
 *	 0	WRITING		its fields are being written
 *	 1	VOID		this event was lost
 *	 2..63	p		0: never used
 *
 *	done(p) --begin--> p + size WRITING --end--> done(p + size)
 *	p WRITING --begin of p + size--> p + size VOID WRITING
 *	p + size VOID WRITING --end of p--> p + size VOID
 *
 * So a writer that was stopped in the middle for a whole turn of the ring
 * costs the later event, never a wait; nobody writes the fields of a record
 * while another still may.  A reader copies the fields and then checks that
 * the word is unchanged.
 *
 * Fields are stored with release and loaded with acquire order: a reader that
 * sees a field of a later event sees WRITING in the word, too.
 *
 * Not promised: that event p happened before p + 1, but for one thread's.
 */
#ifndef STAT_TRACE_H
#define STAT_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/probe.h"

/*
 * X(name): what happened to <object, pindex>; what the argument is.  Ancestors
 * in brackets: where Mach (M), FreeBSD (F) or the rump kernel (R) does the
 * same.  The public names are these, in this order; new ones go to the end.
 */
#define VM_EVENTS(X) \
	X(fault)	/* a fault was resolved; ns it took [M, F, R] */ \
	X(fill)		/* pages came in; how many [pagein] */ \
	X(zero)		/* a page was zero-filled [vm_page_zero_fill] */ \
	X(insert)	/* a page got an identity; its number [_insert] */ \
	X(remove)	/* and lost it; its number [vm_page_remove] */ \
	X(rename)	/* and changed it; its number [vm_page_rename] */ \
	X(take)		/* descriptors were taken; how many [_grab, _alloc] */ \
	X(give)		/* and given back; how many [vm_page_free] */ \
	X(evict)	/* a clean page left; its number [pageout] */ \
	X(launder)	/* dirty pages go to the pager; how many [_launder] */ \
	X(cleaned)	/* they are there; how many [pageout done] */ \
	X(error)	/* a read or write failed; errno */ \
	X(wire)		/* a page was wired; its wires now [vm_page_wire] */ \
	X(unwire)	/* or unwired; its wires now [vm_page_unwire] */ \
	X(hold)		/* a page was held; its holds now [F vm_page_hold] */ \
	X(unhold)	/* a freed one lost its last hold; its number */ \
	X(loan)		/* a page was lent; its loans now [F cow, R loan] */ \
	X(unloan)	/* and its last loan; its number */ \
	X(activate)	/* known to be used; its number [_activate] */ \
	X(deactivate)	/* not needed soon; its number [_deactivate] */ \
	X(cache)	/* made the first to go; its number [F _cache] */ \
	X(reactivate)	/* was wanted again before it went; its number */ \
	X(dontneed)	/* advised away; its number [F vm_page_dontneed] */ \
	X(wait)		/* a thread waited for memory; ns [VM_PAGE_WAIT] */ \
	X(kick)		/* the daemon began a pass; pages it wants [wakeup] */ \
	X(pass)		/* and ended it; pages it freed */ \
	X(sync)		/* a range was synced; pages [object_page_clean] */ \
	X(create)	/* an object was made; its pages */ \
	X(destroy)	/* and destroyed; its pages */ \
	X(fork)		/* an address space was duplicated */ \
	X(miss)		/* a grab found no page, begins to fault; how */ \
	X(touch)	/* a client's thread could not go on; 1: it writes */

#define VM_EVENT_ENUM(name) VM_EVENT_##name,
enum vm_event {
	VM_EVENTS(VM_EVENT_ENUM)
	VM_EVENT_COUNT,
};
#undef VM_EVENT_ENUM

/* What a reader gets; the public structure is the same. */
struct vm_trace_record {
	uint64_t time_ns;
	uint64_t object;
	uint64_t pindex;
	uint64_t argument;
	uint32_t thread;	/* vm_thread_number */
	uint32_t event;		/* enum vm_event */
};

/* A record of the ring: a cache line, so that two writers share none. */
struct vm_trace_slot {
	_Alignas(VM_CACHE_LINE)
	_Atomic uint64_t state;		/* (A) */
	_Atomic uint64_t field[5];	/* time .. argument, thread|event (A) */
};

struct vm_trace {
	uint64_t (*clock_ns)(void);	/* (C) */
	uint64_t mask;			/* size - 1 (C) */
	_Alignas(VM_CACHE_LINE)
	_Atomic uint64_t last;		/* number of the newest event (A) */
	struct vm_trace_slot slot[];	/* (A) */
};

/* 2^24 events are 1 GiB: more is a mistake. */
#define VM_TRACE_EVENTS_MAX (UINT32_C(1) << 24)

/* Bytes of a ring of so many events, rounded up to a power of two; 1 ..
 * VM_TRACE_EVENTS_MAX. */
size_t vm_trace_bytes(uint32_t events);
/* Makes a ring in zeroed memory of vm_trace_bytes(events), aligned to a
 * cache line. */
struct vm_trace *vm_trace_init(void *memory, uint32_t events,
    uint64_t (*clock_ns)(void));

/* Adds one event; trace may be NULL: none is kept.  Never sleeps. */
void vm_trace_add(struct vm_trace *trace, enum vm_event event,
    uint64_t object, uint64_t pindex, uint64_t argument);

/*
 * Copies up to max events from number *next on, advances it past them, and
 * adds to *lost those that are gone.  How many were copied; 0: nothing new.
 */
uint32_t vm_trace_copy(struct vm_trace *trace, uint64_t *next,
    uint64_t *lost, struct vm_trace_record *out, uint32_t max);

/* "fault"; lives as long as the program. */
const char *vm_event_name(enum vm_event event);

/* This thread's number: 1, 2, ... in the order in which threads first counted
 * or traced something; never given back. */
uint32_t vm_thread_number(void);

/* The point itself: a probe, and the ring's event where there is a ring. */
#define VM_TRACE(trace, name, object, pindex, argument) \
	do { \
		VM_PROBE3(name, (uint64_t)(object), (uint64_t)(pindex), \
		    (uint64_t)(argument)); \
		if (VM_UNLIKELY((trace) != NULL)) \
			vm_trace_add((trace), VM_EVENT_##name, (object), \
			    (pindex), (uint64_t)(argument)); \
	} while (0)

#endif
