/* SPDX-License-Identifier: BSD-2-Clause */
/* Each transition of lock.h, legal and illegal, then contention. */
#include "base/lock.h"

#include <sched.h>

#include "check.h"

/* A lock and what it guards: plain on purpose, only the lock orders them. */
struct guarded {
	struct vm_lock lock;
	struct vm_cond changed;
	long sum;
	int phase;
};

static void
guarded_init(struct guarded *g, enum vm_rank rank)
{
	*g = (struct guarded){ .sum = 0 };
	vm_lock_init(&g->lock, rank, "guarded");
	vm_cond_init(&g->changed);
}

static void
guarded_fini(struct guarded *g)
{
	vm_cond_fini(&g->changed);
	vm_lock_fini(&g->lock);
}

static void
run_in_thread(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, run, arg) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
}

TEST(a_lock_is_held_from_lock_to_unlock)
{
	struct vm_lock lock;

	vm_lock_init(&lock, VM_RANK_NONE, "one");
	vm_lock_assert_not_held(&lock);
	vm_lock(&lock);
	vm_lock_assert_held(&lock);
	CHECK_DIES(vm_lock_assert_not_held(&lock));
	vm_unlock(&lock);
	vm_lock_assert_not_held(&lock);
	CHECK_DIES(vm_lock_assert_held(&lock));
	CHECK(vm_lock_try(&lock));
	vm_lock_assert_held(&lock);
	vm_unlock(&lock);
	vm_lock_fini(&lock);
}

static void *
find_it_held(void *arg)
{
	struct vm_lock *lock = arg;

	CHECK(!vm_lock_try(lock));
	vm_lock_assert_not_held(lock);
	return NULL;
}

TEST(a_lock_held_by_another_is_refused_and_not_ours)
{
	struct vm_lock lock;

	vm_lock_init(&lock, VM_RANK_NONE, "one");
	vm_lock(&lock);
	run_in_thread(find_it_held, &lock);
	vm_lock_assert_held(&lock);
	vm_unlock(&lock);
	vm_lock_fini(&lock);
}

TEST(locking_twice_dies)
{
	struct vm_lock lock;

	vm_lock_init(&lock, VM_RANK_NONE, "one");
	vm_lock(&lock);
	CHECK_DIES(vm_lock(&lock));
	CHECK_DIES((void)!vm_lock_try(&lock));
	vm_unlock(&lock);
	vm_lock_fini(&lock);
}

static void *
unlock_it(void *lock)
{
	vm_unlock(lock);
	return NULL;
}

TEST(unlocking_what_one_does_not_hold_dies)
{
	struct vm_lock lock;

	vm_lock_init(&lock, VM_RANK_NONE, "one");
	CHECK_DIES(vm_unlock(&lock));
	vm_lock(&lock);
	CHECK_DIES(run_in_thread(unlock_it, &lock));
	CHECK_DIES(vm_lock_fini(&lock));
	vm_unlock(&lock);
	vm_lock_fini(&lock);
}

TEST(waiting_without_the_lock_dies)
{
	struct guarded g;

	guarded_init(&g, VM_RANK_NONE);
	CHECK_DIES(vm_cond_wait(&g.changed, &g.lock, 0));
	guarded_fini(&g);
}

TEST(only_time_running_out_is_false)
{
	struct guarded g;

	guarded_init(&g, VM_RANK_LIMIT);
	vm_lock(&g.lock);
	while (vm_cond_wait(&g.changed, &g.lock, 1))
		continue;
	vm_lock_assert_held(&g.lock);
	while (vm_cond_wait(&g.changed, &g.lock, 0))
		continue;
	vm_unlock(&g.lock);
	guarded_fini(&g);
}

static void *
answer(void *arg)
{
	struct guarded *g = arg;

	vm_lock(&g->lock);
	while (g->phase != 1)
		CHECK(vm_cond_wait(&g->changed, &g->lock, UINT64_MAX));
	g->phase = 2;
	vm_cond_wake_one(&g->changed);
	vm_unlock(&g->lock);
	return NULL;
}

/* Ends only if both waits release the lock and both wake-ups arrive. */
static void
ask_and_wait(uint64_t timeout_ns)
{
	struct guarded g;
	pthread_t thread;

	guarded_init(&g, VM_RANK_LIMIT);
	CHECK(pthread_create(&thread, NULL, answer, &g) == 0);
	vm_lock(&g.lock);
	g.phase = 1;
	vm_cond_wake_one(&g.changed);
	while (g.phase != 2)
		CHECK(vm_cond_wait(&g.changed, &g.lock, timeout_ns));
	vm_lock_assert_held(&g.lock);
	vm_unlock(&g.lock);
	CHECK(pthread_join(thread, NULL) == 0);
	guarded_fini(&g);
}

TEST(a_wait_releases_the_lock_and_takes_it_again)
{
	ask_and_wait(UINT64_MAX);
	ask_and_wait(UINT64_MAX - 1);
	/* 10 minutes: more than the runner gives the whole program. */
	ask_and_wait(UINT64_C(600000000000));
}

enum { THREADS = 8, ROUNDS = 20000 };

static void *
add_many(void *arg)
{
	struct guarded *g = arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 4 != 0)
			vm_lock(&g->lock);
		else
			while (!vm_lock_try(&g->lock))
				sched_yield();
		g->sum++;
		vm_lock_assert_held(&g->lock);
		vm_unlock(&g->lock);
	}
	return NULL;
}

static void
run_all(void *(*run)(void *), void *arg)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, run, arg) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
}

TEST(contention_loses_no_addition)
{
	struct guarded g;

	guarded_init(&g, VM_RANK_OBJECT);
	run_all(add_many, &g);
	CHECK_INT(g.sum, (long)THREADS * ROUNDS);
	guarded_fini(&g);
}

/* The threads go round in a ring: each hand-over needs its wake-up. */
static void *
pass_on(void *arg)
{
	struct guarded *g = arg;
	int mine;

	vm_lock(&g->lock);
	mine = g->phase++;
	vm_cond_wake_all(&g->changed);
	while (g->phase != THREADS)
		CHECK(vm_cond_wait(&g->changed, &g->lock, UINT64_MAX));
	for (int i = 0; i < 500; i++) {
		while (g->sum % THREADS != mine)
			CHECK(vm_cond_wait(&g->changed, &g->lock,
			    UINT64_MAX));
		g->sum++;
		vm_cond_wake_all(&g->changed);
	}
	vm_unlock(&g->lock);
	return NULL;
}

TEST(waiting_in_a_ring_loses_no_wake_up)
{
	struct guarded g;

	guarded_init(&g, VM_RANK_LIMIT);
	run_all(pass_on, &g);
	CHECK_INT(g.sum, THREADS * 500);
	guarded_fini(&g);
}

#ifdef VM_DEBUG

static struct vm_lock map, object, object2, leaf, loose;

static void
init_all(void)
{
	vm_lock_init(&map, VM_RANK_MAP, "map");
	vm_lock_init(&object, VM_RANK_OBJECT, "object");
	vm_lock_init(&object2, VM_RANK_OBJECT, "object2");
	vm_lock_init(&leaf, VM_RANK_LEAF, "leaf");
	vm_lock_init(&loose, VM_RANK_NONE, "loose");
	vm_lock_assert_none_held();
}

static void
fini_all(void)
{
	vm_lock_assert_none_held();
	vm_lock_fini(&map);
	vm_lock_fini(&object);
	vm_lock_fini(&object2);
	vm_lock_fini(&leaf);
	vm_lock_fini(&loose);
}

TEST(locks_in_the_order_of_ranks_are_fine_and_go_in_any_order)
{
	init_all();
	vm_lock(&map);
	vm_lock(&object);
	vm_lock(&leaf);
	vm_unlock(&map);
	vm_unlock(&leaf);
	vm_lock(&leaf);
	vm_unlock(&leaf);
	vm_unlock(&object);
	fini_all();
}

TEST(a_lower_or_equal_rank_behind_a_higher_dies)
{
	init_all();
	vm_lock(&object);
	CHECK_DIES(vm_lock(&map));
	CHECK_DIES(vm_lock(&object2));
	vm_unlock(&object);
	vm_lock(&map);
	vm_unlock(&map);
	vm_lock(&object2);
	vm_unlock(&object2);
	fini_all();
}

/* The middle one goes first: what is left on the list still counts. */
TEST(the_highest_rank_still_held_decides)
{
	init_all();
	vm_lock(&map);
	vm_lock(&object);
	vm_lock(&leaf);
	vm_unlock(&object);
	CHECK_DIES(vm_lock(&object));
	vm_unlock(&leaf);
	vm_lock(&object);
	vm_unlock(&object);
	CHECK_DIES(vm_lock_assert_none_held());
	vm_unlock(&map);
	fini_all();
}

TEST(a_try_may_go_against_the_order_and_then_binds_what_follows)
{
	init_all();
	vm_lock(&leaf);
	CHECK(vm_lock_try(&object));
	vm_unlock(&leaf);
	CHECK_DIES(vm_lock(&map));
	CHECK_DIES(vm_lock(&object2));
	vm_lock(&leaf);
	vm_unlock(&object);
	vm_unlock(&leaf);
	fini_all();
}

TEST(an_unranked_lock_is_outside_the_order)
{
	init_all();
	vm_lock(&leaf);
	vm_lock(&loose);
	vm_unlock(&leaf);
	vm_lock_assert_none_held();
	vm_lock(&map);
	vm_unlock(&loose);
	vm_unlock(&map);
	fini_all();
}

TEST(waiting_with_another_ranked_lock_held_dies)
{
	struct guarded g;

	init_all();
	guarded_init(&g, VM_RANK_LIMIT);
	vm_lock(&loose);
	vm_lock(&map);
	vm_lock(&g.lock);
	CHECK_DIES(vm_cond_wait(&g.changed, &g.lock, 0));
	vm_unlock(&map);
	while (vm_cond_wait(&g.changed, &g.lock, 0))
		continue;
	vm_unlock(&loose);
	/* Held again in the list too, not only by its owner. */
	CHECK_DIES(vm_lock(&map));
	vm_unlock(&g.lock);
	vm_lock_assert_none_held();
	guarded_fini(&g);
	fini_all();
}

static void *
lock_the_map(void *arg)
{
	(void)arg;
	vm_lock_assert_none_held();
	vm_lock(&map);
	vm_unlock(&map);
	return NULL;
}

TEST(the_order_is_each_threads_own)
{
	init_all();
	vm_lock(&leaf);
	run_in_thread(lock_the_map, NULL);
	vm_unlock(&leaf);
	fini_all();
}

TEST(more_locks_than_the_list_holds_die)
{
	static struct vm_lock many[33];

	for (int i = 0; i < 33; i++)
		vm_lock_init(&many[i], VM_RANK_NONE, "many");
	for (int i = 0; i < 32; i++)
		vm_lock(&many[i]);
	CHECK_DIES(vm_lock(&many[32]));
	for (int i = 0; i < 32; i++)
		vm_unlock(&many[i]);
}

#endif
