/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace ring: order, loss that is counted, records that are never mixed. */
#include "stat/trace.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "check.h"

enum { SIZE = 8, RECORDS = 64 };

/* 8 records, zeroed anew by set_up. */
static union {
	struct vm_trace trace;
	char bytes[sizeof(struct vm_trace) +
	    SIZE * sizeof(struct vm_trace_slot)];
} memory;
static struct vm_trace *trace;
static uint64_t now, next, lost;
static struct vm_trace_record record[RECORDS];

static uint64_t
count_up(void)
{
	return ++now;
}

static void
set_up(void)
{
	memset(&memory, 0, sizeof(memory));
	now = next = lost = 0;
	CHECK_INT(vm_trace_bytes(SIZE), sizeof(memory));
	trace = vm_trace_init(&memory, SIZE, count_up);
}

static void
add(uint64_t pindex)
{
	vm_trace_add(trace, VM_EVENT_insert, 7, pindex, pindex * 3);
}

TEST(the_size_is_rounded_up_to_a_power_of_two)
{
	const size_t head = sizeof(struct vm_trace);
	const size_t slot = sizeof(struct vm_trace_slot);

	CHECK_INT(vm_trace_bytes(1), head + slot);
	CHECK_INT(vm_trace_bytes(2), head + 2 * slot);
	CHECK_INT(vm_trace_bytes(3), head + 4 * slot);
	CHECK_INT(vm_trace_bytes(1000), head + 1024 * slot);
	CHECK_DIES((void)vm_trace_bytes(0));
	CHECK_DIES((void)vm_trace_bytes(VM_TRACE_EVENTS_MAX + 1));
}

TEST(events_come_back_as_they_were_in_order)
{
	set_up();
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, RECORDS), 0);
	add(5);
	vm_trace_add(trace, VM_EVENT_fork, 1, 2, 3);
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, RECORDS), 2);
	CHECK_INT(record[0].event, VM_EVENT_insert);
	CHECK_INT(record[0].object, 7);
	CHECK_INT(record[0].pindex, 5);
	CHECK_INT(record[0].argument, 15);
	CHECK_INT(record[0].time_ns, 1);
	CHECK_INT(record[0].thread, vm_thread_number());
	CHECK_INT(record[1].event, VM_EVENT_fork);
	CHECK_INT(record[1].argument, 3);
	CHECK_INT(record[1].time_ns, 2);
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, RECORDS), 0);
	CHECK_INT(lost, 0);
}

TEST(a_reader_with_little_room_goes_on_where_it_was)
{
	set_up();
	for (uint64_t i = 0; i < SIZE; i++)
		add(i);
	for (uint64_t i = 0; i < SIZE; i++) {
		CHECK_INT(vm_trace_copy(trace, &next, &lost, record, 1), 1);
		CHECK_INT(record[0].pindex, i);
	}
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, 0), 0);
	CHECK_INT(lost, 0);
}

TEST(what_was_overwritten_is_counted_as_lost)
{
	set_up();
	for (uint64_t i = 0; i < 3 * SIZE; i++)
		add(i);
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, RECORDS), SIZE);
	CHECK_INT(lost, 2 * SIZE);
	for (uint64_t i = 0; i < SIZE; i++)
		CHECK_INT(record[i].pindex, 2 * SIZE + i);
}

TEST(a_record_still_being_written_is_waited_for)
{
	set_up();
	add(1);
	/* A writer took number 2 and was stopped before its record. */
	atomic_store(&trace->last, 2);
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, RECORDS), 1);
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, RECORDS), 0);
	/* Now it is in the middle of it. */
	atomic_store(&trace->slot[2].state, 2u << 2 | 1u);
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, RECORDS), 0);
	atomic_store(&trace->slot[2].state, 2u << 2);
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, RECORDS), 1);
	CHECK_INT(lost, 0);
}

TEST(a_writer_a_turn_behind_costs_the_later_event_not_the_record)
{
	set_up();
	add(1);
	/* Number 1 is being written still when the ring comes round. */
	atomic_store(&trace->slot[1].state, 1u << 2 | 1u);
	for (uint64_t i = 2; i <= SIZE + 1; i++)
		add(i);
	CHECK_INT(atomic_load(&trace->slot[1].field[2]), 1);
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, RECORDS),
	    SIZE - 1);
	CHECK_INT(lost, 2);	/* overwritten, and never written */
	/* Its end frees the record for the next turn. */
	atomic_fetch_and(&trace->slot[1].state, ~UINT64_C(1));
	for (uint64_t i = SIZE + 2; i <= 2 * SIZE + 1; i++)
		add(i);
	CHECK_INT(vm_trace_copy(trace, &next, &lost, record, RECORDS), SIZE);
	CHECK_INT(record[SIZE - 1].pindex, 2 * SIZE + 1);
	CHECK_INT(lost, 2);
}

TEST(a_writer_overtaken_before_it_began_leaves_the_record_alone)
{
	set_up();
	for (uint64_t i = 1; i <= SIZE + 1; i++)
		add(i);
	atomic_store(&trace->last, 0);	/* number 1 once more, a turn late */
	add(99);
	CHECK_INT(atomic_load(&trace->slot[1].field[2]), SIZE + 1);
}

TEST(without_a_ring_a_point_does_nothing)
{
	struct vm_trace *none = NULL;

	VM_TRACE(none, fault, 1, 2, 3);
	vm_trace_add(NULL, VM_EVENT_fault, 1, 2, 3);
	CHECK_DIES(vm_trace_add(NULL, VM_EVENT_COUNT, 1, 2, 3));
}

TEST(each_event_has_a_name_of_its_own)
{
	CHECK_STR(vm_event_name(VM_EVENT_fault), "fault");
	CHECK_STR(vm_event_name(VM_EVENT_fork), "fork");
	for (int i = 0; i < VM_EVENT_COUNT; i++)
		for (int j = 0; j < i; j++)
			CHECK(strcmp(vm_event_name((enum vm_event)i),
			    vm_event_name((enum vm_event)j)) != 0);
	CHECK_DIES((void)vm_event_name(VM_EVENT_COUNT));
}

/* ---- many writers, one reader ------------------------------------------ */

/* Two records: a reader is overtaken all the time. */
enum { WRITERS = 4, ROUNDS = 200000, TWO = 2 };

static _Atomic unsigned running;

/* object: the thread; pindex counts up; argument is a function of both. */
static void *
write_many(void *arg)
{
	uint64_t who = (uintptr_t)arg;

	for (uint64_t i = 1; i <= ROUNDS; i++)
		vm_trace_add(trace, VM_EVENT_fault, who, i,
		    who * 1000003 ^ i);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static uint64_t
any_time(void)
{
	return 1;
}

/* Reads what is there and checks it; how many. */
static uint64_t
check_some(uint64_t *newest)
{
	uint32_t got = vm_trace_copy(trace, &next, &lost, record, RECORDS);

	for (uint32_t i = 0; i < got; i++) {
		struct vm_trace_record *r = &record[i];

		CHECK(r->object >= 1 && r->object <= WRITERS);
		CHECK(r->argument == (r->object * 1000003 ^ r->pindex));
		CHECK(r->pindex > newest[r->object]);
		newest[r->object] = r->pindex;
	}
	return got;
}

TEST(a_record_is_never_of_two_events_and_none_is_uncounted)
{
	uint64_t newest[WRITERS + 1] = { 0 };
	pthread_t thread[WRITERS];
	uint64_t got = 0;

	set_up();
	trace = vm_trace_init(&memory, TWO, any_time);
	atomic_store(&running, WRITERS);
	for (uintptr_t i = 0; i < WRITERS; i++)
		CHECK(pthread_create(&thread[i], NULL, write_many,
		    (void *)(i + 1)) == 0);
	while (atomic_load(&running) != 0)
		got += check_some(newest);
	for (int i = 0; i < WRITERS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	got += check_some(newest);
	CHECK_INT(got + lost, (intmax_t)WRITERS * ROUNDS);
}

/* ---- overwritten in the middle of being read --------------------------- */

enum { SIGNALS = 1000, PAUSE_EVERY = 64 };

static _Atomic unsigned handled;

/* Both records of the ring are others now.  Event n has pindex n. */
static void
overwrite(int number)
{
	(void)number;
	for (int i = 0; i < TWO; i++) {
		uint64_t at = atomic_load(&trace->last) + 1;

		vm_trace_add(trace, VM_EVENT_fault, 1, at, at * 1000003);
	}
	atomic_fetch_add(&handled, 1);
}

static void *
interrupt(void *arg)
{
	for (unsigned i = 1; i <= SIGNALS; i++) {
		CHECK(pthread_kill(*(pthread_t *)arg, SIGUSR1) == 0);
		while (atomic_load(&handled) < i)
			sched_yield();
	}
	return NULL;
}

static void
check_newest(void)
{
	uint32_t got;

	next = atomic_load(&trace->last) - 1;
	got = vm_trace_copy(trace, &next, &lost, record, TWO);
	for (uint32_t i = 0; i < got; i++)
		CHECK(record[i].argument == record[i].pindex * 1000003);
	for (uint32_t i = 1; i < got; i++)
		CHECK_INT(record[i].pindex, record[i - 1].pindex + 1);
}

/* The reader is its own writer, in a signal at any instruction. */
TEST(a_record_overwritten_while_it_is_copied_is_not_believed)
{
	struct sigaction action = { .sa_handler = overwrite };
	pthread_t self = pthread_self(), thread;

	set_up();
	trace = vm_trace_init(&memory, TWO, any_time);
	atomic_store(&handled, 0);
	overwrite(0);
	atomic_store(&handled, 0);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK(pthread_create(&thread, NULL, interrupt, &self) == 0);
	for (unsigned i = 0; atomic_load(&handled) < SIGNALS; i++) {
		check_newest();
		if (i % PAUSE_EVERY == 0)	/* where sanitizers deliver */
			(void)poll(NULL, 0, 0);
	}
	CHECK(pthread_join(thread, NULL) == 0);
}
