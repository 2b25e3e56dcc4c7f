/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults that cannot go on: an event loop that parks one sleeps until it can.
 * Each turn of a loop is counted; one that finds nothing to do is asleep until
 * its bell rings, however long that takes.
 */
#include <sched.h>

#include "clients.h"
#include "limit/limit.h"
#include "map/space.h"
#include "one_object.h"

/* 16 turns: a loop that parks a fault needs two or three; one that rings its
 * own bell never stops. */
enum { LOOPS = 2, TURNS = 16, SHOWN_AT = 8, WANTED = 5 };

static struct vm_os os;
static struct vm_pmap_ops pmap;
static _Atomic unsigned turns, asleep, served;
static struct fake_client *client[LOOPS];
static struct vm_space *space[LOOPS];
static struct vm_page *taken[CORE_LIMIT_PAGES];
static unsigned taken_count;

static int
poll_wait(int poll, void **tokens, int count, int timeout_ms)
{
	int n = faulty_os.poll_wait(poll, tokens, count, 0);

	if (n != 0 || timeout_ms == 0) {
		atomic_fetch_add(&turns, n != 0);
		return n;
	}
	atomic_fetch_add(&asleep, 1);
	n = faulty_os.poll_wait(poll, tokens, count, -1);
	atomic_fetch_sub(&asleep, 1);
	atomic_fetch_add(&turns, 1);
	return n;
}

static int
wake(int uffd, uint64_t address, uint64_t length)
{
	atomic_fetch_add(&served, 1);
	return fake_pmap.wake(uffd, address, length);
}

static void
set_up(void)
{
	struct vm_space_options options = { .size_bytes = sizeof(options) };
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	os = faulty_os;
	os.poll_wait = poll_wait;
	pmap = fake_pmap;
	pmap.wake = wake;
	turns = asleep = served = 0;
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.fault_threads = LOOPS;
	CHECK_INT(vm_create_on(&o, &os, &pmap, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_STORE | VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	for (unsigned i = 0; i < LOOPS; i++) {
		client[i] = fake_client_new();
		CHECK_INT(vm_space_create(vm, client[i]->fd, &options,
		    &space[i]), 0);
		CHECK_INT(vm_space_enter(space[i], SHOWN_AT * PAGE,
		    FILE_PAGES * PAGE, object, 0, VM_RANGE_READ), 0);
	}
}

static void
tear_down(void)
{
	for (unsigned i = 0; i < LOOPS; i++)
		vm_space_destroy(space[i]);
	fake_clients_reset();
	core_tear_down();
}

/* All loops sleep, or one does not come to an end. */
static void
settle(void)
{
	while (atomic_load(&asleep) < LOOPS && atomic_load(&turns) <= TURNS)
		sched_yield();
	CHECK(atomic_load(&turns) <= TURNS);
}

/* Each client touches a page of its own, in vain. */
static void
park(void)
{
	settle();
	for (unsigned i = 0; i < LOOPS; i++) {
		unsigned before = atomic_load(&turns);

		fake_event(client[i], (struct vm_pmap_event){
			.kind = VM_PMAP_FAULT, .thread = 1,
			.address = (SHOWN_AT + WANTED + i) * PAGE,
		});
		vm_space_drain(space[i]);
		vm_space_kick(space[i]);
		while (atomic_load(&turns) == before)
			sched_yield();
		settle();
	}
	CHECK_INT(atomic_load(&served), 0);
}

static void
check_served(void)
{
	while (atomic_load(&served) < LOOPS)
		sched_yield();
	for (unsigned i = 0; i < LOOPS; i++)
		CHECK_INT(core_get(WANTED + i, 0), WANTED + i);
}

/* Nothing is left for anybody. */
static void
take_all(void)
{
	struct vm_page *page;

	taken_count = 0;
	while (vm_page_alloc(vm, VM_ALLOC_INTERRUPT, &page) == 0)
		taken[taken_count++] = page;
	CHECK(taken_count > 0);
}

static void
free_all(void)
{
	while (taken_count > 0)
		vm_page_free(taken[--taken_count], 0);
}

TEST(without_memory_it_sleeps_until_pages_are_freed)
{
	set_up();
	take_all();
	park();
	free_all();
	check_served();
	tear_down();
}

TEST(while_the_bytes_change_it_sleeps_until_they_have)
{
	set_up();
	CHECK_INT(vm_object_write_begin(object, 0, FILE_PAGES * PAGE), 0);
	park();
	CHECK_INT(vm_object_write_end(object, 0, FILE_PAGES * PAGE, 0), 0);
	check_served();
	tear_down();
}

TEST(where_no_more_may_be_in_flight_it_sleeps_until_one_has_come)
{
	set_up();
	vm_object_set_inflight_max(object, 1);
	CHECK_INT(vm_object_inflight_start(object, 1), 1);
	park();
	vm_object_inflight_done(object, 1);
	vm_limit_notify(&vm->limit);
	check_served();
	tear_down();
}

TEST(a_limit_that_grows_wakes_it)
{
	uint64_t above;

	set_up();
	take_all();
	CHECK_INT(vm_set_limit(vm, CORE_LIMIT_PAGES / 2 * PAGE, &above), 0);
	for (unsigned i = 0; i < CORE_LIMIT_PAGES / 2 - 8; i++)
		vm_page_free(taken[--taken_count], 0);
	park();
	CHECK_INT(vm_set_limit(vm, CORE_LIMIT_PAGES * PAGE, &above), 0);
	check_served();
	free_all();
	tear_down();
}
