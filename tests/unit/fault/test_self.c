/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread resolves its own faults: fault/self.h, on the real machine. */
#include <pthread.h>

#include "one_window.h"

#include "object/life.h"

TEST(a_touch_brings_the_page)
{
	window_set_up();
	CHECK(!core_resident(7));
	CHECK_INT(window_get(7, 0), 7);
	CHECK(core_resident(7));
	CHECK_INT(atomic_load(&object->dirty), 0);
	window_tear_down();
}

TEST(a_write_to_an_absent_page_brings_it_dirty)
{
	window_set_up();
	window_put(3, 33);
	CHECK_INT(atomic_load(&object->dirty), 1);
	CHECK_INT(window_get(3, 0), 3);
	CHECK_INT(core_get(3, 1), 33);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(3), 33);
	CHECK_INT(atomic_load(&object->dirty), 0);
	window_tear_down();
}

TEST(a_write_to_a_clean_page_makes_it_dirty)
{
	window_set_up();
	CHECK_INT(window_get(3, 0), 3);
	CHECK_INT(atomic_load(&object->dirty), 0);
	window_put(3, 33);
	CHECK_INT(atomic_load(&object->dirty), 1);
	window_put(3, 34);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	window_put(3, 35);	/* traps anew */
	CHECK_INT(atomic_load(&object->dirty), 1);
	CHECK_INT(core_in_file(3), 34);
	window_tear_down();
}

TEST(what_is_written_by_one_way_is_read_by_the_other)
{
	window_set_up();
	core_put(5, 55);
	CHECK_INT(window_get(5, 1), 55);
	window_put(5, 56);
	CHECK_INT(core_get(5, 1), 56);
	core_put(6, 66);	/* absent before */
	CHECK_INT(window_get(6, 1), 66);
	window_tear_down();
}

/* A word of each page, over and over, in a limit that holds half of them. */
TEST(more_pages_than_memory_come_and_go)
{
	window_set_up();
	for (unsigned round = 1; round <= 3; round++)
		for (uint64_t i = 0; i < FILE_PAGES; i++) {
			CHECK_INT(window_get(i, 0), i);
			if (round > 1)
				CHECK_INT(window_get(i, 1), i + round - 1);
			window_put(i, i + round);
		}
	CHECK(atomic_load(&object->resident) <= CORE_LIMIT_PAGES);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_in_file(i), i + 3);
	window_tear_down();
}
