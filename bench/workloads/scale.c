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

/* 4 GiB, as in `hit`; and 256 MiB, whose slots, 720 KiB, are most of the time
 * in the cache of the processor that was there last.  The peers need a file
 * besides, so they get the small one. */
#define SET_BYTES	(UINT64_C(4) << 30)
#define SMALL_BYTES	(UINT64_C(256) << 20)
#define SET_QUICK	(UINT64_C(8) << 20)

#define TARGET_SET	0.8	/* of the number of threads */
#define TARGET_HOT	0.9	/* the same */
#define TARGET_PEER	10.0	/* x each ancestor's, from so many threads: */
#define PEER_THREADS_FROM	16u

/* what: the ways that there are, in pairs; the first is of any page. */
static void
alone_and_together(struct bench *bench, struct hits *hits, unsigned threads,
    const char *const *what, unsigned pairs)
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
	char variant[64];

	bench_rounds(bench, ways, 2 * pairs, 0);
	for (unsigned i = 0; i < pairs; i++) {
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
	bench_ways_fini(ways, 2 * pairs);
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
	snprintf(variant, sizeof(variant), "uniform hits, small set, "
	    "%u threads", threads);
	count = 1 + peer_ways_open(&peers, &use, &ways[1]);
	bench_rounds(bench, ways, count, 0);
	peer_rows(&peers, bench, &row, PEER_ANCESTOR);
	peer_ways_close(&peers);
	bench_ways_fini(ways, count);
}

static void
go_up(struct bench *bench, struct hits *hits, const char *const *what,
    unsigned pairs)
{
	unsigned most = bench->options.threads;

	for (unsigned n = 2; n < most; n *= 2)
		alone_and_together(bench, hits, n, what, pairs);
	if (most > 1)
		alone_and_together(bench, hits, most, what, pairs);
}

static void
run(struct bench *bench)
{
	static const char *const all[] = { "uniform hits", "hot page, kept",
		"hot page, looked up" };
	static const char *const small[] = { "uniform hits, small set" };
	uint64_t small_bytes = bench->options.quick ? SET_QUICK :
	    SMALL_BYTES;
	struct hits hits;

	hits_open(&hits, bench_mem(bench, SET_BYTES, SET_QUICK));
	go_up(bench, &hits, all, 3);
	hits_close(&hits);
	hits_open(&hits, small_bytes);
	go_up(bench, &hits, small, 1);
	beside_peers(bench, &hits, small_bytes);
	hits_close(&hits);
}

const struct bench_workload bench_scale = {
	.name = "scale",
	.question = "do hits get faster with more threads?",
	.run = run,
};
