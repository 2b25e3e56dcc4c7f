/* SPDX-License-Identifier: BSD-2-Clause */
/* An object follows its file: bytes and lengths that change behind it. */
#include "pageout/change.h"

#include <pthread.h>
#include <sched.h>

#include "audit.h"
#include "one_object.h"

/* Word 1 of a page is changed in the file, as somebody's write(2) would. */
static void
write_file(uint64_t pindex, uint64_t value)
{
	CHECK(pwrite(core_fd, &value, sizeof(value), (off_t)(pindex * PAGE +
	    8)) == (ssize_t)sizeof(value));
}

static void
change_behind(unsigned flags)
{
	core_set_up(flags);
	CHECK_INT(core_get(3, 1), 0);
	core_put(4, 44);
	core_put(5, 55);
	CHECK_INT(vm_object_write_begin(object, 3 * PAGE, 2 * PAGE), 0);
	write_file(3, 33);
	write_file(4, 34);
	CHECK_INT(vm_object_write_end(object, 3 * PAGE, 2 * PAGE, 2 * PAGE),
	    0);
	CHECK_INT(core_get(3, 1), 33);		/* was resident and clean */
	CHECK_INT(core_get(4, 1), 34);		/* and dirty */
	CHECK_INT(core_get(5, 1), 55);		/* not in the range */
	CHECK_INT(core_get(4, 0), 4);
	audit(vm);
	core_tear_down();
}

TEST(resident_pages_take_the_new_bytes_over)
{
	change_behind(0);
}

TEST(resident_pages_of_a_store_take_the_new_bytes_over)
{
	change_behind(VM_OBJECT_STORE);
}

TEST(bytes_beside_the_range_stay_as_they_are_in_the_page)
{
	struct vm_page *page;
	uint64_t *words;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	words = vm_page_data(page);
	words[0] = 70;
	words[2] = 72;
	vm_page_dirty(page, 0, 24);
	vm_page_release(page);
	CHECK_INT(vm_object_write_begin(object, 3 * PAGE + 8, 8), 0);
	write_file(3, 71);
	CHECK_INT(vm_object_write_end(object, 3 * PAGE + 8, 8, 8), 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK_INT(core_get(3, i), 70 + i);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(3), 71);
	core_tear_down();
}

TEST(a_write_that_failed_takes_nothing_over)
{
	core_set_up(0);
	core_put(3, 5);
	CHECK_INT(vm_object_write_begin(object, 3 * PAGE, PAGE), 0);
	CHECK_INT(vm_object_write_end(object, 3 * PAGE, PAGE, 0), 0);
	CHECK_INT(core_get(3, 1), 5);
	CHECK_INT(vm_object_write_begin(object, 3 * PAGE, PAGE), 0);
	CHECK_INT(vm_object_write_end(object, 3 * PAGE, PAGE, PAGE + 1),
	    -EINVAL);
	CHECK_INT(vm_object_write_end(object, 3 * PAGE, PAGE, 0), 0);
	core_tear_down();
}

TEST(an_end_without_its_begin_is_refused)
{
	core_set_up(0);
	CHECK_INT(vm_object_write_end(object, 0, PAGE, PAGE), -EINVAL);
	CHECK_INT(vm_object_write_begin(object, 0, PAGE), 0);
	CHECK_INT(vm_object_write_end(object, 0, 2 * PAGE, PAGE), -EINVAL);
	CHECK_INT(vm_object_write_end(object, 0, PAGE, PAGE), 0);
	CHECK_INT(vm_object_write_end(object, 0, PAGE, PAGE), -EINVAL);
	core_tear_down();
}

/* Page 100 is resident up to its byte 1000, zeros behind; the write goes on to
 * its end. */
TEST(the_last_page_grows_with_a_write_that_begins_in_it)
{
	struct vm_page *page;
	uint64_t *words;

	core_create(0);
	core_new_file();
	CHECK(ftruncate(core_fd, FILE_PAGES * PAGE + 1000) == 0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(core_get(FILE_PAGES, 0), 0);
	CHECK_INT(vm_object_write_begin(object, FILE_PAGES * PAGE, PAGE), 0);
	for (uint64_t i = 0; i < PAGE; i += 8)
		CHECK(pwrite(core_fd, &i, 8, FILE_PAGES * PAGE + (off_t)i) ==
		    8);
	CHECK_INT(vm_object_write_end(object, FILE_PAGES * PAGE, PAGE, PAGE),
	    0);
	CHECK_INT(vm_object_length(object), (FILE_PAGES + 1) * PAGE);
	page = core_grab(FILE_PAGES, VM_GRAB_READ);
	words = vm_page_data(page);
	for (uint64_t i = 0; i < PAGE; i += 8)
		CHECK_INT(words[i / 8], i);
	vm_page_release(page);
	core_tear_down();
}

/* The first of two resident pages cannot be read: the call says so, the second
 * has the new bytes, and both can be used. */
TEST(a_page_that_cannot_take_the_new_bytes_over_is_an_error)
{
	core_set_up(0);
	CHECK_INT(core_get(3, 1), 0);
	CHECK_INT(core_get(4, 1), 0);
	CHECK_INT(vm_object_write_begin(object, 3 * PAGE, 2 * PAGE), 0);
	write_file(3, 71);
	write_file(4, 72);
	faulty.fail_at = atomic_load(&faulty.calls) + 2;
	CHECK_INT(vm_object_write_end(object, 3 * PAGE, 2 * PAGE, 2 * PAGE),
	    -EIO);
	CHECK_STR(atomic_load(&faulty.failed), "pread_of");
	faulty.fail_at = 0;
	CHECK_INT(core_get(3, 1), 0);
	CHECK_INT(core_get(4, 1), 72);
	core_tear_down();
}

TEST(a_file_whose_length_nobody_tells_is_an_error)
{
	core_set_up(0);
	CHECK_INT(core_get(3, 1), 0);
	CHECK_INT(vm_object_write_begin(object, 3 * PAGE, PAGE), 0);
	write_file(3, 71);
	faulty.fail_at = atomic_load(&faulty.calls) + 1;
	CHECK_INT(vm_object_write_end(object, 3 * PAGE, PAGE, PAGE), -EIO);
	CHECK_STR(atomic_load(&faulty.failed), "fstat_of");
	faulty.fail_at = 0;
	CHECK_INT(core_get(3, 1), 71);
	core_tear_down();
}

/* To the end of whatever: the end of the range is beyond every number. */
TEST(a_write_without_an_end_covers_all_pages_behind)
{
	core_set_up(0);
	CHECK_INT(core_get(3, 1), 0);
	CHECK_INT(core_get(99, 1), 0);
	CHECK_INT(vm_change_begin(object, PAGE, UINT64_MAX), 0);
	write_file(99, 71);
	CHECK_INT(vm_change_end(object, PAGE, UINT64_MAX, UINT64_MAX), 0);
	CHECK_INT(core_get(99, 1), 71);
	core_tear_down();
}

/* Somebody is about to bring the page, and will see the barrier. */
TEST(a_slot_that_is_held_while_absent_takes_nothing_over)
{
	struct vm_slot *slot;
	uint32_t number;

	core_set_up(0);
	CHECK_INT(core_get(3, 1), 0);
	CHECK_INT(vm_object_write_begin(object, 3 * PAGE, 3 * PAGE), 0);
	CHECK_INT(vm_index_try_excl(&object->index, 4, &slot, &number), 1);
	CHECK_INT(number, VM_SLOT_ABSENT);
	write_file(3, 71);
	CHECK_INT(vm_object_write_end(object, 3 * PAGE, 3 * PAGE, 3 * PAGE),
	    0);
	vm_index_release_excl(&object->index, slot, VM_SLOT_ABSENT);
	CHECK_INT(core_get(3, 1), 71);
	CHECK(!core_resident(4));
	core_tear_down();
}

TEST(a_length_that_is_the_length_changes_nothing)
{
	uint64_t generation;

	core_set_up(0);
	core_put(3, 5);
	generation = vm_object_generation(object);
	CHECK_INT(vm_object_resize(object, vm_object_length(object)), 0);
	CHECK_INT(vm_object_generation(object), generation);
	CHECK_INT(object->dirty, 1);
	core_tear_down();
}

TEST(an_empty_write_is_no_write)
{
	core_set_up(0);
	CHECK_INT(core_get(3, 0), 3);
	CHECK_INT(vm_object_write_begin(object, 3 * PAGE, 0), 0);
	CHECK_INT(core_get(3, 0), 3);
	CHECK_INT(vm_object_write_end(object, 3 * PAGE, 0, 0), 0);
	core_tear_down();
}

static void *
grab_three(void *arg)
{
	CHECK_INT(core_get(3, 1), 33);
	atomic_store((_Atomic int *)arg, 1);
	return NULL;
}

static void
wait_while_writing(bool resident)
{
	_Atomic int done = 0;
	pthread_t thread;

	core_set_up(0);
	if (resident)
		CHECK_INT(core_get(3, 1), 0);
	CHECK_INT(vm_object_write_begin(object, 3 * PAGE, PAGE), 0);
	CHECK_INT(pthread_create(&thread, NULL, grab_three, (void *)&done), 0);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	CHECK_INT(done, 0);
	write_file(3, 33);
	CHECK_INT(vm_object_write_end(object, 3 * PAGE, PAGE, PAGE), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	core_tear_down();
}

TEST(who_wants_a_resident_page_waits_for_the_write)
{
	wait_while_writing(true);
}

TEST(who_wants_a_missing_page_waits_for_the_write)
{
	wait_while_writing(false);
}

/* -- lengths ------------------------------------------------------------- */

TEST(an_object_over_a_part_of_a_file_keeps_to_it)
{
	core_create(0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, 10 * PAGE, 0, &object),
	    0);
	CHECK_INT(vm_object_write_begin(object, 5 * PAGE, 16), 0);
	write_file(5, 5);
	CHECK_INT(vm_object_write_end(object, 5 * PAGE, 16, 16), 0);
	CHECK_INT(vm_object_length(object), 10 * PAGE);
	CHECK_INT(core_get(5, 1), 5);
	core_tear_down();
}

static void
grow_by_writing(unsigned flags)
{
	uint64_t at = (FILE_PAGES + 20) * PAGE;

	core_set_up(flags);
	CHECK_INT(vm_object_write_begin(object, at, 16), 0);
	write_file(FILE_PAGES + 20, 5);
	CHECK_INT(vm_object_write_end(object, at, 16, 16), 0);
	CHECK_INT(vm_object_length(object), at + 16);
	CHECK_INT(core_get(FILE_PAGES + 20, 1), 5);
	CHECK_INT(core_get(FILE_PAGES + 3, 0), 0);
	core_put(FILE_PAGES + 3, 6);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(FILE_PAGES + 3), 6);
	audit(vm);
	core_tear_down();
}

TEST(an_object_grows_with_its_file)
{
	grow_by_writing(0);
}

TEST(a_store_grows_with_its_file)
{
	grow_by_writing(VM_OBJECT_STORE);
}

static void
shrink_and_grow(unsigned flags)
{
	uint64_t length = 5 * PAGE + 12;
	struct vm_page *page;
	uint32_t low;

	core_set_up(flags);
	core_put(5, UINT64_MAX);
	core_put(6, 66);
	CHECK_INT(vm_object_resize(object, length), 0);
	CHECK(ftruncate(core_fd, (off_t)length) == 0);
	CHECK_INT(vm_page_grab(object, 6, VM_GRAB_READ, &page), -ERANGE);
	CHECK(ftruncate(core_fd, 10 * PAGE) == 0);
	CHECK_INT(vm_object_resize(object, 10 * PAGE), 0);
	/* Bytes 8 to 11 of the page are left of the word. */
	page = core_grab(5, VM_GRAB_READ);
	memcpy(&low, (char *)vm_page_data(page) + 8, sizeof(low));
	CHECK(low == UINT32_MAX);
	memcpy(&low, (char *)vm_page_data(page) + 12, sizeof(low));
	CHECK_INT(low, 0);
	vm_page_release(page);
	CHECK_INT(core_get(6, 1), 0);
	audit(vm);
	core_tear_down();
}

TEST(what_was_cut_off_does_not_come_back)
{
	shrink_and_grow(0);
}

TEST(what_was_cut_off_a_store_does_not_come_back)
{
	shrink_and_grow(VM_OBJECT_STORE);
}

TEST(an_anonymous_object_that_was_cut_reads_as_zeros)
{
	struct vm_object *file;

	core_set_up(0);
	file = object;
	CHECK_INT(vm_object_create_anon(vm, 10 * PAGE, 0, &object), 0);
	core_put(5, UINT64_MAX);
	CHECK_INT(vm_object_resize(object, 5 * PAGE + 12), 0);
	CHECK_INT(vm_object_resize(object, 10 * PAGE), 0);
	CHECK_INT(core_get(5, 1), UINT32_MAX);
	CHECK_INT(vm_object_destroy(object), 0);
	object = file;
	core_tear_down();
}

/* The last page was cut short by the old end: the file has more in it now. */
TEST(the_page_of_the_old_end_gets_what_the_file_has)
{
	core_set_up(0);
	CHECK_INT(vm_object_resize(object, 5 * PAGE + 4), 0);
	CHECK_INT(core_get(5, 1), 0);
	write_file(5, 77);
	CHECK_INT(vm_object_resize(object, 9 * PAGE), 0);
	CHECK_INT(core_get(5, 1), 77);
	core_tear_down();
}

/* Nobody knew what was in the page; of what is behind the end one does. */
TEST(behind_a_new_end_are_zeros_and_they_are_valid)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK_INT(vm_page_set_invalid(page, 0, PAGE), 0);
	memset(vm_page_data(page), 0xee, PAGE);
	vm_page_release(page);
	CHECK_INT(vm_object_resize(object, 5 * PAGE + 600), 0);
	CHECK_INT(page->valid, 0xfc);
	CHECK_INT(((char *)vm_page_data(page))[600], 0);
	CHECK_INT(((char *)vm_page_data(page))[PAGE - 1], 0);
	core_tear_down();
}

TEST(a_wired_page_keeps_the_length_and_all_bytes)
{
	core_set_up(0);
	core_put(7, 70);
	CHECK_INT(vm_object_wire(object, 9 * PAGE, 1), 0);
	CHECK_INT(vm_object_resize(object, 2 * PAGE), -EBUSY);
	CHECK_INT(vm_object_length(object), FILE_PAGES * PAGE);
	CHECK_INT(core_get(7, 1), 70);
	CHECK_INT(vm_object_unwire(object, 9 * PAGE, 1), 0);
	CHECK_INT(vm_object_resize(object, 2 * PAGE), 0);
	core_tear_down();
}

/* -- all at once --------------------------------------------------------- */

enum { ROUNDS = 300 };

static void *
read_all_the_time(void *arg)
{
	for (int i = 0; i < 10 * ROUNDS; i++) {
		struct vm_page *page;
		uint64_t at = (uint64_t)i * 31 % FILE_PAGES;

		if (vm_page_grab(object, at, VM_GRAB_READ, &page) != 0)
			continue;	/* cut off just now */
		CHECK_INT(*(uint64_t *)vm_page_data(page), at);
		vm_page_release(page);
	}
	return arg;
}

static void *
write_all_the_time(void *arg)
{
	uint64_t mine = (uintptr_t)arg;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t at = mine * 10 + i % 10;

		CHECK_INT(vm_object_write_begin(object, at * PAGE, PAGE), 0);
		write_file(at, i + 1);
		CHECK_INT(vm_object_write_end(object, at * PAGE, PAGE, PAGE),
		    0);
		CHECK_INT(core_get(at, 1), i + 1);
	}
	return NULL;
}

TEST(readers_and_those_who_write_behind_do_not_disturb_each_other)
{
	pthread_t thread[4];

	core_set_up(VM_OBJECT_STORE);
	for (uintptr_t i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, i < 2 ?
		    read_all_the_time : write_all_the_time, (void *)i), 0);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		CHECK_INT(vm_object_resize(object, (50 + i % 7) * PAGE), 0);
		CHECK_INT(vm_object_resize(object, FILE_PAGES * PAGE), 0);
	}
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	audit(vm);
	core_tear_down();
}
