/* SPDX-License-Identifier: BSD-2-Clause */
/* Figures, runs, addresses, zeros and bad pages as callers see them; taking,
 * giving and retiring them whatever has them (object/runs.c). */
#include "frame_fixture.h"

TEST(figures_of_a_segment_that_is_not_there_are_refused)
{
	struct vm_segment_info i = VM_SEGMENT_INFO_INIT;

	set_up();
	CHECK_INT(vm_frame_info(vm, 1, &i), -EINVAL);
	CHECK(strstr(vm_last_error(), "no segment 1") != NULL);
	i.size_bytes = 0;
	CHECK_INT(vm_frame_info(vm, 0, &i), -EINVAL);
	CHECK_INT(vm_frame_info(vm, 0, NULL), -EINVAL);
	destroy();
}

/* ---- runs --------------------------------------------------------------- */

TEST(a_run_is_counted_and_comes_back)
{
	struct vm_frame_run run;

	set_up();
	run = run_of(17, 0);
	CHECK_INT(run.count, 17);
	CHECK_INT(free_pages(), PAGES - 17);
	for (uint32_t i = 0; i < 17; i++) {
		CHECK((char *)vm_frame_address(vm_frame_at(&run, i)) ==
		    (char *)vm_page_data(run.first) + (size_t)i * PAGE);
		memset(vm_page_data(vm_frame_at(&run, i)), 1, PAGE);
	}
	CHECK(vm_frame_at(&run, 17) == NULL);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	vm_frame_free(vm, &run);
	CHECK_INT(free_pages(), PAGES);
	destroy();
}

TEST(a_count_is_exact_or_rounded_up_as_mach_does)
{
	static const uint32_t want[][2] = { { 1, 1 }, { 2, 2 }, { 3, 4 },
		{ 5, 8 }, { 8, 8 }, { 9, 16 } };

	set_up();
	for (unsigned i = 0; i < 6; i++) {
		struct vm_frame_run exact = run_of(want[i][0], 0);
		struct vm_frame_run round = run_of(want[i][0],
		    VM_FRAME_ROUND);

		CHECK_INT(exact.count, want[i][0]);
		CHECK_INT(round.count, want[i][1]);
		CHECK_INT((uintptr_t)vm_frame_address(round.first) %
		    (want[i][1] * PAGE), 0);
		CHECK_INT(free_pages(), PAGES - exact.count - round.count);
		vm_frame_free(vm, &exact);
		vm_frame_free(vm, &round);
	}
	destroy();
}

TEST(a_request_that_makes_no_sense_is_refused)
{
	struct vm_frame_request good = VM_FRAME_REQUEST_INIT, r;
	struct vm_frame_run run;

	set_up();
	good.count = 2;
	CHECK_INT(vm_frame_alloc(vm, NULL, &run), -EINVAL);
	CHECK_INT(vm_frame_alloc(vm, &good, NULL), -EINVAL);
	r = good;
	r.size_bytes = 1;
	CHECK_INT(vm_frame_alloc(vm, &r, &run), -EINVAL);
	r = good;
	r.flags = 0x8000;
	CHECK_INT(vm_frame_alloc(vm, &r, &run), -EINVAL);
	CHECK(strstr(vm_last_error(), "0x8000") != NULL);
	r.flags = VM_ALLOC_SYSTEM | VM_ALLOC_INTERRUPT;
	CHECK_INT(vm_frame_alloc(vm, &r, &run), -EINVAL);
	r.flags = VM_FRAME_COLOURED;
	CHECK_INT(vm_frame_alloc(vm, &r, &run), -EINVAL);
	r = good;
	r.count = 0;
	CHECK_INT(vm_frame_alloc(vm, &r, &run), -EINVAL);
	r.count = 3;
	r.boundary_bytes = 12288;
	CHECK_INT(vm_frame_alloc(vm, &r, &run), -EINVAL);
	r.boundary_bytes = 12288 + 4096;
	r.flags = VM_FRAME_ROUND;
	CHECK_INT(vm_frame_alloc(vm, &r, &run), 0);
	vm_frame_free(vm, &run);
	r.boundary_bytes = 8192;
	CHECK_INT(vm_frame_alloc(vm, &r, &run), -EINVAL);
	destroy();
}

TEST(a_run_of_zeros_is_zeros_whoever_had_it_before)
{
	struct vm_frame_run run;

	set_up();
	for (unsigned round = 0; round < 3; round++) {
		run = run_of(64, VM_ALLOC_ZERO | VM_ALLOC_SYSTEM);
		for (unsigned i = 0; i < 64 * PAGE; i++)
			CHECK_INT(((char *)vm_frame_address(run.first))[i],
			    0);
		memset(vm_frame_address(run.first), 1, 64 * PAGE);
		vm_frame_free(vm, &run);
	}
	destroy();
}

TEST(a_wired_run_is_counted_as_wired_and_bounded)
{
	struct vm_frame_request r = VM_FRAME_REQUEST_INIT;
	struct vm_frame_run run, none;

	set_up();
	run = run_of(100, VM_ALLOC_WIRED);
	CHECK_INT(atomic_load(&vm->wired), 100);
	r.count = 64;
	r.flags = VM_ALLOC_WIRED;
	CHECK_INT(vm_frame_alloc(vm, &r, &none), -ENOMEM);
	CHECK_INT(atomic_load(&vm->wired), 100);
	CHECK_INT(free_pages(), PAGES - 100);
	vm_frame_free(vm, &run);
	CHECK_INT(atomic_load(&vm->wired), 0);
	destroy();
}

TEST(memory_that_is_short_or_fragmented_is_an_error)
{
	struct vm_frame_request r = VM_FRAME_REQUEST_INIT;
	struct vm_frame_run run[PAGES], two;
	unsigned count = 0;

	set_up();
	r.count = 1;
	r.flags = VM_ALLOC_INTERRUPT;
	while (vm_frame_alloc(vm, &r, &run[count]) == 0)
		count++;
	CHECK_INT(count, PAGES);
	CHECK(strstr(vm_last_error(), "no 1 pages are free") != NULL);
	for (unsigned i = 0; i < PAGES; i++)
		if (run[i].first->number % 2 == 0)
			vm_frame_free(vm, &run[i]);
	r.count = 2;
	CHECK_INT(vm_frame_alloc(vm, &r, &two), -ENOMEM);
	CHECK(strstr(vm_last_error(), "neighbours") != NULL);
	r.flags |= VM_ALLOC_WAIT;	/* does not help */
	CHECK_INT(vm_frame_alloc(vm, &r, &two), -ENOMEM);
	for (unsigned i = 0; i < PAGES; i++)
		if (run[i].first->number % 2 == 1)
			vm_frame_free(vm, &run[i]);
	CHECK_INT(vm_frame_alloc(vm, &r, &two), 0);
	vm_frame_free(vm, &two);
	destroy();
}

TEST(who_waits_gets_what_the_daemon_frees)
{
	enum { COUNT = PAGES / 2 };
	struct vm_object *object;
	struct vm_frame_run run[COUNT];

	set_up();
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, &object), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		put(object, i, i);
	for (unsigned i = 0; i < COUNT; i++)
		run[i] = run_of(1, VM_ALLOC_WAIT);
	for (unsigned i = 0; i < COUNT; i++)
		vm_frame_free(vm, &run[i]);
	for (uint64_t i = 0; i < PAGES; i++)
		check_page(object, i, i);
	CHECK_INT(vm_object_destroy(object), 0);
	destroy();
}

TEST(a_page_of_a_run_can_be_inserted_and_the_rest_freed)
{
	struct vm_object *object;
	struct vm_frame_run run, rest;

	set_up();
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, &object), 0);
	run = run_of(4, VM_ALLOC_ZERO);
	CHECK_INT(vm_page_insert(run.first, object, 3), 0);
	vm_page_free(run.first, 0);
	rest = (struct vm_frame_run){ .first = vm_frame_at(&run, 1),
		.count = 3 };
	vm_frame_free(vm, &rest);
	CHECK_INT(free_pages(), PAGES);
	CHECK_INT(vm_object_destroy(object), 0);
	destroy();
}

TEST(a_frame_that_is_held_outlives_its_run)
{
	struct vm_frame_run run;
	struct vm_page *held;

	set_up();
	run = run_of(4, 0);
	held = vm_frame_at(&run, 2);
	CHECK_INT(vm_page_hold(held), 0);
	vm_frame_free(vm, &run);
	CHECK_INT(free_pages(), PAGES - 1);
	vm_page_unhold(held);
	CHECK_INT(free_pages(), PAGES);
	destroy();
}

TEST(freeing_a_run_twice_dies)
{
	struct vm_frame_run run;

	set_up();
	run = run_of(4, 0);
	vm_frame_free(vm, &run);
	CHECK_DIES(vm_frame_free(vm, &run));
	destroy();
}

TEST(a_colour_can_be_asked_for)
{
	struct vm_options o = sensible();
	struct vm_frame_request r = VM_FRAME_REQUEST_INIT;
	struct vm_frame_run run[64];

	o.colours = 16;
	create(&o);
	r.count = 1;
	r.flags = VM_FRAME_COLOURED;
	for (unsigned i = 0; i < 64; i++) {
		r.colour = i * 5;
		CHECK_INT(vm_frame_alloc(vm, &r, &run[i]), 0);
		CHECK_INT((uintptr_t)vm_frame_address(run[i].first) / PAGE %
		    16, i * 5 % 16);
	}
	for (unsigned i = 0; i < 64; i++)
		vm_frame_free(vm, &run[i]);
	destroy();
}

/* ---- addresses ---------------------------------------------------------- */

TEST(an_address_names_the_page_whose_frame_it_is_in)
{
	struct vm_object *object;
	struct vm_page *page;
	char *data;

	set_up();
	CHECK_INT(vm_object_create_anon(vm, PAGE, 0, &object), 0);
	CHECK_INT(vm_page_grab(object, 0, VM_GRAB_WRITE, &page), 0);
	data = vm_page_data(page);
	CHECK(vm_frame_address(page) == data);
	CHECK(vm_frame_page(vm, data) == page);
	CHECK(vm_frame_page(vm, data + PAGE - 1) == page);
	CHECK(vm_frame_page(vm, &page) == NULL);
	CHECK(vm_frame_page(vm, NULL) == NULL);
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(object), 0);
	destroy();
}

TEST(a_page_whose_bytes_are_elsewhere_has_no_frame_address)
{
	struct vm_object *store;
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_object_create_anon(vm, PAGE, VM_OBJECT_STORE, &store),
	    0);
	CHECK_INT(vm_page_grab(store, 0, VM_GRAB_WRITE, &page), 0);
	CHECK(vm_frame_address(page) == NULL);
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(store), 0);
	CHECK_INT(vm_page_more_fictitious(vm, 0), 5);
	CHECK_INT(vm_page_grab_fictitious(vm, &page), 0);
	CHECK(vm_frame_address(page) == NULL);
	CHECK(vm_page_data(page) == NULL);
	CHECK_INT(vm_frame_retire(vm, page), -EINVAL);
	vm_page_release_fictitious(page);
	destroy();
}

TEST(a_retired_page_leaves_the_limit)
{
	struct vm_frame_run run;
	struct vm_page *gone;

	set_up();
	run = run_of(2, VM_ALLOC_WIRED);
	gone = run.first;
	CHECK_INT(vm_frame_retire(vm, gone), 0);
	CHECK_INT(limit_pages(), PAGES - 1);
	CHECK_INT(free_pages(), PAGES - 2);
	CHECK_INT(info(0).retired, 1);
	CHECK_INT(vm_frame_retire(vm, gone), -EINVAL);
	run.first++;
	run.count = 1;
	vm_frame_free(vm, &run);
	CHECK_INT(free_pages(), PAGES - 1);
	destroy();
}

TEST(a_page_that_is_in_use_is_not_retired)
{
	struct vm_options o = sensible();
	struct vm_object *object;
	struct vm_frame_run run;
	struct vm_page *page;

	o.resident_max_bytes = 16 * PAGE;
	create(&o);
	CHECK_INT(vm_object_create_anon(vm, PAGE, 0, &object), 0);
	CHECK_INT(vm_page_grab(object, 0, VM_GRAB_WRITE, &page), 0);
	CHECK_INT(vm_frame_retire(vm, page), -EINVAL);
	CHECK_INT(vm_frame_retire(vm, NULL), -EINVAL);
	vm_page_release(page);
	run = run_of(1, 0);
	CHECK_INT(vm_page_hold(run.first), 0);
	CHECK_INT(vm_frame_retire(vm, run.first), -EBUSY);
	vm_page_unhold(run.first);
	CHECK_INT(vm_frame_retire(vm, run.first), -EINVAL);
	CHECK(strstr(vm_last_error(), "the least there is") != NULL);
	vm_frame_free(vm, &run);
	CHECK_INT(vm_object_destroy(object), 0);
	destroy();
}

/* ---- zeros, trimming ---------------------------------------------------- */

TEST(trimming_gives_memory_back_not_the_limit)
{
	struct vm_frame_run run;

	set_up();
	run = run_of(64, 0);
	memset(vm_frame_address(run.first), 1, 64 * PAGE);
	vm_frame_free(vm, &run);
	CHECK_INT(vm_frame_trim(vm, UINT64_MAX), 64 * PAGE);
	CHECK_INT(vm_frame_trim(vm, 1), 0);
	CHECK_INT(free_pages(), PAGES);
	destroy();
}

TEST(pages_freed_as_zeros_are_counted)
{
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_frame_zeroed(vm), 0);
	CHECK_INT(vm_page_alloc(vm, VM_ALLOC_ZERO, &page), 0);
	vm_page_free(page, VM_FREE_ZERO);
	CHECK_INT(vm_frame_zeroed(vm), 1);
	CHECK_INT(info(0).zeroed, 1);
	destroy();
}

TEST(a_system_may_have_a_zeroer_large_pages_and_any_order)
{
	struct vm_options o = sensible();
	struct vm_frame_run run, next;

	o.zero_low_percent = 67;
	o.zero_high_percent = 80;
	o.flags = VM_HUGE | VM_HIGH_FIRST;
	create(&o);
	CHECK_INT((uintptr_t)info(0).base % (2 << 20), 0);
	run = run_of(1, 0);
	next = run_of(1, 0);
	CHECK((char *)vm_frame_address(next.first) + PAGE ==
	    vm_frame_address(run.first));
	vm_frame_free(vm, &run);
	vm_frame_free(vm, &next);
	destroy();
}
