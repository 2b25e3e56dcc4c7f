/* SPDX-License-Identifier: BSD-2-Clause */
/* Shrinkers in their order, and the last word before waiters are given up. */
#include "limit/shrink.h"

#include <stdio.h>

#include "lines_fixture.h"

struct cache {
	struct fixture *x;
	uint64_t has;		/* what count says */
	uint64_t frees;		/* what scan says */
	bool gives;		/* and gives a page back for each */
	uint64_t wanted;	/* of the last scan */
	int scans;
	int leaves;		/* removes itself: the result */
};

/* Who was asked, in order. */
static struct cache *asked[16];
static int asked_count;

static uint64_t
count_cache(void *arg)
{
	struct cache *c = arg;

	asked[asked_count++] = c;
	return c->has;
}

static uint64_t
scan_cache(void *arg, uint64_t wanted)
{
	struct cache *c = arg;

	c->scans++;
	c->wanted = wanted;
	for (uint64_t i = 0; c->gives && i < c->frees; i++)
		give_one(c->x);
	return c->frees;
}

static void
add(struct fixture *x, struct cache *c, int priority)
{
	struct vm_shrink what = { .key = c, .priority = priority,
		.count = count_cache, .scan = scan_cache, .arg = c };

	c->x = x;
	CHECK_INT(vm_shrink_add(&x->limit, &what), 0);
}

static void
setup_shrink(struct fixture *x)
{
	setup_lines(x);
	asked_count = 0;
}

TEST(the_highest_priority_is_asked_first_and_success_stops)
{
	struct fixture x;
	struct cache c[4] = { { .has = 1 }, { .has = 9, .frees = 2 },
		{ .has = 0 }, { .has = 5 } };

	setup_shrink(&x);
	add(&x, &c[0], 1);
	add(&x, &c[1], 1);
	add(&x, &c[2], 7);
	add(&x, &c[3], -3);
	CHECK_INT(vm_shrink_run(&x.limit, 4), 2);
	CHECK_INT(asked_count, 3);
	CHECK(asked[0] == &c[2] && asked[1] == &c[0] && asked[2] == &c[1]);
	CHECK_INT(c[2].scans, 0);	/* it had nothing */
	CHECK_INT(c[0].wanted, 1);	/* not more than it has */
	CHECK_INT(c[1].wanted, 4);
	CHECK_INT(c[3].scans, 0);
	c[1].frees = 0;
	CHECK_INT(vm_shrink_run(&x.limit, 4), 0);
	CHECK_INT(c[3].scans, 1);
	for (int i = 0; i < 4; i++)
		CHECK_INT(vm_shrink_remove(&x.limit, &c[i]), 0);
	CHECK_INT(vm_shrink_run(&x.limit, 4), 0);
	CHECK_INT(asked_count, 7);
	teardown(&x);
}

static void *
no_alloc(size_t bytes)
{
	(void)bytes;
	return NULL;
}

TEST(a_shrinker_is_known_once)
{
	struct fixture x;
	struct cache c = { .has = 1 };
	struct vm_shrink what = { .key = &c, .count = count_cache,
		.scan = scan_cache, .arg = &c };

	setup_shrink(&x);
	CHECK_INT(vm_shrink_remove(&x.limit, &c), -ENOENT);
	add(&x, &c, 0);
	CHECK_INT(vm_shrink_add(&x.limit, &what), -EEXIST);
	CHECK_DIES(vm_limit_fini(&x.limit));
	CHECK_INT(vm_shrink_remove(&x.limit, &c), 0);
	CHECK_INT(vm_shrink_remove(&x.limit, &c), -ENOENT);
	x.os.alloc = no_alloc;
	CHECK_INT(vm_shrink_add(&x.limit, &what), -ENOMEM);
	teardown(&x);
}

static uint64_t
remove_itself(void *arg)
{
	struct cache *c = arg;

	c->leaves = vm_shrink_remove(&c->x->limit, c);
	return 0;
}

TEST(a_shrinker_cannot_remove_itself)
{
	struct fixture x;
	struct cache c = { .x = &x };
	struct vm_shrink what = { .key = &c, .count = remove_itself,
		.scan = scan_cache, .arg = &c };

	setup_shrink(&x);
	CHECK_INT(vm_shrink_add(&x.limit, &what), 0);
	CHECK_INT(vm_shrink_run(&x.limit, 1), 0);
	CHECK_INT(c.leaves, -EDEADLK);
	CHECK_INT(vm_shrink_remove(&x.limit, &c), 0);
	teardown(&x);
}

/* -- it runs while it is to go --------------------------------------------- */

static _Atomic int stage;

static uint64_t
count_slowly(void *arg)
{
	(void)arg;
	atomic_store(&stage, 1);
	while (atomic_load(&stage) == 1)
		sched_yield();
	CHECK_INT(atomic_load(&stage), 2);
	return 0;
}

static void *
shrink_in_a_thread(void *arg)
{
	struct fixture *x = arg;

	CHECK_INT(vm_shrink_run(&x->limit, 1), 0);
	return NULL;
}

static void *
remove_in_a_thread(void *arg)
{
	struct fixture *x = arg;

	CHECK_INT(vm_shrink_remove(&x->limit, x), 0);
	atomic_store(&stage, 3);
	return NULL;
}

TEST(removing_waits_until_the_shrinker_has_returned)
{
	struct fixture x;
	struct vm_shrink what = { .count = count_slowly, .scan = scan_cache };
	pthread_t run, remove;

	setup_shrink(&x);
	what.key = &x;
	atomic_store(&stage, 0);
	CHECK_INT(vm_shrink_add(&x.limit, &what), 0);
	CHECK(pthread_create(&run, NULL, shrink_in_a_thread, &x) == 0);
	while (atomic_load(&stage) == 0)
		sched_yield();
	CHECK(pthread_create(&remove, NULL, remove_in_a_thread, &x) == 0);
	for (int i = 0; i < 100; i++)	/* the chance to be wrong */
		sched_yield();
	CHECK_INT(atomic_load(&stage), 1);
	atomic_store(&stage, 2);
	CHECK(pthread_join(run, NULL) == 0);
	CHECK(pthread_join(remove, NULL) == 0);
	CHECK_INT(atomic_load(&stage), 3);
	teardown(&x);
}

/* -- the last resort ------------------------------------------------------- */

struct told {
	int count;
	char text[VM_ERROR_BYTES];
};

static void
hear(void *arg, const char *sentence)
{
	struct told *told = arg;

	told->count++;
	snprintf(told->text, sizeof(told->text), "%s", sentence);
}

/* What the daemon does in a pass that frees nothing. */
static void
fail_passes(struct fixture *x, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		vm_limit_pass_done(&x->limit, vm_limit_last_resort(
		    &x->limit));
}

TEST(out_of_memory_is_said_once_in_a_streak_before_waiters_are_given_up)
{
	struct fixture x;
	struct told told = { 0 };
	struct person p = { .line = VM_LINE_FAULT };

	setup_shrink(&x);
	x.limit.oom = (struct vm_oom){ hear, &told };
	take_down_to(&x, 0);
	fail_passes(&x, 20);
	CHECK_INT(told.count, 0);	/* nobody waits */
	start_person(&p, &x);
	fail_passes(&x, VM_LIMIT_FRUITLESS_TELL - 1);
	CHECK_INT(told.count, 0);
	fail_passes(&x, 1);
	CHECK_INT(told.count, 1);
	CHECK_STR(told.text, "memory: 6 passes in a row freed nothing: of 64 "
	    "pages 0 are free, 1 wait");
	CHECK_INT(waiting(&x), 1);
	fail_passes(&x, VM_LIMIT_FRUITLESS_MAX - VM_LIMIT_FRUITLESS_TELL);
	end_person(&p, -ENOMEM);
	CHECK_INT(told.count, 1);
	teardown(&x);
}

TEST(a_page_given_begins_a_new_streak)
{
	struct fixture x;
	struct told told = { 0 };
	struct person p = { .line = VM_LINE_FAULT };

	setup_shrink(&x);
	x.limit.oom = (struct vm_oom){ hear, &told };
	take_down_to(&x, 0);
	start_person(&p, &x);
	fail_passes(&x, VM_LIMIT_FRUITLESS_TELL);
	CHECK_INT(told.count, 1);
	give_one(&x);
	fail_passes(&x, VM_LIMIT_FRUITLESS_TELL);
	CHECK_INT(told.count, 2);
	vm_limit_pass_done(&x.limit, 1);
	fail_passes(&x, VM_LIMIT_FRUITLESS_TELL);
	CHECK_INT(told.count, 3);
	while (x.limit.free <= x.limit.reserved)
		give_one(&x);
	end_person(&p, 0);
	teardown(&x);
}

TEST(nothing_is_said_while_pages_are_on_their_way)
{
	struct fixture x;
	struct told told = { 0 };
	struct person p = { .line = VM_LINE_FAULT };

	setup_shrink(&x);
	x.limit.oom = (struct vm_oom){ hear, &told };
	take_down_to(&x, 0);
	vm_limit_pageout_start(&x.limit, 1);
	start_person(&p, &x);
	fail_passes(&x, VM_LIMIT_FRUITLESS_MAX);
	CHECK_INT(told.count, 0);
	end_person(&p, -ENOMEM);
	vm_limit_pageout_done(&x.limit, 1);
	teardown(&x);
}

TEST(a_shrinker_that_gives_is_progress_and_one_that_only_says_so_is_not)
{
	struct fixture x;
	struct cache liar = { .has = 5, .frees = 5 };
	struct cache honest = { .has = 2, .frees = 2, .gives = true };
	struct person p = { .line = VM_LINE_FAULT };

	setup_shrink(&x);
	take_down_to(&x, 0);
	start_person(&p, &x);
	add(&x, &liar, 0);
	fail_passes(&x, 3);
	CHECK_INT(x.limit.fruitless, 3);
	CHECK_INT(liar.scans, 3);
	add(&x, &honest, 1);
	CHECK_INT(vm_limit_last_resort(&x.limit), 2);
	CHECK_INT(liar.scans, 3);
	vm_limit_pass_done(&x.limit, 2);
	CHECK_INT(x.limit.fruitless, 0);
	CHECK_INT(vm_shrink_remove(&x.limit, &liar), 0);
	CHECK_INT(vm_shrink_remove(&x.limit, &honest), 0);
	while (x.limit.free <= x.limit.reserved)
		give_one(&x);
	end_person(&p, 0);
	teardown(&x);
}

TEST(nobody_is_asked_while_nothing_is_short)
{
	struct fixture x;
	struct cache c = { .has = 5, .frees = 5 };

	setup_shrink(&x);
	add(&x, &c, 0);
	CHECK_INT(vm_limit_last_resort(&x.limit), 0);
	CHECK_INT(asked_count, 0);
	CHECK_INT(vm_shrink_remove(&x.limit, &c), 0);
	teardown(&x);
}

/* Simulated seconds of a machine on which nothing can be freed: how often the
 * daemon runs.  The clock moves by what the daemon would have slept. */
TEST(a_daemon_that_can_free_nothing_does_not_spin)
{
	struct fixture x;
	unsigned passes = 0;

	setup_shrink(&x);
	take_down_to(&x, 0);
	for (uint64_t ms = 0; ms < 10000; ms++) {
		atomic_store(&clock_value_ns, ms * 1000000);
		vm_limit_kick(&x.limit);	/* an event loop tries */
		if (x.limit.idle != 0 && ms % (UINT64_C(1) <<
		    (x.limit.idle - 1)) != 0)
			continue;
		vm_limit_pass_done(&x.limit, vm_limit_last_resort(&x.limit));
		passes++;
	}
	CHECK(passes < 100);	/* 10 s: below 1 % at 1 ms a pass */
	teardown(&x);
}
