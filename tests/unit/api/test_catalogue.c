/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each thing that stopped the machine in GNU Mach's vm_resident.c and FreeBSD's
 * vm_page.c, and what it does here: a mistake of the program ends it with a
 * message, what a caller or the machine can cause is an error with a sentence.
 * docs/faults.md has the table.
 */
#include "catalogue.h"
#include "object/cached.h"
#include "object/foreign.h"
#include "object/life.h"
#include "object/retire.h"

static struct vm_page *
fictitious(void)
{
	struct vm_page *page;

	CHECK_INT(vm_page_more_fictitious(vm, 1), 1);
	CHECK_INT(vm_page_grab_fictitious(vm, &page), 0);
	return page;
}

/* ---- GNU Mach, vm/vm_resident.c ------------------------------------------ */

TEST(mach_inserting_a_page_that_has_a_place_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_WRITE);
	CHECK_DIES((void)vm_page_insert(page, object, 2));
	vm_page_release(page);
	core_tear_down();
}

TEST(mach_replacing_by_a_page_that_has_a_place_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_WRITE);
	CHECK_DIES((void)vm_page_replace(page, object, 2, NULL));
	vm_page_release(page);
	core_tear_down();
}

TEST(mach_removing_a_page_that_has_no_place_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc(0);
	CHECK_DIES((void)vm_page_remove(page));
	vm_page_free(page, 0);
	core_tear_down();
}

TEST(mach_releasing_a_free_page_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc(0);
	vm_page_free(page, 0);
	CHECK_DIES(vm_frame_give(&vm->frames, &page, 1);
	    vm_frame_give(&vm->frames, &page, 1));
	CHECK_DIES(vm_page_release(page));
	core_tear_down();
}

TEST(mach_releasing_a_free_fictitious_page_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = fictitious();
	vm_page_release_fictitious(page);
	CHECK_DIES(vm_page_release_fictitious(page));
	core_tear_down();
}

TEST(mach_no_more_fictitious_pages_is_an_error)
{
	struct vm_page *page;

	core_set_up(0);
	while (vm_page_more_fictitious(vm, 0) > 0)
		continue;
	REFUSED(ENOMEM, vm_page_more_fictitious(vm, 1), "are made");
	while (vm_page_grab_fictitious(vm, &page) == 0)
		continue;
	REFUSED(ENOMEM, vm_page_grab_fictitious(vm, &page), "in use");
	for (uint32_t i = 0; i < vm->frames.fictitious.made; i++)
		vm_page_release_fictitious(vm_page_of(vm, vm->frames.count +
		    i + 1));
	core_tear_down();
}

TEST(mach_freeing_neighbours_that_are_free_already_dies)
{
	struct vm_frame_request r = VM_FRAME_REQUEST_INIT;
	struct vm_frame_run run;

	core_set_up(0);
	r.count = 4;
	CHECK_INT(vm_frame_alloc(vm, &r, &run), 0);
	vm_frame_free(vm, &run);
	CHECK_DIES(vm_frame_free(vm, &run));
	core_tear_down();
}

TEST(mach_freeing_a_page_that_is_free_already_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_free(page, 0);
	CHECK_DIES(vm_page_free(page, 0));
	core_tear_down();
}

TEST(mach_inserting_or_replacing_by_a_page_on_a_queue_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc(0);
	CHECK_DIES(page->list = 1; (void)vm_page_insert(page, object, 2));
	CHECK_DIES(page->list = 1;
	    (void)vm_page_replace(page, object, 2, NULL));
	vm_page_free(page, 0);
	core_tear_down();
}

/* The gauge of external pages counts a page with its place. */
TEST(mach_counting_an_external_page_twice_dies)
{
	struct vm_page *page, *other;
	uint32_t external;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_WRITE);
	external = (uint32_t)vm_objects_external(vm);
	CHECK_DIES((void)vm_page_insert(page, object, 2));
	CHECK_DIES((void)vm_page_replace(page, object, 1, NULL));
	vm_page_release(page);
	other = alloc(0);
	CHECK_INT(vm_page_replace(other, object, 1, NULL), 0);
	CHECK_INT(vm_objects_external(vm), external);
	vm_page_release(other);
	core_tear_down();
}

TEST(mach_converting_what_is_no_fictitious_page_dies)
{
	static _Alignas(PAGE) char memory[PAGE];
	struct vm_page *page, *own;

	core_set_up(0);
	page = alloc(0);
	CHECK_DIES((void)vm_page_convert(&page));
	vm_page_free(page, 0);
	page = fictitious();
	CHECK_DIES(page->list = 1; (void)vm_page_convert(&page));
	own = page;
	vm_page_make_private(page, memory);
	CHECK_DIES((void)vm_page_convert(&own));	/* another address */
	vm_page_free(page, 0);
	core_tear_down();
}

/* What is not fictitious never gets onto the list that they are taken from. */
TEST(mach_a_page_with_a_frame_among_the_fictitious_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc(0);
	CHECK_DIES(vm_page_release_fictitious(page));
	CHECK_DIES(vm_fictitious_give(&vm->frames.fictitious, page));
	vm_page_free(page, 0);
	core_tear_down();
}

TEST(mach_fewer_than_no_resident_pages_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_WRITE);
	CHECK_DIES(atomic_store(&object->resident, 0);
	    (void)vm_page_remove(page));
	vm_page_release(page);
	core_tear_down();
}

/* It warned of sizes that are no power of two; ours grows with its object. */
TEST(mach_a_table_of_a_strange_size_cannot_be_asked_for)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm *other;

	faulty_reset();
	o.resident_max_bytes = UINT64_MAX;
	REFUSED(EINVAL, vm_create_on(&o, &faulty_os, &pmap_nobody, &other),
	    "above");
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE + 5000;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &other), 0);
	CHECK_INT(vm_destroy(other), 0);
	faulty_check_clean();
}

/* ---- FreeBSD, sys/vm/vm_page.c ------------------------------------------- */

TEST(freebsd_a_page_size_that_is_no_power_of_two_is_refused)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm *other;

	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.page_bytes = 3 * PAGE;
	REFUSED(EINVAL, vm_create(&o, &other), "power of two");
}

TEST(freebsd_making_a_page_busy_twice_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_WRITE);
	CHECK_DIES((void)vm_page_try_upgrade(page));
	CHECK_DIES(vm_page_share(page));
	vm_page_release(page);
	core_tear_down();
}

TEST(freebsd_releasing_a_page_that_is_not_busy_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = queued(1);
	CHECK_DIES(vm_page_release(page));
	core_tear_down();
}

TEST(freebsd_fewer_than_no_holds_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_READ);
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_unhold(page);
	CHECK_DIES(vm_page_unhold(page));
	vm_page_release(page);
	core_tear_down();
}

TEST(freebsd_making_a_cached_page_dirty_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_WRITE);
	CHECK(vm_page_cache(page));
	CHECK_DIES(vm_page_dirty(page, 0, 8));
	CHECK_DIES((void)vm_page_set_dirty(page, 0, 8));
	vm_page_release(page);
	core_tear_down();
}

TEST(freebsd_inserting_twice_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc(0);
	CHECK_INT(vm_page_insert(page, object, 5), 0);
	CHECK_DIES((void)vm_page_insert(page, object, 5));
	vm_page_free(page, 0);
	core_tear_down();
}

TEST(freebsd_removing_a_page_that_is_not_busy_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_READ);
	CHECK_DIES((void)vm_page_remove(page));	/* shared */
	vm_page_release(page);
	CHECK_DIES((void)vm_page_remove(page));
	core_tear_down();
}

/* Without an object one allocates with vm_page_alloc. */
TEST(freebsd_a_page_of_no_object_has_no_place)
{
	struct vm_page *page;

	core_set_up(0);
	REFUSED(EINVAL, vm_page_alloc(vm, 0x80, &page), "unknown flags");
	page = alloc(0);
	CHECK(vm_page_object(page) == NULL);
	CHECK_DIES((void)vm_page_remove(page));
	CHECK_DIES(vm_page_release(page));
	vm_page_free(page, 0);
	core_tear_down();
}

TEST(freebsd_allocating_at_a_place_that_is_taken_is_an_error)
{
	struct vm_page *page;

	core_set_up(0);
	(void)queued(1);
	REFUSED(EEXIST, vm_page_alloc_at(object, 1, 0, &page), "there");
	core_tear_down();
}

TEST(freebsd_a_dirty_page_cannot_become_free)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc(0);
	CHECK_DIES(page->dirty = 1; vm_page_put_back(vm, &page, 1));
	vm_page_free(page, 0);
	core_tear_down();
}

TEST(freebsd_a_queue_that_misses_its_page_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = queued(1);
	CHECK_DIES(page->list = 77; vm_queue_activate(&vm->queue, page));
	page = alloc(0);
	CHECK_DIES(page->list = 1; vm_page_put_back(vm, &page, 1));
	vm_page_free(page, 0);
	core_tear_down();
}

/* It is written down instead of taken: nothing that is dirty is dropped. */
TEST(freebsd_a_cached_page_that_is_dirty_is_not_taken)
{
	struct vm_page *page;

	core_set_up(0);
	(void)queued(1);
	CHECK(vm_page_try_to_cache(object, 1) > 0);
	page = vm_object_lock_page(object, 1);
	vm_object_mark_dirty(object, page, 1);	/* past all checks */
	vm_object_unlock_page(object, page);
	CHECK(!vm_cached_take(vm));
	CHECK(core_resident(1));
	CHECK_INT(vm_queue_cached(&vm->queue), 0);
	page = vm_object_lock_page(object, 1);
	CHECK_DIES(vm_page_let_go(page, VM_LEAVE_FREED));
	vm_object_mark_clean(object, page);
	vm_object_unlock_page(object, page);
	core_tear_down();
}

TEST(freebsd_freeing_a_busy_page_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_READ);
	CHECK_DIES(vm_page_free(page, 0));	/* others may be in it */
	vm_page_release(page);
	CHECK_DIES(vm_page_free(page, 0));	/* nobody is */
	core_tear_down();
}

TEST(freebsd_freeing_a_free_page_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc(0);
	vm_page_free(page, 0);
	CHECK_DIES(vm_page_free(page, 0));
	core_tear_down();
}

TEST(freebsd_freeing_a_page_wired_once_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc(VM_ALLOC_WIRED);
	CHECK_DIES(vm_page_free(page, 0));
	vm_page_free(page, VM_FREE_WIRED);
	core_tear_down();
}

TEST(freebsd_freeing_a_page_wired_more_than_once_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc(VM_ALLOC_WIRED);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_DIES(vm_page_free(page, 0));
	vm_page_free(page, VM_FREE_WIRED);
	core_tear_down();
}

TEST(freebsd_too_many_wires_is_an_error)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc(VM_ALLOC_WIRED);
	atomic_store(&page->wires, UINT16_MAX);
	REFUSED(EAGAIN, vm_page_wire(page, NULL), "65535");
	CHECK_INT(atomic_load(&page->wires), UINT16_MAX);
	vm_page_free(page, VM_FREE_WIRED);
	core_tear_down();
}

TEST(freebsd_unwiring_a_page_that_is_not_wired_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_READ);
	CHECK_DIES((void)vm_page_unwire(page, NULL, VM_TO_ACTIVE));
	vm_page_release(page);
	core_tear_down();
}

TEST(freebsd_caching_a_dirty_page_dies)
{
	struct vm_page *page;

	core_set_up(0);
	core_put(1, 7);
	CHECK_INT(vm_page_try_to_cache(object, 1), 0);
	page = core_grab(1, VM_GRAB_WRITE);
	CHECK_DIES((void)vm_page_cache(page));
	vm_page_release(page);
	core_tear_down();
}

TEST(freebsd_bits_out_of_the_page_die)
{
	core_set_up(0);
	CHECK_DIES((void)vm_page_bits(vm, 1, PAGE));
	CHECK_DIES((void)vm_page_bits(vm, PAGE + 1, 0));
	CHECK_DIES((void)vm_page_bits(vm, UINT32_MAX, 2));
	core_tear_down();
}

/* It printed a line and went on. */
TEST(freebsd_a_busy_page_is_not_cached)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(1, VM_GRAB_READ);
	CHECK_INT(vm_page_try_to_cache(object, 1), 0);
	CHECK_INT(vm_page_try_to_free(object, 1), 0);
	CHECK_DIES((void)vm_page_cache(page));	/* shared */
	vm_page_release(page);
	core_tear_down();
}
