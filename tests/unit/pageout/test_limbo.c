/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of a client that were seen to be touched. */
#include "../map/map_fixture.h"

#include "object/early.h"
#include "pageout/limbo.h"
#include "stat/stat.h"

/* Pages come one at a time. */
static void
start(void)
{
	set_up();
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
}

/* The page comes, by a grab that leaves no mark. */
static void
bring(vm_pindex_t pindex)
{
	struct vm_page *page;

	CHECK_INT(vm_page_grab(object, pindex, 0, &page), 0);
	vm_page_release(page);
	(void)vm_slot_test_clear_referenced(page->slot);
}

static bool
marked(vm_pindex_t pindex)
{
	struct vm_slot *slot = vm_index_find(&object->index, pindex);

	CHECK(slot != NULL);
	return vm_slot_test_clear_referenced(slot);
}

static uint64_t
touched(uint64_t at, uint64_t pages)
{
	return vm_limbo_touched(space, at * PAGE, pages * PAGE);
}

TEST(the_first_touch_of_a_page_is_its_arrival_and_the_second_a_use)
{
	start();
	CHECK_INT(add(0, 0, PAGES, VM_ENTRY_READ), 0);
	bring(5);
	CHECK_INT(touched(5, 1), 0);
	CHECK(!marked(5));
	CHECK_INT(touched(5, 1), 1);
	CHECK(marked(5));
	CHECK_INT(touched(5, 1), 1);
	CHECK(marked(5));
	tear_down();
}

TEST(a_page_that_comes_again_is_new_again)
{
	start();
	CHECK_INT(add(0, 0, PAGES, VM_ENTRY_READ), 0);
	bring(5);
	CHECK_INT(touched(5, 1), 0);
	CHECK_INT(touched(5, 1), 1);
	CHECK_INT(vm_object_resize(object, 5 * PAGE), 0);
	CHECK_INT(vm_object_resize(object, PAGES * PAGE), 0);
	bring(5);
	CHECK_INT(touched(5, 1), 0);
	CHECK(!marked(5));
	tear_down();
}

TEST(the_first_touch_of_a_page_that_came_unasked_is_a_use)
{
	struct vm_page *page;

	start();
	CHECK_INT(add(0, 0, PAGES, VM_ENTRY_READ), 0);
	bring(5);
	page = vm_page_of(vm, vm_index_peek(&object->index, 5));
	vm_early_enter(&page, 1);
	CHECK_INT(touched(5, 1), 1);
	CHECK(marked(5));
	tear_down();
}

TEST(what_is_not_resident_is_passed_over)
{
	start();
	CHECK_INT(add(0, 0, PAGES, VM_ENTRY_READ), 0);
	bring(5);
	CHECK_INT(touched(0, PAGES), 0);
	CHECK_INT(touched(0, PAGES), 1);
	CHECK(marked(5));
	CHECK_INT(vm_counter_read(vm->counters, VM_COUNTER_limbo_touched),
	    2 * PAGES);
	CHECK_INT(vm_counter_read(vm->counters, VM_COUNTER_limbo_again), 1);
	tear_down();
}

/* Private copies have entries that are none of the store's. */
TEST(each_range_shows_its_own_part_and_private_ones_nothing)
{
	start();
	CHECK_INT(add(10, 20, 4, VM_ENTRY_TRACKED), 0);
	CHECK_INT(add(16, 0, 4, VM_ENTRY_PRIVATE), 0);
	CHECK_INT(add(24, 40, 4, VM_ENTRY_READ), 0);
	bring(0);
	bring(21);
	bring(22);
	bring(41);
	bring(43);
	for (unsigned turn = 0; turn < 2; turn++)
		CHECK_INT(touched(12, 14), turn * 2);
	CHECK(marked(22) && marked(41));
	CHECK(!marked(21) && !marked(43) && !marked(0));
	CHECK_INT(touched(0, 10), 0);
	CHECK_INT(touched(100, 10), 0);
	tear_down();
}

/* The object is shorter than the range: somebody cut it. */
TEST(pages_behind_the_end_of_the_object_are_passed_over)
{
	start();
	CHECK_INT(add(0, 0, PAGES, VM_ENTRY_READ), 0);
	CHECK_INT(vm_object_resize(object, 2 * PAGE), 0);
	bring(1);
	CHECK_INT(touched(0, PAGES), 0);
	CHECK_INT(touched(0, PAGES), 1);
	tear_down();
}
