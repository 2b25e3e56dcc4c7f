/* SPDX-License-Identifier: BSD-2-Clause */
/* Leaves come, are found, and go; alone, and with late readers about. */
#include "object/index.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "os/os.h"

enum { LEAVES = 64, PAGES = 1000 };

static struct vm_leaves leaves;
static struct vm_index table;

static void
set_up(uint32_t count)
{
	CHECK_INT(vm_leaves_init(&leaves, &vm_os_linux, count), 0);
	CHECK_INT(vm_index_init(&table, &leaves, PAGES), 0);
}

static void
tear_down(void)
{
	vm_index_fini(&table);
	CHECK_INT(leaves.live, 0);
	vm_leaves_fini(&leaves);
}

/* The page becomes resident in an absent slot / goes again. */
static struct vm_slot *
enter(vm_pindex_t pindex, uint32_t number)
{
	struct vm_slot *slot;
	uint32_t old;

	CHECK_INT(vm_index_try_excl(&table, pindex, &slot, &old), 1);
	CHECK_INT(old, VM_SLOT_ABSENT);
	vm_index_release_excl(&table, slot, number);
	return slot;
}

static void
leave(vm_pindex_t pindex)
{
	struct vm_slot *slot;
	uint32_t number;

	CHECK(vm_index_try_excl_if(&table, pindex, true, &slot, &number));
	vm_index_release_excl(&table, slot, VM_SLOT_ABSENT);
}

TEST(an_empty_index_has_no_leaf)
{
	struct vm_slot *slot;
	uint32_t number;
	vm_pindex_t at = 0;

	set_up(LEAVES);
	CHECK(vm_index_find(&table, 5) == NULL);
	CHECK(!vm_index_covers(&table, 5));
	CHECK(!vm_index_try_shared(&table, 5, &slot, &number));
	CHECK(slot == NULL);
	CHECK(!vm_index_try_excl_if(&table, 5, true, &slot, &number));
	CHECK(!vm_index_next(&table, false, &at, UINT64_MAX, &slot));
	CHECK_INT(leaves.live, 0);
	tear_down();
}

TEST(a_held_slot_keeps_its_leaf_and_a_given_up_one_does_not)
{
	struct vm_slot *slot;
	uint32_t number;

	set_up(LEAVES);
	CHECK_INT(vm_index_try_excl(&table, 17, &slot, &number), 1);
	CHECK_INT(leaves.live, 1);
	CHECK(vm_index_owns(&table, slot, 17));
	CHECK(!vm_index_owns(&table, slot, 16));
	CHECK(!vm_index_owns(&table, slot, 1));
	CHECK(vm_index_covers(&table, 16) && !vm_index_covers(&table, 15));
	vm_index_release_excl(&table, slot, VM_SLOT_ABSENT);
	CHECK_INT(leaves.live, 0);
	CHECK(vm_index_find(&table, 17) == NULL);
	tear_down();
}

TEST(a_resident_page_keeps_its_leaf_until_it_goes)
{
	struct vm_slot *slot, *entered;
	uint32_t number;

	set_up(LEAVES);
	entered = enter(33, 7);
	CHECK(vm_index_try_shared(&table, 33, &slot, &number));
	CHECK(slot == entered);
	CHECK_INT(number, 7);
	vm_slot_release_shared(slot);
	CHECK_INT(vm_index_try_excl(&table, 33, &slot, &number), 1);
	CHECK_INT(number, 7);
	vm_index_release_excl(&table, slot, 7);
	CHECK_INT(leaves.live, 1);
	leave(33);
	CHECK_INT(leaves.live, 0);
	tear_down();
}

TEST(who_wants_a_page_in_another_state_does_not_touch_the_slot)
{
	struct vm_slot *slot;
	uint32_t number;

	set_up(LEAVES);
	enter(4, 9);
	CHECK(!vm_index_try_excl_if(&table, 4, false, &slot, &number));
	CHECK(vm_slot_idle(vm_index_find(&table, 4)));
	CHECK(!vm_index_try_excl_if(&table, 5, true, &slot, &number));
	CHECK(vm_slot_idle(vm_index_find(&table, 5)));
	CHECK(vm_index_try_excl_if(&table, 5, false, &slot, &number));
	vm_index_release_excl(&table, slot, VM_SLOT_ABSENT);
	leave(4);
	CHECK_INT(leaves.live, 0);
	tear_down();
}

TEST(a_busy_slot_is_refused_and_shown)
{
	struct vm_slot *slot, *other;
	uint32_t number;

	set_up(LEAVES);
	CHECK_INT(vm_index_try_excl(&table, 1, &slot, &number), 1);
	CHECK_INT(vm_index_try_excl(&table, 1, &other, &number), 0);
	CHECK(other == slot);
	CHECK(!vm_index_try_excl_if(&table, 1, false, &other, &number));
	CHECK(!vm_index_try_shared(&table, 1, &other, &number));
	CHECK(other == slot);
	vm_index_release_excl(&table, slot, VM_SLOT_ABSENT);
	CHECK_INT(leaves.live, 0);
	tear_down();
}

TEST(nobody_waits_for_a_slot_that_is_another_page_s_by_now)
{
	struct vm_slot *slot, *other;
	uint32_t number;

	set_up(1);
	CHECK_INT(vm_index_try_excl(&table, 1, &slot, &number), 1);
	vm_index_release_excl(&table, slot, VM_SLOT_ABSENT);
	CHECK_INT(vm_index_try_excl(&table, 33, &other, &number), 1);
	CHECK(other == slot);
	vm_index_wait(&table, 1, slot, false);	/* returns */
	vm_index_release_excl(&table, slot, VM_SLOT_ABSENT);
	vm_index_wait(&table, 33, slot, false);	/* idle: returns */
	tear_down();
}

TEST(without_leaves_there_is_no_memory)
{
	struct vm_slot *slot;
	uint32_t number;

	set_up(2);
	enter(0, 1);
	enter(16, 2);
	CHECK_INT(vm_index_try_excl(&table, 32, &slot, &number), -ENOMEM);
	CHECK(!vm_index_try_excl_if(&table, 32, false, &slot, &number));
	enter(17, 3);
	leave(0);
	enter(32, 4);		/* the leaf that became free */
	leave(16);
	leave(17);
	leave(32);
	tear_down();
}

TEST(next_finds_what_is_in_use_in_order)
{
	static const vm_pindex_t used[] = { 0, 15, 16, 500, 999 };
	struct vm_slot *slot;
	vm_pindex_t at = 0;
	unsigned n = 0;

	set_up(LEAVES);
	for (unsigned i = 0; i < 5; i++)
		enter(used[i], i + 1);
	while (vm_index_next(&table, false, &at, UINT64_MAX, &slot)) {
		CHECK_INT(at++, used[n++]);
		CHECK_INT(vm_slot_number(slot), n);
	}
	CHECK_INT(n, 5);
	at = 1;
	CHECK(vm_index_next(&table, false, &at, 16, &slot));
	CHECK_INT(at, 15);
	at = 17;
	CHECK(!vm_index_next(&table, false, &at, 500, &slot));
	for (unsigned i = 0; i < 5; i++)
		leave(used[i]);
	tear_down();
}

TEST(dirty_only_passes_over_clean_leaves)
{
	struct vm_slot *slot, *dirty;
	vm_pindex_t at = 0;
	uint32_t number;

	set_up(LEAVES);
	enter(3, 1);
	enter(40, 2);
	CHECK(vm_index_try_excl_if(&table, 40, true, &dirty, &number));
	vm_index_count_dirty(&table, dirty, 1);
	CHECK(vm_index_next(&table, true, &at, UINT64_MAX, &slot));
	CHECK_INT(at, 40);
	vm_index_count_dirty(&table, dirty, -1);
	at = 0;
	CHECK(!vm_index_next(&table, true, &at, UINT64_MAX, &slot));
	vm_index_release_excl(&table, dirty, 2);
	leave(3);
	leave(40);
	tear_down();
}

TEST(an_index_grows_and_keeps_what_it_has)
{
	struct vm_slot *slot;
	uint32_t number;

	set_up(LEAVES);
	enter(999, 5);
	CHECK(vm_index_find(&table, 100000) == NULL);
	CHECK_INT(vm_index_grow(&table, 200000), 0);
	CHECK_INT(vm_index_grow(&table, 10), 0);	/* never shrinks */
	enter(199999, 6);
	CHECK(vm_index_try_shared(&table, 999, &slot, &number));
	CHECK_INT(number, 5);
	vm_slot_release_shared(slot);
	leave(999);
	leave(199999);
	tear_down();
}

TEST(an_index_of_any_size_is_memory_or_an_error)
{
	struct vm_index huge;

	CHECK_INT(vm_leaves_init(&leaves, &vm_os_linux, 1), 0);
	CHECK_INT(vm_index_init(&huge, &leaves, UINT64_MAX / 4096), -ENOMEM);
	vm_index_fini(&huge);
	vm_leaves_fini(&leaves);
}

/* -- with others about ----------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 20000, HOT = 40 };

static long bytes[HOT];	/* plain: only the slots order them */
static _Atomic int started;

static void
be_reader(unsigned *random)
{
	vm_pindex_t pindex = *random >> 8 & 31;
	struct vm_slot *slot;
	uint32_t number;
	long seen;

	if (!vm_index_try_shared(&table, pindex, &slot, &number))
		return;
	CHECK_INT(number, pindex + 1);
	seen = bytes[pindex];
	sched_yield();
	CHECK(bytes[pindex] == seen);
	vm_slot_release_shared(slot);
}

/* What is absent comes, what is resident changes or goes. */
static void
be_writer(unsigned *random)
{
	vm_pindex_t pindex = *random >> 8 & 31;
	struct vm_slot *slot;
	uint32_t number;

	if (vm_index_try_excl(&table, pindex, &slot, &number) != 1)
		return;
	CHECK(vm_index_owns(&table, slot, pindex));
	CHECK(number == VM_SLOT_ABSENT || number == pindex + 1);
	bytes[pindex]++;
	vm_index_release_excl(&table, slot, *random >> 16 & 1 ?
	    (uint32_t)pindex + 1 : VM_SLOT_ABSENT);
}

static void *
come_and_go(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 7919 + 1;

	atomic_fetch_add(&started, 1);
	while (atomic_load(&started) < THREADS)
		sched_yield();
	for (int i = 0; i < ROUNDS; i++) {
		random = random * 1664525 + 1013904223;
		if (random >> 30 == 0)
			be_reader(&random);
		else
			be_writer(&random);
	}
	return NULL;
}

static void
run_threads(void *(*run)(void *))
{
	pthread_t thread[THREADS];

	atomic_store(&started, 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, run, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
}

/* Two leaves, which are free and made anew all the time. */
TEST(threads_that_share_leaves_see_their_own_pages)
{
	struct vm_slot *slot;
	vm_pindex_t at = 0;

	set_up(THREADS + 2);
	run_threads(come_and_go);
	while (vm_index_next(&table, false, &at, UINT64_MAX, &slot))
		leave(at);
	tear_down();
}

static void *
grow_and_enter(void *arg)
{
	uint64_t id = (uintptr_t)arg;

	atomic_fetch_add(&started, 1);
	while (atomic_load(&started) < THREADS)
		sched_yield();
	for (uint64_t i = 1; i <= 200; i++) {
		vm_pindex_t at = i * 5000 + id * VM_LEAF_SLOTS;

		CHECK_INT(vm_index_grow(&table, at + 1), 0);
		enter(at, (uint32_t)id + 1);
		CHECK(vm_index_covers(&table, at));
		leave(at);
	}
	return NULL;
}

TEST(threads_may_grow_an_index_at_once)
{
	set_up(THREADS);
	run_threads(grow_and_enter);
	tear_down();
}

/* Each ends an index whose last page another thread has just let go. */
struct passing {
	struct vm_index table;
	struct vm_slot *_Atomic slot;
};

static void *
let_go(void *arg)
{
	struct passing *p = arg;
	struct vm_slot *slot;

	while ((slot = atomic_load(&p->slot)) == NULL)
		sched_yield();
	vm_index_release_excl(&p->table, slot, VM_SLOT_ABSENT);
	return NULL;
}

TEST(an_index_may_end_while_its_last_page_is_let_go)
{
	CHECK_INT(vm_leaves_init(&leaves, &vm_os_linux, LEAVES), 0);
	for (int i = 0; i < 500; i++) {
		struct passing *p = vm_os_linux.alloc(sizeof(*p));
		struct vm_slot *slot;
		pthread_t thread;
		uint32_t number;

		CHECK(p != NULL);
		CHECK_INT(vm_index_init(&p->table, &leaves, PAGES), 0);
		CHECK_INT(pthread_create(&thread, NULL, let_go, p), 0);
		CHECK_INT(vm_index_try_excl(&p->table, 3, &slot, &number), 1);
		atomic_store(&p->slot, slot);
		while (!vm_slot_idle(slot))
			sched_yield();
		vm_index_fini(&p->table);
		vm_os_linux.free(p);	/* ASan: nobody looks any more */
		CHECK_INT(pthread_join(thread, NULL), 0);
	}
	vm_leaves_fini(&leaves);
}

TEST(prev_finds_what_next_finds_from_the_other_side)
{
	static const vm_pindex_t used[] = { 0, 15, 16, 40, 999 };
	struct vm_slot *slot, *held;
	vm_pindex_t at = UINT64_MAX;
	uint32_t number;

	set_up(LEAVES);
	CHECK(!vm_index_prev(&table, &at, 0, &slot));
	for (unsigned i = 0; i < 5; i++)
		(void)enter(used[i], i + 1);
	at = UINT64_MAX;
	for (unsigned i = 5; i > 0; i--) {
		CHECK(vm_index_prev(&table, &at, 0, &slot));
		CHECK_INT(at, used[i - 1]);
		CHECK(slot == vm_index_find(&table, at));
		CHECK_INT(vm_slot_number(slot), i);
		if (at > 0)
			at--;
	}
	at = 39;
	CHECK(!vm_index_prev(&table, &at, 17, &slot));
	at = 39;
	CHECK(vm_index_prev(&table, &at, 16, &slot));
	CHECK_INT(at, 16);
	/* A slot that is held is in use, resident or not. */
	CHECK_INT(vm_index_try_excl(&table, 500, &held, &number), 1);
	at = 998;
	CHECK(vm_index_prev(&table, &at, 0, &slot));
	CHECK_INT(at, 500);
	vm_index_release_excl(&table, held, VM_SLOT_ABSENT);
	for (unsigned i = 0; i < 5; i++)
		leave(used[i]);
	tear_down();
}

TEST(a_peek_takes_nothing_and_sees_who_is_there)
{
	struct vm_slot *slot;
	uint32_t number;
	uint64_t word;

	set_up(LEAVES);
	CHECK_INT(vm_index_peek(&table, 7), VM_SLOT_ABSENT);
	slot = enter(7, 12);
	word = atomic_load(&slot->word);
	CHECK_INT(vm_index_peek(&table, 7), 12);
	CHECK_INT(vm_index_peek(&table, 8), VM_SLOT_ABSENT);
	CHECK(atomic_load(&slot->word) == word);
	CHECK(vm_index_try_excl_if(&table, 7, true, &slot, &number));
	CHECK_INT(vm_index_peek(&table, 7), 12);
	vm_index_release_excl(&table, slot, VM_SLOT_ABSENT);
	CHECK_INT(vm_index_peek(&table, 7), VM_SLOT_ABSENT);
	CHECK_INT(vm_index_peek(&table, UINT64_MAX), VM_SLOT_ABSENT);
	tear_down();
}
