/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking pages: hits, misses, zeroing, waiting, and not waiting. */
#include <pthread.h>
#include <sched.h>

#include "audit.h"
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
