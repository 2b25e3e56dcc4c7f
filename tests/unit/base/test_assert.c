/* SPDX-License-Identifier: BSD-2-Clause */
/* A broken invariant: what is written, and that nothing runs after it. */
#include "base/assert.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* What vm_panic writes to descriptor 2, read through a pipe. */
static void
panic_text(int line, char *out, size_t size)
{
	int ends[2], status;
	ssize_t count;
	pid_t child;

	CHECK(pipe(ends) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		dup2(ends[1], 2);
		vm_panic("file.c", line, "function", "the text");
	}
	close(ends[1]);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	count = read(ends[0], out, size - 1);
	CHECK(count > 0);
	out[count] = '\0';
	close(ends[0]);
}

TEST(a_panic_names_the_place_and_the_text_in_one_line)
{
	char text[100];

	panic_text(123, text, sizeof(text));
	CHECK_STR(text, "file.c:123: function: the text\n");
	panic_text(0, text, sizeof(text));
	CHECK_STR(text, "file.c:0: function: the text\n");
	panic_text(INT32_MIN, text, sizeof(text));
	CHECK_STR(text, "file.c:-2147483648: function: the text\n");
}

TEST(a_panic_without_anybody_to_read_it_still_aborts)
{
	CHECK_DIES(close(2); vm_panic("f", 1, "g", "t"));
}

static void
leave(int signal)
{
	(void)signal;
	exit(0);
}

/* Status of a child that panics and leaves in its handler of SIGABRT; what it
 * writes goes where nobody reads, or nowhere. */
static int
panic_with_a_handler(int line, bool with_stderr)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(2);
		if (with_stderr && open("/dev/null", O_WRONLY) != 2)
			_exit(1);
		signal(SIGABRT, leave);
		vm_panic("file.c", line, "function", "the text");
	}
	CHECK(waitpid(child, &status, 0) == child);
	return status;
}

/* Programs save what they can there. */
TEST(a_panic_reaches_the_programs_handler_of_sigabrt)
{
	int status = panic_with_a_handler(1234, true);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	status = panic_with_a_handler(-7, false);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(only_a_false_assertion_dies)
{
	vm_assert(1 + 1 == 2);
	CHECK_DIES(vm_assert(1 + 1 == 3));
}

static int calls;

static int
count_a_call(void)
{
	return ++calls;
}

TEST(a_debug_assertion_is_evaluated_in_debug_builds_alone)
{
	calls = 0;
	vm_debug_assert(count_a_call() == 1);
#ifdef VM_DEBUG
	CHECK_INT(calls, 1);
	CHECK_DIES(vm_debug_assert(calls == 7));
#else
	CHECK_INT(calls, 0);
	vm_debug_assert(calls == 7);
	CHECK(count_a_call() == 1);
#endif
}
