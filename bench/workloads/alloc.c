/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alloc - a frame of one's own, taken and given back.
 *
 * Taken in batches and given back in the order of a stack, as a program does
 * that needs a few buffers; and one at a time.  Nothing is evicted: that is
 * `miss`.
 */
#include <stdio.h>

#include <resident/resident.h>

#include "bench/bench.h"

#define LIMIT		(UINT64_C(256) << 20)
#define LIMIT_QUICK	(UINT64_C(4) << 20)
/* Pages in hand at once, of each thread. */
#define BATCH		16u
/* ns for both: the row of the table. */
#define TARGET_NS	20.0
/* Of the number of threads. */
#define TARGET_SCALE	0.8

struct alloc {
	struct vm *vm;
	unsigned batch;
};

static void
loop(void *self, const struct bench_turn *turn)
{
	const struct alloc *alloc = self;
	struct vm_page *page[BATCH];

	for (uint64_t i = 0; i < turn->count; i += alloc->batch) {
		for (unsigned n = 0; n < alloc->batch; n++)
			bench_check(vm_page_alloc(alloc->vm, VM_ALLOC_NORMAL,
			    &page[n]), "alloc");
		for (unsigned n = alloc->batch; n > 0; n--)
			vm_page_free(page[n - 1], 0);
	}
}

static void
say(struct bench *bench, struct bench_way *ways, unsigned threads)
{
	char together[64];
	struct bench_row rows[] = {
		{ .variant = "one at a time", .unit = "ns", .ours = &ways[0],
		    .sense = BENCH_AT_MOST, .target = TARGET_NS },
		{ .variant = "16 at a time", .unit = "ns", .ours = &ways[1],
		    .sense = BENCH_AT_MOST, .target = TARGET_NS },
		{ .variant = together, .unit = "/s", .ours = &ways[2],
		    .against = &ways[0], .figure = BENCH_RATE,
		    .sense = BENCH_AT_LEAST,
		    .target = TARGET_SCALE * threads },
	};

	snprintf(together, sizeof(together), "%u threads", threads);
	for (unsigned i = 0; i < 2 + (threads > 1); i++)
		bench_row(bench, &rows[i]);
}

static void
run(struct bench *bench)
{
	struct vm_options options = VM_OPTIONS_INIT;
	struct alloc single = { .batch = 1 }, many = { .batch = BATCH };
	unsigned threads = bench->options.threads;
	struct bench_way ways[] = {
		{ .name = "alloc + free", .self = &single, .loop = loop },
		{ .name = "alloc + free", .self = &many, .loop = loop },
		{ .name = "alloc + free", .self = &single, .loop = loop,
		    .threads = threads },
	};

	options.resident_max_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK);
	bench_check(vm_create(&options, &single.vm), "a system");
	many.vm = single.vm;
	bench_rounds(bench, ways, 2 + (threads > 1), 0);
	say(bench, ways, threads);
	bench_ways_fini(ways, 2 + (threads > 1));
	bench_check(vm_destroy(single.vm), "end of system");
}

const struct bench_workload bench_alloc = {
	.name = "alloc",
	.question = "what do a frame's taking and giving back cost?",
	.run = run,
};
