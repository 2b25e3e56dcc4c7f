/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking at pages: in order, without a trace; and waiting for them once. */
#include "object/look.h"

#include <pthread.h>
#include <sched.h>

#include "audit.h"
#include "base/rng.h"
#include "object/life.h"
#include "one_object.h"

static bool
marked(const struct vm_page *page)
{
	return (atomic_load(&atomic_load(&page->slot)->word) & 4) != 0;
}

/* M29: a million times; F28. */
TEST(looking_changes_nothing)
{
	struct vm_page *page;
	uint64_t word, generation;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	vm_page_release(page);
	(void)vm_slot_test_clear_referenced(page->slot);
	word = atomic_load(&atomic_load(&page->slot)->word);
	generation = vm_object_generation(object);
	for (int i = 0; i < 1000000; i++) {
		if (vm_page_lookup(object, 5) != page)
			CHECK(false);
		if (vm_page_lookup(object, 6) != NULL)
			CHECK(false);
	}
	CHECK(atomic_load(&atomic_load(&page->slot)->word) == word);
	CHECK_INT(vm_object_generation(object), generation);
	CHECK(vm_page_lookup(object, FILE_PAGES) == NULL);
	CHECK(vm_page_lookup(object, UINT64_MAX) == NULL);
	core_tear_down();
}

TEST(a_page_is_found_whoever_holds_it)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK(vm_page_lookup(object, 5) == page);
	vm_page_downgrade(page);
	CHECK(vm_page_lookup(object, 5) == page);
	vm_page_release(page);
	core_tear_down();
}

/* R48: a look by the daemon does not count, a touch does. */
TEST(a_touch_is_a_use_and_a_look_is_none)
{
	struct vm_page *victims[CORE_LIMIT_PAGES];
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.policy = "lru";
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	for (uint64_t i = 0; i < 4; i++)
		vm_page_release(core_grab(i, VM_GRAB_READ));
	for (uint64_t i = 0; i < 4; i++)
		(void)vm_slot_test_clear_referenced(
		    vm_page_lookup(object, i)->slot);
	CHECK(vm_page_lookup(object, 1) != NULL);
	CHECK(!marked(vm_page_lookup(object, 1)));
	vm_page_touch(vm_page_lookup(object, 0));
	CHECK(marked(vm_page_lookup(object, 0)));
	CHECK_INT(vm_queue_victims(&vm->queue, victims, 1), 1);
	CHECK_INT(victims[0]->pindex, 1);
	vm_queue_refused(&vm->queue, victims, 1);
	core_tear_down();
}

TEST(touching_a_page_without_identity_does_nothing)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_page_alloc(vm, 0, &page), 0);
	vm_page_touch(page);
	vm_page_free(page, 0);
	core_tear_down();
}

/* M23, F26: whatever order they came in. */
TEST(pages_are_seen_in_the_order_of_their_indices)
{
	static const uint64_t order[] = { 40, 3, 99, 16, 15, 0, 41 };
	struct vm_page *pages[10];
	uint64_t at = 0;

	core_set_up(0);
	CHECK(vm_page_next(object, &at) == NULL);
	at = UINT64_MAX;
	CHECK(vm_page_prev(object, &at) == NULL);
	for (unsigned i = 0; i < 7; i++)
		CHECK_INT(core_get(order[i], 0), order[i]);
	CHECK_INT(vm_page_range(object, 0, UINT64_MAX, pages, 10), 7);
	for (unsigned i = 1; i < 7; i++)
		CHECK(pages[i - 1]->pindex < pages[i]->pindex);
	CHECK_INT(vm_page_range(object, 3, 41, pages, 10), 4);
	CHECK_INT(pages[0]->pindex, 3);
	CHECK_INT(pages[3]->pindex, 40);
	CHECK_INT(vm_page_range(object, 0, 100, pages, 2), 2);
	CHECK_INT(vm_page_range(object, 4, 15, pages, 10), 0);
	at = 17;
	CHECK_INT(vm_page_next(object, &at)->pindex, 40);
	CHECK_INT(at, 40);
	at = 39;
	CHECK_INT(vm_page_prev(object, &at)->pindex, 16);
	CHECK_INT(at, 16);
	at = 0;
	CHECK_INT(vm_page_prev(object, &at)->pindex, 0);
	at = UINT64_MAX;
	CHECK_INT(vm_page_prev(object, &at)->pindex, 99);
	core_tear_down();
}

/* F24: against a plain array, a great many operations. */
TEST(next_prev_and_range_agree_with_an_array)
{
	enum { STEPS = 200000, SPAN = 100 };
	struct vm_page *page[SPAN] = { NULL }, *found;
	struct vm_object *anon;
	struct vm_rng rng = { check_seed() };
	unsigned count = 0;

	core_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, SPAN * PAGE, 0, &anon), 0);
	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t at = vm_rng_next(&rng) % SPAN, seen = at;
		uint64_t expected;

		switch (vm_rng_next(&rng) % 4) {
		case 0:
			if (page[at] != NULL || count == 30)
				break;
			CHECK_INT(vm_page_alloc_at(anon, at, 0, &page[at]), 0);
			count++;
			break;
		case 1:
			if (page[at] == NULL)
				break;
			vm_page_free(page[at], 0);
			page[at] = NULL;
			count--;
			break;
		case 2:
			for (expected = at; expected < SPAN &&
			    page[expected] == NULL; expected++)
				continue;
			found = vm_page_next(anon, &seen);
			CHECK(found == (expected < SPAN ? page[expected] :
			    NULL));
			break;
		default:
			for (expected = at; expected > 0 &&
			    page[expected] == NULL; expected--)
				continue;
			found = vm_page_prev(anon, &seen);
			CHECK(found == page[expected]);
			CHECK(found == NULL || seen == expected);
			break;
		}
		CHECK(vm_page_lookup(anon, at) == page[at]);
	}
	CHECK_INT(anon->resident, count);
	for (unsigned i = 0; i < SPAN; i++)
		if (page[i] != NULL)
			vm_page_free(page[i], 0);
	CHECK_INT(vm_object_destroy(anon), 0);
	core_tear_down();
}

/* Somebody is about to bring it: not a page yet. */
TEST(a_slot_that_is_held_while_absent_is_passed_over)
{
	struct vm_slot *first, *fifth;
	unsigned char vec[8];
	uint32_t number;
	uint64_t at = 7;

	core_set_up(0);
	CHECK_INT(vm_index_try_excl(&object->index, 0, &first, &number), 1);
	CHECK_INT(vm_index_try_excl(&object->index, 5, &fifth, &number), 1);
	CHECK(vm_page_prev(object, &at) == NULL);
	CHECK_INT(core_get(4, 0), 4);
	CHECK_INT(core_get(6, 0), 6);
	at = 5;
	CHECK_INT(vm_page_next(object, &at)->pindex, 6);
	at = 5;
	CHECK_INT(vm_page_prev(object, &at)->pindex, 4);
	at = 0;
	CHECK(vm_page_prev(object, &at) == NULL);
	CHECK_INT(vm_object_resident(object, 0, 8, vec), 2);
	CHECK(!vec[0] && vec[4] && !vec[5] && vec[6]);
	CHECK_INT(vm_object_resident(object, 0, 6, vec), 1);
	vm_index_release_excl(&object->index, first, VM_SLOT_ABSENT);
	vm_index_release_excl(&object->index, fifth, VM_SLOT_ABSENT);
	core_tear_down();
}

TEST(the_vector_says_which_pages_are_resident)
{
	unsigned char vec[10];

	core_set_up(0);
	CHECK_INT(core_get(12, 0), 12);
	CHECK_INT(core_get(15, 0), 15);
	memset(vec, 7, sizeof(vec));
	CHECK_INT(vm_object_resident(object, 10, 6, vec), 2);
	for (unsigned i = 0; i < 10; i++)
		CHECK_INT(vec[i], i >= 6 ? 7 : i == 2 || i == 5);
	CHECK_INT(vm_object_resident(object, FILE_PAGES - 2, 10, vec), 0);
	core_tear_down();
}

/* F26, F77. */
TEST(the_generation_grows_whenever_a_page_comes_or_goes)
{
	struct vm_page *page;
	uint64_t before;

	core_set_up(0);
	before = vm_object_generation(object);
	CHECK_INT(vm_page_alloc_at(object, 3, 0, &page), 0);
	CHECK(vm_object_generation(object) > before);
	before = vm_object_generation(object);
	CHECK_INT(vm_page_rename(page, object, 4, 0), 0);
	CHECK(vm_object_generation(object) > before);
	before = vm_object_generation(object);
	vm_page_free(page, 0);
	CHECK(vm_object_generation(object) > before);
	core_tear_down();
}

/* ---- waiting ------------------------------------------------------------- */

enum { BOTH = VM_WAIT_EXCL | VM_WAIT_SHARED };

/* F21, F22: 0 where there is nothing to wait for. */
TEST(where_nobody_is_in_the_way_there_is_no_wait)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_page_wait(object, 5, BOTH, VM_WAIT_FOREVER), 0);
	page = core_grab(5, VM_GRAB_READ);
	(void)vm_slot_test_clear_referenced(page->slot);
	CHECK_INT(vm_page_wait(object, 5, VM_WAIT_EXCL, VM_WAIT_FOREVER), 0);
	CHECK(!marked(page));
	vm_page_release(page);
	CHECK_INT(vm_page_wait(object, 5, BOTH, VM_WAIT_FOREVER), 0);
	CHECK_INT(vm_page_wait(object, 99, BOTH, VM_WAIT_FOREVER), 0);
	CHECK_INT(vm_page_wait(object, 5, 0, 0), -EINVAL);
	CHECK_INT(vm_page_wait(object, 5, VM_WAIT_SHARED, 0), -EINVAL);
	core_tear_down();
}

/* F21: it was waited for, so it is wanted. */
TEST(waiting_is_bounded_and_counts_as_a_use)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	(void)vm_slot_test_clear_referenced(page->slot);
	CHECK_INT(vm_page_wait(object, 5, VM_WAIT_EXCL, 1000), -ETIMEDOUT);
	CHECK(marked(page));
	vm_page_downgrade(page);
	CHECK_INT(vm_page_wait(object, 5, BOTH, 1000), -ETIMEDOUT);
	vm_page_release(page);
	core_tear_down();
}

struct waiting {
	unsigned flags;
	_Atomic int sleeps;	/* that ended */
	_Atomic bool over;
};

static void *
wait_for_five(void *arg)
{
	struct waiting *w = arg;

	while (vm_page_wait(object, 5, w->flags, VM_WAIT_FOREVER) == 1)
		atomic_fetch_add(&w->sleeps, 1);
	atomic_store(&w->over, true);
	return NULL;
}

static bool
asleep(struct vm_page *page)
{
	return (atomic_load(&atomic_load(&page->slot)->word) & 2) != 0;
}

static void
until_asleep(struct vm_page *page)
{
	while (!asleep(page))
		sched_yield();
}

/* F13: they look again, and go on waiting. */
TEST(a_flash_wakes_all_who_wait_and_changes_nothing_else)
{
	struct waiting w = { .flags = BOTH };
	struct vm_page *page;
	pthread_t thread;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK_INT(pthread_create(&thread, NULL, wait_for_five, &w), 0);
	for (int i = 0; i < 3; i++) {
		int before = atomic_load(&w.sleeps);

		until_asleep(page);
		while (atomic_load(&w.sleeps) == before) {
			vm_page_flash(page);
			sched_yield();
		}
		CHECK_INT(vm_page_busied(page), -1);
	}
	CHECK(!w.over);
	vm_page_release(page);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK(w.over);
	CHECK_DIES(vm_page_flash(page));	/* nobody holds it */
	core_tear_down();
}

/* F15: the row's proof: many I/Os on a page, a waiter for all of them. */
TEST(who_waits_for_sharers_waits_for_the_last)
{
	struct waiting w = { .flags = BOTH };
	struct vm_page *page;
	pthread_t thread;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	for (int i = 1; i < 300; i++)
		CHECK_INT(vm_page_share(page), 0);
	CHECK_INT(vm_page_busied(page), 300);
	CHECK_INT(pthread_create(&thread, NULL, wait_for_five, &w), 0);
	until_asleep(page);
	for (int i = 1; i < 300; i++) {
		vm_page_release(page);
		CHECK(!w.over);
	}
	CHECK(asleep(page));
	vm_page_release(page);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(vm_page_busied(page), 0);
	CHECK_DIES(vm_page_release(page));
	CHECK_DIES(vm_page_share(page));
	core_tear_down();
}

/* F21: the page may be gone when the sleep is over. */
TEST(a_page_that_is_freed_while_one_waits_is_looked_up_again)
{
	struct waiting w = { .flags = VM_WAIT_EXCL };
	struct vm_page *page;
	uint64_t before;
	pthread_t thread;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	before = vm_object_generation(object);
	CHECK_INT(pthread_create(&thread, NULL, wait_for_five, &w), 0);
	until_asleep(page);
	vm_page_free(page, 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK(w.over);
	CHECK(vm_object_generation(object) > before);
	CHECK(vm_page_lookup(object, 5) == NULL);
	core_tear_down();
}

/* R50, R51: no wake-up is lost, however release and wait meet. */
enum { ROUNDS = 20000 };

static void *
wait_often(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		CHECK(vm_page_wait(object, 5, BOTH, VM_WAIT_FOREVER) >= 0);
	atomic_store((_Atomic bool *)arg, true);
	return NULL;
}

TEST(no_wake_up_is_lost_between_release_and_wait)
{
	_Atomic bool over = false;
	pthread_t thread;

	core_set_up(0);
	CHECK_INT(core_get(5, 0), 5);
	CHECK_INT(pthread_create(&thread, NULL, wait_often, (void *)&over), 0);
	while (!atomic_load(&over)) {
		vm_page_release(core_grab(5, VM_GRAB_WRITE));
		vm_page_release(core_grab(5, VM_GRAB_READ));
	}
	CHECK_INT(pthread_join(thread, NULL), 0);
	core_tear_down();
}
