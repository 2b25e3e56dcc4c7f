/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages on their way to a pager: who is woken when they are there. */
#include "lines_fixture.h"

TEST(what_is_started_and_done_is_in_flight_in_between)
{
	struct fixture x;

	setup_lines(&x);
	vm_limit_pageout_start(&x.limit, 5);
	CHECK_INT(x.limit.in_flight, 5);
	vm_limit_pageout_done(&x.limit, 0);
	vm_limit_pageout_done(&x.limit, 3);
	CHECK_INT(x.limit.in_flight, 2);
	CHECK_DIES(vm_limit_pageout_done(&x.limit, 3));
	CHECK_DIES(vm_limit_fini(&x.limit));
	vm_limit_pageout_done(&x.limit, 2);
	teardown(&x);
}

/* Nothing is free: they look and will come back, as in the rump kernel. */
TEST(all_who_look_are_woken_when_pages_are_there)
{
	struct fixture x;
	struct person a = { .line = VM_LINE_KERNEL, .looks = true };
	struct person b = { .line = VM_LINE_FAULT, .looks = true };
	struct person c = { .line = VM_LINE_FAULT };

	setup_lines(&x);
	take_down_to(&x, 0);
	vm_limit_pageout_start(&x.limit, 2);
	start_person(&a, &x);
	start_person(&b, &x);
	start_person(&c, &x);
	vm_limit_pageout_done(&x.limit, 0);
	CHECK_INT(waiting(&x), 3);
	vm_limit_pageout_done(&x.limit, 1);
	end_person(&a, 0);
	end_person(&b, 0);
	CHECK_INT(waiting(&x), 1);
	vm_limit_pageout_done(&x.limit, 1);
	while (x.limit.free <= x.limit.reserved)
		give_one(&x);
	end_person(&c, 0);
	teardown(&x);
}

TEST(who_frees_pages_gives_up_when_the_last_one_is_there)
{
	struct fixture x;
	struct person daemon = { .line = VM_LINE_FAULT, .reclaims = true };

	setup_lines(&x);
	take_down_to(&x, 0);
	vm_limit_pageout_start(&x.limit, 2);
	start_person(&daemon, &x);
	vm_limit_pageout_done(&x.limit, 1);
	CHECK_INT(waiting(&x), 1);
	vm_limit_pageout_done(&x.limit, 1);
	end_person(&daemon, -ENOMEM);
	teardown(&x);
}

/* -- laundries ------------------------------------------------------------- */

TEST(the_daemon_is_resumed_once_when_the_laundry_is_empty)
{
	struct fixture x;

	setup_lines(&x);
	vm_limit_laundry_add(&x.limit, VM_LAUNDRY_INTERNAL, 2);
	vm_limit_laundry_done(&x.limit, VM_LAUNDRY_INTERNAL, 1);
	CHECK_INT(x.limit.resumes, 0);
	CHECK(!x.limit.resumed);
	vm_limit_laundry_done(&x.limit, VM_LAUNDRY_INTERNAL, 1);
	CHECK_INT(x.limit.resumes, 1);
	vm_limit_laundry_done(&x.limit, VM_LAUNDRY_INTERNAL, 0);
	CHECK_INT(x.limit.resumes, 1);
	CHECK(vm_limit_daemon_wait(&x.limit, UINT64_MAX));
	CHECK(!x.limit.resumed);
	CHECK_DIES(vm_limit_laundry_done(&x.limit, VM_LAUNDRY_INTERNAL, 1));
	teardown(&x);
}

/* Or else a disk that refuses every write would keep it running. */
TEST(what_ends_while_the_daemon_runs_does_not_resume_it)
{
	struct fixture x;

	setup_lines(&x);
	vm_limit_laundry_add(&x.limit, VM_LAUNDRY_INTERNAL, 1);
	vm_limit_laundry_done(&x.limit, VM_LAUNDRY_INTERNAL, 1);
	CHECK(x.limit.resumed);
	vm_limit_pass_done(&x.limit, 0);
	CHECK(!x.limit.resumed);
	teardown(&x);
}

TEST(external_pages_resume_only_a_daemon_that_wants_it)
{
	struct fixture x;

	setup_lines(&x);
	CHECK_INT(vm_limit_laundry_external(&x.limit), -1);
	vm_limit_laundry_add(&x.limit, VM_LAUNDRY_EXTERNAL, 1);
	vm_limit_laundry_done(&x.limit, VM_LAUNDRY_EXTERNAL, 1);
	CHECK_INT(vm_limit_laundry_external(&x.limit), -1);
	CHECK_INT(x.limit.resumes, 0);
	vm_limit_laundry_watch(&x.limit, true);
	vm_limit_laundry_add(&x.limit, VM_LAUNDRY_EXTERNAL, 2);
	CHECK_INT(vm_limit_laundry_external(&x.limit), 2);
	vm_limit_laundry_done(&x.limit, VM_LAUNDRY_EXTERNAL, 2);
	CHECK_INT(vm_limit_laundry_external(&x.limit), 0);
	CHECK_INT(x.limit.resumes, 1);
	teardown(&x);
}

static void *
sleep_as_daemon(void *arg)
{
	struct fixture *x = arg;

	CHECK(vm_limit_daemon_wait(&x->limit, UINT64_MAX));
	return NULL;
}

TEST(a_daemon_that_sleeps_is_woken_by_an_empty_laundry)
{
	struct fixture x;
	pthread_t thread;
	uint64_t reads;

	setup_lines(&x);
	vm_limit_laundry_add(&x.limit, VM_LAUNDRY_INTERNAL, 1);
	reads = atomic_load(&clock_reads);
	CHECK(pthread_create(&thread, NULL, sleep_as_daemon, &x) == 0);
	while (atomic_load(&clock_reads) == reads)
		sched_yield();
	vm_lock(&x.limit.lock);		/* it sleeps, or has not begun to */
	vm_unlock(&x.limit.lock);
	vm_limit_laundry_done(&x.limit, VM_LAUNDRY_INTERNAL, 1);
	CHECK(pthread_join(thread, NULL) == 0);
	teardown(&x);
}
