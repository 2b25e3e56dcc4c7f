/* SPDX-License-Identifier: BSD-2-Clause */
/* stat/trace.c - trace.h has the theory. */
#include "stat/trace.h"

#include <assert.h>

#include "base/assert.h"

#define WRITING		UINT64_C(0x1)
#define VOID		UINT64_C(0x2)
#define NUMBER_SHIFT	2

/* Threads so far that asked for a number (A). */
static _Atomic uint32_t threads;

/* This thread's; 0: none yet (T). */
static _Thread_local uint32_t number;

uint32_t
vm_thread_number(void)
{
	if (VM_UNLIKELY(number == 0))
		number = 1 + atomic_fetch_add_explicit(&threads, 1,
		    memory_order_relaxed);
	return number;
}

static uint64_t
round_up(uint32_t events)
{
	uint64_t size = 1;

	vm_assert(events > 0 && events <= VM_TRACE_EVENTS_MAX);
	while (size < events)
		size *= 2;
	return size;
}

size_t
vm_trace_bytes(uint32_t events)
{
	return sizeof(struct vm_trace) +
	    (size_t)round_up(events) * sizeof(struct vm_trace_slot);
}

struct vm_trace *
vm_trace_init(void *memory, uint32_t events, uint64_t (*clock_ns)(void))
{
	struct vm_trace *trace = memory;

	trace->clock_ns = clock_ns;
	trace->mask = round_up(events) - 1;
	return trace;
}

/* The record is ours to write.  False: a slower writer is still in it, or a
 * faster one was here. */
static bool
begin(struct vm_trace_slot *slot, uint64_t event)
{
	uint64_t old = atomic_load_explicit(&slot->state,
	    memory_order_relaxed);
	uint64_t new;

	do {
		if (old >> NUMBER_SHIFT > event)
			return false;
		new = event << NUMBER_SHIFT | WRITING | (old & WRITING ?
		    VOID : 0);
	} while (!atomic_compare_exchange_weak_explicit(&slot->state, &old,
	    new, memory_order_acq_rel, memory_order_relaxed));
	return (new & VOID) == 0;
}

/* Ours is done; where it was voided meanwhile, the later event's loss is. */
static void
end(struct vm_trace_slot *slot)
{
	(void)atomic_fetch_and_explicit(&slot->state, ~WRITING,
	    memory_order_release);
}

static void
store(struct vm_trace_slot *slot, unsigned field, uint64_t value)
{
	atomic_store_explicit(&slot->field[field], value,
	    memory_order_release);
}

static uint64_t
load(struct vm_trace_slot *slot, unsigned field)
{
	return atomic_load_explicit(&slot->field[field],
	    memory_order_acquire);
}

void
vm_trace_add(struct vm_trace *trace, enum vm_event event, uint64_t object,
    uint64_t pindex, uint64_t argument)
{
	struct vm_trace_slot *slot;
	uint64_t at;

	vm_assert(event < VM_EVENT_COUNT);
	if (trace == NULL)
		return;
	at = atomic_fetch_add_explicit(&trace->last, 1,
	    memory_order_relaxed) + 1;
	slot = &trace->slot[at & trace->mask];
	if (!begin(slot, at))
		return;
	store(slot, 0, trace->clock_ns());
	store(slot, 1, object);
	store(slot, 2, pindex);
	store(slot, 3, argument);
	store(slot, 4, (uint64_t)vm_thread_number() << 32 | event);
	end(slot);
}

enum found {
	FOUND,
	LOST,
	NOT_YET,
};

static enum found
look(struct vm_trace_slot *slot, uint64_t at, struct vm_trace_record *out)
{
	uint64_t state = atomic_load_explicit(&slot->state,
	    memory_order_acquire);
	uint64_t who;

	if (state >> NUMBER_SHIFT < at)
		return NOT_YET;
	if (state >> NUMBER_SHIFT > at || (state & VOID) != 0)
		return LOST;
	if ((state & WRITING) != 0)
		return NOT_YET;
	out->time_ns = load(slot, 0);
	out->object = load(slot, 1);
	out->pindex = load(slot, 2);
	out->argument = load(slot, 3);
	who = load(slot, 4);
	out->thread = (uint32_t)(who >> 32);
	out->event = (uint32_t)who;
	return atomic_load_explicit(&slot->state, memory_order_relaxed) ==
	    state ? FOUND : LOST;
}

uint32_t
vm_trace_copy(struct vm_trace *trace, uint64_t *next, uint64_t *lost,
    struct vm_trace_record *out, uint32_t max)
{
	uint64_t last = atomic_load_explicit(&trace->last,
	    memory_order_relaxed);
	uint32_t got = 0;

	if (*next == 0)
		*next = 1;	/* the first there ever was */
	if (last > trace->mask && *next < last - trace->mask) {
		*lost += last - trace->mask - *next;
		*next = last - trace->mask;
	}
	while (got < max && *next <= last) {
		enum found found = look(&trace->slot[*next & trace->mask],
		    *next, &out[got]);

		if (found == NOT_YET)
			break;
		got += found == FOUND;
		*lost += found == LOST;
		++*next;
	}
	return got;
}

const char *
vm_event_name(enum vm_event event)
{
#define NAME(name) #name,
	static const char *const names[] = { VM_EVENTS(NAME) };
#undef NAME

	static_assert(VM_COUNT(names) == VM_EVENT_COUNT, "one name each");
	vm_assert(event < VM_EVENT_COUNT);
	return names[event];
}
