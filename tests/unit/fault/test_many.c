/* SPDX-License-Identifier: BSD-2-Clause */
/* Several pages at once: all or none, in parallel, without waiting in a ring;
 * and with their frames in a row. */
#include <pthread.h>
#include <sched.h>

#include "audit.h"
#include "object/life.h"
#include "one_object.h"
#include "stat/stat.h"

static struct vm_page *pages[VM_GRAB_MANY_MAX];
static unsigned got;

static int
grab_many(uint64_t pindex, unsigned count, unsigned flags)
{
	return vm_page_grab_many(object, pindex, count, flags, pages, &got);
}

static uint64_t
word(struct vm_page *page, unsigned at)
{
	return ((uint64_t *)vm_page_data(page))[at];
}

TEST(all_pages_of_a_run_are_held_and_have_their_contents)
{
	core_set_up(0);
	CHECK_INT(grab_many(3, 20, VM_GRAB_READ), 0);
	CHECK_INT(got, 20);
	for (unsigned i = 0; i < 20; i++) {
		CHECK_INT(vm_page_pindex(pages[i]), 3 + i);
		CHECK_INT(word(pages[i], 0), 3 + i);
		CHECK_INT(vm_page_busied(pages[i]), 1);
	}
	CHECK_INT(vm_counter_read(vm->counters, VM_COUNTER_reads), 1);
	vm_page_release_many(pages, got);
	audit(vm);
	core_tear_down();
}

TEST(writers_have_them_alone)
{
	core_set_up(0);
	CHECK_INT(core_get(5, 0), 5);	/* one of them is a hit */
	CHECK_INT(grab_many(3, 5, VM_GRAB_WRITE | VM_GRAB_WIRED), 0);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_INT(vm_page_busied(pages[i]), -1);
		CHECK_INT(pages[i]->wires, 1);
	}
	vm_page_release_many(pages, got);
	CHECK_INT(vm->wired, 5);
	CHECK_INT(vm_object_unwire(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm->wired, 0);
	audit(vm);
	core_tear_down();
}

TEST(a_store_gives_several_too)
{
	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(grab_many(3, 20, VM_GRAB_READ), 0);
	for (unsigned i = 0; i < 20; i++)
		CHECK_INT(word(pages[i], 0), 3 + i);
	vm_page_release_many(pages, got);
	audit(vm);
	core_tear_down();
}

TEST(zeros_and_unread_pages_come_without_a_read)
{
	core_set_up(0);
	atomic_store(&faulty.bad_end, UINT64_MAX);
	CHECK_INT(grab_many(3, 9, VM_GRAB_WRITE | VM_GRAB_ZERO), 0);
	CHECK_INT(got, 9);
	for (unsigned i = 0; i < 9; i++)
		CHECK_INT(word(pages[i], 0), 0);
	CHECK_INT(object->dirty, 9);
	vm_page_release_many(pages, got);
	CHECK_INT(grab_many(20, 9, VM_GRAB_WRITE | VM_GRAB_NOREAD), 0);
	for (unsigned i = 0; i < 9; i++)
		CHECK_INT(pages[i]->valid, 0);
	vm_page_release_many(pages, got);
	atomic_store(&faulty.bad_end, 0);
	audit(vm);
	core_tear_down();
}

TEST(a_run_that_goes_on_has_the_next_one_fetched_with_it)
{
	core_set_up(0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_NORMAL), 0);
	CHECK_INT(grab_many(3, 2, VM_GRAB_READ), 0);
	vm_page_release_many(pages, got);
	CHECK(!core_resident(5));
	CHECK_INT(grab_many(5, 2, VM_GRAB_READ), 0);
	vm_page_release_many(pages, got);
	CHECK(core_resident(7) && core_resident(8));
	CHECK_INT(vm_counter_read(vm->counters, VM_COUNTER_grab_misses), 0);
	CHECK_INT(grab_many(40, 2, VM_GRAB_READ), 0);
	vm_page_release_many(pages, got);
	CHECK(!core_resident(42));
	audit(vm);
	core_tear_down();
}

/* R49. */
TEST(entries_without_a_page_are_passed_over)
{
	core_set_up(0);
	CHECK_INT(grab_many(0, 4, VM_GRAB_READ), 0);
	vm_page_release(pages[0]);
	vm_page_release(pages[2]);
	pages[0] = pages[2] = NULL;
	vm_page_release_many(pages, 4);
	CHECK_INT(vm_page_busied(pages[1]), 0);
	CHECK_INT(vm_page_busied(pages[3]), 0);
	CHECK_DIES(vm_page_release_many(pages, 4));
	core_tear_down();
}

/* R49: in one call some are released and those given up are freed once. */
TEST(of_a_mixed_array_the_freed_are_freed_once)
{
	uint32_t free;

	core_set_up(0);
	CHECK_INT(grab_many(0, 4, VM_GRAB_WRITE), 0);
	free = atomic_load(&vm->limit.free);
	vm_page_free(pages[1], 0);
	pages[1] = NULL;
	vm_page_release_many(pages, 4);
	CHECK_INT(atomic_load(&vm->limit.free), free + 1);
	CHECK(!core_resident(1) && core_resident(0) && core_resident(2));
	core_tear_down();
}

TEST(where_one_cannot_be_read_none_is_held)
{
	core_set_up(0);
	atomic_store(&faulty.bad_from, 5 * PAGE);
	atomic_store(&faulty.bad_end, 6 * PAGE);
	CHECK_INT(grab_many(0, 10, VM_GRAB_READ), -EIO);
	CHECK_INT(got, 0);
	audit(vm);
	CHECK_INT(grab_many(0, 5, VM_GRAB_READ), 0);
	vm_page_release_many(pages, got);
	CHECK_INT(grab_many(6, 5, VM_GRAB_READ), 0);
	vm_page_release_many(pages, got);
	audit(vm);
	core_tear_down();
}

TEST(without_waiting_as_many_from_the_front_as_there_are)
{
	struct vm_page *held;

	core_set_up(0);
	CHECK_INT(grab_many(0, 10, VM_GRAB_NOWAIT), -EAGAIN);
	CHECK_INT(grab_many(0, 6, VM_GRAB_READ), 0);
	vm_page_release_many(pages, got);
	held = core_grab(4, VM_GRAB_WRITE);
	CHECK_INT(grab_many(0, 10, VM_GRAB_NOWAIT), 0);
	CHECK_INT(got, 4);
	vm_page_release_many(pages, got);
	CHECK_INT(grab_many(4, 2, VM_GRAB_NOWAIT), -EAGAIN);
	vm_page_release(held);
	CHECK_INT(grab_many(0, 10, VM_GRAB_NOWAIT), 0);
	CHECK_INT(got, 6);
	vm_page_release_many(pages, got);
	core_tear_down();
}

TEST(runs_that_make_no_sense_are_refused)
{
	core_set_up(0);
	CHECK_INT(grab_many(0, 0, 0), -EINVAL);
	CHECK_INT(grab_many(0, VM_GRAB_MANY_MAX + 1, 0), -EINVAL);
	CHECK_INT(grab_many(0, 1, VM_GRAB_ONCE), -EINVAL);
	CHECK_INT(grab_many(0, 1, VM_GRAB_NOREAD), -EINVAL);
	CHECK_INT(grab_many(FILE_PAGES - 1, 2, 0), -ERANGE);
	CHECK_INT(grab_many(UINT64_MAX, 2, 0), -ERANGE);
	CHECK_INT(vm_page_grab_many(object, 0, 1, 0, NULL, &got), -EINVAL);
	CHECK_INT(vm_page_grab_many(object, 0, 1, 0, pages, NULL), -EINVAL);
	core_tear_down();
}

TEST(more_than_memory_is_refused_and_nothing_stays_held)
{
	core_create(1000000);	/* 1 ms */
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &object), 0);
	CHECK_INT(grab_many(0, CORE_LIMIT_PAGES, VM_GRAB_READ), -ENOMEM);
	CHECK_INT(got, 0);
	audit(vm);
	core_tear_down();
}

TEST(more_than_can_be_wired_leaves_none_wired)
{
	core_set_up(0);
	CHECK_INT(grab_many(0, CORE_LIMIT_PAGES / 2 + 1, VM_GRAB_WIRED),
	    -ENOMEM);
	CHECK_INT(vm->wired, 0);
	audit(vm);
	core_tear_down();
}

/* 50 single pages, where a filler has 32 fills. */
TEST(more_reads_than_a_filler_has_go_one_after_the_other)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = 256 * PAGE;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i += 2)
		CHECK_INT(core_get(i, 0), i);
	CHECK_INT(grab_many(0, FILE_PAGES, VM_GRAB_READ), 0);
	CHECK_INT(got, FILE_PAGES);
	for (unsigned i = 0; i < FILE_PAGES; i++)
		CHECK_INT(word(pages[i], 0), i);
	vm_page_release_many(pages, got);
	audit(vm);
	core_tear_down();
}

/* Leaves are asked for ahead, from wherever a run begins in one. */
TEST(a_run_of_hits_at_any_place_is_held_whole)
{
	struct vm_options o = VM_OPTIONS_INIT;
	uint64_t reads;

	faulty_reset();
	o.resident_max_bytes = 256 * PAGE;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &object), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	reads = vm_counter_read(vm->counters, VM_COUNTER_reads);
	for (uint64_t first = 0; first < FILE_PAGES; first += 3) {
		CHECK_INT(grab_many(first, FILE_PAGES - (unsigned)first,
		    VM_GRAB_READ), 0);
		CHECK_INT(got, FILE_PAGES - first);
		for (unsigned i = 0; i < got; i++) {
			CHECK_INT(vm_page_pindex(pages[i]), first + i);
			CHECK_INT(vm_page_busied(pages[i]), 1);
		}
		vm_page_release_many(pages, got);
		for (unsigned i = 0; i < got; i++)
			CHECK_INT(vm_page_busied(pages[i]), 0);
	}
	CHECK_INT(vm_counter_read(vm->counters, VM_COUNTER_reads), reads);
	audit(vm);
	core_tear_down();
}

TEST(what_is_valid_in_part_is_completed_first)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_page_alloc_at(object, 5, 0, &page), 0);
	vm_page_release(page);
	CHECK_INT(grab_many(3, 5, VM_GRAB_READ), 0);
	CHECK_INT(got, 5);
	CHECK_INT(word(pages[2], 0), 5);
	vm_page_release_many(pages, got);
	core_tear_down();
}

/* ---- several threads ----------------------------------------------------- */

/* 50,000 pairs: two that meet in the wrong order are certain. */
enum { THREADS = 4, ROUNDS = 1500, PAIRS = 50000 };

static _Atomic uint64_t added;

/* Overlapping runs and pairs, forwards and backwards: nobody waits for ever,
 * and no sum is lost. */
static void *
add_runs(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 99991 + 7;
	struct vm_page *page[8];

	for (int i = 0; i < ROUNDS; i++) {
		unsigned n, count;
		uint64_t at;

		random = random * 1664525 + 1013904223;
		at = (random >> 9) % (FILE_PAGES - 8);
		count = 1 + (random >> 20) % 8;
		CHECK_INT(vm_page_grab_many(object, at, count,
		    VM_GRAB_WRITE, page, &n), 0);
		CHECK_INT(n, count);
		for (unsigned k = 0; k < n; k++) {
			uint64_t *bytes = vm_page_data(page[k]);

			CHECK_INT(bytes[0], at + k);
			bytes[1]++;
			vm_page_dirty(page[k], 8, 8);
		}
		vm_page_release_many(page, n);
		atomic_fetch_add(&added, n);
	}
	return NULL;
}

TEST(runs_that_overlap_never_wait_for_each_other_for_ever)
{
	pthread_t thread[THREADS];
	uint64_t sum = 0;

	core_set_up(0);
	atomic_store(&added, 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, add_runs,
		    (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		sum += core_in_file(i);
	CHECK_INT(sum, atomic_load(&added));
	audit(vm);
	core_tear_down();
}

/* R40: ABBA, and the same twice. */
static void *
swap_pairs(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 7919 + 1;

	for (int i = 0; i < PAIRS; i++) {
		struct vm_page_pair pair = {
			.object = { object, object }, .flags = VM_GRAB_WRITE,
		};
		uint64_t *a, *b, word_of_a;

		random = random * 1664525 + 1013904223;
		pair.pindex[0] = (random >> 9) % 7;
		pair.pindex[1] = (random >> 20) % 7;
		CHECK_INT(vm_page_grab_pair(&pair), 0);
		CHECK_INT(vm_page_pindex(pair.page[0]), pair.pindex[0]);
		CHECK_INT(vm_page_pindex(pair.page[1]), pair.pindex[1]);
		a = vm_page_data(pair.page[0]);
		b = vm_page_data(pair.page[1]);
		word_of_a = a[1];
		a[1] = b[1];
		b[1] = word_of_a;
		vm_page_dirty(pair.page[0], 8, 8);
		vm_page_dirty(pair.page[1], 8, 8);
		vm_page_release_pair(&pair);
	}
	return NULL;
}

TEST(pairs_in_any_order_never_wait_for_each_other_for_ever)
{
	pthread_t thread[THREADS];
	uint64_t sum = 0;

	core_set_up(0);
	for (uint64_t i = 0; i < 7; i++)
		core_put(i, i + 1);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, swap_pairs,
		    (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	for (uint64_t i = 0; i < 7; i++)
		sum += core_get(i, 1);
	CHECK_INT(sum, 28);
	core_tear_down();
}

TEST(of_a_pair_whose_second_page_fails_none_is_held)
{
	struct vm_page_pair pair;

	core_set_up(0);
	CHECK_INT(core_get(3, 0), 3);
	pair = (struct vm_page_pair){ .object = { object, object },
		.pindex = { FILE_PAGES, 3 } };
	CHECK_INT(vm_page_grab_pair(&pair), -ERANGE);
	CHECK_INT(vm_page_busied(vm_page_lookup(object, 3)), 0);
	faulty.bad_from = 5 * PAGE;
	faulty.bad_end = 6 * PAGE;
	pair.pindex[0] = 5;
	CHECK_INT(vm_page_grab_pair(&pair), -EIO);
	CHECK_INT(vm_page_busied(vm_page_lookup(object, 3)), 0);
	faulty.bad_end = 0;
	core_tear_down();
}

/* ---- in a row ------------------------------------------------------------ */

static void
check_row(unsigned count)
{
	char *first = vm_page_data(pages[0]);

	for (unsigned i = 1; i < count; i++)
		CHECK(vm_page_data(pages[i]) == first + i * PAGE);
}

static int
grab_row(uint64_t pindex, unsigned count, unsigned flags)
{
	return vm_page_grab_contig(object, pindex, count, flags, pages);
}

TEST(pages_move_into_one_row_with_all_that_is_in_them)
{
	core_set_up(0);
	core_put(6, 66);
	for (uint64_t i = 9; i >= 3; i -= 2)
		CHECK_INT(core_get(i, 0), i);	/* in no order */
	CHECK_INT(grab_row(3, 7, VM_GRAB_READ), 0);
	check_row(7);
	for (unsigned i = 0; i < 7; i++) {
		CHECK_INT(word(pages[i], 0), 3 + i);
		CHECK_INT(vm_page_busied(pages[i]), 1);
		CHECK(vm_page_lookup(object, 3 + i) == pages[i]);
	}
	CHECK_INT(word(pages[3], 1), 66);
	CHECK_INT(object->dirty, 1);
	vm_page_release_many(pages, 7);
	audit(vm);
	CHECK_INT(grab_row(3, 7, VM_GRAB_WRITE | VM_GRAB_WIRED), 0);
	check_row(7);
	CHECK_INT(vm->wired, 7);
	vm_page_release_many(pages, 7);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(6), 66);
	CHECK_INT(vm_object_unwire(object, 0, VM_LENGTH_ALL), 0);
	audit(vm);
	core_tear_down();
}

TEST(pages_that_must_stay_are_not_moved)
{
	struct vm_page *page;

	core_set_up(0);
	for (uint64_t i = 9; i >= 3; i--)
		CHECK_INT(core_get(i, 0), i);
	page = core_grab(5, VM_GRAB_READ | VM_GRAB_WIRED);
	vm_page_release(page);
	CHECK_INT(grab_row(3, 7, VM_GRAB_READ), -EBUSY);
	CHECK_INT(vm_object_unwire(object, 0, VM_LENGTH_ALL), 0);
	page = core_grab(5, VM_GRAB_READ);
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_release(page);
	CHECK_INT(grab_row(3, 7, VM_GRAB_READ), -EBUSY);
	audit(vm);
	vm_page_unhold(page);
	CHECK_INT(grab_row(3, 7, VM_GRAB_READ), 0);
	vm_page_release_many(pages, 7);
	CHECK_INT(grab_row(3, 7, VM_GRAB_ONCE), -EINVAL);
	core_tear_down();
}

TEST(a_store_has_no_row)
{
	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(grab_row(3, 2, VM_GRAB_READ), -ENOTSUP);
	core_tear_down();
}

TEST(a_row_that_memory_does_not_have_is_refused)
{
	core_create(1000000);	/* 1 ms */
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	for (uint64_t i = 40; i > 0; i--)
		CHECK_INT(core_get(i - 1, 0), i - 1);
	CHECK_INT(grab_row(0, 40, VM_GRAB_READ | VM_GRAB_NOWAIT), -EAGAIN);
	for (unsigned i = 0; i < 40; i++)
		CHECK(!core_resident(i) || vm_page_busied(
		    vm_page_lookup(object, i)) == 0);
	audit(vm);
	core_tear_down();
}
