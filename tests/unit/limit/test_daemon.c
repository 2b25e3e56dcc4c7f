/* SPDX-License-Identifier: BSD-2-Clause */
/* When the daemon wakes, when waiters are given up, and listeners.  The clock
 * is the fixture's: it moves only when a test moves it. */
#include "limit/limit.h"
#include "limit_fixture.h"

#define MS UINT64_C(1000000)

struct daemon {
	struct fixture *x;
	uint64_t timeout_ns;
	pthread_t thread;
	_Atomic bool returned;
	bool result;
};

static void *
run_daemon_wait(void *arg)
{
	struct daemon *d = arg;

	d->result = vm_limit_daemon_wait(&d->x->limit, d->timeout_ns);
	atomic_store(&d->returned, true);
	return NULL;
}

static void
start_daemon(struct daemon *d, struct fixture *x, uint64_t timeout_ns)
{
	uint64_t reads = atomic_load(&clock_reads);

	d->x = x;
	d->timeout_ns = timeout_ns;
	atomic_store(&d->returned, false);
	CHECK(pthread_create(&d->thread, NULL, run_daemon_wait, d) == 0);
	while (atomic_load(&clock_reads) == reads)
		sched_yield();
}

static bool
daemon_result(struct daemon *d)
{
	CHECK(pthread_join(d->thread, NULL) == 0);
	return d->result;
}

/* The daemon, who sleeps at most a pause of 1 ms at a time while the clock
 * stands, has looked again and slept on. */
static void
check_sleeps_on(struct daemon *d)
{
	uint64_t reads = atomic_load(&clock_reads);

	while (atomic_load(&clock_reads) < reads + 3)
		sched_yield();
	CHECK(!atomic_load(&d->returned));
}

TEST(a_kick_wakes_the_daemon_before_or_while_it_sleeps)
{
	struct fixture x;
	struct daemon d;

	setup(&x);
	vm_limit_kick(&x.limit);
	CHECK(vm_limit_daemon_wait(&x.limit, UINT64_MAX));
	CHECK(!atomic_load(&x.limit.kicked));
	start_daemon(&d, &x, UINT64_MAX);
	vm_limit_kick(&x.limit);
	CHECK(daemon_result(&d));
	teardown(&x);
}

TEST(the_daemon_wakes_when_its_time_has_passed)
{
	struct fixture x;
	struct daemon d;

	setup(&x);
	start_daemon(&d, &x, MS);
	check_sleeps_on(&d);
	atomic_store(&clock_value_ns, MS);
	CHECK(daemon_result(&d));
	teardown(&x);
}

TEST(stopping_wakes_the_daemon_and_fails_who_waits)
{
	struct fixture x;
	struct daemon d;
	struct waiter w;
	struct vm_page *page;

	setup(&x);
	take_down_to(&x, 0);
	atomic_store(&x.limit.kicked, false);
	start_daemon(&d, &x, UINT64_MAX);
	start_waiter(&w, &x);
	vm_limit_stop_daemon(&x.limit);
	join(&w);
	CHECK_INT(w.result, -ENOMEM);
	(void)daemon_result(&d);
	CHECK(!vm_limit_daemon_wait(&x.limit, UINT64_MAX));
	CHECK_INT(vm_limit_wait(&x.limit, VM_HOME_POOL, UINT64_MAX, &page),
	    -ENOMEM);
	teardown(&x);
}

TEST(the_daemon_does_not_sleep_while_somebody_waits)
{
	struct fixture x;
	struct waiter w;

	setup(&x);
	take_down_to(&x, 0);
	start_waiter(&w, &x);
	for (int i = 0; i < 3; i++) {
		CHECK(vm_limit_daemon_wait(&x.limit, UINT64_MAX));
		vm_limit_pass_done(&x.limit, 1);
	}
	give_one(&x);
	give_one(&x);
	join_with_page(&w);
	teardown(&x);
}

TEST(after_a_fruitless_pass_the_daemon_pauses_whatever_kicks_it)
{
	struct fixture x;
	struct waiter w;
	struct daemon d;

	setup(&x);
	take_down_to(&x, 0);
	start_waiter(&w, &x);
	vm_limit_pass_done(&x.limit, 0);
	start_daemon(&d, &x, UINT64_MAX);
	atomic_store(&x.limit.kicked, false);
	vm_limit_kick(&x.limit);
	check_sleeps_on(&d);
	atomic_store(&clock_value_ns, MS);
	CHECK(daemon_result(&d));
	give_one(&x);
	give_one(&x);
	join_with_page(&w);
	teardown(&x);
}

/* Event loops do not stand in line, and kick at each try. */
TEST(the_daemon_pauses_after_a_fruitless_pass_when_nobody_is_in_line_too)
{
	struct fixture x;
	struct daemon d;

	setup(&x);
	take_down_to(&x, 0);
	vm_limit_pass_done(&x.limit, 0);
	vm_limit_pass_done(&x.limit, 0);
	vm_limit_kick(&x.limit);
	start_daemon(&d, &x, UINT64_MAX);
	atomic_store(&clock_value_ns, MS);
	check_sleeps_on(&d);
	atomic_store(&clock_value_ns, 2 * MS);
	CHECK(daemon_result(&d));
	vm_limit_kick(&x.limit);
	start_daemon(&d, &x, UINT64_MAX);
	check_sleeps_on(&d);
	give_one(&x);
	CHECK(daemon_result(&d));
	teardown(&x);
}

TEST(a_page_given_ends_the_pause_when_more_wait)
{
	struct fixture x;
	struct waiter w[2];
	struct daemon d;

	setup(&x);
	take_down_to(&x, x.limit.reserved);
	start_waiter(&w[0], &x);
	start_waiter(&w[1], &x);
	for (unsigned i = 1; i < VM_LIMIT_FRUITLESS_MAX; i++)
		vm_limit_pass_done(&x.limit, 0);
	start_daemon(&d, &x, UINT64_MAX);
	give_one(&x);
	CHECK(daemon_result(&d));
	join_with_page(&w[0]);
	give_one(&x);
	join_with_page(&w[1]);
	teardown(&x);
}

TEST(waiters_are_given_up_after_enough_fruitless_passes)
{
	struct fixture x;
	struct waiter w[2], late;

	setup(&x);
	take_down_to(&x, x.limit.reserved);
	start_waiter(&w[0], &x);
	start_waiter(&w[1], &x);
	for (unsigned i = 1; i < VM_LIMIT_FRUITLESS_MAX; i++)
		vm_limit_pass_done(&x.limit, 0);
	CHECK_INT(atomic_load(&x.limit.waiting), 2);
	vm_limit_pass_done(&x.limit, 0);
	for (int i = 0; i < 2; i++) {
		join(&w[i]);
		CHECK_INT(w[i].result, -ENOMEM);
		CHECK(strstr(w[i].text, "nothing could be freed") != NULL);
	}
	start_waiter(&late, &x);	/* one more pass is enough now */
	vm_limit_pass_done(&x.limit, 0);
	join(&late);
	CHECK_INT(late.result, -ENOMEM);
	teardown(&x);
}

TEST(a_page_given_or_freed_starts_the_count_of_passes_anew)
{
	struct fixture x;
	struct waiter w;

	setup(&x);
	take_down_to(&x, 0);
	start_waiter(&w, &x);
	for (unsigned i = 1; i < VM_LIMIT_FRUITLESS_MAX; i++)
		vm_limit_pass_done(&x.limit, 0);
	give_one(&x);	/* up to reserved: nobody is served */
	CHECK_INT(atomic_load(&x.limit.fruitless), 0);
	for (unsigned i = 1; i < VM_LIMIT_FRUITLESS_MAX; i++)
		vm_limit_pass_done(&x.limit, 0);
	vm_limit_pass_done(&x.limit, 1);
	vm_limit_pass_done(&x.limit, 0);
	CHECK_INT(atomic_load(&x.limit.waiting), 1);
	give_one(&x);
	join_with_page(&w);
	teardown(&x);
}

TEST(passes_count_only_while_somebody_waits)
{
	struct fixture x;

	setup(&x);
	for (unsigned i = 0; i < 2 * VM_LIMIT_FRUITLESS_MAX; i++)
		vm_limit_pass_done(&x.limit, 0);
	CHECK_INT(atomic_load(&x.limit.fruitless), 0);
	teardown(&x);
}

/* -- listeners ------------------------------------------------------------- */

struct ear {
	struct vm_listener listener;
	unsigned calls;
};

static void
hear(struct vm_listener *self)
{
	VM_CONTAINER(self, struct ear, listener)->calls++;
}

TEST(an_armed_listener_is_called_once)
{
	struct fixture x;
	struct ear a = { .listener.wake = hear }, b = { .listener.wake = hear };

	setup(&x);
	vm_limit_listen(&x.limit, &a.listener);
	vm_limit_listen(&x.limit, &b.listener);
	vm_limit_notify(&x.limit);
	CHECK_INT(a.calls, 0);
	vm_limit_arm(&x.limit, &a.listener);
	vm_limit_arm(&x.limit, &a.listener);
	CHECK_INT(atomic_load(&x.limit.armed), 1);
	vm_limit_notify(&x.limit);
	vm_limit_notify(&x.limit);
	CHECK_INT(a.calls, 1);
	CHECK_INT(b.calls, 0);
	take_down_to(&x, 10);
	vm_limit_arm(&x.limit, &a.listener);
	vm_limit_arm(&x.limit, &b.listener);
	give_one(&x);
	CHECK_INT(a.calls, 2);
	CHECK_INT(b.calls, 1);
	vm_limit_arm(&x.limit, &b.listener);
	vm_limit_unlisten(&x.limit, &b.listener);
	CHECK_INT(atomic_load(&x.limit.armed), 0);
	vm_limit_unlisten(&x.limit, &a.listener);
	vm_limit_notify(&x.limit);
	CHECK_INT(a.calls + b.calls, 3);
	teardown(&x);
}

TEST(a_listener_must_be_known_and_gone_in_the_end)
{
	struct fixture x;
	struct ear a = { .listener.wake = hear };

	setup(&x);
	CHECK_DIES(vm_limit_arm(&x.limit, &a.listener));
	CHECK_DIES(vm_limit_unlisten(&x.limit, &a.listener));
	vm_limit_listen(&x.limit, &a.listener);
	CHECK_DIES(vm_limit_listen(&x.limit, &a.listener));
	CHECK_DIES(vm_limit_fini(&x.limit));
	vm_limit_unlisten(&x.limit, &a.listener);
	teardown(&x);
}

static _Atomic bool notifying;

static void *
notify_all_the_time(void *arg)
{
	while (atomic_load(&notifying))
		vm_limit_notify(arg);
	return NULL;
}

/* calls is plain: TSan sees a call that outlives unlisten. */
TEST(no_call_outlives_unlisten)
{
	struct fixture x;
	pthread_t thread;

	setup(&x);
	atomic_store(&notifying, true);
	CHECK(pthread_create(&thread, NULL, notify_all_the_time,
	    &x.limit) == 0);
	for (int i = 0; i < 20000; i++) {
		struct ear ear = { .listener.wake = hear };

		vm_limit_listen(&x.limit, &ear.listener);
		vm_limit_arm(&x.limit, &ear.listener);
		vm_limit_unlisten(&x.limit, &ear.listener);
		CHECK(ear.calls <= 1);
	}
	atomic_store(&notifying, false);
	CHECK(pthread_join(thread, NULL) == 0);
	teardown(&x);
}

/* -- no room --------------------------------------------------------------- */

#define S (1000 * MS)

static int levels[8];
static unsigned levels_told;

static void
hear_level(void *arg, int level)
{
	CHECK(arg == levels && levels_told < 8);
	levels[levels_told++] = level;
}

/* One pass that frees so many; it wrote, and there was no room or some. */
static void
pass(struct fixture *x, bool full, uint32_t freed)
{
	vm_limit_kick(&x->limit);
	CHECK(vm_limit_pass_begin(&x->limit) != 0);
	if (full)
		vm_limit_lacks_room(&x->limit);
	vm_limit_pass_done(&x->limit, freed);
}

static void
setup_full(struct fixture *x)
{
	setup(x);
	levels_told = 0;
	x->limit.tell = (struct vm_tell){ hear_level, levels };
	take_down_to(x, 0);
	pass(x, true, 0);
	CHECK_INT(vm_limit_tell_pressure(&x->limit), S);
	CHECK_INT(levels_told, 1);
	CHECK_INT(levels[0], VM_LEVEL_CRITICAL);
}

/* A second that is better is over. */
static void
check_it_is_over(struct fixture *x)
{
	atomic_fetch_add(&clock_value_ns, 2 * S);
	CHECK(vm_limit_tell_pressure(&x->limit) == UINT64_MAX);
	CHECK_INT(levels_told, 2);
	CHECK_INT(levels[1], VM_LEVEL_NONE);
}

/* Nobody need wait: an event loop hears of it, too. */
TEST(a_pass_in_vain_for_want_of_room_is_critical_until_one_frees_a_page)
{
	struct fixture x;

	setup_full(&x);
	atomic_fetch_add(&clock_value_ns, 2 * S);
	pass(&x, true, 0);
	CHECK_INT(vm_limit_tell_pressure(&x.limit), S);
	CHECK_INT(levels_told, 1);
	pass(&x, true, 1);
	check_it_is_over(&x);
	teardown(&x);
}

TEST(a_page_given_ends_the_want_of_room)
{
	struct fixture x;

	setup_full(&x);
	give_one(&x);
	check_it_is_over(&x);
	teardown(&x);
}

TEST(a_pass_in_vain_for_other_reasons_ends_the_want_of_room)
{
	struct fixture x;

	setup_full(&x);
	pass(&x, false, 0);
	check_it_is_over(&x);
	teardown(&x);
}

TEST(a_pass_that_freed_pages_lacks_no_room)
{
	struct fixture x;

	setup(&x);
	levels_told = 0;
	x.limit.tell = (struct vm_tell){ hear_level, levels };
	take_down_to(&x, 0);
	pass(&x, true, 1);
	CHECK(!atomic_load(&x.limit.no_room));
	CHECK(vm_limit_tell_pressure(&x.limit) == UINT64_MAX);
	CHECK_INT(levels_told, 0);
	teardown(&x);
}

TEST(who_is_given_up_hears_that_there_is_no_room)
{
	struct fixture x;
	struct waiter w;

	setup(&x);
	take_down_to(&x, 0);
	start_waiter(&w, &x);
	for (unsigned i = 0; i < VM_LIMIT_FRUITLESS_MAX; i++)
		pass(&x, true, 0);
	join(&w);
	CHECK_INT(w.result, -ENOMEM);
	CHECK(strstr(w.text, "no room to write") != NULL);
	teardown(&x);
}
