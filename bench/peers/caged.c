/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/caged.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/peers/cgroup.h"
#include "bench/peers/child.h"
#include "bench/peers/json.h"

/* Filling the memory is a sequential read of it; a disk of 50 MB/s brings 4 GiB
 * in 80 s. */
#define GRACE_S 120.0

/* Of the child that runs, "" where none does.  For the handler. */
static char cgroup_path[sizeof(((struct cgroup *)0)->path)];

static void
abandon(void)
{
	child_abandon();
	if (cgroup_path[0] != '\0')
		rmdir(cgroup_path);
}

/* From where this program lies.  False: too long a name. */
static bool
program_path(const char *name, char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (length < 0)
		return false;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || slash + 1 + strlen(name) + 1 > path + PATH_MAX)
		return false;
	memcpy(slash + 1, name, strlen(name) + 1);
	return true;
}

/* Arguments are not written to, whatever their type says. */
static int
run_in(const struct caged *caged, const struct cgroup *cgroup,
    struct child *child)
{
	char program[PATH_MAX];
	char *argv[CAGED_ARGUMENTS_MAX + 3] = {
		program, (char *)(uintptr_t)cgroup->procs
	};

	if (!program_path(caged->program, program))
		return -ENOENT;
	for (unsigned i = 0; i < CAGED_ARGUMENTS_MAX; i++)
		argv[i + 2] = (char *)(uintptr_t)caged->arguments[i];
	return child_run(argv, NULL, GRACE_S + 2 * caged->seconds, child);
}

static int
take_figures(struct bench_way *way, const struct caged *caged,
    const struct child *child, double figures[BENCH_FIGURES])
{
	double reads, seconds, cpu_s, faults;

	if (child->status != 0) {
		bench_missing(way, "%.*s (status %d)",
		    (int)strcspn(child->output, "\n"), child->output,
		    child->status);
		return -EIO;
	}
	if (!json_number(child->output, "reads", &reads) ||
	    !json_number(child->output, "seconds", &seconds) ||
	    !json_number(child->output, "cpu_s", &cpu_s) ||
	    !json_number(child->output, "faults", &faults))
		return -EPROTO;
	if (reads < 1) {
		bench_missing(way, "no read in %g s", caged->seconds);
		return -ETIMEDOUT;
	}
	figures[BENCH_NS] = seconds * 1e9 * caged->threads / reads;
	figures[BENCH_CPU] = cpu_s * 1e9 / reads;
	figures[BENCH_RATE] = reads / seconds;
	figures[CAGED_FAULTS] = faults / reads;
	return 0;
}

int
caged_run(struct bench_way *way, const struct caged *caged,
    double figures[BENCH_FIGURES])
{
	struct cgroup cgroup;
	struct child child;
	int error = cgroup_init(&cgroup, caged->limit_bytes);

	if (error != 0) {
		bench_missing(way, "no memory cgroup can be made: %s",
		    strerror(-error));
		return error;
	}
	bench_at_signal(abandon);
	memcpy(cgroup_path, cgroup.path, sizeof(cgroup_path));
	error = run_in(caged, &cgroup, &child);
	cgroup_fini(&cgroup);
	cgroup_path[0] = '\0';
	if (error != 0) {
		bench_missing(way, "%s: %s", caged->program, strerror(-error));
		return error;
	}
	error = take_figures(way, caged, &child, figures);
	free(child.output);
	return error;
}
