/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/mmap_way.h - the kernel's map of a file larger than the memory, as a
 * way of the harness.
 *
 * A sample is one run of resident-bench-mmap in a memory cgroup of its own
 * (caged.h), the file's pages out of the cache before.  The memory is filled in
 * order first, which the figures do not contain.  One word of each page is
 * read, and hits count as reads.
 */
#ifndef BENCH_PEERS_MMAP_WAY_H
#define BENCH_PEERS_MMAP_WAY_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/bench.h"
#include "bench/peers/caged.h"

struct mmap_way {
	const struct bench_file *file;	/* on a disk */
	uint64_t limit_bytes;		/* of the cgroup */
	unsigned threads;		/* 1 to 64 */
	double seconds;			/* half a second at least */
	const char *advice;	/* "normal", "random", "sequential" */
	bool forward;		/* in order, each thread its part; not random */
	struct bench_way *way;		/* set by mmap_way_init */
};

/* way is such a run, and stays where it is.  Figures as caged.h's. */
void mmap_way_init(struct bench_way *way, const char *name,
    struct mmap_way *self);

#endif
