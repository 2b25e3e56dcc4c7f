/* SPDX-License-Identifier: BSD-2-Clause */
/* The ladder, who may take down to which step, and the line of those who wait.
 * Threads are driven by state: a waiter counts once limit.waiting shows it. */
#include "limit/limit.h"

#include "limit_fixture.h"
#include "page/slot.h"

static void
check_ladder(uint32_t total)
{
	struct vm_frames frames = { .count = total };
	struct vm_limit limit;

	vm_limit_init(&limit, &frames);
	CHECK(limit.interrupt < limit.reserved);
	CHECK(limit.interrupt < limit.pageout_min);
	CHECK(limit.pageout_min <= limit.reserved);
	CHECK(limit.reserved < limit.severe);
	CHECK(limit.severe < limit.min);
	CHECK(limit.min < limit.low);
	CHECK(limit.low < limit.target);
	CHECK(limit.target <= total / 2);
	CHECK(total < 128 || limit.target <= total / 16);
	CHECK_INT(atomic_load(&limit.free), total);
	vm_limit_fini(&limit);
}

TEST(the_ladder_rises_for_every_size)
{
	for (uint32_t total = VM_LIMIT_PAGES_MIN; total < 10000; total++)
		check_ladder(total);
	for (uint32_t total = 10000; total < VM_SLOT_PAGES_MAX / 2;
	    total += total / 3)
		check_ladder(total);
	check_ladder(VM_SLOT_PAGES_MAX);
}

/* The table of limit.h. */
TEST(the_ladder_is_as_documented)
{
	static const uint32_t want[][7] = {
		{ 16, 0, 1, 2, 3, 4, 5 },
		{ 4096, 4, 8, 16, 32, 128, 256 },
		{ 65536, 19, 38, 76, 152, 608, 1216 },
		{ 262144, 67, 134, 268, 536, 2144, 4288 },
		{ VM_SLOT_PAGES_MAX, 1024, 2048, 4096, 8192, 32768, 65536 },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct vm_frames frames = { .count = want[i][0] };
		struct vm_limit limit;

		vm_limit_init(&limit, &frames);
		CHECK_INT(limit.interrupt, want[i][1]);
		CHECK_INT(limit.reserved, want[i][2]);
		CHECK_INT(limit.severe, want[i][3]);
		CHECK_INT(limit.min, want[i][4]);
		CHECK_INT(limit.low, want[i][5]);
		CHECK_INT(limit.target, want[i][6]);
		vm_limit_fini(&limit);
	}
}

/* Steps that are apart from each other, where 64 pages' own are not. */
static const struct vm_marks wide = { .interrupt = 2, .reserved = 4,
	.severe = 8, .min = 12, .low = 16, .target = 24 };

TEST(each_class_stops_at_its_step)
{
	struct fixture x;
	struct vm_page **held = x.held;
	unsigned n = 0;

	setup(&x);
	CHECK_INT(vm_limit_set_marks(&x.limit, &wide), 0);
	n += vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL,
	    VM_TAKE_OPTIONAL, held, PAGES);
	CHECK_INT(atomic_load(&x.limit.free), x.limit.min);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_SYSTEM,
	    VM_TAKE_OPTIONAL, held + n, 1), 0);
	n += vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    held + n, PAGES);
	CHECK_INT(atomic_load(&x.limit.free), x.limit.severe);
	for (uint32_t i = x.limit.severe; i > x.limit.reserved; i--)
		n += vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL,
		    0, held + n, PAGES);
	CHECK_INT(atomic_load(&x.limit.free), x.limit.reserved);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    held + n, 1), 0);
	n += vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_SYSTEM, 0,
	    held + n, PAGES);
	CHECK_INT(atomic_load(&x.limit.free), x.limit.interrupt);
	n += vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_INTERRUPT, 0,
	    held + n, PAGES);
	CHECK_INT(atomic_load(&x.limit.free), 0);
	CHECK_INT(n, PAGES);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_INTERRUPT, 0,
	    held, 1), 0);
	x.held_count = n;
	teardown(&x);
}

TEST(the_peak_is_the_most_ever_in_use)
{
	struct fixture x;

	setup(&x);
	take_down_to(&x, 10);
	give_one(&x);
	take_down_to(&x, 20 - 9);
	CHECK_INT(atomic_load(&x.limit.peak), PAGES - 10);
	take_down_to(&x, 3);
	CHECK_INT(atomic_load(&x.limit.peak), PAGES - 3);
	teardown(&x);
}

TEST(taking_below_low_kicks_the_daemon_and_taking_above_does_not)
{
	struct fixture x;

	setup(&x);
	take_down_to(&x, x.limit.low);
	CHECK(!atomic_load(&x.limit.kicked));
	take_down_to(&x, x.limit.low - 1);
	CHECK(atomic_load(&x.limit.kicked));
	teardown(&x);
}

TEST(the_shortage_begins_below_low_and_ends_at_target)
{
	struct fixture x;

	setup(&x);
	take_down_to(&x, x.limit.low);
	CHECK_INT(vm_limit_shortage(&x.limit), 0);
	take_down_to(&x, x.limit.low - 1);
	CHECK_INT(vm_limit_shortage(&x.limit), x.limit.target -
	    x.limit.low + 1);
	give_one(&x);
	CHECK_INT(vm_limit_shortage(&x.limit), x.limit.target - x.limit.low);
	give_one(&x);
	CHECK_INT(vm_limit_shortage(&x.limit), 0);
	take_down_to(&x, x.limit.low);
	CHECK_INT(vm_limit_shortage(&x.limit), 0);
	teardown(&x);
}

TEST(a_kick_asks_for_target_even_above_low)
{
	struct fixture x;

	setup(&x);
	vm_limit_kick(&x.limit);
	CHECK_INT(vm_limit_shortage(&x.limit), 0);
	take_down_to(&x, x.limit.low);
	vm_limit_kick(&x.limit);
	CHECK_INT(vm_limit_shortage(&x.limit), x.limit.target - x.limit.low);
	teardown(&x);
}

TEST(a_page_that_is_free_is_had_without_waiting)
{
	struct fixture x;

	setup(&x);
	take_down_to(&x, x.limit.reserved + 1);
	CHECK_INT(vm_limit_wait(&x.limit, VM_HOME_POOL, 0,
	    &x.held[x.held_count]), 0);
	x.held_count++;
	CHECK_INT(atomic_load(&x.limit.free), x.limit.reserved);
	CHECK_INT(atomic_load(&x.limit.waiting), 0);
	teardown(&x);
}

enum { WAITERS = 5 };

/* Joining in order of arrival hangs if a page went to another. */
TEST(pages_go_to_those_who_wait_in_order_of_arrival)
{
	struct fixture x;
	struct waiter w[WAITERS];

	setup(&x);
	take_down_to(&x, x.limit.reserved);
	for (int i = 0; i < WAITERS; i++)
		start_waiter(&w[i], &x);
	CHECK_INT(vm_limit_shortage(&x.limit),
	    x.limit.target - x.limit.reserved + WAITERS);
	for (int i = 0; i < WAITERS; i++) {
		give_one(&x);
		CHECK_INT(atomic_load(&x.limit.waiting), WAITERS - i - 1);
		CHECK_INT(atomic_load(&x.limit.free), x.limit.reserved);
		join_with_page(&w[i]);
	}
	teardown(&x);
}

TEST(one_gift_serves_several_who_wait)
{
	struct fixture x;
	struct waiter w[WAITERS];

	setup(&x);
	take_down_to(&x, 0);
	for (int i = 0; i < WAITERS; i++)
		start_waiter(&w[i], &x);
	x.held_count -= WAITERS + 3;
	vm_limit_give(&x.limit, x.held + x.held_count, WAITERS + 3);
	for (int i = 0; i < WAITERS; i++)
		join_with_page(&w[i]);
	CHECK_INT(atomic_load(&x.limit.free), 3);
	teardown(&x);
}

TEST(who_comes_later_cannot_overtake_unless_it_is_the_system)
{
	struct fixture x;
	struct waiter w;
	struct vm_page *page;

	setup(&x);
	take_down_to(&x, 0);
	start_waiter(&w, &x);
	give_one(&x);	/* up to reserved: not for a normal waiter */
	CHECK_INT(atomic_load(&x.limit.waiting), 1);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page, 1), 0);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_SYSTEM, 0,
	    &page, 1), 1);
	x.held[x.held_count++] = page;
	give_one(&x);
	give_one(&x);
	join_with_page(&w);
	teardown(&x);
}

/* A gift is counted free before it is handed out: nobody may grab it then. */
TEST(a_gift_on_its_way_to_who_waits_is_not_for_others)
{
	struct fixture x;
	struct waiter w;
	struct vm_page *page;

	setup(&x);
	take_down_to(&x, x.limit.reserved);
	start_waiter(&w, &x);
	atomic_fetch_add(&x.limit.free, 1);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page, 1), 0);
	atomic_fetch_sub(&x.limit.free, 1);
	give_one(&x);
	join_with_page(&w);
	teardown(&x);
}

TEST(time_that_runs_out_is_an_error_with_figures)
{
	struct fixture x;
	struct waiter w = { .x = &x };

	setup(&x);
	x.os.clock_ns = vm_os_linux.clock_ns;
	take_down_to(&x, 0);
	w.timeout_ns = 1;
	CHECK(pthread_create(&w.thread, NULL, wait_for_page, &w) == 0);
	join(&w);
	CHECK_INT(w.result, -ENOMEM);
	CHECK(strstr(w.text, "no page became free in time") != NULL);
	CHECK(strstr(w.text, "of 64 pages 0 are free (1 kept in reserve)") !=
	    NULL);
	CHECK_INT(atomic_load(&x.limit.waiting), 0);
	teardown(&x);
}

TEST(who_gave_up_is_no_longer_in_line)
{
	struct fixture x;
	struct waiter w;
	struct vm_page *page;

	setup(&x);
	take_down_to(&x, x.limit.reserved);
	start_waiter(&w, &x);
	CHECK_INT(vm_limit_wait(&x.limit, VM_HOME_POOL, 0, &page), -ENOMEM);
	give_one(&x);
	join_with_page(&w);
	teardown(&x);
}

TEST(a_refused_drop_costs_the_waiter_its_page_and_nobody_else)
{
	struct fixture x;
	struct vm_page *page;

	setup(&x);
	take_down_to(&x, 0);
	x.held_count -= 4;
	vm_limit_give(&x.limit, x.held + x.held_count, 4);
	drop_fails = true;
	CHECK_INT(vm_limit_wait(&x.limit, VM_HOME_STORE, 0, &page), -ENOMEM);
	CHECK(strstr(vm_error_text(), "would not take memory back") != NULL);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_STORE, VM_CLASS_NORMAL, 0,
	    &page, 1), 0);
	CHECK_INT(atomic_load(&x.limit.free), 4);
	teardown(&x);
}

TEST(misuse_dies)
{
	struct fixture x;
	struct vm_page *page;
	struct vm_frames small = { .count = VM_LIMIT_PAGES_MIN - 1 };
	struct vm_limit limit;

	setup(&x);
	CHECK_DIES(vm_limit_init(&limit, &small));
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page, 1), 1);
	CHECK_DIES(vm_limit_fini(&x.limit));
	vm_limit_give(&x.limit, &page, 1);
	CHECK_DIES(vm_limit_give(&x.limit, &page, 1));
	teardown(&x);
}

/* -- contention ------------------------------------------------------------ */

enum { THREADS = 8, ROUNDS = 3000, HOLD = 12 };

struct worker {
	struct fixture *x;
	unsigned seed;
	pthread_t thread;
};

/* Holds up to HOLD pages; 8 * 12 are more than there are. */
static void *
take_and_give(void *arg)
{
	struct worker *worker = arg;
	struct vm_limit *limit = &worker->x->limit;
	struct vm_page *pages[HOLD];

	for (unsigned i = 0; i < ROUNDS; i++) {
		enum vm_home home = (worker->seed + i) % 3 == 0
		    ? VM_HOME_STORE : VM_HOME_POOL;
		unsigned want = 1 + (worker->seed + i) % HOLD;
		unsigned got = vm_limit_take(limit, home, VM_CLASS_NORMAL, 0,
		    pages, want);

		if (got == 0) {
			CHECK_INT(vm_limit_wait(limit, home, UINT64_MAX,
			    pages), 0);
			got = 1;
		}
		for (unsigned k = 0; k < got; k++)
			pages[k]->dirty = worker->seed;
		sched_yield();
		for (unsigned k = 0; k < got; k++) {
			CHECK(pages[k]->dirty == worker->seed);
			pages[k]->dirty = 0;
		}
		vm_limit_give(limit, pages, got);
	}
	return NULL;
}

/* A page handed to two: a race in TSan or the wrong mark.  A page lost or a
 * waiter forgotten: the runner's time limit. */
TEST(contention_loses_no_page_and_starves_nobody)
{
	struct fixture x;
	struct worker worker[THREADS];

	setup(&x);
	for (unsigned i = 0; i < THREADS; i++) {
		worker[i] = (struct worker){ .x = &x, .seed = i + 1 };
		CHECK(pthread_create(&worker[i].thread, NULL, take_and_give,
		    &worker[i]) == 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(pthread_join(worker[i].thread, NULL) == 0);
	CHECK_INT(atomic_load(&x.limit.free), PAGES);
	CHECK(atomic_load(&x.limit.peak) <= PAGES - x.limit.reserved);
	teardown(&x);
}
