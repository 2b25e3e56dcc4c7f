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

/* ---- what cannot be resolved --------------------------------------------- */

TEST(a_touch_beyond_the_end_is_the_programs)
{
	core_set_up(0);
	window_open(FILE_PAGES + 5);
	CHECK_INT(WINDOW_TRY(window_get(FILE_PAGES, 0)), -ERANGE);
	CHECK_INT(window_get(FILE_PAGES - 1, 0), FILE_PAGES - 1);
	window_tear_down();
}

TEST(a_page_that_cannot_be_read_is_the_programs_and_others_are_not)
{
	window_set_up();
	atomic_store(&faulty.bad_from, 7 * PAGE);
	atomic_store(&faulty.bad_end, 8 * PAGE);
	CHECK_INT(WINDOW_TRY(window_get(7, 0)), -EIO);
	CHECK(!core_resident(7));
	CHECK_INT(window_get(6, 0), 6);
	atomic_store(&faulty.bad_end, 0);
	CHECK_INT(WINDOW_TRY(window_get(7, 0)), 0);
	CHECK_INT(window_get(7, 0), 7);
	window_tear_down();
}

TEST(a_write_to_what_is_read_only_is_the_programs)
{
	struct vm_object *readonly;

	core_set_up(0);
	readonly = object;
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &object), 0);
	CHECK_INT(vm_object_destroy(readonly), 0);
	window_open(FILE_PAGES);
	CHECK_INT(window_get(3, 0), 3);
	CHECK_INT(WINDOW_TRY((window_put(3, 1), 0)), -EACCES);
	CHECK_INT(WINDOW_TRY((window_put(4, 1), 0)), -EACCES);
	CHECK_INT(atomic_load(&object->dirty), 0);
	window_tear_down();
}

TEST(where_no_memory_can_be_had_the_touch_is_the_programs)
{
	struct vm_page *page[CORE_LIMIT_PAGES];
	volatile unsigned n = 0;

	faulty_reset();
	core_create(1000000);	/* 1 ms */
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	window_open(FILE_PAGES);
	while (n < CORE_LIMIT_PAGES && vm_page_alloc(vm, 0, &page[n]) == 0)
		n++;
	CHECK_INT(WINDOW_TRY(window_get(7, 0)), -ENOMEM);
	while (n > 0)
		vm_page_free(page[--n], 0);
	CHECK_INT(window_get(7, 0), 7);
	window_tear_down();
}

TEST(errno_is_what_it_was)
{
	window_set_up();
	errno = EDOM;
	CHECK_INT(window_get(7, 0), 7);
	CHECK_INT(errno, EDOM);
	window_tear_down();
}

TEST(a_page_that_the_program_took_away_is_the_programs)
{
	window_set_up();
	CHECK_INT(window_get(7, 0), 7);
	vm_view_drop(object->view, 7, 1);
	CHECK_INT(WINDOW_TRY(window_get(7, 0)), -EFAULT);
	CHECK_INT(vm_object_forget(object), 0);
	CHECK_INT(window_get(7, 0), 7);
	window_tear_down();
}

/* ---- more than one page -------------------------------------------------- */

TEST(pages_that_are_touched_in_order_come_in_runs)
{
	uint64_t faults;

	window_set_up();
	CHECK_INT(vm_object_advise(object, VM_ADVICE_SEQUENTIAL), 0);
	faults = vm_counter_read(vm->counters, VM_COUNTER_faults);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(window_get(i, 0), i);
	faults = vm_counter_read(vm->counters, VM_COUNTER_faults) - faults;
	CHECK(faults < FILE_PAGES / 2);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		window_put(i, i + 5);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_in_file(i), i + 5);
	window_tear_down();
}

TEST(nothing_is_allocated_in_a_fault)
{
	int blocks;

	window_set_up();
	CHECK_INT(vm_object_advise(object, VM_ADVICE_SEQUENTIAL), 0);
	blocks = faulty.blocks + faulty.queues + faulty.maps;
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(window_get(i, 0), i);
	for (uint64_t i = 0; i < FILE_PAGES; i += 3)
		window_put(FILE_PAGES - 1 - i, i);
	CHECK_INT(faulty.blocks + faulty.queues + faulty.maps, blocks);
	window_tear_down();
}

/* ---- the object changes -------------------------------------------------- */

TEST(a_window_grows_with_its_object)
{
	window_set_up();
	CHECK_INT(ftruncate(core_fd, 4 * FILE_PAGES * PAGE), 0);
	CHECK_INT(vm_object_resize(object, 4 * FILE_PAGES * PAGE), 0);
	core_put(3 * FILE_PAGES, 99);
	CHECK_INT(core_get(3 * FILE_PAGES, 1), 99);
	CHECK_INT(*(uint64_t *)(void *)(vm_view_at(object->view,
	    3 * FILE_PAGES) + 8), 99);
	CHECK_INT(window_get(1, 0), 1);
	window_tear_down();
}

TEST(what_an_object_loses_reads_as_zeros_when_it_grows_again)
{
	window_set_up();
	window_put(10, 1010);
	window_put(11, 1111);
	CHECK_INT(vm_object_resize(object, 10 * PAGE + 8), 0);
	CHECK_INT(WINDOW_TRY(window_get(11, 1)), -ERANGE);
	CHECK_INT(window_get(10, 0), 10);
	CHECK_INT(window_get(10, 1), 0);
	CHECK_INT(ftruncate(core_fd, 10 * PAGE + 8), 0);
	CHECK_INT(ftruncate(core_fd, FILE_PAGES * PAGE), 0);
	CHECK_INT(vm_object_resize(object, FILE_PAGES * PAGE), 0);
	CHECK_INT(window_get(10, 1), 0);
	CHECK_INT(window_get(11, 1), 0);
	window_tear_down();
}

TEST(a_write_behind_the_objects_back_shows_in_its_window)
{
	uint64_t word = 4242;

	window_set_up();
	CHECK_INT(window_get(5, 0), 5);
	window_put(6, 66);
	CHECK_INT(vm_object_write_begin(object, 5 * PAGE + 8, PAGE), 0);
	CHECK_INT(pwrite(core_fd, &word, sizeof(word), 5 * PAGE + 8), 8);
	CHECK_INT(vm_object_write_end(object, 5 * PAGE + 8, PAGE,
	    sizeof(word)), 0);
	CHECK_INT(window_get(5, 1), 4242);
	CHECK_INT(window_get(6, 1), 66);
	window_put(5, 4243);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(5), 4243);
	window_tear_down();
}

/* ---- with pages in hand -------------------------------------------------- */

/* His own write would trap, and wait for himself: the alarm ends the test. */
TEST(who_holds_a_page_to_write_it_does_not_trap)
{
	struct vm_page *page[2];
	unsigned got;

	window_set_up();
	alarm(20);
	CHECK_INT(window_get(3, 0), 3);
	page[0] = core_grab(3, VM_GRAB_READ);
	CHECK_INT(vm_page_try_upgrade(page[0]), 0);
	window_put(3, 33);
	vm_page_release(page[0]);
	CHECK_INT(atomic_load(&object->dirty), 1);
	CHECK_INT(vm_page_grab_many(object, 4, 2, VM_GRAB_WRITE, page, &got),
	    0);
	window_put(4, 44);
	window_put(5, 55);
	vm_page_release_many(page, got);
	page[0] = core_grab(6, VM_GRAB_WRITE | VM_GRAB_ZERO);
	window_put(6, 66);
	vm_page_dirty(page[0], 0, PAGE);
	vm_page_clear_dirty(page[0], 0, PAGE);
	window_put(6, 67);	/* ... even when he calls it clean */
	vm_page_release(page[0]);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(3), 33);
	CHECK_INT(core_in_file(4), 44);
	CHECK_INT(core_in_file(5), 55);
	CHECK_INT(core_in_file(6), 67);
	CHECK_INT(window_get(6, 0), 0);
	alarm(0);
	window_tear_down();
}

static const char zeros[PAGE];

static void *
touch_three(void *arg)
{
	(void)arg;
	window_put(3, 34);
	return NULL;
}

TEST(who_touches_a_page_that_is_held_waits)
{
	struct vm_page *page;
	struct vm_slot *slot;
	pthread_t thread;

	window_set_up();
	page = core_grab(3, VM_GRAB_WRITE);
	slot = atomic_load(&page->slot);
	/* It is open: drop it behind its holder's back, so that it traps. */
	vm_view_drop(object->view, 3, 1);
	CHECK_INT(pthread_create(&thread, NULL, touch_three, NULL), 0);
	while (!vm_slot_wanted(slot))
		vm->os->yield();
	CHECK_INT(vm_view_fill(object->view, 3, 1, zeros, false), 0);
	vm_page_release(page);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(core_get(3, 1), 34);
	window_tear_down();
}

static void
end_by_abort(int number)
{
	(void)number;
	abort();
}

/* Its touch ends it, and nothing else. */
TEST(a_forked_child_has_no_window)
{
	window_set_up();
	CHECK_INT(window_get(3, 0), 3);
	CHECK_DIES(signal(SIGSEGV, end_by_abort); (void)window_get(3, 0));
	CHECK_INT(window_get(3, 0), 3);
	window_tear_down();
}
