/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests/spin/slot.pml says of every order of steps, on the real word with
 * its memory orders: threads take one slot either way, change their hold, and
 * sleep while they cannot.  A wrong order is ThreadSanitizer's to see, a lost
 * update the sum's, a lost wake-up the runner's time limit.
 */
#include "page/slot.h"

#include <pthread.h>
#include <sched.h>

#include "check.h"

enum { THREADS = 6, ROUNDS = 10000 };

static struct vm_slot slot;
static long sum, copy;	/* plain on purpose: only the slot orders them */
static _Atomic long wanted;

static void
change(void)
{
	sum++;
	sched_yield();		/* let others find it busy and sleep */
	copy++;
	atomic_fetch_add(&wanted, 1);
}

/* Held exclusively: ends as absent, resident, or shared by us. */
static bool
leave_excl(unsigned random)
{
	change();
	switch (random % 3) {
	case 0:
		vm_slot_release_excl(&slot, VM_SLOT_ABSENT);
		return false;
	case 1:
		vm_slot_release_excl(&slot, 1 + random % 7);
		return false;
	default:
		vm_slot_publish_shared(&slot, 1 + random % 7);
		return true;
	}
}

static void
leave_shared(unsigned random)
{
	CHECK(sum == copy);
	if (random % 4 == 0 && vm_slot_try_upgrade(&slot)) {
		change();
		vm_slot_downgrade(&slot);
	}
	CHECK(sum == copy);
	vm_slot_release_shared(&slot);
}

static void
take(bool shared, unsigned random)
{
	uint32_t number;

	for (;;) {
		if (shared && vm_slot_try_shared(&slot, &number))
			break;
		/* What is absent is filled, by readers too. */
		if (vm_slot_try_excl_if(&slot, false, &number) ||
		    (!shared && vm_slot_try_excl(&slot, &number))) {
			if (!leave_excl(random))
				return;
			break;
		}
		vm_slot_wait(&slot, shared);
	}
	leave_shared(random);
}

static void *
run(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 7919 + 1;

	for (int i = 0; i < ROUNDS; i++) {
		random = random * 1664525 + 1013904223;
		take(random >> 28 < 10, random >> 8);
	}
	return NULL;
}

TEST(a_slot_under_contention_loses_no_update_and_no_wakeup)
{
	pthread_t thread[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, run, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK(vm_slot_idle(&slot));
	CHECK(sum == atomic_load(&wanted) && copy == sum);
	CHECK((atomic_load(&slot.word) & 2) == 0);	/* WAITERS */
}
