/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers - what each peer costs here, beside the floor of the same.
 *
 * A slow peer makes a good ratio elsewhere; this table is for looking at the
 * peers themselves, and at what was published of them (docs/performance.md).
 * Nothing here has a target.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/peers/cells.h"
#include "bench/peers/way.h"

#define MEMORY		(UINT64_C(128) << 20)
#define MEMORY_QUICK	(UINT64_C(1) << 20)
/* File to memory where pages are missing: a quarter of random gets are hits. */
#define FACTOR 4u
/* Four tables of a dozen ways: more would take a tenth of `make bench`. */
#define ROUNDS 5u

struct floor {
	const struct bench_file *file;
	struct peer_memory frames;
	char **frame;		/* where each one is, eight to a line */
	uint64_t pages;		/* of the file that are asked for */
};

/* The least that finds a page and keeps it: two locked instructions and a look
 * at the bytes.  Several threads have a word each. */
static void
two_locked(void *self, const struct bench_turn *turn)
{
	const struct floor *floor = self;
	_Alignas(PEER_LINE) _Atomic uint64_t pins = 0;
	const _Atomic uint64_t *bytes =
	    (const _Atomic uint64_t *)(void *)floor->frame[0];

	for (uint64_t i = 0; i < turn->count; i++) {
		atomic_fetch_add_explicit(&pins, 1, memory_order_acquire);
		bench_use(atomic_load_explicit(bytes, memory_order_relaxed));
		atomic_fetch_sub_explicit(&pins, 1, memory_order_release);
	}
}

/* Random pages into the frames of an equal pool: no index, no order, no pins.
 * As often as a pool of that size has the page already, nothing is read. */
static void
bare_pread(void *self, const struct bench_turn *turn)
{
	const struct floor *floor = self;
	size_t page_bytes = floor->frames.page_bytes;
	struct bench_rng rng = bench_rng(turn->seed);
	uint64_t share = floor->frames.count / turn->threads;

	for (uint64_t i = 0; i < turn->count; i++) {
		uint64_t page = bench_below(&rng, floor->pages);
		char *frame = floor->frame[share * turn->thread +
		    bench_below(&rng, share)];

		if (bench_below(&rng, FACTOR) == 0)
			continue;
		if (!peer_read(floor->file->fd, page, page_bytes, frame) ||
		    !bench_page_good(frame, page))
			bench_die("the file could not be read");
	}
}

/* The bytes of random pages, which are all there, each next one from them. */
static void
bare_array(void *self, const struct bench_turn *turn)
{
	const struct floor *floor = self;
	struct bench_rng rng = bench_rng(turn->seed);
	uint64_t last = 0;

	for (uint64_t i = 0; i < turn->count; i++) {
		uint64_t page = peer_next(PEER_CHAIN, &rng, floor->pages, last);
		const uint64_t *words =
		    (const uint64_t *)(void *)floor->frame[page];

		if (!bench_page_good(words, page))
			bench_die("a frame has other bytes");
		last = words[0];
	}
	bench_use(last);
}

struct table {
	const char *name;
	const char *floor_name;
	void (*floor)(void *self, const struct bench_turn *turn);
	unsigned factor;	/* file to memory */
	bool together;		/* as many threads as --threads says, or one */
	enum peer_order order;
};

static void
floor_init(struct floor *floor, const struct peer_use *use)
{
	int code = peer_memory_open(&floor->frames, use->file->fd,
	    bench_page_bytes(), use->memory_pages);

	floor->frame = peer_array(use->memory_pages, sizeof(*floor->frame));
	if (code != 0 || floor->frame == NULL)
		bench_die("no memory");
	floor->file = use->file;
	floor->pages = use->file_pages;
	for (uint64_t i = 0; i < use->memory_pages; i++) {
		floor->frame[i] = floor->frames.cells[i].bytes;
		if (!peer_read(use->file->fd, i, bench_page_bytes(),
			floor->frame[i]))
			bench_die("the file could not be read");
	}
}

static void
floor_fini(struct floor *floor)
{
	free(floor->frame);
	peer_memory_close(&floor->frames);
}

static void
say(struct bench *bench, const struct table *table, struct bench_way *ways,
    unsigned count)
{
	char variant[64], threads[16] = "";
	struct bench_row row = {
		.variant = variant, .unit = "ns", .figure = BENCH_NS,
		.sense = BENCH_NO_TARGET,
	};

	if (table->together)
		snprintf(threads, sizeof(threads), " %uT", ways[0].threads);
	for (unsigned i = 1; i < count; i++) {
		snprintf(variant, sizeof(variant), "%s%s, %s", table->name,
		    threads, ways[i].name);
		row.ours = &ways[i];
		row.against = &ways[0];
		bench_row(bench, &row);
	}
}

static void
run_table(struct bench *bench, const struct bench_file *file,
    const struct table *table)
{
	const struct peer_use use = {
		.file = file, .file_pages = file->pages / FACTOR *
		    table->factor,
		.memory_pages = file->pages / FACTOR,
		.threads = table->together ? bench->options.threads : 1,
		.order = table->order,
		.kinds = PEER_ANCESTOR | PEER_OURS | PEER_REAL,
	};
	struct bench_way ways[1 + PEER_WAYS_MOST];
	struct peer_ways peers;
	struct floor floor;
	unsigned count;

	floor_init(&floor, &use);
	ways[0] = (struct bench_way){
		.name = table->floor_name, .self = &floor,
		.loop = table->floor, .threads = use.threads,
	};
	count = 1 + peer_ways_open(&peers, &use, &ways[1]);
	bench_rounds(bench, ways, count,
	    bench->options.runs < ROUNDS ? bench->options.runs : ROUNDS);
	say(bench, table, ways, count);
	bench_ways_fini(ways, count);
	peer_ways_close(&peers);
	floor_fini(&floor);
}

static void
run(struct bench *bench)
{
	static const struct table tables[] = {
		{ "hot", "two locked", two_locked, 1, false, PEER_HOT },
		{ "hot", "two locked", two_locked, 1, true, PEER_HOT },
		{ "any", "array", bare_array, 1, false, PEER_CHAIN },
		{ "miss", "pread", bare_pread, FACTOR, false, PEER_RANDOM },
		{ "miss", "pread", bare_pread, FACTOR, true, PEER_RANDOM },
	};
	const struct bench_file *file = bench_file(bench, BENCH_NULL_STORE,
	    FACTOR * bench_mem(bench, MEMORY, MEMORY_QUICK));

	if (file == NULL)
		return;
	for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		run_table(bench, file, &tables[i]);
}

const struct bench_workload bench_peers = {
	.name = "peers",
	.question = "what does each peer cost here, beside the floor?",
	.run = run,
};
