/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages are freed ahead of need: which, and which not. */
#include "pageout/daemon.h"

#include <sched.h>

#include "audit.h"
#include "one_object.h"

static void
rest(void)
{
	while (vm_limit_shortage(&vm->limit) != 0)
		sched_yield();
	audit(vm);
}

TEST(free_pages_are_kept_ahead_of_need)
{
	core_set_up(0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	rest();
	CHECK(atomic_load(&vm->limit.free) >= vm->limit.low);
	core_tear_down();
}

TEST(dirty_victims_are_written_before_they_leave)
{
	struct vm_stat s = VM_STAT_INIT;

	core_set_up(0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		core_put(i, i + 1);
	rest();
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK(s.evicted_dirty + s.evicted_clean >=
	    FILE_PAGES - CORE_LIMIT_PAGES);
	CHECK(s.evicted_dirty > 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 1), i + 1);
	core_tear_down();
}

TEST(wired_and_held_pages_stay)
{
	struct vm_page *a, *b;

	core_set_up(0);
	CHECK_INT(vm_object_wire(object, 0, 20 * PAGE), 0);
	a = core_grab(30, VM_GRAB_READ);
	b = core_grab(31, VM_GRAB_WRITE);
	for (int turn = 0; turn < 5; turn++)
		for (uint64_t i = 32; i < FILE_PAGES; i++)
			CHECK_INT(core_get(i, 0), i);
	for (uint64_t i = 0; i < 20; i++)
		CHECK(core_resident(i));
	CHECK(*(uint64_t *)vm_page_data(a) == 30 && vm_page_pindex(a) == 30);
	CHECK(*(uint64_t *)vm_page_data(b) == 31 && vm_page_pindex(b) == 31);
	vm_page_release(a);
	vm_page_release(b);
	CHECK_INT(vm_object_unwire(object, 0, 20 * PAGE), 0);
	rest();
	core_tear_down();
}

/* What it cannot write it tries again, later; others come and go. */
TEST(a_write_that_fails_is_tried_again)
{
	core_set_up(0);
	atomic_store(&faulty.write_errno, EIO);
	for (uint64_t i = 0; i < 10; i++)
		core_put(i, i + 1);
	for (uint64_t i = 10; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	CHECK_INT(object->dirty, 10);
	CHECK(object->write_errors > 0);
	atomic_store(&faulty.write_errno, 0);
	/* Until the daemon has written them. */
	for (uint64_t i = 10; object->dirty != 0; i++)
		(void)core_get(i % 90 + 10, 0);
	for (uint64_t i = 0; i < 10; i++)
		CHECK_INT(core_in_file(i), i + 1);
	core_tear_down();
}

TEST(each_policy_and_a_tiny_system_do)
{
	for (const char *const *name = vm_policy_names(); *name != NULL;
	    name++) {
		struct vm_options o = VM_OPTIONS_INIT;

		faulty_reset();
		core_new_file();
		o.resident_max_bytes = 16 * PAGE;
		o.policy = *name;
		CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
		CHECK_STR(vm_policy_name(vm), *name);
		CHECK_INT(vm_object_create_file(vm, core_fd, 0,
		    VM_LENGTH_ALL, VM_OBJECT_WRITABLE, &object), 0);
		for (uint64_t i = 0; i < 5 * FILE_PAGES; i++)
			core_put(i * 37 % FILE_PAGES, i);
		rest();
		core_tear_down();
	}
}
