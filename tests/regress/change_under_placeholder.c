/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A write_end, and a resize, took a placeholder, which has no bytes, for a page
 * with a frame, and stopped the program.
 */
#include "one_object.h"

static void
put_placeholder(uint64_t pindex)
{
	struct vm_page *page;

	CHECK(vm_page_more_fictitious(vm, 1) > 0);
	CHECK_INT(vm_page_grab_fictitious(vm, &page), 0);
	CHECK_INT(vm_page_insert(page, object, pindex), 0);
	vm_page_release(page);
}

TEST(a_file_may_change_under_a_placeholder)
{
	uint64_t value = 33;

	core_set_up(0);
	put_placeholder(3);
	CHECK_INT(vm_object_write_begin(object, 3 * PAGE, PAGE), 0);
	CHECK(pwrite(core_fd, &value, sizeof(value), 3 * PAGE + 8) ==
	    (ssize_t)sizeof(value));
	CHECK_INT(vm_object_write_end(object, 3 * PAGE, PAGE, PAGE), 0);
	CHECK_INT(core_get(3, 1), 33);
	core_tear_down();
}

TEST(an_object_may_end_and_go_on_in_a_placeholder)
{
	core_set_up(0);
	put_placeholder(3);
	CHECK_INT(vm_object_resize(object, 3 * PAGE + 100), 0);
	CHECK(ftruncate(core_fd, 3 * PAGE + 100) == 0);
	CHECK(ftruncate(core_fd, 5 * PAGE) == 0);
	CHECK_INT(vm_object_resize(object, 5 * PAGE), 0);
	CHECK_INT(core_get(3, 0), 3);
	CHECK_INT(core_get(3, 40), 0);
	core_tear_down();
}
