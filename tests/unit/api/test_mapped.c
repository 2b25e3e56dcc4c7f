/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done to pages by their addresses: wire, advise, sync, resident. */
#include "one_map.h"

static void *
at(uint64_t page)
{
	return (void *)(uintptr_t)(base + page * PAGE);
}

static uint64_t
wired(void)
{
	return atomic_load(&object->wired);
}

static void
set_up(void)
{
	map_set_up(0);
	map_it(RW, 0);
}

static void
tear_down(void)
{
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

/* -- wire ---------------------------------------------------------------- */

TEST(wired_pages_stay_until_they_are_unwired)
{
	unsigned char in[FILE_PAGES];

	set_up();
	CHECK_INT(vm_wire(vm, at(10), 8 * PAGE), 0);
	CHECK_INT(wired(), 8);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(get_at(base, i, 0), i);
	for (uint64_t i = 10; i < 18; i++)
		CHECK(core_resident(i));
	CHECK_INT(vm_resident(vm, at(0), FILE_PAGES * PAGE, in), 0);
	CHECK_INT(in[10], VM_RESIDENT_IN | VM_RESIDENT_WIRED);
	CHECK_INT(in[17], VM_RESIDENT_IN | VM_RESIDENT_WIRED);
	CHECK(in[18] != (VM_RESIDENT_IN | VM_RESIDENT_WIRED));
	CHECK_INT(vm_unwire(vm, at(0), FILE_PAGES * PAGE), 0);
	CHECK_INT(wired(), 0);
	tear_down();
}

TEST(a_page_is_wired_once_however_often_that_is_asked_for)
{
	set_up();
	CHECK_INT(vm_wire(vm, at(10), 4 * PAGE), 0);
	CHECK_INT(vm_wire(vm, at(8), 8 * PAGE), 0);
	CHECK_INT(wired(), 8);
	CHECK_INT(vm_unwire(vm, at(9), 2 * PAGE), 0);
	CHECK_INT(wired(), 6);
	CHECK(vm_page_wire(core_grab(8, VM_GRAB_READ), NULL) == 0);
	vm_page_release(vm_page_of(vm, vm_index_peek(&object->index, 8)));
	CHECK_INT(vm_unwire(vm, at(0), 16 * PAGE), 0);
	CHECK_INT(wired(), 1);		/* not ours */
	CHECK_INT(vm_object_unwire(object, 8 * PAGE, PAGE), 0);
	tear_down();
}

/* The part that is unwired becomes like the one before it, and the rest of it
 * is as it was. */
TEST(what_is_wired_behind_the_end_of_a_range_stays_so)
{
	set_up();
	CHECK_INT(vm_wire(vm, at(2), 3 * PAGE), 0);
	CHECK_INT(vm_unwire(vm, at(0), 4 * PAGE), 0);
	CHECK_INT(wired(), 1);
	CHECK_INT(vm_unwire(vm, at(0), FILE_PAGES * PAGE), 0);
	CHECK_INT(wired(), 0);
	tear_down();
}

TEST(a_wire_that_is_refused_leaves_those_that_were)
{
	set_up();
	CHECK_INT(vm_wire(vm, at(20), 2 * PAGE), 0);
	CHECK_INT(vm_wire(vm, at(0), 60 * PAGE), -ENOMEM);
	CHECK_INT(wired(), 2);
	CHECK_INT(vm_object_resize(object, 90 * PAGE), 0);
	CHECK_INT(vm_wire(vm, at(88), 4 * PAGE), -ERANGE);
	CHECK_INT(wired(), 2);
	faulty.bad_from = 71 * PAGE;
	faulty.bad_end = 72 * PAGE;
	CHECK_INT(vm_wire(vm, at(69), 16 * PAGE), -EIO);
	CHECK_INT(wired(), 2);
	faulty.bad_end = 0;
	CHECK_INT(vm_wire(vm, at(69), 16 * PAGE), 0);
	CHECK_INT(wired(), 18);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);	/* ends them */
	CHECK_INT(wired(), 0);
	map_tear_down();
}

TEST(a_wired_page_can_be_written_by_the_program_and_read_by_the_kernel)
{
	int pipes[2];

	set_up();
	CHECK_INT(vm_wire(vm, at(3), PAGE), 0);
	put_at(base, 3, 77);
	CHECK_INT(core_get(3, 1), 77);
	CHECK(pipe(pipes) == 0);
	CHECK(write(pipes[1], at(3), PAGE) == PAGE);
	close(pipes[0]);
	close(pipes[1]);
	tear_down();
}

/* -- advise -------------------------------------------------------------- */

static uint64_t
resident(void)
{
	return atomic_load(&object->resident);
}

TEST(patterns_are_the_objects)
{
	set_up();
	CHECK_INT(vm_advise(vm, at(0), PAGE, VM_MADV_SEQUENTIAL), 0);
	CHECK_INT(object->streams.pattern, VM_PATTERN_SEQUENTIAL);
	CHECK_INT(vm_advise(vm, at(0), PAGE, VM_MADV_RANDOM), 0);
	CHECK_INT(object->streams.pattern, VM_PATTERN_RANDOM);
	CHECK_INT(vm_advise(vm, at(0), PAGE, VM_MADV_NORMAL), 0);
	CHECK_INT(object->streams.pattern, VM_PATTERN_NORMAL);
	tear_down();
}

TEST(what_will_be_needed_is_fetched)
{
	set_up();
	CHECK_INT(vm_advise(vm, at(40), 9 * PAGE, VM_MADV_WILLNEED), 0);
	for (uint64_t i = 40; i < 49; i++)
		CHECK(core_resident(i));
	CHECK_INT(resident(), 9);
	tear_down();
}

TEST(what_is_not_needed_leaves_unless_it_is_dirty)
{
	set_up();
	for (uint64_t i = 0; i < 10; i++)
		(void)get_at(base, i, 0);
	put_at(base, 4, 44);
	CHECK_INT(vm_advise(vm, at(2), 5 * PAGE, VM_MADV_DONTNEED), 0);
	for (uint64_t i = 0; i < 10; i++)
		CHECK_INT(core_resident(i), i < 2 || i >= 7 || i == 4);
	CHECK_INT(get_at(base, 3, 0), 3);
	CHECK_INT(get_at(base, 4, 1), 44);
	tear_down();
}

TEST(what_is_cold_stays_and_is_read_from_where_it_is)
{
	set_up();
	put_at(base, 1, 11);
	(void)get_at(base, 2, 0);
	CHECK_INT(vm_advise(vm, at(0), 4 * PAGE, VM_MADV_COLD), 0);
	CHECK_INT(resident(), 2);
	CHECK_INT(get_at(base, 1, 1), 11);
	tear_down();
}

TEST(wired_private_pages_are_not_given_up)
{
	map_set_up(0);
	base = map_part(RW, VM_MAP_PRIVATE, 0, 20);
	put_at(base, 5, 5);
	CHECK_INT(vm_wire(vm, at(4), 2 * PAGE), 0);
	CHECK_INT(vm_advise(vm, at(0), 20 * PAGE, VM_MADV_DONTNEED), -EBUSY);
	CHECK_INT(get_at(base, 5, 1), 5);
	CHECK_INT(vm_unwire(vm, at(0), 20 * PAGE), 0);
	CHECK_INT(vm_advise(vm, at(0), 20 * PAGE, VM_MADV_DONTNEED), 0);
	CHECK_INT(get_at(base, 5, 1), 0);
	CHECK_INT(unmap_at(base, 20), 0);
	map_tear_down();
}

/* -- sync ---------------------------------------------------------------- */

TEST(a_sync_writes_its_range_and_nothing_else)
{
	set_up();
	for (uint64_t i = 0; i < 20; i++)
		put_at(base, i, 100 + i);
	CHECK_INT(vm_sync(vm, at(5), 3 * PAGE, VM_SYNC_WAIT), 0);
	CHECK_INT(vm_sync(vm, at(12), PAGE, VM_SYNC_ASYNC), 0);
	for (uint64_t i = 0; i < 20; i++)
		CHECK_INT(core_in_file(i), (i >= 5 && i < 8) || i == 12 ?
		    100 + i : 0);
	CHECK_INT(atomic_load(&object->dirty), 16);
	put_at(base, 6, 7);
	CHECK_INT(vm_sync(vm, at(0), FILE_PAGES * PAGE, VM_SYNC_WAIT), 0);
	CHECK_INT(core_in_file(6), 7);
	tear_down();
}

TEST(what_cannot_be_written_is_said_and_stays)
{
	set_up();
	put_at(base, 5, 55);
	faulty.write_errno = EIO;
	CHECK_INT(vm_sync(vm, at(0), FILE_PAGES * PAGE, VM_SYNC_WAIT), -EIO);
	CHECK_INT(get_at(base, 5, 1), 55);
	faulty.write_errno = 0;
	CHECK_INT(vm_sync(vm, at(0), FILE_PAGES * PAGE, VM_SYNC_WAIT), 0);
	CHECK_INT(core_in_file(5), 55);
	tear_down();
}

TEST(after_an_invalidation_the_file_is_read_anew)
{
	uint64_t others = 123;

	set_up();
	(void)get_at(base, 5, 0);
	put_at(base, 6, 66);
	CHECK(pwrite(core_fd, &others, sizeof(others), 5 * PAGE + 8) ==
	    (ssize_t)sizeof(others));
	CHECK_INT(get_at(base, 5, 1), 0);
	CHECK_INT(vm_sync(vm, at(0), 10 * PAGE, VM_SYNC_WAIT |
	    VM_SYNC_INVALIDATE), 0);
	CHECK_INT(get_at(base, 5, 1), 123);
	CHECK_INT(get_at(base, 6, 1), 66);
	CHECK_INT(vm_wire(vm, at(5), PAGE), 0);
	CHECK_INT(vm_sync(vm, at(0), 10 * PAGE, VM_SYNC_INVALIDATE), -EBUSY);
	tear_down();
}

/* -- resident ------------------------------------------------------------ */

TEST(what_is_resident_is_said_page_by_page)
{
	unsigned char in[FILE_PAGES];

	set_up();
	(void)get_at(base, 2, 0);
	put_at(base, 4, 1);
	memset(in, 99, sizeof(in));
	CHECK_INT(vm_resident(vm, at(1), 5 * PAGE - 7, in), 0);
	CHECK_INT(in[0], 0);
	CHECK_INT(in[1], VM_RESIDENT_IN);
	CHECK_INT(in[2], 0);
	CHECK_INT(in[3], VM_RESIDENT_IN | VM_RESIDENT_DIRTY);
	CHECK_INT(in[4], 0);
	CHECK_INT(in[5], 99);
	CHECK_INT(vm_sync(vm, at(4), PAGE, VM_SYNC_ASYNC), 0);
	CHECK_INT(vm_resident(vm, at(4), 1, in), 0);
	CHECK_INT(in[0], VM_RESIDENT_IN);
	tear_down();
}

/* -- several maps that are neighbours ------------------------------------ */

TEST(a_call_goes_over_maps_that_lie_one_behind_the_other)
{
	struct vm_map_options o;
	volatile char *second;
	unsigned char in[8];

	map_set_up(0);
	base = map_part(RW, 0, 50, 4);
	CHECK_INT(unmap_at(base, 4), 0);
	/* Where the first four pages were there is room for two of each. */
	o = map_options(RW, VM_MAP_FIXED);
	o.object = object;
	o.address = at(0);
	o.length = 2 * PAGE;
	CHECK_INT(map_try(&o, &second), 0);
	o.address = at(2);
	o.offset = 20 * PAGE;
	CHECK_INT(map_try(&o, &second), 0);
	CHECK_INT(vm_wire(vm, at(1), 2 * PAGE), 0);
	CHECK_INT(wired(), 2);
	CHECK_INT(vm_resident(vm, at(0), 4 * PAGE, in), 0);
	CHECK_INT(in[1] & VM_RESIDENT_WIRED, VM_RESIDENT_WIRED);
	CHECK_INT(in[2] & VM_RESIDENT_WIRED, VM_RESIDENT_WIRED);
	put_at(base, 1, 1);
	put_at(base, 3, 21);
	CHECK_INT(vm_sync(vm, at(0), 4 * PAGE, VM_SYNC_WAIT), 0);
	CHECK_INT(core_in_file(1), 1);
	CHECK_INT(core_in_file(21), 21);
	CHECK_INT(vm_protect(vm, at(1), 2 * PAGE, VM_PROT_READ), 0);
	CHECK_INT(try_put(base, 2, 1), SIGSEGV);
	CHECK_INT(unmap_at(base, 4), 0);
	map_tear_down();
}
