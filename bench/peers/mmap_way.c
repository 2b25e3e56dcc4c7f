/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/mmap_way.h"

#include <inttypes.h>
#include <stdio.h>

static int
once(void *arg, double figures[BENCH_FIGURES])
{
	const struct mmap_way *self = arg;
	char bytes[24], threads[16], seconds[24], warm[24];
	struct caged caged = {
		.program = "peers/resident-bench-mmap",
		.arguments = {
			self->file->path, bytes, threads, seconds,
			self->advice, self->forward ? "forward" : "random",
			warm
		},
		.limit_bytes = self->limit_bytes,
		.threads = self->threads,
		.seconds = self->seconds,
	};
	int error;

	snprintf(bytes, sizeof(bytes), "%" PRIu64, self->file->bytes);
	snprintf(threads, sizeof(threads), "%u", self->threads);
	snprintf(seconds, sizeof(seconds), "%.3f", self->seconds);
	snprintf(warm, sizeof(warm), "%" PRIu64,
	    self->limit_bytes + self->limit_bytes / 10);
	bench_file_drop(self->file);
	error = caged_run(self->way, &caged, figures);
	/* What stays in the cache would be nobody's, and a gift to the next. */
	bench_file_drop(self->file);
	return error;
}

void
mmap_way_init(struct bench_way *way, const char *name, struct mmap_way *self)
{
	*way = (struct bench_way){.name = name, .self = self, .once = once};
	self->way = way;
}
