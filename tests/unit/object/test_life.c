/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a page step by step: GNU Mach's vm_resident.c, FreeBSD's
 * vm_page.c and NetBSD's rump vm.c, row by row where a row is named.
 */
#include "life_fixture.h"

/* ---- coming -------------------------------------------------------------- */

/* M32, M33, F36. */
TEST(a_page_that_was_allocated_is_born_busy_and_has_nothing)
{
	struct vm_page *page;

	set_up();
	page = alloc(0);
	CHECK_INT(vm_page_busied(page), -1);
	CHECK(page->object == vm->nowhere && vm_page_object(page) == NULL);
	CHECK(atomic_load(&page->slot) == NULL);
	CHECK_INT(page->valid, 0);
	CHECK_INT(page->dirty, 0);
	CHECK_INT(page->wires, 0);
	CHECK_INT(page->holds, 0);
	CHECK_INT(page->loans, 0);
	CHECK_INT(page->list, 0);
	CHECK_INT(flags_of(page) & ~VM_PGA_WARM, 0);
	CHECK_INT(vm->loose, 1);
	vm_page_free(page, 0);
	CHECK_INT(vm->loose, 0);
	tear_down();
}

/* F36: also where the frame was not zeroed before. */
TEST(zeros_are_zeros_and_known_no_longer)
{
	struct vm_page *page;

	set_up();
	for (int i = 0; i < 3; i++) {
		page = alloc(VM_ALLOC_ZERO);
		for (unsigned at = 0; at < PAGE / 8; at++)
			CHECK_INT(words(page)[at], 0);
		CHECK_INT(flags_of(page) & VM_PGA_ZERO, 0);
		CHECK_INT(page->valid, 0);
		if (i == 1) {
			memset(words(page), 0, PAGE);
			vm_page_free(page, VM_FREE_ZERO);
			continue;
		}
		memset(words(page), 0xa5, PAGE);
		vm_page_free(page, 0);
	}
	tear_down();
}

TEST(a_wired_page_is_counted_from_the_start)
{
	struct vm_page *page;

	set_up();
	page = alloc(VM_ALLOC_WIRED);
	CHECK_INT(page->wires, 1);
	CHECK_INT(vm->wired, 1);
	CHECK_INT(vm_page_insert(page, anon, 3), 0);
	CHECK_INT(anon->wired, 1);
	CHECK_INT(vm->nowhere->wired, 0);
	vm_page_release(page);
	audit(vm);
	page = core_grab(3, VM_GRAB_READ);
	vm_page_release(page);
	CHECK_INT(vm_object_unwire(anon, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm->wired, 0);
	tear_down();
}

/* M38, M43, F32: each class goes as far down as it may, and no further. */
TEST(each_class_gets_pages_down_to_its_mark)
{
	struct vm_page *page[CORE_LIMIT_PAGES];
	unsigned n = 0, normal;

	set_up();
	while (vm_page_alloc(vm, VM_ALLOC_NORMAL, &page[n]) == 0)
		n++;
	CHECK_INT(n, vm->limit.total - vm->limit.reserved);
	CHECK(strstr(vm_last_error(), "class") != NULL);
	normal = n;
	while (vm_page_alloc(vm, VM_ALLOC_SYSTEM, &page[n]) == 0)
		n++;
	CHECK(n > normal);
	while (vm_page_alloc(vm, VM_ALLOC_INTERRUPT, &page[n]) == 0)
		n++;
	CHECK_INT(n, vm->limit.total);
	CHECK_INT(free_pages(), 0);
	while (n > 0)
		vm_page_free(page[--n], 0);
	CHECK_INT(free_pages(), vm->limit.total);
	tear_down();
}

/* F36, R22: alloc_at is FreeBSD's vm_page_alloc. */
TEST(a_page_allocated_in_an_object_is_busy_unqueued_and_not_valid)
{
	struct vm_page *page, *other;
	uint64_t generation;

	set_up();
	generation = vm_object_generation(anon);
	page = alloc_at(anon, 7);
	CHECK(page->object == anon && page->pindex == 7);
	CHECK_INT(vm_page_busied(page), -1);
	CHECK(vm_page_lookup(anon, 7) == page);
	CHECK_INT(page->valid, 0);
	CHECK_INT(page->dirty, 0);
	CHECK_INT(page->list, 0);
	CHECK_INT(vm_queue_count(&vm->queue), 0);
	CHECK(vm_object_generation(anon) > generation);
	CHECK_INT(anon->resident, 1);
	CHECK_INT(vm_page_grab(anon, 7, VM_GRAB_NOWAIT, &other), -EAGAIN);
	vm_page_release(page);
	CHECK_INT(vm_queue_count(&vm->queue), 1);
	tear_down();
}

/* R20: with errors of their own. */
TEST(a_place_that_is_taken_or_beyond_the_end_is_refused)
{
	struct vm_page *page, *other = NULL;
	uint64_t generation;
	uint32_t free;

	set_up();
	page = alloc_at(anon, 7);
	generation = vm_object_generation(anon);
	free = free_pages();
	CHECK_INT(vm_page_alloc_at(anon, 7, 0, &other), -EEXIST);
	CHECK_INT(vm_page_alloc_at(anon, 7, VM_ALLOC_WAIT, &other), -EEXIST);
	vm_page_release(page);
	CHECK_INT(vm_page_alloc_at(anon, 7, VM_ALLOC_WIRED, &other),
	    -EEXIST);
	CHECK_INT(vm_page_alloc_at(anon, 50, 0, &other), -ERANGE);
	CHECK_INT(vm_page_alloc_at(anon, UINT64_MAX, 0, &other), -ERANGE);
	CHECK(other == NULL);
	CHECK_INT(free_pages(), free);
	CHECK_INT(vm->wired, 0);
	CHECK_INT(anon->resident, 1);
	CHECK_INT(vm_object_generation(anon), generation);
	tear_down();
}

TEST(without_memory_or_leaves_the_object_is_as_before)
{
	struct vm_page *page[CORE_LIMIT_PAGES], *other = NULL;
	unsigned n = 0;

	set_up();
	while (vm_page_alloc(vm, VM_ALLOC_NORMAL, &page[n]) == 0)
		n++;
	CHECK_INT(vm_page_alloc_at(anon, 7, 0, &other), -ENOMEM);
	CHECK(vm_page_lookup(anon, 7) == NULL);
	CHECK_INT(anon->resident, 0);
	while (n > 0)
		vm_page_free(page[--n], 0);
	tear_down();
}

TEST(a_page_is_waited_for_only_where_that_is_asked_for)
{
	struct vm_page *page[CORE_LIMIT_PAGES], *other;
	unsigned n = 0;

	core_create(1000000);	/* 1 ms */
	while (vm_page_alloc(vm, VM_ALLOC_NORMAL, &page[n]) == 0)
		n++;
	CHECK_INT(vm_page_alloc(vm, VM_ALLOC_WAIT, &other), -ENOMEM);
	vm_page_free(page[--n], 0);
	CHECK_INT(vm_page_alloc(vm, VM_ALLOC_WAIT, &other), 0);
	vm_page_free(other, 0);
	while (n > 0)
		vm_page_free(page[--n], 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

/* R20, R21: a page behind a barrier is neither made nor inserted. */
TEST(a_barrier_keeps_pages_out)
{
	struct vm_barrier barrier = { .first = 3, .end = 5 };
	struct vm_page *page, *other;

	set_up();
	page = alloc(0);
	vm_object_bar(anon, &barrier);
	CHECK_INT(vm_page_alloc_at(anon, 4, 0, &other), -EBUSY);
	CHECK_INT(vm_page_insert(page, anon, 4), -EBUSY);
	CHECK_INT(vm_page_insert(page, anon, 5), 0);
	CHECK_INT(vm_page_rename(page, anon, 3, 0), -EBUSY);
	CHECK_INT(page->pindex, 5);
	vm_object_unbar(anon, &barrier);
	CHECK_INT(vm_page_rename(page, anon, 3, VM_RENAME_UNBUSY), 0);
	tear_down();
}

/* M22, M23, F25, F26. */
TEST(an_inserted_page_keeps_what_is_in_it)
{
	struct vm_page *page;

	set_up();
	page = alloc(VM_ALLOC_ZERO);
	words(page)[1] = 77;
	page->valid = vm_page_all_blocks(PAGE);
	vm_page_dirty(page, 8, 8);
	CHECK_INT(page->dirty, 1);
	CHECK_INT(vm_page_insert(page, object, 9), 0);
	CHECK_INT(object->dirty, 1);
	CHECK_INT(vm_object_may_be_dirty(object), 1);
	CHECK_INT(page->dirty, 1);
	vm_page_release(page);
	CHECK_INT(core_get(9, 1), 77);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(9), 77);
	CHECK_INT(vm_object_may_be_dirty(object), 0);
	tear_down();
}

TEST(a_page_with_an_identity_is_not_inserted_again)
{
	struct vm_page *page;

	set_up();
	page = alloc_at(anon, 7);
	CHECK_DIES(vm_page_insert(page, anon, 8));
	CHECK_DIES(vm_page_replace(page, anon, 8, NULL));
	vm_page_release(page);
	tear_down();
}

TEST(another_systems_page_is_refused)
{
	struct vm_object *far_object;
	struct vm *far, *near;
	struct vm_page *page;
	struct vm_options o = VM_OPTIONS_INIT;

	set_up();
	near = vm;
	o.resident_max_bytes = 16 * PAGE;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &far), 0);
	CHECK_INT(vm_object_create_anon(far, PAGE, 0, &far_object), 0);
	page = alloc(0);
	CHECK_INT(vm_page_insert(page, far_object, 0), -EINVAL);
	CHECK_INT(vm_page_replace(page, far_object, 0, NULL), -EINVAL);
	CHECK_INT(vm_page_insert(page, anon, 0), 0);
	CHECK_INT(vm_page_rename(page, far_object, 0, 0), -EINVAL);
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(far_object), 0);
	CHECK_INT(vm_destroy(far), 0);
	vm = near;
	tear_down();
}

/* ---- one for another ----------------------------------------------------- */

/* M25: over an absent, a clean, a dirty page; the old one is freed. */
TEST(a_page_takes_the_place_of_what_is_there)
{
	struct vm_page *page, *before;
	uint32_t free;

	set_up();
	page = alloc(0);
	CHECK_INT(vm_page_replace(page, anon, 7, &before), 0);
	CHECK(before == NULL);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
	free = free_pages();
	before = page;
	page = alloc(0);
	words(page)[0] = 5;
	page->valid = vm_page_all_blocks(PAGE);
	CHECK_INT(vm_page_replace(page, anon, 7, NULL), 0);
	CHECK_INT(free_pages(), free);
	CHECK(before->object == NULL);
	CHECK_INT(anon->dirty, 0);
	CHECK_INT(anon->resident, 1);
	CHECK(vm_page_lookup(anon, 7) == page);
	CHECK_INT(vm_queue_count(&vm->queue), 0);
	vm_page_release(page);
	CHECK_INT(vm_queue_count(&vm->queue), 1);
	tear_down();
}

/* M25, M26. */
TEST(a_wired_page_that_is_replaced_is_uncounted_once)
{
	struct vm_page *page, *old;

	set_up();
	page = alloc_at(anon, 7);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	vm_page_release(page);
	old = page;
	page = alloc(VM_ALLOC_WIRED);
	CHECK_INT(vm->wired, 2);
	CHECK_INT(vm_page_replace(page, anon, 7, NULL), 0);
	CHECK_INT(vm->wired, 1);
	CHECK_INT(anon->wired, 1);
	CHECK(old->object == NULL);
	vm_page_free(page, VM_FREE_WIRED);
	CHECK_INT(vm->wired, 0);
	tear_down();
}

TEST(the_old_page_can_be_kept_as_it_was)
{
	struct vm_page *page, *old;

	set_up();
	page = alloc_at(anon, 7);
	words(page)[0] = 11;
	page->valid = vm_page_all_blocks(PAGE);
	vm_page_dirty(page, 0, 8);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	vm_page_release(page);
	CHECK_INT(vm_page_replace(alloc(0), anon, 7, &old), 0);
	vm_page_release(vm_page_lookup(anon, 7));
	CHECK(old == page && vm_page_object(old) == NULL);
	CHECK_INT(words(old)[0], 11);
	CHECK_INT(old->dirty, 1);
	CHECK_INT(old->wires, 1);
	CHECK_INT(anon->wired, 0);
	CHECK_INT(anon->dirty, 0);
	CHECK_INT(vm->wired, 1);
	CHECK_INT(vm_page_insert(old, anon, 8), 0);
	CHECK_INT(anon->dirty, 1);
	CHECK_INT(vm_page_unwire(old, NULL, VM_TO_INACTIVE), 0);
	vm_page_release(old);
	tear_down();
}

static struct vm_object *waits_in;

static void *
read_seven(void *arg)
{
	struct vm_page *page;

	CHECK_INT(vm_page_grab(waits_in, 7, VM_GRAB_READ, &page), 0);
	*(uint64_t *)arg = words(page)[0];
	vm_page_release(page);
	return NULL;
}

static void
let_others_run(void)
{
	for (int i = 0; i < 1000; i++)
		sched_yield();
}

/* M25: who waits for the place waits on, and gets the new page. */
TEST(who_waits_for_a_place_gets_the_page_that_is_there_then)
{
	struct vm_page *page, *other;
	pthread_t reader;
	uint64_t seen = 0;

	set_up();
	waits_in = anon;
	page = alloc_at(anon, 7);
	CHECK_INT(pthread_create(&reader, NULL, read_seven, &seen), 0);
	let_others_run();
	/* Moved away: the reader finds nothing, which is zeros in swap. */
	other = alloc_at(anon, 8);
	words(other)[0] = 99;
	other->valid = vm_page_all_blocks(PAGE);
	vm_page_dirty(other, 0, PAGE);
	vm_page_free(page, 0);
	while (vm_page_rename(other, anon, 7, VM_RENAME_REPLACE) != 0)
		sched_yield();
	vm_page_release(other);
	CHECK_INT(pthread_join(reader, NULL), 0);
	CHECK(seen == 0 || seen == 99);
	CHECK_INT(words(vm_page_lookup(anon, 7))[0], 99);
	tear_down();
}

/* ---- going --------------------------------------------------------------- */

/* M27, M28, F27. */
TEST(a_removed_page_is_loose_and_keeps_its_contents)
{
	struct vm_page *page;
	uint64_t generation;

	set_up();
	page = alloc_at(anon, 7);
	words(page)[2] = 22;
	page->valid = vm_page_all_blocks(PAGE);
	vm_page_dirty(page, 0, PAGE);
	generation = vm_object_generation(anon);
	CHECK_INT(vm_page_remove(page), 0);
	CHECK(vm_object_generation(anon) > generation);
	CHECK(vm_page_lookup(anon, 7) == NULL);
	CHECK(vm_page_object(page) == NULL);
	CHECK_INT(vm_page_busied(page), -1);
	CHECK_INT(anon->resident, 0);
	CHECK_INT(anon->dirty, 0);
	CHECK(page->dirty != 0);
	CHECK_INT(words(page)[2], 22);
	CHECK_INT(vm_page_insert(page, anon, 7), 0);
	CHECK_INT(anon->dirty, 1);
	vm_page_release(page);
	tear_down();
}

/* F27, M27: by who does not hold it, or has nothing to remove. */
TEST(removing_what_is_not_held_dies)
{
	struct vm_page *page;

	set_up();
	page = alloc(0);
	CHECK_DIES(vm_page_remove(page));
	CHECK_INT(vm_page_insert(page, anon, 7), 0);
	vm_page_release(page);
	CHECK_DIES(vm_page_remove(page));
	CHECK_DIES(vm_page_rename(page, anon, 8, 0));
	page = core_grab(3, VM_GRAB_READ);
	CHECK_DIES(vm_page_remove(page));
	vm_page_release(page);
	tear_down();
}

static void *
wait_for_seven(void *arg)
{
	struct vm_page *page;
	int slept;

	do
		slept = vm_page_wait(anon, 7, VM_WAIT_EXCL | VM_WAIT_SHARED,
		    VM_WAIT_FOREVER);
	while (slept == 1);
	CHECK_INT(slept, 0);
	page = vm_page_lookup(anon, 7);
	atomic_store((_Atomic int *)arg, page == NULL ? 1 : 2);
	return NULL;
}

/* M28, M44, F27, R24: waiters wake and look again. */
static void
waiter_wakes(void (*end)(struct vm_page *page))
{
	_Atomic int found = 0;
	struct vm_page *page;
	pthread_t waiter;

	set_up();
	page = alloc_at(anon, 7);
	CHECK_INT(pthread_create(&waiter, NULL, wait_for_seven, &found), 0);
	let_others_run();
	CHECK_INT(found, 0);
	end(page);
	CHECK_INT(pthread_join(waiter, NULL), 0);
	CHECK_INT(found, 1);
	tear_down();
}

static void
end_by_free(struct vm_page *page)
{
	vm_page_free(page, 0);
}

static void
end_by_remove(struct vm_page *page)
{
	CHECK_INT(vm_page_remove(page), 0);
	vm_page_free(page, 0);
}

static void
end_by_rename(struct vm_page *page)
{
	CHECK_INT(vm_page_rename(page, anon, 20, VM_RENAME_UNBUSY), 0);
}

TEST(who_waits_for_a_page_that_is_freed_wakes_and_finds_nothing)
{
	waiter_wakes(end_by_free);
}

TEST(who_waits_for_a_page_that_is_removed_wakes_and_finds_nothing)
{
	waiter_wakes(end_by_remove);
}

TEST(who_waits_for_a_page_that_is_renamed_wakes_and_finds_nothing)
{
	waiter_wakes(end_by_rename);
}

/* M44, M45, F44: by the flag, which is the profile. */
TEST(a_wired_page_is_freed_only_by_who_says_so)
{
	struct vm_page *page;

	set_up();
	page = alloc_at(anon, 7);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_DIES(vm_page_free(page, 0));
	vm_page_free(page, VM_FREE_WIRED);
	CHECK_INT(vm->wired, 0);
	CHECK_INT(free_pages(), vm->limit.total);
	tear_down();
}

/* M44, F43. */
TEST(freeing_what_is_free_or_shared_or_not_held_dies)
{
	struct vm_page *page;

	set_up();
	page = alloc(0);
	vm_page_free(page, 0);
	CHECK_DIES(vm_page_free(page, 0));
	page = core_grab(5, VM_GRAB_READ);
	CHECK_DIES(vm_page_free(page, 0));
	vm_page_release(page);
	CHECK_DIES(vm_page_free(page, 0));
	CHECK_DIES(vm_page_free(page, 0x80));
	tear_down();
}

/* F44, F47: nothing is left of a life when the next one begins. */
TEST(a_freed_page_leaves_nothing_behind)
{
	struct vm_page *page;
	uint32_t free;

	set_up();
	free = free_pages();
	page = core_grab(5, VM_GRAB_WRITE);
	vm_page_dirty(page, 0, PAGE);
	vm_page_unmanage(page);
	atomic_fetch_or(&page->flags, VM_PGA_PRECIOUS | VM_PGA_NOSYNC);
	vm_page_free(page, 0);
	CHECK_INT(free_pages(), free);
	CHECK_INT(object->dirty, 0);
	CHECK(page->object == NULL);
	CHECK_INT(page->valid, 0);
	CHECK_INT(page->dirty, 0);
	CHECK_INT(flags_of(page) & ~(VM_PGA_WARM | VM_PGA_FREE), 0);
	CHECK_INT(core_get(5, 0), 5);		/* read anew */
	tear_down();
}

TEST(a_page_of_a_store_is_freed_too_and_moves_nowhere)
{
	struct vm_page *page, *other;

	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(core_get(5, 0), 5);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK_INT(vm_page_remove(page), -ENOTSUP);
	CHECK_INT(vm_page_rename(page, object, 6, 0), -ENOTSUP);
	CHECK_INT(vm_page_hold(page), -ENOTSUP);
	vm_page_free(page, 0);
	CHECK(!core_resident(5));
	CHECK_INT(vm_page_alloc_at(object, 5, 0, &other), -ENOTSUP);
	page = alloc(0);
	CHECK_INT(vm_page_insert(page, object, 5), -ENOTSUP);
	CHECK_INT(vm_page_replace(page, object, 5, NULL), -ENOTSUP);
	vm_page_free(page, 0);
	CHECK_INT(core_get(5, 0), 5);
	audit(vm);
	core_tear_down();
}

TEST(a_loose_page_is_not_released_and_keeps_the_system)
{
	struct vm_page *page;

	core_create(0);
	page = alloc(0);
	CHECK_DIES(vm_page_release(page));
	CHECK_INT(vm_destroy(vm), -EBUSY);
	CHECK(strstr(vm_last_error(), "1 pages") != NULL);
	vm_page_free(page, 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}
