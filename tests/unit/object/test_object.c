/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects: their pages' identities, what is dirty, lengths and barriers. */
#include "object/object.h"

#include <pthread.h>
#include <sched.h>

#include "one_object.h"

static struct vm_page *
take(void)
{
	struct vm_page *page;

	CHECK_INT(vm_limit_take(&vm->limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page, 1), 1);
	return page;
}

TEST(a_page_gets_an_identity_and_loses_it)
{
	struct vm_slot *slot;
	struct vm_page *page;
	uint32_t number;

	core_set_up(0);
	page = take();
	CHECK_INT(vm_index_try_excl(&object->index, 5, &slot, &number), 1);
	vm_object_enter_page(object, page, 5, slot);
	CHECK(page->object == object && page->pindex == 5);
	CHECK_INT(object->resident, 1);
	vm_object_mark_dirty(object, page, 1);
	vm_object_mark_dirty(object, page, 6);
	CHECK_INT(page->dirty, 7);
	CHECK_INT(object->dirty, 1);
	vm_object_remove_page(object, page);
	CHECK(page->object == NULL);
	CHECK_INT(object->dirty, 0);
	CHECK_INT(object->resident, 0);
	vm_index_release_excl(&object->index, slot, VM_SLOT_ABSENT);
	vm_limit_give(&vm->limit, &page, 1);
	core_tear_down();
}

TEST(marking_clean_twice_is_once)
{
	struct vm_page *page;

	core_set_up(VM_OBJECT_STORE);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_dirty(page, 0, 1);
	CHECK_INT(object->store.face->dirty_pages, 1);
	vm_object_mark_clean(object, page);
	vm_object_mark_clean(object, page);
	CHECK_INT(object->dirty, 0);
	CHECK_INT(object->store.face->dirty_pages, 0);
	vm_page_release(page);
	core_tear_down();
}

TEST(wrong_use_of_pages_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK_DIES(vm_object_mark_dirty(object, page, 0));
	CHECK_DIES(vm_object_enter_page(object, page, 4,
	    atomic_load(&page->slot)));
	CHECK_DIES(vm_object_free(object));
	vm_page_release(page);
	CHECK_DIES(vm_object_unpin(object));
	CHECK_DIES(vm_page_release(page));
	core_tear_down();
}

TEST(lock_page_finds_what_is_resident_only)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK(vm_object_lock_page(object, 9) == NULL);
	CHECK_INT(core_get(9, 0), 9);
	page = vm_object_lock_page(object, 9);
	CHECK(page != NULL && page->pindex == 9);
	CHECK(vm_slot_busy_excl(atomic_load(&page->slot)));
	vm_object_unlock_page(object, page);
	core_tear_down();
}

static void *
lock_and_unlock(void *arg)
{
	_Atomic int *locked = arg;
	struct vm_page *page = vm_object_lock_page(object, 9);

	CHECK(page != NULL);
	atomic_store(locked, 1);
	vm_object_unlock_page(object, page);
	return NULL;
}

TEST(lock_page_waits_for_who_is_in_it)
{
	struct vm_page *page;
	_Atomic int locked = 0;
	pthread_t thread;

	core_set_up(0);
	page = core_grab(9, VM_GRAB_READ);
	CHECK_INT(pthread_create(&thread, NULL, lock_and_unlock, &locked), 0);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	CHECK_INT(locked, 0);
	vm_page_release(page);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(locked, 1);
	core_tear_down();
}

/* -- lengths --------------------------------------------------------------- */

TEST(lengths_are_counted_in_whole_pages)
{
	core_set_up(0);
	CHECK_INT(vm_object_set_length(object, 0), 0);
	CHECK_INT(vm_object_pages(object), 0);
	CHECK_INT(vm_object_set_length(object, 1), 0);
	CHECK_INT(vm_object_pages(object), 1);
	CHECK_INT(vm_object_set_length(object, PAGE), 0);
	CHECK_INT(vm_object_pages(object), 1);
	CHECK_INT(vm_object_set_length(object, PAGE + 1), 0);
	CHECK_INT(vm_object_pages(object), 2);
	core_tear_down();
}

TEST(growing_never_shortens_and_cutting_never_lengthens)
{
	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(vm_object_grow(object, 1000 * PAGE), 0);
	CHECK_INT(vm_object_grow(object, 7), 0);
	CHECK_INT(vm_object_length(object), 1000 * PAGE);
	CHECK_INT(object->store.face->length_bytes, 1000 * PAGE);
	CHECK_INT(vm_object_cut(object, 2000 * PAGE), 0);
	CHECK_INT(vm_object_length(object), 1000 * PAGE);
	CHECK_INT(vm_object_cut(object, 10 * PAGE), 0);
	CHECK_INT(vm_object_length(object), 10 * PAGE);
	core_tear_down();
}

static void *
grow_in_steps(void *arg)
{
	uint64_t first = (uintptr_t)arg;

	for (uint64_t i = first; i < 400; i += 2)
		CHECK_INT(vm_object_grow(object, i * PAGE), 0);
	return NULL;
}

TEST(two_who_grow_an_object_leave_the_longer)
{
	pthread_t thread[2];

	core_set_up(VM_OBJECT_STORE);
	for (uintptr_t i = 0; i < 2; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, grow_in_steps,
		    (void *)i), 0);
	for (int i = 0; i < 2; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK_INT(vm_object_length(object), 399 * PAGE);
	CHECK_INT(object->store.face->length_bytes, 399 * PAGE);
	core_tear_down();
}

/* -- barriers -------------------------------------------------------------- */

TEST(a_barrier_covers_its_pages)
{
	struct vm_barrier barrier = { .first = 3, .end = 5 };

	core_set_up(0);
	CHECK(!vm_object_barred(object, 3));
	vm_object_bar(object, &barrier);
	CHECK(!vm_object_barred(object, 2));
	CHECK(vm_object_barred(object, 3));
	CHECK(vm_object_barred(object, 4));
	CHECK(!vm_object_barred(object, 5));
	vm_object_bar_wait(object, 5);	/* returns at once */
	vm_object_unbar(object, &barrier);
	CHECK(!vm_object_barred(object, 3));
	core_tear_down();
}

TEST(barriers_side_by_side_do_not_meet)
{
	struct vm_barrier a = { .first = 3, .end = 5 };
	struct vm_barrier b = { .first = 5, .end = 6 };
	struct vm_barrier c = { .first = 0, .end = 3 };

	core_set_up(0);
	vm_object_bar(object, &a);
	vm_object_bar(object, &b);
	vm_object_bar(object, &c);
	vm_object_unbar(object, &a);
	CHECK(vm_object_barred(object, 0) && vm_object_barred(object, 5));
	CHECK(!vm_object_barred(object, 3));
	vm_object_unbar(object, &c);
	vm_object_unbar(object, &b);
	core_tear_down();
}

enum { BARS = 2000 };

static long inside;	/* plain: only the barrier orders it */

static void *
bar_and_unbar(void *arg)
{
	struct vm_barrier barrier = { .first = (uintptr_t)arg, .end = 10 };

	for (int i = 0; i < BARS; i++) {
		vm_object_bar(object, &barrier);
		inside++;
		vm_object_unbar(object, &barrier);
	}
	return NULL;
}

TEST(overlapping_barriers_wait_for_each_other)
{
	pthread_t thread[3];

	core_set_up(0);
	inside = 0;
	for (uintptr_t i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, bar_and_unbar,
		    (void *)i), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK_INT(inside, 3 * BARS);
	core_tear_down();
}

static void *
grab_and_release(void *arg)
{
	_Atomic int *seen = arg;

	CHECK_INT(core_get(4, 0), 4);
	atomic_store(seen, 1);
	return NULL;
}

TEST(nobody_fetches_a_page_behind_a_barrier)
{
	struct vm_barrier barrier = { .first = 3, .end = 5 };
	_Atomic int seen = 0;
	pthread_t thread;

	core_set_up(0);
	vm_object_bar(object, &barrier);
	CHECK_INT(pthread_create(&thread, NULL, grab_and_release, &seen), 0);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	CHECK_INT(seen, 0);
	CHECK_INT(vm_object_prefetch(object, 0, 10 * PAGE), 0);
	CHECK(!core_resident(3) && !core_resident(4) && core_resident(5));
	vm_object_unbar(object, &barrier);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(seen, 1);
	core_tear_down();
}
