/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As test_catalogue.c, of NetBSD's rump vm.c.
 */
#include "catalogue.h"
#include "pageout/daemon.h"

/* ---- NetBSD, sys/rump/librump/rumpkern/vm.c ------------------------------ */

/* It wanted the object's lock; ours wants none, and takes none twice. */
TEST(netbsd_allocating_needs_no_lock_and_one_that_is_held_dies)
{
	struct vm_page *page;

	core_set_up(0);
	vm_lock_assert_none_held();
	page = alloc(0);
	vm_lock_assert_none_held();
	vm_page_free(page, 0);
	CHECK_DIES(vm_lock(&object->index.lock);
	    (void)vm_page_alloc_at(object, 90, 0, &page));
	core_tear_down();
}

/* It had no memory of that kind: an anon could not be given. */
TEST(netbsd_allocating_what_there_is_not_is_refused)
{
	struct vm_page *page;

	core_set_up(0);
	REFUSED(EINVAL, vm_page_alloc(vm, 0x4000, &page), "0x4000");
	REFUSED(EINVAL, vm_page_alloc_at(object, 1, 0x4000, &page), "0x4000");
	core_tear_down();
}

TEST(netbsd_freeing_a_page_that_one_does_not_hold_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = queued(1);
	CHECK_DIES(vm_page_free(page, 0));
	core_tear_down();
}

TEST(netbsd_a_page_that_is_not_where_the_index_has_it_dies)
{
	struct vm_page *page, *other;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_WRITE);
	other = core_grab(2, VM_GRAB_WRITE);
	CHECK_DIES(vm_object_remove_page(vm->nowhere, page));
	CHECK_DIES(vm_object_enter_page(object, page, 2, other->slot));
	vm_page_release(page);
	vm_page_release(other);
	core_tear_down();
}

TEST(netbsd_a_limit_that_is_no_number_is_refused)
{
	struct vm_memlimit limit;

	REFUSED(EINVAL, vm_memlimit_parse("lots", 0, &limit), "lots");
	REFUSED(EINVAL, vm_memlimit_parse("12q", 0, &limit), "12q");
}

TEST(netbsd_a_limit_that_does_not_fit_is_refused)
{
	struct vm_memlimit limit;

	REFUSED(ERANGE, vm_memlimit_parse("99999999999999999999", 0, &limit),
	    "");
	REFUSED(ERANGE, vm_memlimit_parse("99999999999g", 0, &limit), "");
}

TEST(netbsd_a_limit_that_is_too_small_is_refused)
{
	struct vm_memlimit limit;

	REFUSED(EINVAL, vm_memlimit_parse("128k", 0, &limit), "");
	CHECK_INT(vm_memlimit_parse("1m", 0, &limit), 0);
}

static struct vm_region *
region_of(unsigned pages)
{
	struct vm_region *region;

	CHECK_INT(vm_region_create(vm, pages * PAGE, NULL, &region), 0);
	return region;
}

/* It knew of no hint. */
TEST(netbsd_a_hint_where_no_place_is_is_an_error)
{
	struct vm_region_request r = VM_REGION_REQUEST_INIT;
	struct vm_region *region;
	void *at, *other;

	core_set_up(0);
	region = region_of(8);
	r.bytes = PAGE;
	CHECK_INT(vm_region_alloc(region, &r, &at), 0);
	r.hint = at;
	r.flags = VM_REGION_FIXED;
	REFUSED(EEXIST, vm_region_alloc(region, &r, &other), "");
	r.flags = 0;
	CHECK_INT(vm_region_alloc(region, &r, &other), 0);
	CHECK(other != at);
	CHECK_INT(vm_region_unref(region), 0);
	core_tear_down();
}

TEST(netbsd_unmapping_what_is_not_mapped_is_an_error)
{
	struct vm_region_request r = VM_REGION_REQUEST_INIT;
	struct vm_region *region;
	void *at;

	core_set_up(0);
	region = region_of(8);
	r.bytes = PAGE;
	CHECK_INT(vm_region_alloc(region, &r, &at), 0);
	REFUSED(EINVAL, vm_region_free(region, (char *)at + 2 * PAGE, PAGE),
	    "");
	REFUSED(EINVAL, vm_region_free(region, (char *)at - 64 * PAGE, PAGE),
	    "");
	CHECK_INT(vm_region_unref(region), 0);
	core_tear_down();
}

/* It could unmap all or nothing. */
TEST(netbsd_unmapping_a_part_is_done)
{
	struct vm_region_request r = VM_REGION_REQUEST_INIT;
	struct vm_region *region;
	void *at;

	core_set_up(0);
	region = region_of(8);
	r.bytes = 3 * PAGE;
	CHECK_INT(vm_region_alloc(region, &r, &at), 0);
	CHECK_INT(vm_region_free(region, (char *)at + PAGE, PAGE), 0);
	*(char *)at = 1;
	CHECK_INT(vm_region_unref(region), 0);
	core_tear_down();
}

static struct vm_window *
window_of(struct vm_page **page, unsigned count)
{
	struct vm_window *window;

	for (unsigned i = 0; i < count; i++)
		page[i] = core_grab(i, VM_GRAB_WRITE);
	CHECK_INT(vm_window_open(vm, page, count, VM_WINDOW_WRITE, &window),
	    0);
	return window;
}

/* uvm_pagermapout took no part of a mapping. */
TEST(netbsd_closing_a_part_of_a_window_is_an_error)
{
	struct vm_page *page[2];
	struct vm_window *window;

	core_set_up(0);
	window = window_of(page, 2);
	REFUSED(EINVAL, vm_window_close(window, 1, 0), "");
	CHECK_INT(vm_window_close(window, 2, 0), 0);
	vm_page_release_many(page, 2);
	core_tear_down();
}

/* Nor did it know others than its own. */
TEST(netbsd_an_address_that_no_window_shows_is_none)
{
	struct vm_page *page[2];
	struct vm_window *window;

	core_set_up(0);
	window = window_of(page, 2);
	CHECK(vm_window_page(vm, &window, NULL) == NULL);
	CHECK_INT(vm_window_close(window, 2, 0), 0);
	vm_page_release_many(page, 2);
	core_tear_down();
}

TEST(netbsd_releasing_no_pages_is_nothing)
{
	struct vm_page *page;
	unsigned got = 1;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_WRITE);
	vm_page_release_many(&page, 0);
	CHECK_INT(vm_page_busied(page), -1);
	REFUSED(EINVAL, vm_page_grab_many(object, 1, 0, 0, &page, &got),
	    "0 pages");
	vm_page_release(page);
	core_tear_down();
}

/* The slot is what one holds: there is no lock to forget. */
TEST(netbsd_releasing_pages_that_are_not_busy_dies)
{
	struct vm_page *page[2];

	core_set_up(0);
	page[0] = core_grab(1, VM_GRAB_WRITE);
	page[1] = queued(2);
	CHECK_DIES(vm_page_release_many(page, 2));
	vm_page_release(page[0]);
	core_tear_down();
}

TEST(netbsd_waiting_for_an_idle_page_returns_at_once)
{
	core_set_up(0);
	(void)queued(1);
	CHECK_INT(vm_page_wait(object, 1, VM_WAIT_EXCL | VM_WAIT_SHARED,
	    VM_WAIT_FOREVER), 0);
	CHECK_INT(vm_page_wait(object, 2, VM_WAIT_EXCL | VM_WAIT_SHARED,
	    VM_WAIT_FOREVER), 0);	/* nor is one there */
	core_tear_down();
}

TEST(netbsd_waking_for_a_page_that_nobody_holds_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = queued(1);
	CHECK_DIES(vm_page_flash(page));
	core_tear_down();
}

/* Loans stopped it, as not written yet. */
TEST(netbsd_lending_what_cannot_be_lent_is_an_error)
{
	struct vm_page *page, *lent;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_WIRED);
	REFUSED(EBUSY, vm_loan(object, 1, 0, &lent), "wired");
	REFUSED(EINVAL, vm_loan(object, 1, 0x80, &lent), "0x80");
	REFUSED(ERANGE, vm_loan(object, FILE_PAGES, 0, &lent), "end");
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_ACTIVE), 0);
	vm_page_release(page);
	core_tear_down();
}

TEST(netbsd_ending_a_loan_that_is_none_dies)
{
	struct vm_page *lent;

	core_set_up(0);
	CHECK_INT(vm_loan(object, 1, 0, &lent), 0);
	vm_unloan(vm, lent);
	CHECK_DIES(vm_unloan(vm, lent));
	core_tear_down();
}

TEST(netbsd_breaking_a_loan_that_is_none_is_nothing)
{
	struct vm_page *lent;

	core_set_up(0);
	CHECK_INT(vm_loan_break(object, 1), 0);
	CHECK_INT(vm_loan(object, 1, 0, &lent), 0);
	CHECK_INT(vm_loan_break(object, 1), 0);
	vm_unloan(vm, lent);
	CHECK_INT(core_get(1, 0), 1);
	core_tear_down();
}

TEST(netbsd_memory_that_is_not_to_be_had_is_an_error)
{
	struct vm_page *page[CORE_LIMIT_PAGES];
	unsigned n = 0;

	core_set_up(0);
	while (n < CORE_LIMIT_PAGES && vm_page_alloc(vm, VM_ALLOC_INTERRUPT,
	    &page[n]) == 0)
		n++;
	CHECK_INT(n, CORE_LIMIT_PAGES);
	REFUSED(ENOMEM, vm_page_alloc(vm, VM_ALLOC_INTERRUPT, page), "free");
	while (n > 0)
		vm_page_free(page[--n], 0);
	core_tear_down();
}

/* Nobody frees a page any more. */
TEST(netbsd_waiting_for_memory_without_a_daemon_is_an_error)
{
	struct vm_page *page[CORE_LIMIT_PAGES];
	unsigned n = 0;

	core_set_up(0);
	while (n < CORE_LIMIT_PAGES && vm_page_alloc(vm, VM_ALLOC_INTERRUPT,
	    &page[n]) == 0)
		n++;
	vm_daemon_stop(vm);
	REFUSED(ENOMEM, vm_page_alloc(vm, VM_ALLOC_WAIT, page), "");
	REFUSED(ENOMEM, vm_wait(vm, VM_WAIT_FOREVER, 0), "");
	while (n > 0)
		vm_page_free(page[--n], 0);
	core_tear_down();
}

static void
count_call(void *arg, const char *sentence)
{
	CHECK(sentence[0] != '\0');
	atomic_fetch_add((_Atomic unsigned *)arg, 1);
}

/* It said "pagedaemon: out of memory" and stopped. */
TEST(netbsd_a_daemon_that_frees_nothing_tells_who_wants_to_know)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_page *page[CORE_LIMIT_PAGES];
	_Atomic unsigned told = 0;
	unsigned n = 0;

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.oom = count_call;
	o.oom_arg = (void *)&told;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	while (n < CORE_LIMIT_PAGES && vm_page_alloc(vm, VM_ALLOC_INTERRUPT,
	    &page[n]) == 0)
		n++;
	REFUSED(ENOMEM, vm_page_alloc(vm, VM_ALLOC_WAIT, page), "");
	CHECK(atomic_load(&told) != 0);
	while (n > 0)
		vm_page_free(page[--n], 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

TEST(netbsd_fewer_than_no_pages_on_their_way_dies)
{
	core_set_up(0);
	vm_pageout_start(vm, 1);
	CHECK_DIES(vm_pageout_done(vm, 2));
	vm_pageout_done(vm, 1);
	CHECK_DIES(vm_pageout_done(vm, 1));
	core_tear_down();
}

/* A pager is given none: whoever keeps one from before cannot go on. */
TEST(netbsd_a_pager_that_kept_the_objects_lock_dies)
{
	core_set_up(0);
	CHECK_DIES(vm_lock(&object->lock); (void)core_grab(50, VM_GRAB_READ));
	core_tear_down();
}

TEST(netbsd_the_daemon_ends_with_its_system_only)
{
	core_set_up(0);
	REFUSED(EBUSY, vm_destroy(vm), "1 objects");
	vm_kick(vm);
	(void)queued(1);
	core_tear_down();
}
