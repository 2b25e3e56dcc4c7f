/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/child.c - see child.h. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/say.h"

/* Signals that our own faults raise; blocked, they would end us unsaid. */
static const int own_faults[] = {
	SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS,
};

/* Signals that the terminal sends to the whole process group. */
static const int of_terminal[] = {
	SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGCONT,
};

static sigset_t
all_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof(own_faults) / sizeof(own_faults[0]); i++)
		sigdelset(&set, own_faults[i]);
	return set;
}

void
vm_child_prepare(struct vm_child *child)
{
	struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t set = all_signals();
	struct rlimit most;

	memset(child, 0, sizeof(*child));
	sigprocmask(SIG_BLOCK, &set, &child->mask);
	/* Ignored, a child's end would leave no status. */
	sigaction(SIGCHLD, &usual, &child->sigchld);
	if (getrlimit(RLIMIT_NOFILE, &child->files) != 0)
		return;
	most = child->files;
	most.rlim_cur = most.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &most);
}

/* ---- start -------------------------------------------------------------- */

/* In the new process, of one with threads: calls that are safe there. */
static _Noreturn void
become(const struct vm_child *child, const struct vm_program *program,
    int errors)
{
	int error;

	if (child->files.rlim_max != 0)
		(void)!setrlimit(RLIMIT_NOFILE, &child->files);
	sigaction(SIGCHLD, &child->sigchld, NULL);
	sigprocmask(SIG_SETMASK, &child->mask, NULL);
	execve(program->path, program->argv, environ);
	error = errno;
	(void)!write(errors, &error, sizeof(error));
	_exit(VM_EXIT_FAILED);
}

/* Input and output are the program's: a reader of its output must see the end
 * when it ends. */
static void
let_go_of_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

int
vm_child_start(struct vm_child *child, const struct vm_program *program)
{
	int errors[2] = { -1, -1 };
	int error = 0;
	ssize_t got;

	if (pipe2(errors, O_CLOEXEC) != 0 || (child->pid = fork()) < 0) {
		vm_say("cannot start a process: %s", strerror(errno));
		child->pid = 0;
		return VM_EXIT_FAILED;
	}
	if (child->pid == 0)
		become(child, program, errors[1]);
	close(errors[1]);
	do {
		got = read(errors[0], &error, sizeof(error));
	} while (got < 0 && errno == EINTR);
	close(errors[0]);
	if (got <= 0) {
		let_go_of_terminal();
		return 0;
	}
	waitpid(child->pid, &child->status, 0);
	child->pid = 0;
	return vm_program_exec_failed(program, error);
}

/* ---- signals ------------------------------------------------------------ */

static bool
is_of_terminal(int number)
{
	for (size_t i = 0; i < sizeof(of_terminal) / sizeof(int); i++)
		if (of_terminal[i] == number)
			return true;
	return false;
}

/* Whether the program has to get from us what we got. */
static bool
is_for_program(const siginfo_t *info)
{
	if (info->si_signo == SIGCHLD)
		return false;
	/* Our own write to a pipe that nobody reads. */
	if (info->si_signo == SIGPIPE && info->si_pid == getpid())
		return false;
	return info->si_code <= 0 || !is_of_terminal(info->si_signo);
}

static bool
has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/*
 * The program stopped: so do we, for the shell's job control.  But a SIGSTOP
 * where there is no terminal is no job control, and whoever sent it may send
 * SIGCONT to the program alone: that must find its pager awake.
 */
static void
stop_alike(int signal_number)
{
	if (signal_number != SIGSTOP || has_terminal())
		raise(SIGSTOP);
}

/* Takes the program's changes of state; false when it has ended. */
static bool
look_after(struct vm_child *child)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(child->pid, &status, WNOHANG | WUNTRACED)) > 0) {
		if (WIFSTOPPED(status)) {
			stop_alike(WSTOPSIG(status));
			continue;
		}
		child->status = status;
		child->pid = 0;
		return false;
	}
	return true;
}

void
vm_child_attend(struct vm_child *child)
{
	sigset_t set = all_signals();

	while (look_after(child)) {
		siginfo_t info;

		if (sigwaitinfo(&set, &info) > 0 && is_for_program(&info))
			kill(child->pid, info.si_signo);
	}
}

int
vm_child_signal(int timeout_ms)
{
	const struct timespec time = { timeout_ms / 1000,
		(long)(timeout_ms % 1000) * 1000000 };
	sigset_t set = all_signals();
	siginfo_t info;

	if (sigtimedwait(&set, &info, &time) <= 0)
		return 0;
	if (info.si_signo == SIGCHLD || info.si_signo == SIGPIPE)
		return 0;
	return info.si_signo;
}

/* ---- end ---------------------------------------------------------------- */

void
vm_child_end_alike(const struct vm_child *child)
{
	const struct rlimit none = { 0, 0 };
	int number = WTERMSIG(child->status);
	sigset_t set;

	if (!WIFSIGNALED(child->status))
		exit(WEXITSTATUS(child->status));
	(void)!setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
	exit(128 + number);	/* as shells say it; not reached */
}
