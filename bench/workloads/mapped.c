/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapped - what a fault costs that the faulting thread resolves by itself.
 *
 * Each operation reads a word of a random page of four times the limit, so a
 * quarter of them find their page; the floor is floors/fault.h.
 */
#include <string.h>

#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/floors/fault.h"

#define LIMIT		(UINT64_C(256) << 20)
#define LIMIT_QUICK	(UINT64_C(1) << 20)
#define FACTOR		4u
/* Of a sample of sequential copies: 32 MiB, 7 ms. */
#define COPIED_PAGES	8192u

/* A way to see the file through memory. */
struct seen {
	const char *base;
	uint64_t pages;
	struct fault_floor *floor;	/* NULL: the library's */
};

static void
floor_before(void *self)
{
	struct seen *seen = self;

	fault_floor_enter(seen->floor);
}

static void
floor_after(void *self)
{
	struct seen *seen = self;

	fault_floor_leave(seen->floor);
}

static void
touch(void *self, const struct bench_turn *turn)
{
	const struct seen *seen = self;
	struct bench_rng rng = bench_rng(turn->seed);
	uint64_t page_bytes = bench_page_bytes();

	fault_floor_thread(turn->thread);
	for (uint64_t i = 0; i < turn->count; i++) {
		uint64_t page = bench_below(&rng, seen->pages);

		if (!bench_page_good(seen->base + page * page_bytes, page))
			bench_die("page %llu has other bytes",
			    (unsigned long long)page);
	}
}

static int
copy(void *self, double figures[BENCH_FIGURES])
{
	const struct seen *seen = self;

	figures[0] = fault_floor_copy_ns(seen->floor, COPIED_PAGES);
	return 0;
}

/* ---- rows ---------------------------------------------------------------- */

enum {
	FLOOR_1,
	FLOOR_2,
	COPY,
	WAYS
};

/* A floor of its own for each way, full when the clock starts. */
static void
floor_open(struct bench_way *way, const struct bench_file *file,
    uint64_t memory_pages)
{
	struct seen *seen = way->self;
	struct fault_floor_config config = { .fd = file->fd,
		.file_pages = file->pages, .memory_pages = memory_pages,
		.threads = way->threads };
	struct bench_turn turn = { .threads = way->threads,
		.count = 2 * memory_pages / way->threads };
	const char *why;
	int code = fault_floor_open(&config, &seen->floor, &why);

	if (code < 0) {
		bench_missing(way, "%s: %s", why, strerror(-code));
		return;
	}
	seen->base = fault_floor_base(seen->floor);
	seen->pages = file->pages;
	if (way->loop == NULL)
		return;
	way->before(seen);
	bench_threads(way->loop, seen, &turn);
	way->after(seen);
	if (fault_floor_faults(seen->floor) <= memory_pages)
		bench_die("mapped: the floor has evicted nothing");
}

static void
rows(struct bench *bench, struct bench_way *ways)
{
	const struct bench_row table[] = {
		{ .variant = "floor, random, 1 thread", .unit = "ns",
		    .ours = &ways[FLOOR_1] },
		{ .variant = "floor, random, 2 threads", .unit = "/s",
		    .ours = &ways[FLOOR_2], .against = &ways[FLOOR_1],
		    .figure = BENCH_RATE },
		{ .variant = "floor, COPY of 64 KiB", .unit = "ns",
		    .ours = &ways[COPY] },
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		bench_row(bench, &table[i]);
}

static void
run(struct bench *bench)
{
	uint64_t limit_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK);
	struct bench_file *file = bench_file(bench, BENCH_NULL_STORE,
	    limit_bytes * FACTOR);
	struct seen seen[WAYS];
	struct bench_way ways[WAYS] = {
		[FLOOR_1] = { .name = "floor, 1 thread", .loop = touch,
		    .before = floor_before, .after = floor_after,
		    .threads = 1, .longer = 2 },
		[FLOOR_2] = { .name = "floor, 2 threads", .loop = touch,
		    .before = floor_before, .after = floor_after,
		    .threads = 2, .longer = 2 },
		[COPY] = { .name = "COPY", .once = copy, .threads = 1 },
	};

	if (file == NULL)
		return;
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < WAYS; i++) {
		ways[i].self = &seen[i];
		floor_open(&ways[i], file, limit_bytes / bench_page_bytes());
	}
	bench_rounds(bench, ways, WAYS, 0);
	rows(bench, ways);
	bench_ways_fini(ways, WAYS);
	for (unsigned i = 0; i < WAYS; i++)
		fault_floor_close(seen[i].floor);
}

const struct bench_workload bench_mapped = {
	.name = "mapped",
	.question = "what a fault costs that its own thread resolves",
	.run = run,
};
