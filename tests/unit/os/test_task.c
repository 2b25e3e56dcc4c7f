/* SPDX-License-Identifier: BSD-2-Clause */
/* Other tasks: SIGBUS for one. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "os/os.h"

#define OS (&vm_os_linux)

/* No thread has so high a number (the kernel's bound is 2^22). */
#define NO_TASK ((1 << 22) + 1)

TEST(a_task_that_is_none_gets_no_signal)
{
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
