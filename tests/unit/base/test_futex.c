/* SPDX-License-Identifier: BSD-2-Clause */
/* Each way a wait ends, then wake-ups under contention. */
#include "base/futex.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "check.h"

TEST(a_word_that_differs_is_not_waited_for)
{
	_Atomic uint32_t word = 1;

	CHECK(vm_futex_wait(&word, 0, VM_FUTEX_FOREVER));
}

TEST(only_time_running_out_is_false)
{
	_Atomic uint32_t word = 0;

	CHECK(!vm_futex_wait(&word, 0, 1));
	CHECK(!vm_futex_wait(&word, 0, 0));
	CHECK(vm_futex_wait(&word, 1, 0));
}

/* The longest bound that is one: the kernel must take it for a time. */
TEST(a_bound_of_centuries_is_no_error)
{
	_Atomic uint32_t word = 1;

	CHECK(vm_futex_wait(&word, 0, VM_FUTEX_FOREVER - 1));
}

TEST(a_word_whose_memory_is_gone_reads_as_a_wake_up)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_Atomic uint32_t *word = page;

	CHECK(page != MAP_FAILED && munmap(page, 4096) == 0);
	CHECK(vm_futex_wait(word, 0, VM_FUTEX_FOREVER));
	vm_futex_wake_one(word);
	vm_futex_wake_all(word);
}

TEST(errno_stays_as_it_was)
{
	_Atomic uint32_t word = 1;

	errno = E2BIG;
	CHECK(vm_futex_wait(&word, 0, VM_FUTEX_FOREVER));
	vm_futex_wake_all(&word);
	CHECK_INT(errno, E2BIG);
}

enum { THREADS = 8, TURNS = 2000 };

static _Atomic uint32_t turn, go, arrived;

/* Each thread waits for its turns, which come to all in a ring. */
static void *
take_turns(void *arg)
{
	uint32_t mine = (uint32_t)(uintptr_t)arg;

	for (; mine < THREADS * TURNS; mine += THREADS) {
		uint32_t now;

		while ((now = atomic_load(&turn)) != mine)
			CHECK(vm_futex_wait(&turn, now, VM_FUTEX_FOREVER));
		atomic_store(&turn, mine + 1);
		vm_futex_wake_all(&turn);
	}
	return NULL;
}

/* A lost wake-up shows as the runner's time limit. */
TEST(wake_all_reaches_every_sleeper)
{
	pthread_t thread[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, take_turns,
		    (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_INT(atomic_load(&turn), THREADS * TURNS);
}

static void *
wait_for_go(void *arg)
{
	(void)arg;
	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&go) == 0)
		CHECK(vm_futex_wait(&go, 0, VM_FUTEX_FOREVER));
	return NULL;
}

TEST(a_wake_one_for_each_sleeper_wakes_all_of_them)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, wait_for_go,
		    NULL) == 0);
	while (atomic_load(&arrived) < THREADS)
		sched_yield();
	atomic_store(&go, 1);
	for (int i = 0; i < THREADS; i++)
		vm_futex_wake_one(&go);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
}
