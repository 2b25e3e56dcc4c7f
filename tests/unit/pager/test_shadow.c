/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadows: where each of their pages comes from, and what stays the source's.
 * The source is the object of one_object.h; word 0 of its page i is i.
 */
#include "pager/shadow.h"

#include <stdatomic.h>

#include "one_object.h"

#include "object/content.h"

enum { FIRST = 10, SHADOW_PAGES = 60 };

static struct vm_object *shadow;

static void
set_up(unsigned flags)
{
	core_set_up(flags);
	CHECK_INT(vm_shadow_new(object, FIRST, SHADOW_PAGES * PAGE, &shadow),
	    0);
	CHECK_INT(vm_object_advise(shadow, VM_ADVICE_RANDOM), 0);
}

static void
tear_down(void)
{
	CHECK_INT(vm_object_destroy(shadow), 0);
	core_tear_down();
}

/* Word of a page of the shadow. */
static uint64_t
get(uint64_t pindex, unsigned word)
{
	struct vm_page *page;
	uint64_t value;

	CHECK_INT(vm_page_grab(shadow, pindex, VM_GRAB_READ, &page), 0);
	memcpy(&value, (char *)vm_page_data(page) + word * 8, sizeof(value));
	vm_page_release(page);
	return value;
}

static void
put(uint64_t pindex, uint64_t value)
{
	struct vm_page *page;

	CHECK_INT(vm_page_grab(shadow, pindex, VM_GRAB_WRITE, &page), 0);
	memcpy((char *)vm_page_data(page) + 8, &value, sizeof(value));
	vm_page_dirty(page, 8, sizeof(value));
	vm_page_release(page);
}

static void
evict(struct vm_object *which)
{
	CHECK_INT(vm_object_flush(which, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_forget(which), 0);
}

static uint64_t
resident(struct vm_object *which)
{
	struct vm_object_stat stat;

	vm_object_stat(which, &stat);
	return stat.resident_pages;
}

TEST(a_page_that_is_nowhere_is_read_past_the_source)
{
	set_up(0);
	CHECK_INT(get(3, 0), FIRST + 3);
	CHECK_INT(get(0, 0), FIRST);
	CHECK_INT(get(SHADOW_PAGES - 1, 0), FIRST + SHADOW_PAGES - 1);
	CHECK_INT(resident(object), 0);
	CHECK_INT(resident(shadow), 3);
	tear_down();
}

TEST(a_page_of_the_source_is_copied_as_it_is_in_memory)
{
	set_up(0);
	core_put(FIRST + 4, 77);	/* dirty, the file has it not */
	CHECK_INT(core_in_file(FIRST + 4), 0);
	CHECK_INT(get(4, 1), 77);
	CHECK_INT(get(4, 0), FIRST + 4);
	tear_down();
}

TEST(so_is_a_page_of_a_source_in_a_store)
{
	set_up(VM_OBJECT_STORE);
	core_put(FIRST + 4, 77);
	CHECK_INT(get(4, 1), 77);
	CHECK_INT(get(5, 0), FIRST + 5);
	tear_down();
}

TEST(a_write_is_the_shadows_own)
{
	set_up(0);
	put(2, 5);
	CHECK_INT(get(2, 1), 5);
	CHECK_INT(core_get(FIRST + 2, 1), 0);
	CHECK_INT(vm_object_sync(shadow, 0, VM_LENGTH_ALL), 0);
	evict(shadow);
	evict(object);
	CHECK_INT(resident(shadow), 0);
	CHECK_INT(get(2, 1), 5);	/* from the swap file */
	CHECK_INT(get(2, 0), FIRST + 2);
	CHECK_INT(core_in_file(FIRST + 2), 0);
	core_put(FIRST + 2, 6);
	CHECK_INT(get(2, 1), 5);
	tear_down();
}

TEST(what_was_brought_in_does_not_see_later_writes)
{
	set_up(0);
	CHECK_INT(get(2, 1), 0);
	core_put(FIRST + 2, 9);
	CHECK_INT(get(2, 1), 0);
	evict(shadow);			/* clean: from the source again */
	CHECK_INT(get(2, 1), 9);
	tear_down();
}

TEST(a_shadow_larger_than_memory_keeps_all_that_was_written)
{
	set_up(0);
	for (uint64_t i = 0; i < SHADOW_PAGES; i++)
		put(i, 1000 + i);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	for (uint64_t i = 0; i < SHADOW_PAGES; i++) {
		CHECK_INT(get(i, 1), 1000 + i);
		CHECK_INT(get(i, 0), FIRST + i);
	}
	tear_down();
}

TEST(runs_are_read_whatever_of_the_source_is_in_memory)
{
	set_up(0);
	CHECK_INT(vm_object_advise(shadow, VM_ADVICE_SEQUENTIAL), 0);
	for (uint64_t i = 0; i < SHADOW_PAGES; i += 7)
		core_put(FIRST + i, i + 1);
	for (uint64_t i = 0; i < SHADOW_PAGES; i++) {
		CHECK_INT(get(i, 0), FIRST + i);
		CHECK_INT(get(i, 1), i % 7 == 0 ? i + 1 : 0);
	}
	tear_down();
}

TEST(who_holds_the_sources_page_is_not_waited_for)
{
	struct vm_page *page, *none;

	set_up(0);
	vm->wait_max_ns = 1;	/* it is asked again once */
	page = core_grab(FIRST + 1, VM_GRAB_WRITE);
	CHECK_INT(vm_page_grab(shadow, 1, VM_GRAB_READ, &none), -EAGAIN);
	vm_page_release(page);
	page = core_grab(FIRST + 1, VM_GRAB_READ);
	CHECK_INT(get(1, 0), FIRST + 1);
	vm_page_release(page);
	tear_down();
}

TEST(a_page_that_is_there_in_part_is_completed)
{
	struct vm_page *page;
	uint64_t value = 3;

	set_up(0);
	page = core_grab(FIRST + 1, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	CHECK_INT(page->valid, 0);
	memset(vm_page_data(page), 9, PAGE);
	memcpy((char *)vm_page_data(page) + 512, &value, sizeof(value));
	vm_page_set_valid(page, 512, 512);
	vm_page_release(page);
	CHECK_INT(get(1, 0), FIRST + 1);	/* the file's */
	CHECK_INT(get(1, 64), 3);		/* the page's */
	CHECK_INT(get(1, 128), 0);
	page = core_grab(FIRST + 1, VM_GRAB_READ);
	CHECK_INT(page->valid, vm->all_blocks);
	vm_page_release(page);
	tear_down();
}

TEST(a_page_that_its_pager_failed_is_refused)
{
	struct vm_page *page;

	set_up(0);
	page = core_grab(FIRST + 1, VM_GRAB_WRITE);
	vm_page_set_error(page, 1);
	vm_page_release(page);
	CHECK_INT(vm_page_grab(shadow, 1, VM_GRAB_READ, &page), -EACCES);
	CHECK_INT(get(2, 0), FIRST + 2);
	tear_down();
}

TEST(an_error_of_the_sources_pager_is_the_shadows)
{
	struct vm_page *page;

	set_up(0);
	faulty.bad_from = (FIRST + 5) * PAGE;
	faulty.bad_end = (FIRST + 6) * PAGE;
	CHECK_INT(vm_page_grab(shadow, 5, VM_GRAB_READ, &page), -EIO);
	CHECK_INT(get(6, 0), FIRST + 6);
	faulty.bad_end = 0;
	CHECK_INT(get(5, 0), FIRST + 5);
	CHECK_INT(core_get(FIRST + 5, 0), FIRST + 5);
	tear_down();
}

TEST(behind_the_end_of_a_source_that_became_shorter_there_is_nothing)
{
	struct vm_page *page;

	set_up(0);
	put(20, 1);
	CHECK_INT(vm_object_resize(object, (FIRST + 8) * PAGE), 0);
	CHECK_INT(get(7, 0), FIRST + 7);
	CHECK_INT(vm_page_grab(shadow, 8, VM_GRAB_READ, &page), -ERANGE);
	CHECK_INT(vm_page_grab(shadow, 30, VM_GRAB_READ, &page), -ERANGE);
	CHECK_INT(get(20, 1), 1);	/* was there */
	tear_down();
}

TEST(a_source_with_a_shadow_is_not_destroyed)
{
	set_up(0);
	CHECK_INT(get(1, 0), FIRST + 1);
	CHECK_INT(vm_object_destroy(object), -EBUSY);
	CHECK_INT(get(2, 0), FIRST + 2);
	tear_down();
}

TEST(an_anonymous_source_that_was_never_written_is_zeros)
{
	struct vm_object *source, *child;
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, 8 * PAGE, 0, &source), 0);
	CHECK_INT(vm_shadow_new(source, 0, 8 * PAGE, &child), 0);
	CHECK_INT(vm_page_grab(child, 3, VM_GRAB_READ, &page), 0);
	CHECK_INT(*(uint64_t *)vm_page_data(page), 0);
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(child), 0);
	CHECK_INT(vm_object_destroy(source), 0);
	core_tear_down();
}

TEST(a_device_is_copied_from)
{
	static _Alignas(4096) uint64_t memory[2][PAGE / 8];
	struct vm_object *device, *child;
	struct vm_page *page;

	core_set_up(0);
	memory[1][0] = 123;
	CHECK_INT(vm_object_create_device(vm, memory, sizeof(memory), 0,
	    &device), 0);
	CHECK_INT(vm_shadow_new(device, 0, sizeof(memory), &child), 0);
	CHECK_INT(vm_page_grab(child, 1, VM_GRAB_WRITE, &page), 0);
	CHECK_INT(*(uint64_t *)vm_page_data(page), 123);
	*(uint64_t *)vm_page_data(page) = 124;
	vm_page_dirty(page, 0, 8);
	vm_page_release(page);
	CHECK_INT(memory[1][0], 123);
	CHECK_INT(vm_object_destroy(child), 0);
	CHECK_INT(vm_object_destroy(device), 0);
	core_tear_down();
}

TEST(without_memory_no_shadow_is_made_and_the_source_is_as_it_was)
{
	core_set_up(0);
	for (unsigned call = 1;; call++) {
		int error;

		faulty.fail_at = faulty.calls + call;
		faulty.failed = NULL;
		error = vm_shadow_new(object, 0, PAGE, &shadow);
		faulty.fail_at = 0;
		if (error == 0)
			break;
		CHECK_INT(error, -ENOMEM);
		CHECK_INT(atomic_load(&object->shadows), 0);
	}
	tear_down();
}
