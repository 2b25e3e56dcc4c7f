/* SPDX-License-Identifier: BSD-2-Clause */
/* Other tasks: SIGBUS for one, and their memory. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
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

enum { PAGE = 4096 };

/* Two pages of ours, the second one closed; NULL: the machine forbids it. */
static char *
half_open(void)
{
	char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char byte;
	int error;

	CHECK(memory != MAP_FAILED);
	error = OS->task_read(getpid(), (uintptr_t)memory, &byte, 1);
	if (error == -EPERM || error == -ENOSYS)
		CHECK_SKIP("memory of other processes is forbidden here");
	CHECK_INT(error, 0);
	memset(memory, 3, 2 * PAGE);
	CHECK(mprotect(memory + PAGE, PAGE, PROT_NONE) == 0);
	return memory;
}

TEST(memory_of_a_task_is_copied_as_a_whole_or_said_not_to_be)
{
	char *memory = half_open();
	char bytes[PAGE] = { 0 };

	CHECK_INT(OS->task_read(getpid(), (uintptr_t)memory, bytes, PAGE), 0);
	CHECK_INT(bytes[0], 3);
	CHECK_INT(bytes[PAGE - 1], 3);
	memset(bytes, 4, PAGE);
	CHECK_INT(OS->task_write(getpid(), (uintptr_t)memory, bytes,
	    PAGE - 1), 0);
	CHECK_INT(memory[PAGE - 2], 4);
	CHECK_INT(memory[PAGE - 1], 3);
	CHECK_INT(OS->task_read(getpid(), (uintptr_t)memory + 1, bytes,
	    PAGE), -EFAULT);
	CHECK_INT(OS->task_write(getpid(), (uintptr_t)memory + 1, bytes,
	    PAGE), -EFAULT);
	CHECK_INT(OS->task_read(NO_TASK, (uintptr_t)memory, bytes, 1),
	    -ESRCH);
	CHECK(munmap(memory, 2 * PAGE) == 0);
}
