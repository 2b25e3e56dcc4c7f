/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hit - a page that is there, grabbed and released.
 *
 * One hot page: what the two calls cost beside the two locked instructions that
 * taking and letting go of anything shared costs, and beside the same in each
 * ancestor's structures.  All pages in dependent random order: what they add to
 * the misses of the processor's caches that the bytes themselves cost.
 */
#include <stdio.h>

#include <resident/resident.h>

#include "bench/hits.h"
#include "bench/peers/way.h"

/* 4 GiB: 128 times the largest cache of the machines at hand. */
#define SET_BYTES	(UINT64_C(4) << 30)
#define SET_QUICK	(UINT64_C(8) << 20)
/* Of the peers, who need a file of it; one page of it is asked for. */
#define FILE_BYTES	(UINT64_C(16) << 20)
#define FILE_QUICK	(UINT64_C(1) << 20)

#define TARGET_HOT	2.5	/* x two locked instructions */
#define TARGET_PEER	1.0	/* x each ancestor's structure */
#define TARGET_PEER_2	3.0	/* x, with two threads */
#define TARGET_SET	1.5	/* x the array of pointers */

/* By as many threads, beside each ancestor. */
static void
hot_beside_peers(struct bench *bench, struct hits *hits, unsigned threads)
{
	uint64_t bytes = bench->options.quick ? FILE_QUICK : FILE_BYTES;
	struct bench_file *file = bench_file(bench, BENCH_NULL_STORE, bytes);
	struct bench_way ways[1 + PEER_WAYS_MOST] = {
		{ .name = "grab + release", .self = hits,
		    .loop = hits_grab_hot, .threads = threads },
	};
	char variant[64];
	struct bench_row row = { .variant = variant, .unit = "ns",
		.ours = &ways[0], .sense = BENCH_AT_MOST,
		.target = TARGET_PEER };
	struct peer_use use = { .file = file, .threads = threads,
		.order = PEER_HOT,
		.kinds = PEER_ANCESTOR | PEER_OURS | PEER_REAL };
	struct peer_ways peers;
	unsigned count;

	if (file == NULL)
		return;
	use.file_pages = use.memory_pages = file->pages;
	snprintf(variant, sizeof(variant), "hot page, %u thread%s", threads,
	    threads == 1 ? "" : "s");
	if (threads > 1) {
		row.unit = "/s";
		row.figure = BENCH_RATE;
		row.sense = BENCH_AT_LEAST;
		row.target = TARGET_PEER_2;
	}
	count = 1 + peer_ways_open(&peers, &use, &ways[1]);
	bench_rounds(bench, ways, count, 0);
	peer_rows(&peers, bench, &row, PEER_ANCESTOR);
	peer_ways_close(&peers);
	bench_ways_fini(ways, count);
}

static void
hot(struct bench *bench, struct hits *hits)
{
	struct bench_way ways[] = {
		{ .name = "grab + release", .self = hits,
		    .loop = hits_grab_hot },
		{ .name = "two locked instructions", .self = hits,
		    .loop = hits_two_locked },
	};
	const struct bench_row row = { .variant = "hot page", .unit = "ns",
		.ours = &ways[0], .against = &ways[1],
		.sense = BENCH_AT_MOST, .target = TARGET_HOT };

	bench_rounds(bench, ways, 2, 0);
	bench_row(bench, &row);
	bench_ways_fini(ways, 2);
}

static void
uniform(struct bench *bench, struct hits *hits)
{
	struct bench_way ways[] = {
		{ .name = "grab + release", .self = hits,
		    .loop = hits_grab, .longer = 4 },
		{ .name = "array of pointers", .self = hits,
		    .loop = hits_bare, .longer = 4 },
	};
	const struct bench_row row = { .variant = "uniform, each needs the "
		"last", .unit = "ns", .ours = &ways[0], .against = &ways[1],
		.sense = BENCH_AT_MOST, .target = TARGET_SET };

	bench_rounds(bench, ways, 2, 0);
	bench_row(bench, &row);
	bench_ways_fini(ways, 2);
}

static void
run(struct bench *bench)
{
	struct hits hits;

	hits_open(&hits, bench_mem(bench, SET_BYTES, SET_QUICK));
	hot(bench, &hits);
	hot_beside_peers(bench, &hits, 1);
	if (bench->options.threads >= 2)
		hot_beside_peers(bench, &hits, 2);
	uniform(bench, &hits);
	hits_close(&hits);
}

const struct bench_workload bench_hit = {
	.name = "hit",
	.question = "what does a page that is there cost to hold?",
	.run = run,
};
