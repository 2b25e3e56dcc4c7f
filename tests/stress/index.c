/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests/spin/index.pml says of every order of steps, on the real leaves:
 * two indexes share leaves so few that each is recycled all the time, and
 * pages move between identities.  Where a page is, is written down in a plain
 * array that only the slots protect.
 */
#include "object/index.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "os/os.h"

enum {
	THREADS = 4,
	ROUNDS = 200000,
	INDEXES = 2,
	IDENTITIES = 4,		/* of an index, each in a leaf of its own */
	/* One for each thread, which may hold it, and two to fight for. */
	LEAVES = THREADS + 2,
	PAGES = 3,
	NOWHERE = -1,
};

static struct vm_leaves leaves;
static struct vm_index table[INDEXES];
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static bool in_pool[PAGES];
static int where[PAGES];	/* plain: who holds the slot may look */

/* A page's number + 1, 0 when there is none. */
static uint32_t
take_page(int identity)
{
	uint32_t number = 0;

	CHECK(pthread_mutex_lock(&pool_lock) == 0);
	for (uint32_t i = 0; i < PAGES && number == 0; i++) {
		if (!in_pool[i])
			continue;
		in_pool[i] = false;
		number = i + 1;
	}
	CHECK(pthread_mutex_unlock(&pool_lock) == 0);
	if (number != 0) {
		CHECK_INT(where[number - 1], NOWHERE);
		where[number - 1] = identity;
	}
	return number;
}

static void
give_page(uint32_t number)
{
	CHECK(pthread_mutex_lock(&pool_lock) == 0);
	CHECK(!in_pool[number - 1]);
	in_pool[number - 1] = true;
	CHECK(pthread_mutex_unlock(&pool_lock) == 0);
}

static void
look(struct vm_index *index, vm_pindex_t pindex, int identity)
{
	struct vm_slot *slot;
	uint32_t number;

	if (!vm_index_try_shared(index, pindex, &slot, &number))
		return;
	CHECK_INT(where[number - 1], identity);
	sched_yield();
	CHECK_INT(where[number - 1], identity);
	vm_slot_release_shared(slot);
}

/* What is absent is filled, what is resident stays or goes. */
static void
change(struct vm_index *index, vm_pindex_t pindex, int identity, bool evict)
{
	struct vm_slot *slot;
	uint32_t number, old;
	int got = vm_index_try_excl(index, pindex, &slot, &old);

	if (got == 0)
		vm_index_wait(index, pindex, slot, false);
	if (got != 1)
		return;		/* busy, or no leaf left */
	CHECK(vm_index_owns(index, slot, pindex));
	number = old != VM_SLOT_ABSENT ? old : take_page(identity);
	if (number != VM_SLOT_ABSENT)
		CHECK_INT(where[number - 1], identity);
	if (old == VM_SLOT_ABSENT || !evict) {
		vm_index_release_excl(index, slot, number);
		return;
	}
	where[number - 1] = NOWHERE;
	vm_index_release_excl(index, slot, VM_SLOT_ABSENT);
	give_page(number);
}

static void *
run(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 7919 + 1;

	for (int i = 0; i < ROUNDS; i++) {
		int identity, at;

		random = random * 1664525 + 1013904223;
		identity = (int)(random >> 24) % (INDEXES * IDENTITIES);
		at = identity % IDENTITIES * VM_LEAF_SLOTS;
		if (random >> 16 & 1)
			look(&table[identity / IDENTITIES], (vm_pindex_t)at,
			    identity);
		else
			change(&table[identity / IDENTITIES], (vm_pindex_t)at,
			    identity, random >> 17 & 1);
	}
	return NULL;
}

static void
set_up(void)
{
	CHECK_INT(vm_leaves_init(&leaves, &vm_os_linux, LEAVES), 0);
	for (int i = 0; i < INDEXES; i++)
		CHECK_INT(vm_index_init(&table[i], &leaves, IDENTITIES *
		    VM_LEAF_SLOTS), 0);
	for (int i = 0; i < PAGES; i++) {
		in_pool[i] = true;
		where[i] = NOWHERE;
	}
}

static void
evict_all(struct vm_index *index)
{
	struct vm_slot *slot;
	vm_pindex_t at = 0;
	uint32_t number;

	while (vm_index_next(index, false, &at, UINT64_MAX, &slot)) {
		CHECK(vm_index_try_excl_if(index, at, true, &slot, &number));
		vm_index_release_excl(index, slot, VM_SLOT_ABSENT);
		give_page(number);
	}
}

TEST(recycled_leaves_show_nobody_another_page)
{
	pthread_t thread[THREADS];

	set_up();
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, run, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	for (int i = 0; i < INDEXES; i++) {
		evict_all(&table[i]);
		vm_index_fini(&table[i]);
	}
	for (int i = 0; i < PAGES; i++)
		CHECK(in_pool[i]);
	CHECK_INT(leaves.live, 0);
	vm_leaves_fini(&leaves);
}
