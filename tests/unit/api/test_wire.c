/* SPDX-License-Identifier: BSD-2-Clause */
/* Pinning pages: as often as unpinned, up to half of the limit. */
#include <pthread.h>

#include "audit.h"
#include "one_object.h"

static uint64_t
wired(void)
{
	struct vm_object_stat stat;

	vm_object_stat(object, &stat);
	CHECK_INT(vm->wired, stat.wired_pages);
	return stat.wired_pages;
}

TEST(wires_are_counted_by_page_and_by_how_often)
{
	core_set_up(0);
	CHECK_INT(vm_object_wire(object, 10, 2 * PAGE), 0);
	CHECK_INT(wired(), 3);		/* bytes 10 .. 2 * PAGE + 10 */
	CHECK_INT(vm_object_wire(object, PAGE, PAGE), 0);
	CHECK_INT(wired(), 3);
	CHECK_INT(vm_object_unwire(object, 0, 3 * PAGE), 0);
	CHECK_INT(wired(), 1);
	CHECK_INT(vm_object_unwire(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(wired(), 0);
	CHECK_INT(vm_object_unwire(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(wired(), 0);
	audit(vm);
	core_tear_down();
}

TEST(half_of_the_limit_can_be_wired_and_a_failure_wires_nothing)
{
	uint64_t half = CORE_LIMIT_PAGES / 2;

	core_set_up(0);
	CHECK_INT(vm_object_wire(object, 0, PAGE), 0);
	CHECK_INT(vm_object_wire(object, 0, (half + 1) * PAGE), -ENOMEM);
	CHECK(strstr(vm_last_error(), "half") != NULL);
	CHECK_INT(wired(), 1);
	CHECK_INT(vm_object_wire(object, PAGE, (half - 1) * PAGE), 0);
	CHECK_INT(wired(), half);
	CHECK_INT(vm_object_wire(object, half * PAGE, PAGE), -ENOMEM);
	CHECK_INT(vm_object_wire(object, 0, PAGE), 0);	/* once more */
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	CHECK_INT(vm_object_unwire(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(wired(), 1);
	CHECK_INT(vm_object_unwire(object, 0, VM_LENGTH_ALL), 0);
	core_tear_down();
}

TEST(a_page_that_cannot_be_read_is_not_wired_nor_are_those_before_it)
{
	core_set_up(0);
	atomic_store(&faulty.bad_from, 5 * PAGE);
	atomic_store(&faulty.bad_end, 6 * PAGE);
	CHECK_INT(vm_object_wire(object, 0, 10 * PAGE), -EIO);
	CHECK_INT(wired(), 0);
	core_tear_down();
}

TEST(a_page_is_wired_so_often_and_no_more)
{
	core_set_up(0);
	for (unsigned i = 0; i < UINT16_MAX; i++)
		CHECK_INT(vm_object_wire(object, 0, PAGE), 0);
	CHECK_INT(vm_object_wire(object, 0, PAGE), -EAGAIN);
	for (unsigned i = 0; i < UINT16_MAX; i++) {
		CHECK_INT(wired(), 1);
		CHECK_INT(vm_object_unwire(object, 0, PAGE), 0);
	}
	CHECK_INT(wired(), 0);
	core_tear_down();
}

TEST(a_reader_may_wire_and_unwire_the_page_it_holds)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_READ);
	CHECK_INT(vm_object_wire(object, 3 * PAGE, PAGE), 0);
	CHECK_INT(vm_object_unwire(object, 3 * PAGE, PAGE), 0);
	vm_page_release(page);
	core_tear_down();
}

TEST(a_wired_object_is_not_destroyed)
{
	core_set_up(0);
	CHECK_INT(vm_object_wire(object, 0, 1), 0);
	CHECK_INT(vm_object_destroy(object), -EBUSY);
	CHECK(strstr(vm_last_error(), "wired") != NULL);
	CHECK_INT(vm_object_unwire(object, 0, 1), 0);
	core_tear_down();
}

static void *
unwire_five(void *arg)
{
	CHECK_INT(vm_object_unwire(object, 5 * PAGE, PAGE), 0);
	return arg;
}

static bool
asleep(struct vm_page *page)
{
	return (atomic_load(&atomic_load(&page->slot)->word) & 2) != 0;
}

/* The page is somebody's alone: unwiring waits, and finds it as he left it. */
static void
unwire_what_is_held(bool freed)
{
	struct vm_page *page;
	pthread_t thread;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE | VM_GRAB_WIRED);
	CHECK_INT(pthread_create(&thread, NULL, unwire_five, NULL), 0);
	while (!asleep(page))
		vm->os->yield();
	CHECK_INT(wired(), 1);
	if (freed)
		vm_page_free(page, VM_FREE_WIRED);
	else
		vm_page_release(page);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(wired(), 0);
	CHECK_INT(core_resident(5), !freed);
	audit(vm);
	core_tear_down();
}

TEST(unwiring_waits_for_who_holds_the_page_alone)
{
	unwire_what_is_held(false);
}

TEST(unwiring_a_page_that_is_freed_meanwhile_does_nothing)
{
	unwire_what_is_held(true);
}

static void *
wire_all_the_time(void *arg)
{
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t at = i * 7 % 11 * PAGE;

		CHECK_INT(vm_object_wire(object, at, 2 * PAGE), 0);
		CHECK_INT(core_get(50 + i % 40, 0), 50 + i % 40);
		CHECK_INT(vm_object_unwire(object, at, 2 * PAGE), 0);
	}
	return arg;
}

/* While the daemon looks for victims. */
TEST(threads_wire_the_same_pages)
{
	pthread_t thread[3];

	core_set_up(0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, wire_all_the_time,
		    NULL), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK_INT(wired(), 0);
	audit(vm);
	core_tear_down();
}
