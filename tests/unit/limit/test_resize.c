/* SPDX-License-Identifier: BSD-2-Clause */
/* The limit changes: down past what is in use, up again, for good. */
#include "lines_fixture.h"

/* free + in use == total + debt */
static void
check_sum(const struct fixture *x)
{
	CHECK_INT(x->limit.free + x->held_count,
	    x->limit.total + x->limit.debt);
}

TEST(a_limit_that_shrinks_takes_what_is_free)
{
	struct fixture x;
	uint32_t above;

	setup(&x);
	take_down_to(&x, 30);
	CHECK_INT(vm_limit_set_total(&x.limit, 40, &above), 0);
	CHECK_INT(above, 0);
	CHECK_INT(x.limit.total, 40);
	CHECK_INT(x.limit.free, 6);
	check_sum(&x);
	CHECK_INT(vm_limit_set_total(&x.limit, 64, &above), 0);
	CHECK_INT(x.limit.free, 30);
	check_sum(&x);
	teardown(&x);
}

TEST(what_is_in_use_above_the_limit_is_reported_and_freed)
{
	struct fixture x;
	uint32_t above;
	struct vm_page *page;

	setup(&x);
	take_down_to(&x, 4);
	atomic_store(&x.limit.kicked, false);
	CHECK_INT(vm_limit_set_total(&x.limit, 50, &above), 0);
	CHECK_INT(above, 10);
	CHECK(x.limit.kicked);
	CHECK_INT(x.limit.free, 0);
	CHECK_INT(vm_limit_shortage(&x.limit), x.limit.target + 10);
	check_sum(&x);
	for (int i = 0; i < 10; i++) {
		CHECK_INT(x.limit.debt, 10 - i);
		give_one(&x);
		CHECK_INT(x.limit.free, 0);
		CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL,
		    VM_CLASS_NORMAL, 0, &page, 1), 0);
	}
	CHECK_INT(x.limit.debt, 0);
	give_one(&x);
	CHECK_INT(x.limit.free, 1);
	check_sum(&x);
	teardown(&x);
}

/* Between a page being free and the debt being paid from it. */
TEST(nobody_but_the_system_takes_what_the_debt_is_to_be_paid_from)
{
	struct fixture x;
	struct vm_page *page;

	setup(&x);
	take_down_to(&x, 20);
	atomic_store(&x.limit.debt, 1);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page, 1), 0);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_SYSTEM, 0,
	    &page, 1), 1);
	atomic_store(&x.limit.debt, 0);
	vm_limit_give(&x.limit, &page, 1);
	teardown(&x);
}

TEST(the_ladder_follows_the_limit)
{
	struct fixture x;
	struct vm_frames frames = { .count = 65536 };
	struct vm_limit limit;
	uint32_t above;

	setup(&x);
	vm_limit_init(&limit, &frames);
	CHECK_INT(limit.target, 1216);
	CHECK_INT(vm_limit_set_total(&limit, 4096, &above), 0);
	CHECK_INT(limit.target, 256);
	CHECK_INT(limit.pageout_min, 6);
	CHECK_INT(vm_limit_set_total(&limit, 65536, &above), 0);
	CHECK_INT(limit.target, 1216);
	vm_limit_fini(&limit);
	teardown(&x);
}

TEST(a_limit_out_of_bounds_changes_nothing)
{
	struct fixture x;
	uint32_t above;
	struct vm_marks marks = { .target = 25 };

	setup(&x);
	CHECK_INT(vm_limit_set_marks(&x.limit, &marks), 0);
	CHECK_INT(vm_limit_set_total(&x.limit, 15, &above), -EINVAL);
	CHECK_INT(vm_limit_set_total(&x.limit, 65, &above), -EINVAL);
	CHECK(strstr(vm_error_text(), "65 pages are not between 16 and 64") !=
	    NULL);
	CHECK_INT(vm_limit_set_total(&x.limit, 49, &above), -EINVAL);
	CHECK(strstr(vm_error_text(), "watermarks") != NULL);
	CHECK_INT(x.limit.total, 64);
	CHECK_INT(x.limit.free, 64);
	CHECK_INT(x.limit.debt, 0);
	CHECK_INT(vm_limit_set_total(&x.limit, 50, &above), 0);
	CHECK_INT(vm_limit_set_total(&x.limit, 64, &above), 0);
	teardown(&x);
}

TEST(a_limit_that_grows_serves_those_who_wait)
{
	struct fixture x;
	struct person p = { .line = VM_LINE_FAULT };
	uint32_t above;

	setup(&x);
	CHECK_INT(vm_limit_set_total(&x.limit, 40, &above), 0);
	take_down_to(&x, x.limit.reserved);
	start_person(&p, &x);
	CHECK_INT(vm_limit_set_total(&x.limit, 41, &above), 0);
	end_person(&p, 0);
	check_sum(&x);
	CHECK_INT(vm_limit_set_total(&x.limit, 20, &above), 0);
	CHECK_INT(above, 20);
	CHECK_INT(vm_limit_set_total(&x.limit, 30, &above), 0);
	CHECK_INT(above, 10);
	check_sum(&x);
	teardown(&x);
}

/* As it is between the two halves of a payment, and after it. */
TEST(what_is_used_is_not_told_in_the_middle_of_a_change)
{
	struct fixture x;
	struct vm_page *page;

	setup(&x);
	take_down_to(&x, 20);
	CHECK_INT(atomic_load(&x.limit.peak), 44);
	CHECK_INT(vm_limit_used_pages(&x.limit), 44);
	atomic_fetch_add(&x.limit.moves, 1);
	atomic_store(&x.limit.debt, 10);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_SYSTEM, 0,
	    &page, 1), 1);
	CHECK_INT(atomic_load(&x.limit.peak), 44);
	CHECK_INT(vm_limit_used_pages(&x.limit), 55);
	atomic_store(&x.limit.debt, 0);
	atomic_fetch_add(&x.limit.moves, 1);
	vm_limit_give(&x.limit, &page, 1);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_SYSTEM, 0,
	    &page, 1), 1);
	CHECK_INT(atomic_load(&x.limit.peak), 45);
	vm_limit_give(&x.limit, &page, 1);
	teardown(&x);
}

/* What is used never comes above 24 pages here. */
static void *
take_four(void *arg)
{
	struct fixture *x = arg;
	struct vm_page *pages[4];

	for (int i = 0; i < 20000; i++) {
		unsigned n = vm_limit_take(&x->limit, VM_HOME_POOL,
		    VM_CLASS_SYSTEM, 0, pages, VM_COUNT(pages));

		vm_limit_give(&x->limit, pages, n);
	}
	return NULL;
}

TEST(a_limit_that_comes_and_goes_leaves_the_peak_alone)
{
	struct fixture x;
	pthread_t taker;
	uint32_t above;

	setup(&x);
	take_down_to(&x, 44);
	CHECK(pthread_create(&taker, NULL, take_four, &x) == 0);
	for (int i = 0; i < 20000; i++) {
		CHECK_INT(vm_limit_set_total(&x.limit, 16 + (uint32_t)i % 8,
		    &above), 0);
		CHECK_INT(vm_limit_set_total(&x.limit, PAGES, &above), 0);
	}
	CHECK(pthread_join(taker, NULL) == 0);
	CHECK_INT(vm_limit_used_pages(&x.limit), 20);
	CHECK(atomic_load(&x.limit.peak) <= 24);
	check_sum(&x);
	teardown(&x);
}

TEST(pages_can_go_for_good)
{
	struct fixture x;
	uint32_t above;

	setup(&x);
	take_down_to(&x, 60);
	vm_limit_withdraw(&x.limit, 3);
	CHECK_INT(x.limit.total, 61);
	CHECK_INT(vm_limit_set_total(&x.limit, 62, &above), -EINVAL);
	CHECK_INT(vm_limit_set_total(&x.limit, 61, &above), 0);
	CHECK_DIES(vm_limit_withdraw(&x.limit, 2));
	/* The fixture's frames end with all of them free. */
	atomic_fetch_add(&x.limit.total, 3);
	teardown(&x);
}

/* What is gone is nobody's, so it is not used either. */
TEST(pages_that_go_for_good_leave_the_budget)
{
	struct fixture x;

	setup(&x);
	CHECK_INT(vm_budget_init(&x.limit.budget, UINT64_C(1) << 30,
	    VM_BUDGET_RESERVE_BYTES), 0);
	take_down_to(&x, 60);
	CHECK_INT(x.limit.budget.used, 4 * PAGE_BYTES);
	vm_limit_withdraw(&x.limit, 3);
	CHECK_INT(x.limit.budget.used, PAGE_BYTES);
	/* The fixture gives back all that it took. */
	atomic_fetch_add(&x.limit.budget.used, 3 * PAGE_BYTES);
	atomic_fetch_add(&x.limit.total, 3);
	teardown(&x);
}

/* Given watermarks stay when pages go for good, though they fit no more; what
 * is chosen later has to fit. */
TEST(a_limit_that_grows_too_little_for_its_watermarks_is_refused)
{
	struct vm_marks marks = { .target = 25 };
	struct fixture x;
	uint32_t above;

	setup(&x);
	CHECK_INT(vm_limit_set_marks(&x.limit, &marks), 0);
	CHECK_INT(vm_limit_set_total(&x.limit, 50, &above), 0);
	take_down_to(&x, 30);
	vm_limit_withdraw(&x.limit, 8);
	CHECK_INT(x.limit.total, 42);
	CHECK_INT(vm_limit_set_total(&x.limit, 45, &above), -EINVAL);
	CHECK_INT(x.limit.total, 42);
	CHECK_INT(x.limit.free, 30);
	CHECK_INT(vm_limit_set_total(&x.limit, 50, &above), 0);
	CHECK_INT(x.limit.free, 38);
	atomic_fetch_add(&x.limit.total, 8);
	x.limit.capacity += 8;
	CHECK_INT(vm_limit_set_total(&x.limit, 64, &above), 0);
	teardown(&x);
}

enum { RESIZES = 3000 };

static void *
take_and_give(void *arg)
{
	struct fixture *x = arg;
	struct vm_page *pages[8];

	for (int i = 0; i < RESIZES; i++) {
		unsigned n = vm_limit_take(&x->limit, VM_HOME_POOL,
		    VM_CLASS_NORMAL, 0, pages, 1 + (unsigned)i % 8);

		sched_yield();
		vm_limit_give(&x->limit, pages, n);
	}
	return NULL;
}

TEST(taking_and_resizing_at_once_loses_no_page)
{
	struct fixture x;
	pthread_t thread[4];
	uint32_t above;

	setup(&x);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&thread[i], NULL, take_and_give,
		    &x) == 0);
	for (uint32_t i = 0; i < RESIZES; i++)
		CHECK_INT(vm_limit_set_total(&x.limit, 16 + i * 7 % 49,
		    &above), 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_INT(vm_limit_set_total(&x.limit, 64, &above), 0);
	CHECK_INT(above, 0);
	CHECK_INT(x.limit.free, 64);
	teardown(&x);
}
