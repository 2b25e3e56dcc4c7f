/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines: who is served first, by how much, and who is let go with what.
 * The test gives pages one by one; joining who was served ends at once, joining
 * anybody else would hang. */
#include "lines_fixture.h"

#define KERNEL { .line = VM_LINE_KERNEL }
#define FAULT { .line = VM_LINE_FAULT }
#define DIRTY { .line = VM_LINE_DIRTY }
#define LOOKER { .line = VM_LINE_KERNEL, .looks = true, .takes = true }

TEST(one_page_goes_to_the_kernel_before_a_fault_that_came_first)
{
	struct fixture x;
	struct person fault = FAULT, kernel = KERNEL;

	setup_lines(&x);
	take_down_to(&x, x.limit.reserved);
	start_person(&fault, &x);
	start_person(&kernel, &x);
	CHECK_INT(x.limit.waiting_fault, 1);
	give_one(&x);
	end_person(&kernel, 0);
	CHECK_INT(waiting(&x), 1);
	CHECK(!atomic_load(&fault.done));
	give_one(&x);
	end_person(&fault, 0);
	CHECK_INT(x.limit.waiting_fault, 0);
	teardown(&x);
}

TEST(each_line_is_first_come_first_served)
{
	struct fixture x;
	struct person fault[2] = { FAULT, FAULT };
	struct person kernel[2] = { KERNEL, KERNEL };

	setup_lines(&x);
	take_down_to(&x, x.limit.reserved);
	for (int i = 0; i < 2; i++) {
		start_person(&fault[i], &x);
		start_person(&kernel[i], &x);
	}
	for (int i = 0; i < 2; i++) {
		give_one(&x);
		end_person(&kernel[i], 0);
		CHECK_INT(waiting(&x), 3 - i);
	}
	for (int i = 0; i < 2; i++) {
		give_one(&x);
		end_person(&fault[i], 0);
	}
	teardown(&x);
}

/* writers is 9: half way between min and low. */
TEST(who_writes_leaves_what_the_readers_need)
{
	struct fixture x;
	struct person writer = DIRTY, reader = FAULT;
	struct vm_take take = { .home = VM_HOME_POOL, .want = 1,
		.flags = VM_TAKE_DIRTIES };
	struct vm_page *page;

	setup_lines(&x);
	CHECK_INT(x.limit.writers, 9);
	take_down_to(&x, 10);
	CHECK_INT(vm_limit_take_for(&x.limit, &take, &page), 0);
	CHECK_INT(take.why, VM_TAKE_NONE);
	start_person(&writer, &x);
	CHECK_INT(x.limit.waiting_dirty, 1);
	/* He stands in nobody's way. */
	take.flags = 0;
	CHECK_INT(vm_limit_take_for(&x.limit, &take, &page), 1);
	x.held[x.held_count++] = page;
	take_down_to(&x, x.limit.reserved);
	start_person(&reader, &x);
	give_one(&x);
	end_person(&reader, 0);
	CHECK_INT(waiting(&x), 1);
	while (x.limit.free < 10)
		give_one(&x);
	CHECK(!atomic_load(&writer.done));
	give_one(&x);
	end_person(&writer, 0);
	CHECK_INT(x.limit.waiting_dirty, 0);
	teardown(&x);
}

/* 0.5 ms after it came one page is to be had below low, and none below
 * writers. */
TEST(who_has_waited_to_write_gets_one_of_those_above_the_readers)
{
	struct fixture x;
	struct person writer[2] = { DIRTY, DIRTY };

	setup_lines(&x);
	take_down_to(&x, 10);
	start_person(&writer[0], &x);
	CHECK(!atomic_load(&writer[0].done));
	atomic_store(&clock_value_ns, 500000);
	end_person(&writer[0], 0);
	CHECK_INT(x.limit.free, 9);
	start_person(&writer[1], &x);
	atomic_store(&clock_value_ns, 5000000);
	CHECK(!atomic_load(&writer[1].done));
	vm_limit_cancel(&x.limit);
	end_person(&writer[1], -ECANCELED);
	CHECK_INT(x.limit.free, 9);
	teardown(&x);
}

TEST(who_writes_has_the_rest_when_nothing_can_be_freed)
{
	struct fixture x;
	struct person writer = DIRTY;
	struct vm_take take = { .home = VM_HOME_POOL, .want = 1,
		.flags = VM_TAKE_DIRTIES };
	struct vm_page *page;

	setup_lines(&x);
	take_down_to(&x, 9);
	start_person(&writer, &x);
	vm_limit_pass_done(&x.limit, 0);
	end_person(&writer, 0);
	CHECK_INT(x.limit.free, 8);
	CHECK_INT(vm_limit_take_for(&x.limit, &take, &page), 1);
	give_one(&x);		/* what can be freed is the readers' again */
	x.held[x.held_count++] = page;
	CHECK_INT(vm_limit_take_for(&x.limit, &take, &page), 0);
	teardown(&x);
}

TEST(who_waits_is_counted_for_as_long)
{
	struct vm_stall_figures figures[VM_WAITS][VM_STALLS];
	struct fixture x;
	struct person fault = FAULT;

	setup_lines(&x);
	take_down_to(&x, x.limit.reserved);
	start_person(&fault, &x);
	atomic_store(&clock_value_ns, 5000000);
	give_one(&x);
	end_person(&fault, 0);
	vm_pressure_read(&x.limit.pressure, NULL, 9000000, figures);
	CHECK_INT(figures[VM_WAITS_MEMORY][VM_STALL_SOME].total_us, 5000);
	teardown(&x);
}

TEST(who_frees_pages_is_served_first_and_from_pageout_min_on)
{
	struct fixture x;
	struct person kernel = KERNEL;
	struct person daemon = { .line = VM_LINE_FAULT, .reclaims = true };

	setup_lines(&x);
	take_down_to(&x, 0);
	start_person(&kernel, &x);
	vm_limit_pageout_start(&x.limit, 1);
	start_person(&daemon, &x);
	give_one(&x);
	give_one(&x);
	CHECK_INT(waiting(&x), 2);	/* 2: interrupt, and below 3 */
	give_one(&x);
	end_person(&daemon, 0);
	CHECK_INT(waiting(&x), 1);
	CHECK_INT(x.limit.free, 2);
	for (int i = 0; i < 3; i++)
		give_one(&x);
	end_person(&kernel, 0);
	vm_limit_pageout_done(&x.limit, 1);
	teardown(&x);
}

/* The rump kernel stops the machine here. */
TEST(who_frees_pages_does_not_wait_for_itself)
{
	struct fixture x;
	struct vm_page *page;

	setup_lines(&x);
	take_down_to(&x, 0);
	vm_limit_reclaimer_enter(&x.limit);
	CHECK_INT(vm_limit_wait(&x.limit, VM_HOME_POOL, UINT64_MAX, &page),
	    -ENOMEM);
	CHECK(strstr(vm_error_text(), "nothing is on its way to a pager") !=
	    NULL);
	CHECK_INT(vm_limit_look(&x.limit, VM_LINE_KERNEL, 0, UINT64_MAX),
	    -ENOMEM);
	vm_limit_reclaimer_leave(&x.limit);
	teardown(&x);
}

TEST(who_frees_pages_looks_from_pageout_min_on)
{
	struct fixture x;
	struct person daemon = { .line = VM_LINE_KERNEL, .looks = true,
		.reclaims = true };

	setup_lines(&x);
	take_down_to(&x, 1);
	vm_limit_pageout_start(&x.limit, 1);
	start_person(&daemon, &x);
	give_one(&x);
	CHECK_INT(waiting(&x), 1);
	vm_limit_cached(&x.limit, 1);	/* both counts together */
	end_person(&daemon, 0);
	CHECK_INT(x.limit.turns, 0);
	vm_limit_cached(&x.limit, -1);
	vm_limit_pageout_done(&x.limit, 1);
	teardown(&x);
}

TEST(a_deeper_class_is_served_deeper)
{
	struct fixture x;
	struct person system = { .line = VM_LINE_KERNEL,
		.class = VM_CLASS_SYSTEM };

	setup_lines(&x);
	take_down_to(&x, x.limit.interrupt);
	start_person(&system, &x);
	give_one(&x);
	end_person(&system, 0);
	CHECK_INT(x.limit.free, x.limit.interrupt);
	teardown(&x);
}

/* -- looking --------------------------------------------------------------- */

TEST(who_looks_is_woken_at_min_and_not_below)
{
	struct fixture x;
	struct person looker = LOOKER;

	setup_lines(&x);
	take_down_to(&x, x.limit.min - 2);
	start_person(&looker, &x);
	give_one(&x);
	CHECK_INT(waiting(&x), 1);
	give_one(&x);
	end_person(&looker, 0);
	CHECK(looker.page != NULL);
	CHECK_INT(x.limit.turns, 0);
	teardown(&x);
}

TEST(free_and_cached_pages_count_together_for_who_looks)
{
	struct fixture x;
	struct person looker = LOOKER;

	setup_lines(&x);
	take_down_to(&x, x.limit.min - 2);
	start_person(&looker, &x);
	vm_limit_cached(&x.limit, 1);
	CHECK_INT(waiting(&x), 1);
	vm_limit_cached(&x.limit, 1);
	end_person(&looker, 0);
	vm_limit_cached(&x.limit, -2);
	teardown(&x);
}

TEST(who_looks_while_memory_is_plenty_does_not_sleep)
{
	struct fixture x;

	setup_lines(&x);
	take_down_to(&x, x.limit.min);
	CHECK_INT(vm_limit_look(&x.limit, VM_LINE_KERNEL, 0, 0), 0);
	CHECK_INT(x.limit.turns, 1);
	vm_limit_pass_done(&x.limit, 1);
	CHECK_INT(x.limit.turns, 0);
	teardown(&x);
}

TEST(one_is_woken_for_each_page_from_min_on)
{
	struct fixture x;
	struct person a = LOOKER, b = LOOKER;

	setup_lines(&x);
	a.takes = b.takes = false;	/* keep their turns */
	take_down_to(&x, x.limit.min - 1);
	start_person(&a, &x);
	start_person(&b, &x);
	give_one(&x);
	end_person(&a, 0);
	CHECK_INT(waiting(&x), 1);
	give_one(&x);
	end_person(&b, 0);
	CHECK_INT(x.limit.turns, 2);
	teardown(&x);
}

/* A turn is worth a page: the fault that waits gets the next one. */
TEST(a_turn_keeps_its_page_from_a_fault_until_the_pass_is_over)
{
	struct fixture x;
	struct person fault = FAULT;

	setup_lines(&x);
	take_down_to(&x, x.limit.min);
	CHECK_INT(vm_limit_look(&x.limit, VM_LINE_KERNEL, 0, 0), 0);
	atomic_store(&x.limit.turns, x.limit.min - x.limit.reserved);
	start_person(&fault, &x);
	CHECK_INT(waiting(&x), 1);
	vm_limit_pass_done(&x.limit, 1);
	end_person(&fault, 0);
	teardown(&x);
}

TEST(who_has_a_turn_passes_those_who_wait_once)
{
	struct fixture x;
	struct person fault = FAULT;
	struct vm_page *page;

	setup_lines(&x);
	take_down_to(&x, x.limit.min);
	CHECK_INT(vm_limit_look(&x.limit, VM_LINE_KERNEL, 0, 0), 0);
	atomic_store(&x.limit.turns, 10);
	start_person(&fault, &x);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page, 1), 1);
	x.held[x.held_count++] = page;
	CHECK_INT(x.limit.turns, 9);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page, 1), 0);
	vm_limit_pass_done(&x.limit, 1);
	end_person(&fault, 0);
	teardown(&x);
}

/* In one line, who cannot look yet does not stop who wants less. */
TEST(who_looks_does_not_stop_who_wants_a_page)
{
	struct fixture x;
	struct person looker = LOOKER, kernel = KERNEL;

	setup_lines(&x);
	take_down_to(&x, x.limit.reserved);
	start_person(&looker, &x);
	start_person(&kernel, &x);
	give_one(&x);
	end_person(&kernel, 0);
	while (x.limit.free < x.limit.min)
		give_one(&x);
	end_person(&looker, 0);
	teardown(&x);
}

/* -- newcomers ------------------------------------------------------------- */

TEST(newcomers_pass_faults_that_wait_but_nobody_else)
{
	struct fixture x;
	struct person fault = FAULT, kernel = KERNEL;
	struct vm_page *page;

	setup_lines(&x);
	take_down_to(&x, x.limit.reserved);
	start_person(&fault, &x);
	atomic_fetch_add(&x.limit.free, 1);	/* given, not handed out */
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page, 1), 0);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL,
	    VM_TAKE_KERNEL, &page, 1), 1);
	vm_limit_give(&x.limit, &page, 1);
	end_person(&fault, 0);
	atomic_fetch_sub(&x.limit.free, x.limit.free - x.limit.reserved);
	start_person(&kernel, &x);
	atomic_fetch_add(&x.limit.free, 1);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL,
	    VM_TAKE_KERNEL, &page, 1), 0);
	atomic_fetch_sub(&x.limit.free, 1);
	give_one(&x);
	end_person(&kernel, 0);
	atomic_store(&x.limit.free, PAGES - x.held_count);
	teardown(&x);
}

/* -- being let go ---------------------------------------------------------- */

TEST(a_cancel_lets_all_go_and_none_who_comes_later)
{
	struct fixture x;
	struct person p[3] = { FAULT, KERNEL, LOOKER }, late = FAULT;

	setup_lines(&x);
	take_down_to(&x, 0);
	for (int i = 0; i < 3; i++)
		start_person(&p[i], &x);
	vm_limit_cancel(&x.limit);
	for (int i = 0; i < 3; i++) {
		end_person(&p[i], -ECANCELED);
		CHECK(strstr(p[i].text, "was cancelled") != NULL);
	}
	CHECK_INT(waiting(&x), 0);
	start_person(&late, &x);
	while (x.limit.free <= x.limit.reserved)
		give_one(&x);
	end_person(&late, 0);
	teardown(&x);
}

TEST(time_that_runs_out_is_told_apart_for_who_looks)
{
	struct fixture x;
	struct vm_page *page;

	setup_lines(&x);
	take_down_to(&x, 0);
	CHECK_INT(vm_limit_look(&x.limit, VM_LINE_FAULT, 0, 0), -ETIMEDOUT);
	CHECK_INT(vm_limit_wait(&x.limit, VM_HOME_POOL, 0, &page), -ENOMEM);
	CHECK_INT(waiting(&x), 0);
	CHECK_INT(x.limit.waiting_fault, 0);
	teardown(&x);
}

TEST(nobody_stands_in_the_line_of_who_frees_pages_by_asking)
{
	struct fixture x;

	setup_lines(&x);
	CHECK_DIES((void)!vm_limit_look(&x.limit, VM_LINE_RECLAIM, 0, 0));
	teardown(&x);
}

/* -- no wake-up is lost ---------------------------------------------------- */

enum { PINGS = 5000 };

static void *
wait_again_and_again(void *arg)
{
	struct fixture *x = arg;
	struct vm_page *page;

	for (int i = 0; i < PINGS; i++) {
		CHECK_INT(vm_limit_wait(&x->limit, VM_HOME_POOL, UINT64_MAX,
		    &page), 0);
		vm_limit_give(&x->limit, &page, 1);
	}
	return NULL;
}

/* Two threads and one page above the reserve: who gives it back must see who
 * has just joined, or that one sees the page.  Lost: the time limit. */
TEST(a_page_given_while_somebody_joins_is_never_missed)
{
	struct fixture x;
	pthread_t thread[3];

	setup_lines(&x);
	take_down_to(&x, x.limit.reserved + 1);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&thread[i], NULL, wait_again_and_again,
		    &x) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_INT(x.limit.free, x.limit.reserved + 1);
	teardown(&x);
}
