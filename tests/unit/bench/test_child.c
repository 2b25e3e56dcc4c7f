/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/child.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"

/* Ten times what starting a shell takes on a slow machine. */
#define LIMIT_S 30

static int
shell(const char *script, double limit_s, struct child *child)
{
	char command[128];
	char *argv[] = { "/bin/sh", "-c", command, NULL };

	CHECK(strlen(script) < sizeof(command));
	memcpy(command, script, strlen(script) + 1);
	return child_run(argv, "SETTING=set", limit_s, child);
}

TEST(output_and_errors_come_back_with_the_status)
{
	struct child child;

	CHECK_INT(shell("echo one; echo two >&2; exit 3", LIMIT_S, &child), 0);
	CHECK_STR(child.output, "one\ntwo\n");
	CHECK_INT(child.length, 8);
	CHECK_INT(child.status, 3);
	free(child.output);
}

TEST(input_is_empty)
{
	struct child child;

	CHECK_INT(shell("cat", LIMIT_S, &child), 0);
	CHECK_STR(child.output, "");
	CHECK_INT(child.status, 0);
	free(child.output);
}

TEST(the_setting_is_in_its_environment_and_so_is_ours)
{
	struct child child;

	CHECK_INT(shell("echo $SETTING; test -n \"$PATH\"", LIMIT_S, &child),
	    0);
	CHECK_STR(child.output, "set\n");
	CHECK_INT(child.status, 0);
	free(child.output);
}

TEST(a_signal_is_a_status_above_128)
{
	struct child child;

	CHECK_INT(shell("kill -TERM $$", LIMIT_S, &child), 0);
	CHECK_INT(child.status, 128 + 15);
	free(child.output);
}

TEST(a_program_that_is_not_there_is_said)
{
	char *argv[] = { "no-such-program-anywhere", NULL };
	struct child child;

	CHECK_INT(child_run(argv, NULL, LIMIT_S, &child), -ENOENT);
}

/* It would run for as long as the test may; a limit of nothing ends it. */
TEST(who_runs_too_long_is_killed)
{
	struct child child;

	CHECK_INT(shell("exec sleep 100", 0.01, &child), -ETIMEDOUT);
}

TEST(too_much_output_is_an_error)
{
	struct child child;

	CHECK_INT(shell("exec cat /dev/zero", LIMIT_S, &child), -EOVERFLOW);
}
