/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/caged.h - a program of this folder in a memory cgroup, as a sample.
 *
 * The program enters the cgroup by itself and prints what reads.h says.
 */
#ifndef BENCH_PEERS_CAGED_H
#define BENCH_PEERS_CAGED_H

#include <stdint.h>

#include "bench/bench.h"

/* Figures: those of a loop, and major faults for each read. */
#define CAGED_FAULTS 3u

#define CAGED_ARGUMENTS_MAX 12u

struct caged {
	const char *program;	/* in the folder of this one */
	/* After the cgroup's; NULL at the end. */
	const char *arguments[CAGED_ARGUMENTS_MAX];
	uint64_t limit_bytes;
	unsigned threads;
	double seconds;		/* that it measures */
};

/* As the once of a way; bench_missing is told why not. */
int caged_run(struct bench_way *way, const struct caged *caged,
    double figures[BENCH_FIGURES]);

#endif
