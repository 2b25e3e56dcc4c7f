/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects that have reached their high pay with their own pages. */
#include "pageout/trim.h"

#include <sched.h>

#include "audit.h"
#include "fault/prefetch.h"
#include "object/quota.h"
#include "one_object.h"

enum { HIGH = 16 };

static void
set_high(uint64_t high)
{
	struct vm_object_limits limits = VM_OBJECT_LIMITS_INIT;

	limits.high_pages = high;
	CHECK_INT(vm_object_set_limits(object, &limits), 0);
}

/* What the daemon does in its time. */
static void
wait_until_below(uint64_t high)
{
	while (atomic_load(&object->resident) > high)
		sched_yield();
}

/* The daemon may be at some still; each comes to its end. */
static void
tear_down(void)
{
	while (atomic_load(&object->leaving) != 0)
		sched_yield();
	audit(vm);
	core_tear_down();
}

TEST(each_page_above_high_costs_the_object_one_of_its_own)
{
	struct vm_object *other;
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, 20 * PAGE, 0, &other), 0);
	for (uint64_t i = 0; i < 20; i++) {
		CHECK_INT(vm_page_grab(other, i, VM_GRAB_WRITE |
		    VM_GRAB_ZERO, &page), 0);
		vm_page_release(page);
	}
	set_high(HIGH);
	for (unsigned round = 0; round < 3; round++)
		for (uint64_t i = 0; i < FILE_PAGES; i++) {
			CHECK_INT(core_get(i, 0), i);
			CHECK(object->resident <= HIGH);
		}
	CHECK_INT(other->resident, 20);
	CHECK_INT(vm_object_destroy(other), 0);
	tear_down();
}

TEST(its_pages_in_use_go_last)
{
	core_set_up(0);
	set_high(HIGH);
	/* So that the hand goes round a few times. */
	for (uint64_t i = 0; i < 3 * FILE_PAGES; i++) {
		uint64_t at = i * 37 % FILE_PAGES;

		CHECK_INT(core_get(at, 0), at);
		CHECK_INT(core_get(3, 0), 3);
		CHECK_INT(core_get(4, 0), 4);
	}
	CHECK(vm_counter_read(vm->counters, VM_COUNTER_pages_in) <=
	    3 * FILE_PAGES + 8);
	tear_down();
}

TEST(pages_read_ahead_make_room_too)
{
	core_set_up(0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_SEQUENTIAL), 0);
	set_high(HIGH);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	wait_until_below(HIGH);
	tear_down();
}

static uint64_t
read_in_a_loop(enum vm_advice advice)
{
	uint64_t read;

	core_set_up(0);
	CHECK_INT(vm_object_advise(object, advice), 0);
	set_high(48);
	for (unsigned round = 0; round < 6; round++)
		for (uint64_t i = 0; i < FILE_PAGES; i++) {
			CHECK_INT(core_get(i, 0), i);
			vm_prefetch_drain(vm);	/* whoever is quicker */
		}
	read = vm_counter_read(vm->counters, VM_COUNTER_pages_in);
	tear_down();
	return read;
}

TEST(a_loop_finds_what_fits_again_when_it_is_said_to_be_one)
{
	/* 48 pages less a window of read-ahead, 72 of 100 are read again. */
	CHECK(read_in_a_loop(VM_ADVICE_CYCLIC) <= FILE_PAGES + 5 * 80);
	CHECK(read_in_a_loop(VM_ADVICE_RANDOM) >= 6 * FILE_PAGES - 20);
}

TEST(a_high_that_is_lowered_is_kept_to_at_once)
{
	core_set_up(0);
	for (uint64_t i = 0; i < 40; i++)
		CHECK_INT(core_get(i, 0), i);
	set_high(HIGH);
	CHECK(object->resident <= HIGH);
	set_high(0);
	for (uint64_t i = 0; i < 40; i++)
		CHECK_INT(core_get(i, 0), i);
	CHECK_INT(object->resident, 40);
	tear_down();
}

TEST(dirty_pages_above_high_are_written_by_the_daemon)
{
	core_set_up(0);
	set_high(HIGH);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		core_put(i, 1000 + i);
	wait_until_below(HIGH);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 1), 1000 + i);
	wait_until_below(HIGH);
	tear_down();
}

TEST(dirty_pages_that_cannot_be_written_stay_above_high)
{
	core_set_up(0);
	set_high(4);
	atomic_store(&faulty.write_errno, EIO);
	for (uint64_t i = 0; i < 10; i++)
		core_put(i, 1000 + i);
	while (atomic_load(&object->write_errors) == 0)
		sched_yield();
	for (uint64_t i = 0; i < 10; i++)
		CHECK_INT(core_get(i, 1), 1000 + i);
	atomic_store(&faulty.write_errno, 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_get(20, 0), 20);
	wait_until_below(4);
	tear_down();
}

TEST(a_stores_pages_above_high_are_the_daemons)
{
	core_set_up(VM_OBJECT_STORE);
	set_high(HIGH);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	wait_until_below(HIGH);
	tear_down();
}

TEST(wired_and_held_pages_stay_above_high)
{
	struct vm_page *held;

	core_set_up(0);
	CHECK_INT(vm_object_wire(object, 0, 6 * PAGE), 0);
	held = core_grab(7, VM_GRAB_READ);
	set_high(4);
	for (uint64_t i = 10; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	CHECK(core_resident(0) && core_resident(5) && core_resident(7));
	wait_until_below(9);
	vm_page_release(held);
	CHECK_INT(vm_object_unwire(object, 0, 6 * PAGE), 0);
	CHECK_INT(core_get(50, 0), 50);
	wait_until_below(4);
	tear_down();
}

TEST(without_an_object_above_its_high_there_are_no_victims)
{
	struct vm_page *page[4];

	core_set_up(0);
	CHECK_INT(core_get(1, 0), 1);
	vm->above = true;
	CHECK_INT(vm_trim_victims(vm, page, 4), 0);
	CHECK(!vm->above);
	tear_down();
}
