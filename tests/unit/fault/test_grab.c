/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking pages: hits, misses, zeroing, waiting, and not waiting. */
#include <pthread.h>
#include <sched.h>

#include "audit.h"
#include "object/cached.h"
#include "object/life.h"
#include "one_object.h"

TEST(readers_share_and_a_writer_is_alone)
{
	struct vm_page *a, *b;

	core_set_up(0);
	a = core_grab(5, VM_GRAB_READ);
	b = core_grab(5, VM_GRAB_READ | VM_GRAB_NOWAIT);
	CHECK(a == b);
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_WRITE | VM_GRAB_NOWAIT, &b),
	    -EAGAIN);
	vm_page_release(a);
	vm_page_release(a);
	a = core_grab(5, VM_GRAB_WRITE | VM_GRAB_NOWAIT);
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_NOWAIT, &b), -EAGAIN);
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_WRITE | VM_GRAB_NOWAIT, &b),
	    -EAGAIN);
	vm_page_release(a);
	core_tear_down();
}

TEST(nowait_reads_nothing)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_NOWAIT, &page), -EAGAIN);
	CHECK(!core_resident(5));
	core_tear_down();
}

TEST(zero_needs_no_read_and_is_dirty)
{
	struct vm_object_stat stat;
	struct vm_page *page;

	core_set_up(0);
	atomic_store(&faulty.bad_end, UINT64_MAX);
	page = core_grab(5, VM_GRAB_WRITE | VM_GRAB_ZERO);
	CHECK_INT(*(uint64_t *)vm_page_data(page), 0);
	vm_page_release(page);
	vm_object_stat(object, &stat);
	CHECK_INT(stat.dirty_pages, 1);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	atomic_store(&faulty.bad_end, 0);
	core_put(6, 77);
	page = core_grab(6, VM_GRAB_WRITE | VM_GRAB_ZERO);	/* a hit */
	CHECK_INT(((uint64_t *)vm_page_data(page))[1], 0);
	vm_page_release(page);
	core_tear_down();
}

TEST(a_store_is_zeroed_too)
{
	core_set_up(VM_OBJECT_STORE);
	vm_page_release(core_grab(5, VM_GRAB_WRITE | VM_GRAB_ZERO));
	CHECK_INT(core_get(5, 0), 0);
	CHECK_INT(core_get(6, 0), 6);
	core_tear_down();
}

TEST(behind_the_end_there_are_zeros_and_then_nothing)
{
	struct vm_page *page;
	const char *bytes;

	core_set_up(0);
	CHECK(ftruncate(core_fd, 7 * PAGE + 50) == 0);
	CHECK_INT(vm_object_resize(object, 7 * PAGE + 50), 0);
	page = core_grab(7, VM_GRAB_READ);
	bytes = vm_page_data(page);
	for (unsigned i = 50; i < PAGE; i++)
		CHECK_INT(bytes[i], 0);
	vm_page_release(page);
	CHECK_INT(vm_page_grab(object, 8, VM_GRAB_READ, &page), -ERANGE);
	core_tear_down();
}

TEST(a_page_the_file_does_not_reach_is_out_of_range)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK(ftruncate(core_fd, 10 * PAGE) == 0);
	CHECK_INT(vm_page_grab(object, 10, VM_GRAB_READ, &page), -ERANGE);
	CHECK(strstr(vm_last_error(), "ends before") != NULL);
	CHECK_INT(core_get(9, 0), 9);
	core_tear_down();
}

/* -- waiting ------------------------------------------------------------- */

static void *
grab_five(void *arg)
{
	unsigned how = *(unsigned *)arg;

	vm_page_release(core_grab(5, how));
	*(_Atomic unsigned *)arg = 100;
	return NULL;
}

static void
wait_for(unsigned held, unsigned wanted)
{
	_Atomic unsigned how = wanted;
	struct vm_page *page;
	pthread_t thread;

	core_set_up(0);
	page = core_grab(5, held);
	CHECK_INT(pthread_create(&thread, NULL, grab_five, (void *)&how), 0);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	CHECK_INT(how, wanted);
	vm_page_release(page);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(how, 100);
	core_tear_down();
}

TEST(a_writer_waits_for_a_reader)
{
	wait_for(VM_GRAB_READ, VM_GRAB_WRITE);
}

TEST(a_reader_waits_for_a_writer)
{
	wait_for(VM_GRAB_WRITE, VM_GRAB_READ);
}

TEST(memory_is_waited_for_within_the_bound)
{
	struct vm_page *page[CORE_LIMIT_PAGES], *other;
	unsigned n = 0;

	core_create(1000000);	/* 1 ms */
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	while (vm_page_grab(object, n, VM_GRAB_READ, &page[n]) == 0)
		n++;
	CHECK_INT(n, CORE_LIMIT_PAGES - vm->limit.reserved);
	vm_page_release(page[--n]);
	/* The daemon, which found nothing, pauses for longer than the bound. */
	while (vm_page_grab(object, 99, VM_GRAB_READ, &other) != 0)
		continue;
	vm_page_release(other);
	while (n > 0)
		vm_page_release(page[--n]);
	core_tear_down();
}

/* -- the other ways to grab ------------------------------------------------ */

/* F56: a new page is valid nowhere, one that exists keeps what it has. */
TEST(noread_brings_a_page_and_not_its_contents)
{
	struct vm_page *page;

	core_set_up(0);
	atomic_store(&faulty.bad_end, UINT64_MAX);
	page = core_grab(5, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	CHECK_INT(page->valid, 0);
	CHECK_INT(page->dirty, 0);
	CHECK_INT(vm_page_busied(page), -1);
	vm_page_release(page);
	atomic_store(&faulty.bad_end, 0);
	CHECK_INT(core_get(5, 0), 5);
	page = core_grab(5, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	CHECK_INT(page->valid, 0xff);
	vm_page_release(page);
	core_tear_down();
}

TEST(noread_of_a_store_reads_all_the_same)
{
	struct vm_page *page;

	core_set_up(VM_OBJECT_STORE);
	page = core_grab(5, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	CHECK_INT(page->valid, 0xff);
	CHECK_INT(*(uint64_t *)vm_page_data(page), 5);
	vm_page_release(page);
	core_tear_down();
}

TEST(grabs_that_make_no_sense_are_refused)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_page_grab(object, 0, VM_GRAB_NOREAD, &page), -EINVAL);
	CHECK_INT(vm_page_grab(object, 0, VM_GRAB_ZERO, &page), -EINVAL);
	CHECK_INT(vm_page_grab(object, 0, 0x1000, &page), -EINVAL);
	CHECK_INT(vm_page_grab(object, 0, VM_GRAB_SYSTEM | VM_GRAB_INTERRUPT,
	    &page), -EINVAL);
	core_tear_down();
}

/* F32: classes of a miss; F56's exhaustion. */
TEST(a_miss_goes_as_deep_as_its_class)
{
	struct vm_page *taken[CORE_LIMIT_PAGES], *page;
	unsigned n = 0;

	core_create(1000000);	/* 1 ms */
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	while (vm_page_alloc(vm, VM_ALLOC_NORMAL, &taken[n]) == 0)
		n++;
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_READ, &page), -ENOMEM);
	page = core_grab(5, VM_GRAB_READ | VM_GRAB_INTERRUPT);
	vm_page_release(page);
	while (n > 0)
		vm_page_free(taken[--n], 0);
	core_tear_down();
}

static void *
grab_five_once(void *arg)
{
	struct vm_page *page;

	*(int *)arg = vm_page_grab(object, 5, VM_GRAB_WRITE | VM_GRAB_ONCE,
	    &page);
	return NULL;
}

/* F56: without RETRY. */
TEST(once_sleeps_once)
{
	struct vm_page *page;
	pthread_t thread;
	int error = 0;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK_INT(pthread_create(&thread, NULL, grab_five_once, &error), 0);
	while ((atomic_load(&atomic_load(&page->slot)->word) & 2) == 0)
		sched_yield();
	vm_page_release(page);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(error, -EAGAIN);
	page = core_grab(6, VM_GRAB_WRITE | VM_GRAB_ONCE);	/* no sleep */
	vm_page_release(page);
	core_tear_down();
}

TEST(once_waits_once_for_memory)
{
	struct vm_page *taken[CORE_LIMIT_PAGES], *page;
	unsigned n = 0;

	core_create(1000000);	/* 1 ms */
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &object), 0);
	while (vm_page_alloc(vm, VM_ALLOC_NORMAL, &taken[n]) == 0)
		n++;
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_ONCE, &page), -ENOMEM);
	while (n > 0)
		vm_page_free(taken[--n], 0);
	core_tear_down();
}

/* F56: the page goes while one sleeps: a new one is brought in. */
TEST(a_page_that_is_freed_under_who_waits_is_brought_in_anew)
{
	_Atomic unsigned how = VM_GRAB_WRITE;
	struct vm_page *page;
	pthread_t thread;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK_INT(pthread_create(&thread, NULL, grab_five, (void *)&how), 0);
	while ((atomic_load(&atomic_load(&page->slot)->word) & 2) == 0)
		sched_yield();
	vm_page_free(page, 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(how, 100);
	CHECK_INT(core_get(5, 0), 5);
	core_tear_down();
}

/* F56: strictly one owner at a time; the counter is plain. */
static long owned;

static void *
own_five(void *arg)
{
	for (int i = 0; i < 5000; i++) {
		struct vm_page *page = core_grab(5, VM_GRAB_WRITE);

		owned++;
		if (i % 7 == 0)
			vm_page_free(page, 0);
		else
			vm_page_release(page);
	}
	return arg;
}

TEST(of_threads_that_grab_the_same_page_one_has_it)
{
	pthread_t thread[3];

	core_set_up(0);
	owned = 0;
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, own_five, NULL),
		    0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK_INT(owned, 15000);
	audit(vm);
	core_tear_down();
}

/* -- shared, exclusive ----------------------------------------------------- */

/* F12: in FreeBSD the second one stops the machine; here it is refused, or
 * waits for ever where it does not say NOWAIT. */
TEST(a_page_that_is_busy_is_not_made_busy_again)
{
	struct vm_page *page, *other;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_WRITE | VM_GRAB_NOWAIT,
	    &other), -EAGAIN);
	vm_page_release(page);
	CHECK_DIES(vm_page_release(page));	/* F14 */
	core_tear_down();
}

TEST(a_writer_lets_readers_in_and_the_last_one_may_write_again)
{
	struct vm_page *page, *other;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	vm_page_downgrade(page);
	CHECK_INT(vm_page_busied(page), 1);
	CHECK_DIES(vm_page_downgrade(page));
	other = core_grab(5, VM_GRAB_READ | VM_GRAB_NOWAIT);
	CHECK_INT(vm_page_try_upgrade(page), -EAGAIN);
	CHECK_INT(vm_page_busied(page), 2);
	vm_page_release(other);
	CHECK_INT(vm_page_try_upgrade(page), 0);
	CHECK_INT(vm_page_busied(page), -1);
	CHECK_DIES((void)vm_page_try_upgrade(page));
	vm_page_release(page);
	core_tear_down();
}

TEST(a_page_allocated_busy_is_queued_when_it_is_first_shared)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_page_alloc_at(object, 5, 0, &page), 0);
	CHECK_INT(vm_queue_count(&vm->queue), 0);
	vm_page_downgrade(page);
	CHECK_INT(vm_queue_count(&vm->queue), 1);
	vm_page_release(page);
	CHECK_INT(vm_queue_count(&vm->queue), 1);
	core_tear_down();
}

TEST(a_reader_of_what_is_read_only_never_becomes_a_writer)
{
	struct vm_object *fixed;
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &fixed), 0);
	CHECK_INT(vm_page_grab(fixed, 5, VM_GRAB_READ, &page), 0);
	CHECK_INT(vm_page_try_upgrade(page), -EACCES);
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(fixed), 0);
	core_tear_down();
}

TEST(a_page_is_shared_so_often_and_no_more)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	for (int i = 1; i < 8191; i++)
		CHECK_INT(vm_page_share(page), 0);
	CHECK_INT(vm_page_share(page), -EAGAIN);
	for (int i = 0; i < 8191; i++)
		vm_page_release(page);
	CHECK_INT(vm_page_busied(page), 0);
	core_tear_down();
}

/* -- cached pages ---------------------------------------------------------- */

TEST(a_grab_rescues_a_cached_page)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(core_get(5, 0), 5);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK(vm_cached_put(page));
	vm_page_release(page);
	CHECK((atomic_load(&page->flags) & VM_PGA_CACHED) != 0);
	CHECK_INT(core_get(5, 0), 5);
	CHECK_INT(atomic_load(&page->flags) & VM_PGA_CACHED, 0);
	core_tear_down();
}

TEST(cached_pages_go_before_anybody_waits)
{
	struct vm_page *taken[CORE_LIMIT_PAGES], *page;
	unsigned n = 0;

	core_set_up(0);
	CHECK_INT(core_get(5, 0), 5);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK(vm_cached_put(page));
	vm_page_release(page);
	while (core_resident(5) &&
	    vm_page_alloc(vm, VM_ALLOC_NORMAL, &taken[n]) == 0)
		n++;
	CHECK(!core_resident(5));
	while (n > 0)
		vm_page_free(taken[--n], 0);
	core_tear_down();
}

/* -- in flight ------------------------------------------------------------- */

/* M46: the bound is a promise to the pager. */
TEST(no_more_pages_are_brought_in_at_once_than_may_be)
{
	core_set_up(0);
	vm_object_set_inflight_max(object, 3);
	CHECK_INT(vm_object_inflight_start(object, 2), 2);
	CHECK_INT(vm_object_inflight_start(object, 2), 1);
	CHECK_INT(vm_object_inflight_start(object, 1), 0);
	CHECK_INT(vm_object_inflight(object), 3);
	vm_object_inflight_done(object, 3);
	CHECK_DIES(vm_object_inflight_done(object, 1));
	CHECK_INT(vm_object_advise(object, VM_ADVICE_SEQUENTIAL), 0);
	for (uint64_t i = 0; i < 20; i++)
		CHECK_INT(core_get(i, 0), i);
	CHECK_INT(vm_object_inflight(object), 0);
	CHECK_INT(vm_object_prefetch(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_inflight(object), 0);
	audit(vm);
	core_tear_down();
}

/* M46: a waiter goes on when one less is on its way. */
static void
wait_until_less(void (*end)(void))
{
	_Atomic unsigned how = VM_GRAB_READ;
	pthread_t thread;

	core_set_up(0);
	vm_object_set_inflight_max(object, 2);
	CHECK_INT(vm_object_inflight_start(object, 2), 2);
	CHECK_INT(pthread_create(&thread, NULL, grab_five, (void *)&how), 0);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	CHECK_INT(how, VM_GRAB_READ);
	CHECK(!core_resident(5));
	end();
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(how, 100);
	core_tear_down();
}

static void
one_less(void)
{
	vm_object_inflight_done(object, 1);
}

static void
no_bound(void)
{
	vm_object_set_inflight_max(object, 0);
}

TEST(who_waits_for_the_bound_goes_on_with_the_first_that_is_there)
{
	wait_until_less(one_less);
}

TEST(who_waits_for_the_bound_goes_on_when_it_is_lifted)
{
	wait_until_less(no_bound);
}

/* -- many at once -------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 3000 };

static void *
add_everywhere(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 99991 + 7;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t at = (random = random * 1664525 + 1013904223) >> 9;
		struct vm_page *page = core_grab(at % FILE_PAGES,
		    i % 3 == 0 ? VM_GRAB_WRITE : VM_GRAB_READ);
		uint64_t *bytes = vm_page_data(page);

		CHECK(bytes[0] == at % FILE_PAGES);
		if (i % 3 == 0) {
			bytes[1]++;
			vm_page_dirty(page, 8, 8);
		}
		vm_page_release(page);
		if (i % 500 == 0)
			CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL),
			    0);
	}
	return NULL;
}

static void
add_from_threads(unsigned flags)
{
	pthread_t thread[THREADS];
	uint64_t sum = 0;

	core_set_up(flags);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, add_everywhere,
		    (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		sum += core_in_file(i);
	CHECK_INT(sum, THREADS * ROUNDS / 3);
	audit(vm);
	core_tear_down();
}

TEST(threads_lose_no_sum)
{
	add_from_threads(0);
}

TEST(threads_lose_no_sum_in_a_store)
{
	add_from_threads(VM_OBJECT_STORE);
}
