/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapped - what a fault costs that the faulting thread resolves by itself.
 *
 * Each operation reads a word of a random page of four times the limit, so a
 * quarter of them find their page; the floor is floors/fault.h.  Sequential
 * ones go through the file page by page, and round again.
 */
#include <string.h>

#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/floors/fault.h"
#include "bench/workloads/mapped_ways.h"

#define LIMIT		(UINT64_C(256) << 20)
#define LIMIT_QUICK	(UINT64_C(1) << 20)
#define FACTOR		4u
/* Of a sample of sequential copies: 32 MiB, 7 ms. */
#define COPIED_PAGES	8192u
/* What is read at once: the clusters of the target. */
#define CLUSTER		(UINT64_C(64) << 10)
/* Of the target: 1.3 us a page, or 1.2 times the raw COPY. */
#define SEQUENTIAL_NS	1300.0
#define SEQUENTIAL_RATIO	1.2

/* A way to see the file through memory. */
struct seen {
	const char *base;
	uint64_t pages;
	struct fault_floor *floor;	/* NULL: the library's */
	struct shown shown;
	uint64_t next;		/* of sequential ones */
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

static void
go_through(void *self, const struct bench_turn *turn)
{
	struct seen *seen = self;
	uint64_t page_bytes = bench_page_bytes();

	for (uint64_t i = 0; i < turn->count; i++) {
		uint64_t page = seen->next++ % seen->pages;

		if (!bench_page_good(seen->base + page * page_bytes, page))
			bench_die("page %llu has other bytes",
			    (unsigned long long)page);
	}
}

/* ---- rows ---------------------------------------------------------------- */

enum {
	FLOOR_1,
	FLOOR_2,
	COPY,
	FLOOR_RUNS,
	FLOORS,
	WINDOW_1 = FLOORS,
	WINDOW_2,
	SEQUENTIAL,
	PRIVATE,
	STORE_1,
	SERVED,
	WAYS
};

static const struct shown_options shows[WAYS - FLOORS] = {
	[WINDOW_1 - FLOORS] = { .how = SHOWN_WINDOW },
	[WINDOW_2 - FLOORS] = { .how = SHOWN_WINDOW },
	[SEQUENTIAL - FLOORS] = { .how = SHOWN_WINDOW, .sequential = 1,
	    .readahead_bytes = CLUSTER },
	[PRIVATE - FLOORS] = { .how = SHOWN_PRIVATE },
	[STORE_1 - FLOORS] = { .how = SHOWN_STORE },
	[SERVED - FLOORS] = { .how = SHOWN_SERVED },
};

/* A floor of its own for each way, full when the clock starts. */
static void
floor_open(struct bench_way *way, const struct bench_file *file,
    uint64_t memory_pages)
{
	struct seen *seen = way->self;
	struct fault_floor_config config = { .fd = file->fd,
		.file_pages = file->pages, .memory_pages = memory_pages,
		.threads = way->threads,
		.run_pages = way->loop == go_through ?
		    (unsigned)(CLUSTER / bench_page_bytes()) : 1 };
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

/* The library's, with as much in memory. */
static void
shown_start(struct bench_way *way, const struct bench_file *file,
    struct shown_options options, uint64_t limit_bytes)
{
	struct seen *seen = way->self;
	struct bench_turn turn = { .threads = 1,
		.count = 2 * limit_bytes / bench_page_bytes() };
	int code;

	options.limit_bytes = limit_bytes;
	code = shown_open(&seen->shown, file, &options);
	if (code != 0) {
		bench_missing(way, "%s: %s", vm_last_error(),
		    strerror(-code));
		return;
	}
	seen->base = seen->shown.base;
	seen->pages = file->pages;
	way->loop(seen, &turn);
}

/* The greater of the two is the target. */
static double
sequential_target(const struct bench_way *copied)
{
	double ns = copied->missing[0] != '\0' ? 0 : SEQUENTIAL_RATIO *
	    bench_median(copied->figures[BENCH_NS], copied->runs);

	return ns > SEQUENTIAL_NS ? ns : SEQUENTIAL_NS;
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
		{ .variant = "floor, read, COPY and drop 64 KiB",
		    .unit = "ns", .ours = &ways[FLOOR_RUNS] },
		{ .variant = "random, 1 thread", .unit = "ns",
		    .ours = &ways[WINDOW_1], .against = &ways[FLOOR_1],
		    .sense = BENCH_AT_MOST, .target = 1.2 },
		{ .variant = "random, 2 threads", .unit = "/s",
		    .ours = &ways[WINDOW_2], .against = &ways[WINDOW_1],
		    .figure = BENCH_RATE, .sense = BENCH_AT_LEAST,
		    .target = 1.5 },
		{ .variant = "sequential, clusters of 64 KiB", .unit = "ns",
		    .ours = &ways[SEQUENTIAL], .sense = BENCH_AT_MOST,
		    .target = sequential_target(&ways[COPY]) },
		{ .variant = "sequential, against its floor", .unit = "ns",
		    .ours = &ways[SEQUENTIAL],
		    .against = &ways[FLOOR_RUNS] },
		{ .variant = "random, private", .unit = "ns",
		    .ours = &ways[PRIVATE], .against = &ways[FLOOR_1] },
		{ .variant = "random, memory file", .unit = "ns",
		    .ours = &ways[STORE_1], .against = &ways[FLOOR_1] },
		{ .variant = "random, a thread that serves", .unit = "ns",
		    .ours = &ways[SERVED], .against = &ways[FLOOR_1] },
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
		[FLOOR_RUNS] = { .name = "floor, runs", .loop = go_through,
		    .before = floor_before, .after = floor_after,
		    .threads = 1, .longer = 2 },
		[WINDOW_1] = { .name = "vm_map, 1 thread", .loop = touch,
		    .threads = 1, .longer = 2 },
		[WINDOW_2] = { .name = "vm_map, 2 threads", .loop = touch,
		    .threads = 2, .longer = 2 },
		[SEQUENTIAL] = { .name = "vm_map, sequential",
		    .loop = go_through, .threads = 1, .longer = 2 },
		[PRIVATE] = { .name = "vm_map, private", .loop = touch,
		    .threads = 1 },
		[STORE_1] = { .name = "vm_map, memory file", .loop = touch,
		    .threads = 1 },
		[SERVED] = { .name = "vm_space", .loop = touch,
		    .threads = 1 },
	};

	if (file == NULL)
		return;
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < WAYS; i++) {
		ways[i].self = &seen[i];
		if (i < FLOORS)
			floor_open(&ways[i], file, limit_bytes /
			    bench_page_bytes());
		else
			shown_start(&ways[i], file, shows[i - FLOORS],
			    limit_bytes);
	}
	bench_rounds(bench, ways, WAYS, 0);
	rows(bench, ways);
	bench_ways_fini(ways, WAYS);
	for (unsigned i = 0; i < WAYS; i++) {
		fault_floor_close(seen[i].floor);
		shown_close(&seen[i].shown);
	}
}

const struct bench_workload bench_mapped = {
	.name = "mapped",
	.question = "what a fault costs that its own thread resolves",
	.run = run,
};
