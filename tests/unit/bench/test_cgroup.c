/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/peers/child.h"
#include "check.h"

#define LIMIT_BYTES (UINT64_C(32) << 20)
/* Ten times what starting a shell takes on a slow machine. */
#define LIMIT_S 30

static void
init(struct cgroup *cgroup)
{
	if (cgroup_init(cgroup, LIMIT_BYTES) != 0)
		CHECK_SKIP("no memory cgroup can be made here");
}

TEST(a_cgroup_is_there_until_its_end)
{
	struct cgroup cgroup;

	init(&cgroup);
	CHECK_INT(access(cgroup.procs, W_OK), 0);
	cgroup_fini(&cgroup);
	CHECK(access(cgroup.path, F_OK) != 0);
}

TEST(two_at_once_are_two)
{
	struct cgroup one, two;

	init(&one);
	init(&two);
	CHECK(strcmp(one.path, two.path) != 0);
	cgroup_fini(&one);
	CHECK_INT(access(two.procs, W_OK), 0);
	cgroup_fini(&two);
}

/* The shell is in it when it has written 0: one of the ways a program enters
 * by itself. */
TEST(a_program_enters_it)
{
	char script[400];
	char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct cgroup cgroup;
	struct child child;

	init(&cgroup);
	snprintf(script, sizeof(script),
	    "echo 0 >%s && grep -c resident-bench /proc/self/cgroup",
	    cgroup.procs);
	CHECK_INT(child_run(argv, NULL, LIMIT_S, &child), 0);
	CHECK_INT(child.status, 0);
	CHECK_STR(child.output, "1\n");
	free(child.output);
	cgroup_fini(&cgroup);
	CHECK(access(cgroup.path, F_OK) != 0);
}

/* What is swapped out is not charged: the limit alone ends nobody then. */
static bool
can_swap(void)
{
	FILE *swaps = fopen("/proc/swaps", "re");
	char line[256];
	int lines = 0;

	while (swaps != NULL && fgets(line, sizeof(line), swaps) != NULL)
		lines++;
	if (swaps != NULL)
		fclose(swaps);
	return lines > 1;
}

/* tail keeps what it reads until it has seen a line's end: 200 MiB here. */
TEST(its_limit_holds)
{
	char script[400];
	char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct cgroup cgroup;
	struct child child;

	if (can_swap())
		CHECK_SKIP("there is swap");
	init(&cgroup);
	snprintf(script, sizeof(script), "echo 0 >%s && "
	    "head -c 200000000 /dev/zero | tail -n 1 | wc -c", cgroup.procs);
	CHECK_INT(child_run(argv, NULL, LIMIT_S, &child), 0);
	CHECK(strstr(child.output, "200000000") == NULL);
	free(child.output);
	cgroup_fini(&cgroup);
}
