/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * optimistic - a page that is there, read without being held.
 *
 * The floor of one hot page is a read behind two acquire loads, each address
 * out of the load before, as it is where a page is found through anything that
 * may be replaced.  Kept: begun once and asked each time whether it is still
 * the page.  Looked up: begun each time.
 */
#include <resident/resident.h>

#include "bench/hits.h"

#define SET_BYTES	(UINT64_C(4) << 30)
#define SET_QUICK	(UINT64_C(8) << 20)

#define TARGET_HOT	1.5	/* x a read behind two acquire loads */
#define TARGET_SET	1.25	/* x the array of pointers */

static void
run(struct bench *bench)
{
	struct hits hits;
	struct bench_way ways[] = {
		{ .name = "valid", .self = &hits, .loop = hits_kept_hot },
		{ .name = "begin + valid", .self = &hits,
		    .loop = hits_read_hot },
		{ .name = "two acquire loads", .self = &hits,
		    .loop = hits_two_acquires },
		{ .name = "begin + valid", .self = &hits,
		    .loop = hits_read, .longer = 4 },
		{ .name = "array of pointers", .self = &hits,
		    .loop = hits_bare, .longer = 4 },
	};
	const struct bench_row rows[] = {
		{ .variant = "hot page, kept", .unit = "ns",
		    .ours = &ways[0], .against = &ways[2],
		    .sense = BENCH_AT_MOST, .target = TARGET_HOT },
		{ .variant = "hot page, looked up", .unit = "ns",
		    .ours = &ways[1], .against = &ways[2],
		    .sense = BENCH_AT_MOST, .target = TARGET_HOT },
		{ .variant = "uniform, each needs the last", .unit = "ns",
		    .ours = &ways[3], .against = &ways[4],
		    .sense = BENCH_AT_MOST, .target = TARGET_SET },
	};

	hits_open(&hits, bench_mem(bench, SET_BYTES, SET_QUICK));
	bench_rounds(bench, ways, 3, 0);
	bench_rounds(bench, &ways[3], 2, 0);
	for (unsigned i = 0; i < 3; i++)
		bench_row(bench, &rows[i]);
	bench_ways_fini(ways, 5);
	hits_close(&hits);
}

const struct bench_workload bench_optimistic = {
	.name = "optimistic",
	.question = "what does a page that is there cost to read unheld?",
	.run = run,
};
