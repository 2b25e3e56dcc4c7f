/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is let how deep, and what else a refusal does: FreeBSD's decisions in
 * full, the deficit, cached pages, Mach's pause, bytes. */
#include "limit/limit.h"

#include "base/compiler.h"
#include "limit_fixture.h"

/* FreeBSD's distances on 64 pages. */
static const struct vm_marks marks = { .interrupt = 2, .reserved = 5,
	.severe = 6, .min = 8, .low = 10, .target = 16 };

static void
setup_ladder(struct fixture *x)
{
	setup(x);
	CHECK_INT(vm_limit_set_marks(&x->limit, &marks), 0);
}

static void
end(struct fixture *x)
{
	vm_limit_cached(&x->limit, -(int)x->limit.cached);
	teardown(x);
}

/* One page for that class; how it ended. */
static enum vm_take_why
take_one(struct fixture *x, enum vm_class class)
{
	struct vm_take take = { .home = VM_HOME_POOL, .class = class,
		.want = 1 };

	x->held_count += vm_limit_take_for(&x->limit, &take,
	    x->held + x->held_count);
	return take.why;
}

#define OK VM_TAKE_OK
#define CF VM_TAKE_CACHED_FIRST
#define NO VM_TAKE_NONE

/* Free pages; cached ones 0 or 1; outcome by class. */
static const struct {
	uint32_t free;
	enum vm_take_why why[2][3];	/* by cached, class */
} decisions[] = {
	{ 0, { { NO, NO, NO }, { CF, CF, NO } } },
	{ 1, { { NO, NO, OK }, { CF, CF, OK } } },
	{ 2, { { NO, NO, OK }, { CF, CF, OK } } },
	{ 3, { { NO, OK, OK }, { CF, CF, OK } } },
	{ 5, { { NO, OK, OK }, { CF, CF, OK } } },
	{ 6, { { OK, OK, OK }, { OK, OK, OK } } },
};

static void
check_decision(size_t i, int cached, enum vm_class class)
{
	enum vm_take_why want = decisions[i].why[cached][class];
	struct fixture x;

	setup_ladder(&x);
	vm_limit_cached(&x.limit, cached);
	take_down_to(&x, decisions[i].free);
	CHECK_INT(take_one(&x, class), want);
	CHECK_INT(x.limit.free, decisions[i].free - (want == OK));
	CHECK_INT(x.limit.deficit, want == NO);
	CHECK_INT(x.limit.cached, cached);
	CHECK(x.limit.kicked);
	end(&x);
}

TEST(each_class_is_let_in_as_by_freebsd)
{
	for (size_t i = 0; i < VM_COUNT(decisions); i++)
		for (int cached = 0; cached < 2; cached++)
			for (int class = 0; class < 3; class++)
				check_decision(i, cached,
				    (enum vm_class)class);
}

/* The loop of who may use cached pages: give one, start over. */
TEST(a_cached_page_that_is_given_lets_the_taker_in)
{
	struct fixture x;

	setup_ladder(&x);
	vm_limit_cached(&x.limit, 1);
	take_down_to(&x, marks.reserved);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), CF);
	vm_limit_cached(&x.limit, -1);
	give_one(&x);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	end(&x);
}

TEST(a_thread_that_frees_pages_takes_as_the_system)
{
	struct fixture x, other;

	setup_ladder(&x);
	setup_ladder(&other);
	take_down_to(&x, marks.reserved);
	take_down_to(&other, marks.reserved);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	vm_limit_reclaimer_enter(&x.limit);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	CHECK_INT(x.limit.free, marks.interrupt);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	CHECK_INT(take_one(&x, VM_CLASS_INTERRUPT), OK);
	CHECK_INT(take_one(&other, VM_CLASS_NORMAL), NO);
	CHECK_DIES(vm_limit_reclaimer_enter(&x.limit));
	CHECK_DIES(vm_limit_reclaimer_leave(&other.limit));
	vm_limit_reclaimer_leave(&x.limit);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	CHECK_DIES(vm_limit_reclaimer_leave(&x.limit));
	end(&x);
	end(&other);
}

TEST(read_ahead_that_gets_nothing_is_no_deficit)
{
	struct fixture x;
	struct vm_take take = { .flags = VM_TAKE_OPTIONAL, .want = 8 };

	setup_ladder(&x);
	vm_limit_cached(&x.limit, 1);
	take_down_to(&x, marks.min);
	CHECK_INT(vm_limit_take_for(&x.limit, &take, x.held), 0);
	CHECK_INT(take.why, NO);
	CHECK_INT(x.limit.deficit, 0);
	end(&x);
}

TEST(what_was_refused_is_freed_on_top_by_the_next_pass_only)
{
	struct fixture x;
	uint32_t before;

	setup_ladder(&x);
	take_down_to(&x, 4);
	before = vm_limit_pass_begin(&x.limit);
	CHECK_INT(before, marks.target - 4);
	vm_limit_pass_done(&x.limit, 1);
	for (int i = 0; i < 3; i++)
		CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	CHECK_INT(x.limit.deficit, 3);
	CHECK_INT(vm_limit_shortage(&x.limit), before);
	CHECK_INT(vm_limit_pass_begin(&x.limit), before + 3);
	CHECK_INT(x.limit.deficit, 0);
	CHECK_INT(vm_limit_shortage(&x.limit), before + 3);
	vm_limit_pass_done(&x.limit, 1);
	CHECK_INT(vm_limit_shortage(&x.limit), before);
	end(&x);
}

TEST(a_deficit_is_at_most_one_target_and_wraps_never)
{
	struct fixture x;
	struct vm_take take = { .want = 1000 };

	setup_ladder(&x);
	take_down_to(&x, 0);
	for (int i = 0; i < 10; i++)
		CHECK_INT(vm_limit_take_for(&x.limit, &take, x.held), 0);
	CHECK(x.limit.deficit >= 1000 && x.limit.deficit < 3000);
	CHECK_INT(vm_limit_pass_begin(&x.limit), 2 * marks.target);
	vm_limit_pass_done(&x.limit, 1);
	end(&x);
}

/* A deficit that outlived its wake-up would be a shortage with nobody kicked
 * for it. */
TEST(a_deficit_that_needs_no_pass_ends_with_the_wake_up)
{
	struct fixture x;

	setup_ladder(&x);
	take_down_to(&x, 5);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	while (x.limit.free < 2 * marks.target)
		give_one(&x);
	CHECK_INT(vm_limit_pass_begin(&x.limit), 0);
	take_down_to(&x, marks.low);
	CHECK_INT(vm_limit_shortage(&x.limit), 0);
	end(&x);
}

TEST(cached_pages_are_available)
{
	struct fixture x;

	setup_ladder(&x);
	vm_limit_cached(&x.limit, 7);
	CHECK_INT(vm_limit_available(&x.limit), PAGES + 7);
	take_down_to(&x, marks.low - 7);
	CHECK(!x.limit.kicked);
	CHECK_INT(vm_limit_shortage(&x.limit), 0);
	take_down_to(&x, marks.low - 8);
	CHECK(x.limit.kicked);
	CHECK_INT(vm_limit_shortage(&x.limit), marks.target - marks.low + 1);
	vm_limit_cached(&x.limit, 7);
	CHECK_INT(vm_limit_shortage(&x.limit), 0);	/* target is there */
	CHECK_DIES(vm_limit_cached(&x.limit, -15));
	end(&x);
}

/* The one who crosses low wakes the daemon, the next ones need not. */
TEST(crossing_low_kicks_once_until_the_daemon_has_woken)
{
	struct fixture x;

	setup_ladder(&x);
	take_down_to(&x, marks.low);
	CHECK(!x.limit.kicked);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	CHECK(x.limit.kicked);
	CHECK(vm_limit_daemon_wait(&x.limit, UINT64_MAX));
	CHECK(!x.limit.kicked);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	CHECK(x.limit.kicked);	/* a level: still below */
	end(&x);
}

static void *
take_above_low(void *arg)
{
	take_down_to(arg, marks.low);
	return NULL;
}

/* Joining would never end if the taker wanted the lock. */
TEST(taking_needs_no_lock_while_memory_is_plenty)
{
	struct fixture x;
	pthread_t thread;

	setup_ladder(&x);
	vm_lock(&x.limit.lock);
	CHECK(pthread_create(&thread, NULL, take_above_low, &x) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	vm_unlock(&x.limit.lock);
	CHECK_INT(x.limit.free, marks.low);
	end(&x);
}

/* -- pause ----------------------------------------------------------------- */

TEST(below_min_ordinary_takers_are_paused_until_target_is_free)
{
	struct fixture x;

	setup_ladder(&x);
	x.limit.pauses = true;
	take_down_to(&x, marks.min + 1);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	CHECK(!x.limit.paused);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	CHECK(x.limit.paused);
	CHECK_INT(x.limit.pauses_begun, 1);
	CHECK_INT(take_one(&x, VM_CLASS_SYSTEM), OK);
	while (x.limit.free < marks.target - 1)
		give_one(&x);
	atomic_store(&x.limit.kicked, false);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	CHECK(x.limit.kicked);	/* above low, but it was refused */
	give_one(&x);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	CHECK(!x.limit.paused);
	CHECK_INT(x.limit.pauses_begun, 1);
	end(&x);
}

TEST(the_system_crossing_min_pauses_the_others)
{
	struct fixture x;

	setup_ladder(&x);
	x.limit.pauses = true;
	take_down_to(&x, marks.min);
	CHECK(!x.limit.paused);
	CHECK_INT(take_one(&x, VM_CLASS_SYSTEM), OK);
	CHECK(x.limit.paused);
	end(&x);
}

TEST(a_pause_ends_when_nothing_can_be_freed)
{
	struct fixture x;

	setup_ladder(&x);
	x.limit.pauses = true;
	take_down_to(&x, marks.min);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	give_one(&x);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	vm_limit_pass_done(&x.limit, 1);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	vm_limit_pass_done(&x.limit, 0);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	end(&x);
}

TEST(who_waits_is_paused_too)
{
	struct fixture x;
	struct waiter w;

	setup_ladder(&x);
	x.limit.pauses = true;
	take_down_to(&x, marks.min);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	start_waiter(&w, &x);
	while (x.limit.free < marks.target - 1)
		give_one(&x);
	CHECK_INT(x.limit.waiting, 1);
	give_one(&x);
	join_with_page(&w);
	end(&x);
}

/* -- bytes ----------------------------------------------------------------- */

enum { LIMIT_PAGES = 40, RESERVE_PAGES = 8 };

static void
setup_budget(struct fixture *x)
{
	setup_ladder(x);
	CHECK_INT(vm_budget_init(&x->limit.budget, (LIMIT_PAGES +
	    RESERVE_PAGES) * PAGE_BYTES, RESERVE_PAGES * PAGE_BYTES), 0);
}

TEST(pages_are_taken_within_the_budget_and_its_reserve_by_the_system)
{
	struct fixture x;
	unsigned n;

	setup_budget(&x);
	n = vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0, x.held,
	    PAGES);
	CHECK_INT(n, LIMIT_PAGES);
	CHECK_INT(vm_limit_used_bytes(&x.limit), LIMIT_PAGES * PAGE_BYTES);
	x.held_count = n;
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	CHECK_INT(x.limit.free, PAGES - LIMIT_PAGES);
	vm_limit_reclaimer_enter(&x.limit);
	for (int i = 0; i < RESERVE_PAGES; i++)
		CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), NO);
	vm_limit_reclaimer_leave(&x.limit);
	CHECK_INT(x.limit.budget.used, x.limit.budget.given);
	end(&x);
}

TEST(above_the_mark_the_daemon_is_kicked_and_frees_down_to_it)
{
	struct fixture x;
	uint32_t mark = 9 * (LIMIT_PAGES * PAGE_BYTES / 10) / PAGE_BYTES;

	setup_budget(&x);
	take_down_to(&x, PAGES - mark);
	CHECK(!vm_limit_needs_daemon(&x.limit));
	CHECK(!x.limit.kicked);
	CHECK_INT(take_one(&x, VM_CLASS_NORMAL), OK);
	CHECK(vm_limit_needs_daemon(&x.limit));
	CHECK(x.limit.kicked);
	CHECK_INT(vm_limit_shortage(&x.limit), 1);
	give_one(&x);
	CHECK_INT(vm_limit_shortage(&x.limit), 0);
	end(&x);
}

struct bytes_taker {
	struct fixture *x;
	uint64_t bytes;
	int result;
};

static void *
take_bytes_waiting(void *arg)
{
	struct bytes_taker *t = arg;

	t->result = vm_limit_bytes_take(&t->x->limit, t->bytes, UINT64_MAX);
	return NULL;
}

TEST(bytes_that_do_not_fit_are_waited_for_or_refused)
{
	struct fixture x;
	struct bytes_taker t = { .x = &x, .bytes = 3 * PAGE_BYTES };
	pthread_t thread;

	setup_budget(&x);
	CHECK_INT(vm_limit_bytes_take(&x.limit, 0, 0), 0);
	CHECK_INT(vm_limit_bytes_take(&x.limit, 20 * PAGE_BYTES, 0), 0);
	take_down_to(&x, PAGES - 18);
	CHECK_INT(vm_limit_bytes_take(&x.limit, t.bytes, 0), -ENOMEM);
	CHECK_INT(vm_limit_bytes_take(&x.limit, 41 * PAGE_BYTES, UINT64_MAX),
	    -ENOMEM);
	CHECK(strstr(vm_error_text(), "would exceed the limit of") != NULL);
	CHECK_INT(x.limit.budget.used, 38 * PAGE_BYTES);
	CHECK(pthread_create(&thread, NULL, take_bytes_waiting, &t) == 0);
	while (atomic_load(&x.limit.waiting) == 0)
		sched_yield();
	give_one(&x);	/* a page is bytes as well */
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_INT(t.result, 0);
	CHECK_INT(x.limit.budget.used, 40 * PAGE_BYTES);
	CHECK(pthread_create(&thread, NULL, take_bytes_waiting, &t) == 0);
	while (atomic_load(&x.limit.waiting) == 0)
		sched_yield();
	vm_limit_bytes_give(&x.limit, t.bytes);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_INT(t.result, 0);
	vm_limit_bytes_give(&x.limit, 23 * PAGE_BYTES);
	end(&x);
}

TEST(without_a_budget_bytes_are_counted_with_the_pages)
{
	struct fixture x;

	setup_ladder(&x);
	CHECK_INT(vm_limit_bytes_take(&x.limit, 5, 0), 0);
	take_down_to(&x, PAGES - 3);
	CHECK_INT(vm_limit_used_bytes(&x.limit), 5 + 3 * PAGE_BYTES);
	CHECK(!vm_limit_needs_daemon(&x.limit));
	vm_limit_bytes_give(&x.limit, 5);
	CHECK_DIES(vm_limit_bytes_give(&x.limit, 1));
	end(&x);
}
