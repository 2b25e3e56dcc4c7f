/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/mmap_way.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/peers/cgroup.h"
#include "bench/peers/child.h"
#include "bench/peers/json.h"

#define PROGRAM "peers/resident-bench-mmap"

/* Filling the memory is a sequential read of it; a disk of 50 MB/s brings 4 GiB
 * in 80 s. */
#define GRACE_S 120.0

/* From where this program lies.  False: too long a name. */
static bool
program_path(char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (length < 0)
		return false;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || slash + 1 + sizeof(PROGRAM) > path + PATH_MAX)
		return false;
	memcpy(slash + 1, PROGRAM, sizeof(PROGRAM));
	return true;
}

static int
run_child(const struct mmap_way *self, const char *procs, struct child *child)
{
	char program[PATH_MAX], bytes[24], threads[16], seconds[24], warm[24];
	char *argv[] = {
		program, (char *)(uintptr_t)self->file->path, bytes, threads,
		seconds, (char *)(uintptr_t)self->advice,
		self->forward ? "forward" : "random", warm,
		(char *)(uintptr_t)procs, NULL,
	};

	if (!program_path(program))
		return -ENOENT;
	snprintf(bytes, sizeof(bytes), "%" PRIu64, self->file->bytes);
	snprintf(threads, sizeof(threads), "%u", self->threads);
	snprintf(seconds, sizeof(seconds), "%.3f", self->seconds);
	snprintf(warm, sizeof(warm), "%" PRIu64,
	    self->limit_bytes + self->limit_bytes / 10);
	return child_run(argv, GRACE_S + 2 * self->seconds, child);
}

static int
take_figures(struct mmap_way *self, const struct child *child,
    double figures[BENCH_FIGURES])
{
	double reads, seconds, cpu_s, faults;

	if (child->status != 0) {
		bench_missing(self->way, "%.*s",
		    (int)strcspn(child->output, "\n"), child->output);
		return -EIO;
	}
	if (!json_number(child->output, "reads", &reads) ||
	    !json_number(child->output, "seconds", &seconds) ||
	    !json_number(child->output, "cpu_s", &cpu_s) ||
	    !json_number(child->output, "faults", &faults) || reads < 1)
		return -EPROTO;
	figures[BENCH_NS] = seconds * 1e9 * self->threads / reads;
	figures[BENCH_CPU] = cpu_s * 1e9 / reads;
	figures[BENCH_RATE] = reads / seconds;
	figures[MMAP_FAULTS] = faults / reads;
	return 0;
}

static int
once(void *arg, double figures[BENCH_FIGURES])
{
	struct mmap_way *self = arg;
	struct cgroup cgroup;
	struct child child;
	int error = cgroup_init(&cgroup, self->limit_bytes);

	if (error != 0) {
		bench_missing(self->way, "no memory cgroup can be made: %s",
		    strerror(-error));
		return error;
	}
	bench_file_drop(self->file);
	error = run_child(self, cgroup.procs, &child);
	cgroup_fini(&cgroup);
	if (error != 0) {
		bench_missing(self->way, PROGRAM ": %s", strerror(-error));
		return error;
	}
	error = take_figures(self, &child, figures);
	free(child.output);
	return error;
}

void
mmap_way_init(struct bench_way *way, const char *name, struct mmap_way *self)
{
	*way = (struct bench_way){.name = name, .self = self, .once = once};
	self->way = way;
}
