/* SPDX-License-Identifier: BSD-2-Clause */
/* Other tasks: where they run, where this one runs, and SIGBUS for one. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "os/os.h"

#define OS (&vm_os_linux)

/* No thread has so high a number (the kernel's bound is 2^22). */
#define NO_TASK ((1 << 22) + 1)

/* In a thread of its own, for the processors allowed are the thread's. */
static void
pin_to_each(void *arg)
{
	cpu_set_t before, now;

	(void)arg;
	CHECK(sched_getaffinity(0, sizeof(before), &before) == 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((size_t)cpu, &before)) {
			CHECK_INT(OS->pin(cpu), -EINVAL);
			continue;
		}
		CHECK_INT(OS->pin(cpu), 0);
		CHECK(sched_getaffinity(0, sizeof(now), &now) == 0);
		CHECK_INT(CPU_COUNT(&now), 1);
		CHECK_INT(OS->task_cpu(gettid()), cpu);
	}
	CHECK_INT(OS->pin(CPU_SETSIZE), -EINVAL);
	CHECK_INT(OS->pin(-1), 0);
	CHECK(sched_getaffinity(0, sizeof(now), &now) == 0);
	CHECK(CPU_EQUAL(&before, &now));
}

TEST(a_pinned_thread_runs_where_it_is_told_and_is_let_go)
{
	struct vm_thread *thread;

	CHECK_INT(OS->thread_start("vm ) ((", pin_to_each, NULL, &thread), 0);
	OS->thread_join(thread);
}

TEST(a_task_that_is_none_runs_nowhere)
{
	CHECK(OS->task_cpu(NO_TASK) < 0);
	CHECK(OS->task_cpu(-1) < 0);
	CHECK_INT(OS->task_sigbus(NO_TASK), -ESRCH);
	CHECK_INT(OS->task_sigbus(-1), -EINVAL);
}

/* Blocked before the fork, so that it cannot come too early. */
TEST(a_task_gets_the_bus_error_it_is_sent)
{
	int status, signal = 0;
	sigset_t bus, before;
	pid_t child;

	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	CHECK(sigprocmask(SIG_BLOCK, &bus, &before) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0)
		_exit(sigwait(&bus, &signal) == 0 && signal == SIGBUS ? 7 : 8);
	CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
	CHECK_INT(OS->task_sigbus(child), 0);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
