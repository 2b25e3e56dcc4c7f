/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/fio_way.h - runs of fio as a way of the harness.
 *
 *	struct fio_way fio = {.job = {...}};
 *	fio_way_init(&ways[1], "fio", &fio);
 *	bench_rounds(bench, ways, 2, 0);
 *
 * A sample is one run, with a process started and a file opened, which the
 * figures do not contain.  It takes as long as the job says: half a second at
 * least, or the milliseconds that fio counts in begin to show.
 */
#ifndef BENCH_PEERS_FIO_WAY_H
#define BENCH_PEERS_FIO_WAY_H

#include "bench/bench.h"
#include "bench/peers/fio.h"

/* Its figures: those of a loop (BENCH_NS from one I/O's end to the next one's,
 * BENCH_CPU, BENCH_RATE), and the 99th percentile in ns where job.latency. */
#define FIO_P99 3u

struct fio_way {
	struct fio_job job;
	struct bench_way *way;
};

/* way is one run of fio->job, and stays where it is. */
void fio_way_init(struct bench_way *way, const char *name,
    struct fio_way *fio);

#endif
