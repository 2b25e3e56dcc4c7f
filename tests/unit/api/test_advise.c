/* SPDX-License-Identifier: BSD-2-Clause */
/* What its user says of an object, or of a range of it. */
#include "audit.h"
#include "one_object.h"

static void
set_up_anon(unsigned flags)
{
	core_create(0);
	CHECK_INT(vm_object_create_anon(vm, FILE_PAGES * PAGE, flags,
	    &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	core_fd = -1;
}

static void
tear_down_anon(void)
{
	audit(vm);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

static int
advise(uint64_t first, uint64_t count, enum vm_advice advice)
{
	return vm_object_advise_range(object, first * PAGE, count * PAGE,
	    advice);
}

static void
put_all(uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++)
		core_put(i, 100 + i);
}

/* As if memory were short: whatever is clean leaves. */
static void
squeeze(void)
{
	CHECK_INT(vm_object_forget(object), 0);
}

/* -- patterns -------------------------------------------------------------- */

TEST(a_pattern_is_the_whole_objects_whatever_the_range)
{
	core_set_up(0);
	CHECK_INT(advise(3, 2, VM_ADVICE_SEQUENTIAL), 0);
	CHECK_INT(object->streams.pattern, VM_PATTERN_SEQUENTIAL);
	CHECK(!object->single);
	CHECK_INT(advise(3, 2, VM_ADVICE_RANDOM), 0);
	CHECK_INT(object->streams.pattern, VM_PATTERN_RANDOM);
	CHECK(object->single);
	CHECK_INT(advise(3, 2, VM_ADVICE_CYCLIC), 0);
	CHECK_INT(object->streams.pattern, VM_PATTERN_SEQUENTIAL);
	CHECK(object->cyclic);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_NORMAL), 0);
	CHECK_INT(object->streams.pattern, VM_PATTERN_NORMAL);
	CHECK(!object->cyclic);
	core_tear_down();
}

TEST(unknown_advice_and_ranges_beyond_all_bytes_are_refused)
{
	core_set_up(0);
	CHECK_INT(vm_object_advise(object, (enum vm_advice)-1), -EINVAL);
	CHECK_INT(vm_object_advise(object, (enum vm_advice)99), -EINVAL);
	CHECK_STR(vm_last_error(), "advise: unknown advice 99");
	CHECK_INT(vm_object_advise_range(object, 8, UINT64_MAX - 4,
	    VM_ADVICE_COLD), -EINVAL);
	CHECK_INT(vm_object_advise_range(object, 8, UINT64_MAX - 4,
	    VM_ADVICE_NORMAL), -EINVAL);
	core_tear_down();
}

TEST(a_range_behind_the_end_is_empty)
{
	core_set_up(0);
	(void)core_get(5, 0);
	CHECK_INT(advise(FILE_PAGES, 10, VM_ADVICE_PAGEOUT), 0);
	CHECK_INT(advise(UINT64_MAX / PAGE - 1, 1, VM_ADVICE_DONTNEED), 0);
	CHECK_INT(advise(5, 0, VM_ADVICE_DONTNEED), 0);
	CHECK(core_resident(5));
	core_tear_down();
}

/* -- willneed, cold, dontneed, pageout ----------------------------------- */

TEST(what_will_be_needed_is_fetched)
{
	core_set_up(0);
	CHECK_INT(advise(10, 8, VM_ADVICE_WILLNEED), 0);
	CHECK_INT(object->resident, 8);
	CHECK(core_resident(10) && core_resident(17));
	core_tear_down();
}

TEST(cold_pages_go_first_though_they_were_used)
{
	core_set_up(0);
	for (unsigned twice = 0; twice < 2; twice++)
		for (uint64_t i = 0; i < 40; i++)
			(void)core_get(i, 0);
	CHECK_INT(advise(30, 10, VM_ADVICE_COLD), 0);
	for (uint64_t i = 50; i < 100; i++)
		(void)core_get(i, 0);
	for (uint64_t i = 30; i < 40; i++)
		CHECK(!core_resident(i));
	core_tear_down();
}

TEST(what_is_not_needed_leaves_when_it_is_clean)
{
	struct vm_page *held;

	core_set_up(0);
	for (uint64_t i = 0; i < 8; i++)
		(void)core_get(i, 0);
	core_put(3, 33);
	CHECK_INT(vm_object_wire(object, 4 * PAGE, PAGE), 0);
	held = core_grab(5, VM_GRAB_READ);
	CHECK_INT(advise(1, 6, VM_ADVICE_DONTNEED), 0);
	vm_page_release(held);
	for (uint64_t i = 0; i < 8; i++)
		CHECK_INT(core_resident(i), i == 0 || i == 3 || i == 4 ||
		    i == 5 || i == 7);
	CHECK_INT(object->dirty, 1);
	CHECK_INT(core_get(3, 1), 33);
	CHECK_INT(vm_object_unwire(object, 4 * PAGE, PAGE), 0);
	audit(vm);
	core_tear_down();
}

TEST(what_is_paged_out_is_written_and_leaves)
{
	core_set_up(0);
	(void)core_get(2, 0);
	put_all(3, 6);
	CHECK_INT(advise(2, 3, VM_ADVICE_PAGEOUT), 0);
	CHECK(!core_resident(2) && !core_resident(3) && !core_resident(4));
	CHECK(core_resident(5));
	CHECK_INT(core_in_file(4), 104);
	CHECK_INT(core_in_file(5), 0);
	CHECK_INT(core_get(3, 1), 103);
	core_tear_down();
}

TEST(what_cannot_be_written_stays_when_it_is_to_be_paged_out)
{
	core_set_up(0);
	(void)core_get(2, 0);
	core_put(3, 33);
	atomic_store(&faulty.write_errno, EIO);
	CHECK_INT(advise(2, 2, VM_ADVICE_PAGEOUT), -EIO);
	CHECK(!core_resident(2) && core_resident(3));
	atomic_store(&faulty.write_errno, 0);
	CHECK_INT(core_get(3, 1), 33);
	CHECK_INT(advise(2, 2, VM_ADVICE_PAGEOUT), 0);
	core_tear_down();
}

/* -- free ------------------------------------------------------------------ */

static void
freed_pages_are_zeros(unsigned flags)
{
	set_up_anon(flags);
	put_all(0, 10);
	CHECK_INT(advise(0, 4, VM_ADVICE_PAGEOUT), 0);	/* in swap */
	CHECK_INT(advise(2, 6, VM_ADVICE_FREE), 0);
	for (uint64_t i = 0; i < 10; i++)
		CHECK_INT(core_get(i, 1), i < 2 || i >= 8 ? 100 + i : 0);
	tear_down_anon();
}

TEST(what_is_freed_is_zeros_in_memory_and_in_swap)
{
	freed_pages_are_zeros(0);
}

TEST(what_is_freed_of_a_store_is_zeros)
{
	freed_pages_are_zeros(VM_OBJECT_STORE);
}

TEST(a_page_that_is_freed_in_part_stays)
{
	set_up_anon(0);
	put_all(0, 4);
	CHECK_INT(vm_object_advise_range(object, 100, 2 * PAGE,
	    VM_ADVICE_FREE), 0);
	CHECK_INT(core_get(0, 1), 100);
	CHECK_INT(core_get(1, 1), 0);
	CHECK_INT(core_get(2, 1), 102);
	CHECK_INT(vm_object_advise_range(object, 2 * PAGE + 1, PAGE - 1,
	    VM_ADVICE_FREE), 0);
	CHECK_INT(vm_object_advise_range(object, 2 * PAGE + 1, 0,
	    VM_ADVICE_FREE), 0);
	CHECK_INT(core_get(2, 1), 102);
	tear_down_anon();
}

TEST(a_last_page_in_part_is_freed_as_a_whole)
{
	core_create(0);
	CHECK_INT(vm_object_create_anon(vm, 3 * PAGE + 100, 0, &object), 0);
	put_all(0, 4);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_FREE), 0);
	for (uint64_t i = 0; i < 4; i++)
		CHECK_INT(core_get(i, 1), 0);
	tear_down_anon();
}

TEST(wired_pages_are_not_freed_nor_any_other)
{
	set_up_anon(0);
	put_all(0, 4);
	CHECK_INT(vm_object_wire(object, 2 * PAGE, PAGE), 0);
	CHECK_INT(advise(0, 4, VM_ADVICE_FREE), -EBUSY);
	for (uint64_t i = 0; i < 4; i++)
		CHECK_INT(core_get(i, 1), 100 + i);
	CHECK_INT(vm_object_unwire(object, 2 * PAGE, PAGE), 0);
	tear_down_anon();
}

TEST(bytes_that_others_see_are_not_given_up)
{
	core_set_up(0);
	core_put(3, 33);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_FREE), -ENOTSUP);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_VOLATILE), -ENOTSUP);
	CHECK_STR(vm_last_error(), "advise: only bytes that nobody else "
	    "sees can be given up");
	CHECK_INT(core_get(3, 1), 33);
	core_tear_down();
}

/* -- volatile -------------------------------------------------------------- */

TEST(volatile_pages_are_there_until_memory_is_short_and_never_written)
{
	uint64_t out;

	set_up_anon(0);
	put_all(0, 8);
	CHECK_INT(advise(2, 4, VM_ADVICE_VOLATILE), 0);
	CHECK_INT(object->dirty, 4);
	for (uint64_t i = 0; i < 8; i++)
		CHECK_INT(core_get(i, 1), 100 + i);
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	out = vm_counter_read(vm->counters, VM_COUNTER_pages_out);
	CHECK_INT(out, 4);
	squeeze();
	for (uint64_t i = 0; i < 8; i++)
		CHECK_INT(core_get(i, 1), i < 2 || i >= 6 ? 100 + i : 0);
	tear_down_anon();
}

TEST(a_volatile_page_that_is_written_again_is_kept)
{
	set_up_anon(0);
	put_all(0, 4);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_VOLATILE), 0);
	core_put(1, 7);
	squeeze();
	CHECK_INT(core_get(0, 1), 0);
	CHECK_INT(core_get(1, 1), 7);
	CHECK_INT(core_get(2, 1), 0);
	tear_down_anon();
}

TEST(what_was_in_swap_is_volatile_too)
{
	set_up_anon(0);
	put_all(0, 4);
	CHECK_INT(advise(0, 4, VM_ADVICE_PAGEOUT), 0);
	CHECK_INT(core_get(1, 1), 101);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_VOLATILE), 0);
	CHECK_INT(core_get(0, 1), 0);	/* nobody had it */
	CHECK_INT(core_get(1, 1), 101);
	squeeze();
	CHECK_INT(core_get(1, 1), 0);
	tear_down_anon();
}

TEST(a_wired_volatile_page_stays_as_it_is)
{
	set_up_anon(0);
	put_all(0, 2);
	CHECK_INT(vm_object_wire(object, 0, PAGE), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_VOLATILE), 0);
	squeeze();
	CHECK_INT(core_get(0, 1), 100);
	CHECK_INT(core_get(1, 1), 0);
	CHECK_INT(vm_object_unwire(object, 0, PAGE), 0);
	tear_down_anon();
}

TEST(a_precious_volatile_page_goes_to_nobody)
{
	struct vm_page *page;

	set_up_anon(0);
	page = core_grab(0, VM_GRAB_WRITE | VM_GRAB_ZERO);
	vm_page_set_precious(page, 1);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_VOLATILE), 0);
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_counter_read(vm->counters, VM_COUNTER_pages_out), 0);
	tear_down_anon();
}

TEST(a_page_that_is_there_in_part_is_not_volatile)
{
	struct vm_page *page;

	set_up_anon(0);
	put_all(0, 1);
	CHECK_INT(advise(0, 1, VM_ADVICE_PAGEOUT), 0);
	CHECK_INT(vm_page_grab(object, 0, VM_GRAB_WRITE | VM_GRAB_NOREAD,
	    &page), 0);
	memset((char *)vm_page_data(page) + 1024, 5, 512);
	vm_page_dirty(page, 1024, 512);
	vm_page_release(page);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_VOLATILE), 0);
	squeeze();
	CHECK_INT(core_get(0, 1), 100);
	CHECK_INT(core_get(0, 128), UINT64_C(0x0505050505050505));
	tear_down_anon();
}
