/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * miss - pages that are not there, and the eviction that makes room for them.
 *
 * Random pages of a file in memory that is four times the limit: three of four
 * are misses, and each miss drives a page out.  The floor reads as often, by
 * pread into random frames of an equal pool in large pages, and does nothing
 * else; where it does not read it looks at nothing.  Peers do the whole work.
 */
#include <stdio.h>
#include <string.h>

#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/peers/cells.h"
#include "bench/peers/way.h"

#define LIMIT		(UINT64_C(256) << 20)
#define LIMIT_QUICK	(UINT64_C(1) << 20)
/* File to limit: a quarter of random grabs are hits. */
#define FACTOR 4u
/* Grabs of an object's limit before anything is measured: the queues have the
 * order they will keep. */
#define WARM_UP 8u
/* Ours against the pread; the peer against ours; threads against one. */
#define TARGET_FLOOR	1.35
#define TARGET_PEER	2.5
#define TARGET_PEER_MT	3.0
/* Of two threads; more are held against the same share of their number. */
#define TARGET_SCALE	(1.7 / 2)
/* Five ways or more, which take a second a round. */
#define ROUNDS 9u

struct miss {
	struct vm *vm;
	struct vm_object *object;
	uint64_t pages;		/* of the file */
	const struct bench_file *file;
	struct peer_memory frames;	/* the floor's */
};

static void
grabs(void *self, const struct bench_turn *turn)
{
	const struct miss *miss = self;
	struct bench_rng rng = bench_rng(turn->seed);
	struct vm_page *page;

	for (uint64_t i = 0; i < turn->count; i++) {
		uint64_t at = bench_below(&rng, miss->pages);

		bench_check(vm_page_grab(miss->object, at, VM_GRAB_READ,
		    &page), "grab");
		if (!bench_page_good(vm_page_data(page), at))
			bench_die("miss: a page has other bytes");
		vm_page_release(page);
	}
}

static void
preads(void *self, const struct bench_turn *turn)
{
	const struct miss *miss = self;
	struct bench_rng rng = bench_rng(turn->seed);
	uint64_t share = miss->frames.count / turn->threads;

	for (uint64_t i = 0; i < turn->count; i++) {
		uint64_t at = bench_below(&rng, miss->pages);
		char *frame = miss->frames.cells[share * turn->thread +
		    bench_below(&rng, share)].bytes;

		if (bench_below(&rng, FACTOR) == 0)
			continue;
		if (!peer_read(miss->file->fd, at, bench_page_bytes(), frame) ||
		    !bench_page_good(frame, at))
			bench_die("miss: the file could not be read");
	}
}

static void
init(struct miss *miss, const struct bench_file *file, uint64_t limit_bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;
	uint64_t frames = limit_bytes / bench_page_bytes();
	struct bench_turn turn = { .threads = 1, .count = WARM_UP * frames };

	options.resident_max_bytes = limit_bytes;
	miss->file = file;
	miss->pages = file->pages;
	bench_check(vm_create(&options, &miss->vm), "a system");
	bench_check(vm_object_create_file(miss->vm, file->fd, 0, VM_LENGTH_ALL,
	    0, &miss->object), "an object");
	bench_check(vm_object_advise(miss->object, VM_ADVICE_RANDOM),
	    "advice");
	if (peer_memory_open(&miss->frames, file->fd, bench_page_bytes(),
	    frames) != 0)
		bench_die("no memory");
	grabs(miss, &turn);
}

static void
fini(struct miss *miss)
{
	struct vm_stat stat = VM_STAT_INIT;

	bench_check(vm_stat(miss->vm, &stat), "figures");
	if (stat.evicted_clean == 0)
		bench_die("miss: nothing was evicted");
	peer_memory_close(&miss->frames);
	bench_check(vm_object_destroy(miss->object), "end of object");
	bench_check(vm_destroy(miss->vm), "end of system");
}

/* The peer's time against ours, as the targets are said; those of others are
 * shown beside it. */
static void
say_peers(struct bench *bench, struct bench_way *ways,
    const struct peer_ways *peers, double target)
{
	for (unsigned i = 0; i < peers->count; i++) {
		bool vmcache = strcmp(peers->ways[i].name, "vmcache") == 0;
		char variant[64];
		struct bench_row row = {
			.variant = variant, .unit = "ns",
			.ours = &peers->ways[i], .against = &ways[0],
			.sense = vmcache ? BENCH_AT_LEAST : BENCH_NO_TARGET,
			.target = target,
		};

		snprintf(variant, sizeof(variant), "%uT, %s",
		    ways[0].threads, peers->ways[i].name);
		bench_row(bench, &row);
	}
}

static void
say(struct bench *bench, struct bench_way *ways, unsigned threads)
{
	char variant[64];
	struct bench_row row = {
		.variant = variant, .unit = "ns", .ours = &ways[0],
		.against = &ways[1], .sense = BENCH_AT_MOST,
		.target = TARGET_FLOOR,
	};

	snprintf(variant, sizeof(variant), "%uT", threads);
	if (threads > 1)
		row.sense = BENCH_NO_TARGET;
	bench_row(bench, &row);
	if (threads == 1)
		return;
	snprintf(variant, sizeof(variant), "%uT against 1T", threads);
	row = (struct bench_row){
		.variant = variant, .unit = "/s", .ours = &ways[0],
		.against = &ways[2], .figure = BENCH_RATE,
		.sense = BENCH_AT_LEAST, .target = TARGET_SCALE * threads,
	};
	bench_row(bench, &row);
}

static void
table(struct bench *bench, struct miss *miss, unsigned threads)
{
	struct bench_way ways[3 + PEER_WAYS_MOST] = {
		{ .name = "resident", .self = miss, .loop = grabs,
		    .threads = threads },
		{ .name = "pread", .self = miss, .loop = preads,
		    .threads = threads },
		{ .name = "resident, 1T", .self = miss, .loop = grabs,
		    .threads = 1 },
	};
	struct peer_use use = {
		.file = miss->file, .file_pages = miss->pages,
		.memory_pages = miss->pages / FACTOR, .threads = threads,
		.order = PEER_RANDOM, .kinds = PEER_OURS,
	};
	struct peer_ways peers;
	unsigned own = threads == 1 ? 2 : 3;
	unsigned count = own + peer_ways_open(&peers, &use, &ways[own]);

	bench_rounds(bench, ways, count, bench->options.runs < ROUNDS ?
	    bench->options.runs : ROUNDS);
	say(bench, ways, threads);
	say_peers(bench, ways, &peers, threads == 1 ? TARGET_PEER :
	    TARGET_PEER_MT);
	bench_ways_fini(ways, count);
	peer_ways_close(&peers);
}

static void
run(struct bench *bench)
{
	uint64_t limit_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK);
	const struct bench_file *file = bench_file(bench, BENCH_NULL_STORE,
	    FACTOR * limit_bytes);
	struct miss miss;

	if (file == NULL)
		return;
	init(&miss, file, limit_bytes);
	table(bench, &miss, 1);
	if (bench->options.threads > 1)
		table(bench, &miss, bench->options.threads);
	fini(&miss);
}

const struct bench_workload bench_miss = {
	.name = "miss",
	.question = "what does a miss cost, its eviction included?",
	.run = run,
};
