/* SPDX-License-Identifier: BSD-2-Clause */
/* How many pages one write to anonymous memory opens. */
#include "serve_fixture.h"

/* Nobody has written page `from` or one behind it yet. */
static void
set_up(uint64_t from)
{
	serve_set_up(AT_ONCE, VM_ENTRY_TRACKED);
	object->anonymous = true;
	mem.absent_from = from;
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	for (uint64_t i = 4; i < 12; i++)
		fault_at(i, false);
	CHECK_INT(atomic_load(&object->dirty), 0);
}

/* Those of [4, 12) that may be written, a bit each. */
static unsigned
open_pages(void)
{
	unsigned bits = 0;

	for (unsigned i = 4; i < 12; i++)
		bits |= (client->protected[i] ? 0u : 1u) << i;
	return bits;
}

TEST(a_write_to_new_memory_opens_the_new_pages_behind_it)
{
	set_up(0);
	fault_at(6, true);
	CHECK_INT(open_pages(), 0xfc0);
	CHECK_INT(atomic_load(&object->dirty), 6);
	serve_tear_down();
}

TEST(pages_that_were_written_once_are_opened_one_by_one)
{
	set_up(UINT64_MAX);
	fault_at(6, true);
	CHECK_INT(open_pages(), 0x040);
	serve_tear_down();
	set_up(9);
	fault_at(6, true);
	CHECK_INT(open_pages(), 0x040);
	fault_at(8, true);
	CHECK_INT(open_pages(), 0xf40);
	serve_tear_down();
}

TEST(a_page_that_somebody_is_in_ends_it)
{
	struct vm_page *page;

	set_up(0);
	CHECK_INT(vm_page_grab(object, 9, VM_GRAB_READ, &page), 0);
	fault_at(6, true);
	CHECK_INT(open_pages(), 0x1c0);
	vm_page_release(page);
	CHECK_INT(atomic_load(&object->dirty), 3);
	serve_tear_down();
}

/* A freeze has protected them for nothing, then. */
TEST(pages_that_are_dirty_are_opened_with_it)
{
	set_up(UINT64_MAX);
	fault_at(7, true);
	fault_at(8, true);
	fault_at(10, true);
	vm_space_freeze(space);
	CHECK_INT(open_pages(), 0);
	vm_space_thaw(space);
	fault_at(6, true);
	CHECK_INT(open_pages(), 0x1c0);
	CHECK_INT(atomic_load(&object->dirty), 4);
	serve_tear_down();
}

TEST(it_ends_where_the_range_does)
{
	set_up(0);
	vm_space_cut(space, 8 * PAGE, PAGE);
	fault_at(6, true);
	CHECK_INT(open_pages(), 0x0c0);
	serve_tear_down();
}

TEST(one_fill_of_new_memory_is_opened_at_once)
{
	unsigned opened = 0;

	set_up(0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_SEQUENTIAL), 0);
	fault_at(20, true);
	for (unsigned i = 20; i < 52; i++)
		opened += !client->protected[i] && resident(i);
	CHECK(opened > 1);
	CHECK_INT(atomic_load(&object->dirty), opened);
	serve_tear_down();
}

TEST(a_frozen_space_opens_none_of_them)
{
	set_up(0);
	vm_space_freeze(space);
	fault_at(6, true);
	CHECK_INT(open_pages(), 0);
	CHECK_INT(atomic_load(&object->dirty), 0);
	vm_space_thaw(space);
	vm_fault_retry(&handler);
	CHECK_INT(open_pages(), 0xfc0);
	serve_tear_down();
}

TEST(of_a_file_it_is_one_page)
{
	set_up(0);
	object->anonymous = false;
	fault_at(6, true);
	CHECK_INT(open_pages(), 0x040);
	serve_tear_down();
}
