/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that go on later: in their order, in the thread of their queue. */
#include "pager/timer.h"

#include <errno.h>

#include "base/rng.h"
#include "check.h"
#include "faulty.h"
#include "os/ioq.h"

#define OS (&faulty_os)

enum { COUNT = 40 };

#define HOUR UINT64_C(3600000000000)	/* ns */

static struct vm_timer *timer;
static struct vm_ioq *queue;
static struct vm_pager_io ios[COUNT];
static uint64_t due[COUNT];	/* ns of the clock */
static int order[COUNT], ended;

static void
set_up(void)
{
	struct vm_ioq_options o = { .depth = COUNT };

	faulty_reset();
	ended = 0;
	CHECK_INT(vm_timer_create(OS, &timer), 0);
	CHECK_INT(vm_os_linux.ioq_create(&o, &queue), 0);
}

static void
tear_down(void)
{
	vm_ioq_destroy(queue);
	vm_timer_destroy(timer);
	faulty_check_clean();
}

static void
note(struct vm_ioq_request *request)
{
	struct vm_pager_io *io = VM_CONTAINER(request, struct vm_pager_io,
	    request);
	int i = (int)(io - ios);

	CHECK(vm_os_linux.clock_ns() >= due[i]);
	order[ended++] = i;
}

static void
start(int i, uint64_t ns)
{
	ios[i] = (struct vm_pager_io){ .queue = queue };
	ios[i].request = (struct vm_ioq_request){ .op = VM_IOQ_POSTED,
		.done = note };
	CHECK_INT(vm_ioq_submit(queue, &ios[i].request), 0);
	due[i] = ns < HOUR / 2 ? vm_os_linux.clock_ns() + ns : 0;
	vm_timer_post_in(timer, &ios[i], ns);
}

static void
finish(int count)
{
	while (ended < count)
		CHECK(vm_ioq_reap(queue, true) >= 0);
}

TEST(a_request_goes_on_when_it_is_due)
{
	set_up();
	start(0, 1000000);
	finish(1);
	start(1, 0);
	finish(2);
	tear_down();
}

static _Atomic uint64_t fake_now;

static uint64_t
fake_clock(void)
{
	return fake_now;
}

/* A timer whose clock stands still until the test moves it. */
static void
set_up_still(void)
{
	static struct vm_os os;

	set_up();
	vm_timer_destroy(timer);
	os = faulty_os;
	os.clock_ns = fake_clock;
	fake_now = 0;
	memset(due, 0, sizeof(due));
	CHECK_INT(vm_timer_create(&os, &timer), 0);
}

TEST(an_earlier_request_wakes_the_timer)
{
	set_up_still();
	start(0, HOUR);
	start(1, 1);
	fake_now = 1;
	finish(1);
	CHECK_INT(order[0], 1);
	fake_now = HOUR - 5;
	start(2, 0);
	finish(2);
	CHECK_INT(order[1], 2);
	fake_now = HOUR;
	finish(3);
	CHECK_INT(order[2], 0);
	tear_down();
}

/* Far apart, so that what was started first is due last. */
TEST(the_earliest_goes_on_first)
{
	set_up();
	start(0, 300000000);
	start(1, 200000000);
	start(2, 100000000);
	start(3, 200000000);
	finish(4);
	CHECK(order[0] == 2 && order[1] == 1 && order[2] == 3 &&
	    order[3] == 0);
	tear_down();
}

TEST(any_number_of_delays_all_end)
{
	struct vm_rng rng = { .state = check_seed() };

	set_up();
	for (int i = 0; i < COUNT; i++)
		start(i, vm_rng_below(&rng, 2000000));
	finish(COUNT);
	tear_down();
}

TEST(a_sleep_is_as_long_as_it_is_asked_to_be)
{
	uint64_t now;

	set_up();
	now = vm_os_linux.clock_ns();
	vm_timer_sleep(timer, 2000000);
	CHECK(vm_os_linux.clock_ns() - now >= 2000000);
	vm_timer_sleep(timer, 0);
	tear_down();
}

TEST(without_memory_or_a_thread_there_is_no_timer)
{
	for (unsigned n = 1; n <= 2; n++) {
		faulty_reset();
		faulty.fail_at = n;
		CHECK(vm_timer_create(OS, &timer) < 0);
		faulty_check_clean();
	}
}

static void
end_too_early(void)
{
	set_up();
	start(0, HOUR);
	vm_timer_destroy(timer);
}

/* All of it in the process that dies: no thread is lost in a fork. */
TEST(ending_a_timer_with_something_waiting_dies)
{
	CHECK_DIES(end_too_early());
}
