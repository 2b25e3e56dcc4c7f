/* SPDX-License-Identifier: BSD-2-Clause */
/* The process's SIGBUS, and what a forked child is told. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "os/os.h"

#define OS (&vm_os_linux)

static sigset_t blocked;
static volatile int heard, children;

static void
ours(int number, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	heard = number;
	CHECK(pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0);
}

static void
theirs(int number)
{
	(void)number;
}

TEST(a_handler_takes_the_place_of_another_once)
{
	struct sigaction old = { .sa_flags = 0 }, before;

	CHECK(sigaction(SIGBUS, NULL, &before) == 0);
	CHECK(signal(SIGBUS, theirs) != SIG_ERR);
	CHECK_INT(OS->on_sigbus(NULL, &old), 0);
	CHECK(old.sa_handler == theirs);
	old.sa_handler = SIG_DFL;
	CHECK_INT(OS->on_sigbus(ours, &old), 0);
	CHECK(old.sa_handler == theirs);
	CHECK_INT(OS->on_sigbus(ours, &old), 1);
	CHECK(raise(SIGBUS) == 0);
	CHECK_INT(heard, SIGBUS);
	CHECK(sigismember(&blocked, SIGUSR1) == 1);
	if (!CHECK_TSAN) {	/* which blocks all of them in a handler */
		CHECK(sigismember(&blocked, SIGBUS) == 0);
		CHECK(sigismember(&blocked, SIGSEGV) == 0);
	}
	CHECK(sigaction(SIGBUS, &before, NULL) == 0);
}

static void
in_child(void)
{
	children++;
}

TEST(a_forked_child_is_told_and_a_default_ends_it)
{
	int status;
	pid_t child;

	CHECK_INT(OS->after_fork(in_child), 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		if (children != 1)
			_exit(1);
		(void)OS->sigbus_default(false);	/* says nothing yet */
		(void)OS->sigbus_default(true);
		_exit(2);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	CHECK_INT(children, 0);
}
