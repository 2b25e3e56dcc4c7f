/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scale - hits by 1 to N threads at once.
 *
 * Uniform: each thread grabs pages of its own choice, so that two hardly ever
 * meet.  One hot page: all read the same, without holding it.  In what the
 * ancestors had all threads meet in a lock, whatever pages they want.
 */
#include <stdio.h>

#include <resident/resident.h>

#include "bench/hits.h"
#include "bench/peers/way.h"

/* 256 MiB: far above the caches of a processor, and a file for the peers. */
#define SET_BYTES	(UINT64_C(256) << 20)
#define SET_QUICK	(UINT64_C(8) << 20)

#define TARGET_SET	0.8	/* of the number of threads */
#define TARGET_HOT	0.9	/* the same */
#define TARGET_PEER	10.0	/* x each ancestor's, from so many threads: */
#define PEER_THREADS_FROM	16u

static void
alone_and_together(struct bench *bench, struct hits *hits, unsigned threads)
{
	struct bench_way ways[] = {
		{ .name = "grab + release", .self = hits,
		    .loop = hits_grab_any, .threads = threads },
		{ .name = "one thread", .self = hits,
		    .loop = hits_grab_any },
		{ .name = "valid", .self = hits, .loop = hits_kept_hot,
		    .threads = threads },
		{ .name = "one thread", .self = hits,
		    .loop = hits_kept_hot },
		{ .name = "begin + valid", .self = hits,
		    .loop = hits_read_hot, .threads = threads },
		{ .name = "one thread", .self = hits,
		    .loop = hits_read_hot },
	};
	static const char *const what[] = { "uniform hits",
		"hot page, kept", "hot page, looked up" };
	char variant[64];

	bench_rounds(bench, ways, 6, 0);
	for (unsigned i = 0; i < 3; i++) {
		const struct bench_row row = { .variant = variant,
			.unit = "/s", .ours = &ways[2 * i],
			.against = &ways[2 * i + 1], .figure = BENCH_RATE,
			.sense = BENCH_AT_LEAST,
			.target = (i == 0 ? TARGET_SET : TARGET_HOT) *
			    threads };

		snprintf(variant, sizeof(variant), "%s, %u threads", what[i],
		    threads);
		bench_row(bench, &row);
	}
	bench_ways_fini(ways, 6);
}

static void
beside_peers(struct bench *bench, struct hits *hits, uint64_t bytes)
{
	unsigned threads = bench->options.threads;
	struct bench_file *file = bench_file(bench, BENCH_NULL_STORE, bytes);
	struct bench_way ways[1 + PEER_WAYS_MOST] = {
		{ .name = "grab + release", .self = hits,
		    .loop = hits_grab_any, .threads = threads },
	};
	char variant[64];
	const struct bench_row row = { .variant = variant, .unit = "/s",
		.ours = &ways[0], .figure = BENCH_RATE,
		.sense = threads >= PEER_THREADS_FROM ? BENCH_AT_LEAST :
		    BENCH_NO_TARGET, .target = TARGET_PEER };
	struct peer_use use = { .file = file, .threads = threads,
		.order = PEER_RANDOM, .kinds = PEER_ANCESTOR | PEER_OURS };
	struct peer_ways peers;
	unsigned count;

	if (file == NULL)
		return;
	use.file_pages = use.memory_pages = file->pages;
	snprintf(variant, sizeof(variant), "uniform hits, %u threads",
	    threads);
	count = 1 + peer_ways_open(&peers, &use, &ways[1]);
	bench_rounds(bench, ways, count, 0);
	peer_rows(&peers, bench, &row, PEER_ANCESTOR);
	peer_ways_close(&peers);
	bench_ways_fini(ways, count);
}

static void
run(struct bench *bench)
{
	uint64_t bytes = bench_mem(bench, SET_BYTES, SET_QUICK);
	unsigned most = bench->options.threads;
	struct hits hits;

	hits_open(&hits, bytes);
	for (unsigned n = 2; n < most; n *= 2)
		alone_and_together(bench, &hits, n);
	if (most > 1)
		alone_and_together(bench, &hits, most);
	beside_peers(bench, &hits, bytes);
	hits_close(&hits);
}

const struct bench_workload bench_scale = {
	.name = "scale",
	.question = "do hits get faster with more threads?",
	.run = run,
};
