/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * growth - whether a miss costs more when object and limit are large.
 *
 * Two systems side by side, the large one 128 times the small one in all; the
 * same share of grabs are hits in both.  Frames are never touched, so that the
 * large one needs memory for its descriptors and index alone.
 *
 * Beside it: a random line out of as many as there are pages, in large pages.
 * So much more does each line cost that a miss needs and no cache has.
 */
#include <string.h>
#include <sys/mman.h>

#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/pager.h"

#define LARGE		(UINT64_C(8) << 30)
#define SMALL		(UINT64_C(64) << 20)
#define LARGE_QUICK	(UINT64_C(8) << 20)
#define SMALL_QUICK	(UINT64_C(1) << 20)
/* Object to limit: a quarter of random grabs are hits. */
#define FACTOR 4u
/* Of a processor's cache: x86-64 and most of arm64. */
#define LINE_BYTES 64u

struct growth {
	struct vm *vm;
	struct vm_object *object;
	uint64_t pages;		/* of the object */
};

static void
loop(void *self, const struct bench_turn *turn)
{
	const struct growth *growth = self;
	struct bench_rng rng = bench_rng(turn->seed);
	struct vm_page *page;

	for (uint64_t i = 0; i < turn->count; i++) {
		bench_check(vm_page_grab(growth->object,
		    bench_below(&rng, growth->pages), VM_GRAB_READ, &page),
		    "grab");
		vm_page_release(page);
	}
}

static uint64_t
misses(const struct growth *growth)
{
	struct vm_stat stat = VM_STAT_INIT;

	bench_check(vm_stat(growth->vm, &stat), "figures");
	return stat.grab_misses;
}

/* Until the limit has been reached and eviction is under way. */
static void
fill(struct growth *growth, uint64_t limit_pages)
{
	struct bench_turn turn = { .threads = 1, .count = limit_pages };

	while (misses(growth) < limit_pages + limit_pages / 4) {
		loop(growth, &turn);
		turn.count = limit_pages / 8 + 1;
		turn.seed++;
	}
}

static void
init(struct growth *growth, uint64_t limit_bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;

	options.resident_max_bytes = limit_bytes;
	bench_check(vm_create(&options, &growth->vm), "a system");
	growth->pages = limit_bytes / bench_page_bytes() * FACTOR;
	growth->object = bench_object_of_nothing(growth->vm,
	    limit_bytes * FACTOR);
	fill(growth, limit_bytes / bench_page_bytes());
}

static void
fini(struct growth *growth)
{
	struct vm_stat stat = VM_STAT_INIT;

	bench_check(vm_stat(growth->vm, &stat), "figures");
	if (stat.evicted_clean == 0)
		bench_die("growth: nothing was evicted");
	bench_check(vm_object_destroy(growth->object), "end of object");
	bench_check(vm_destroy(growth->vm), "end of system");
}

/* ---- lines --------------------------------------------------------------- */

struct lines {
	char *base;
	uint64_t count;
};

/* Each place depends on what was read at the one before, which is 0. */
static void
chase(void *self, const struct bench_turn *turn)
{
	const struct lines *lines = self;
	struct bench_rng rng = bench_rng(turn->seed);
	uint64_t last = 0;

	for (uint64_t i = 0; i < turn->count; i++) {
		uint64_t at = bench_below(&rng, lines->count) + last;

		last = *(const volatile uint64_t *)(lines->base +
		    at * LINE_BYTES);
	}
	bench_use(last);
}

static void
lines_init(struct lines *lines, uint64_t limit_bytes)
{
	size_t bytes;

	lines->count = limit_bytes / bench_page_bytes();
	bytes = lines->count * LINE_BYTES;
	lines->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (lines->base == MAP_FAILED)
		bench_die("no memory");
	madvise(lines->base, bytes, MADV_HUGEPAGE);
	memset(lines->base, 0, bytes);
}

static void
lines_fini(struct lines *lines)
{
	munmap(lines->base, lines->count * LINE_BYTES);
}

/* ---- the workload -------------------------------------------------------- */

static void
rows(struct bench *bench, struct bench_way *ways)
{
	const struct bench_row table[] = {
		{ .variant = "a grab, 3 of 4 misses", .unit = "ns",
		    .ours = &ways[0], .against = &ways[1],
		    .sense = BENCH_AT_MOST, .target = 1.2 },
		{ .variant = "a line of so many", .unit = "ns",
		    .ours = &ways[2], .against = &ways[3] },
	};

	bench_row(bench, &table[0]);
	bench_row(bench, &table[1]);
}

static void
run(struct bench *bench)
{
	uint64_t large_bytes = bench_mem(bench, LARGE, LARGE_QUICK);
	uint64_t small_bytes = bench->options.quick ? SMALL_QUICK : SMALL;
	struct growth large, small;
	struct lines many, few;
	struct bench_way ways[] = {
		{ .name = "32G of 8G", .self = &large, .loop = loop,
		    .longer = 4 },
		{ .name = "256M of 64M", .self = &small, .loop = loop,
		    .longer = 4 },
		{ .name = "lines, 8G", .self = &many, .loop = chase },
		{ .name = "lines, 64M", .self = &few, .loop = chase },
	};

	if (large_bytes != LARGE) {
		ways[0].name = "large";
		ways[1].name = "small";
	}
	init(&large, large_bytes);
	init(&small, small_bytes);
	lines_init(&many, large_bytes);
	lines_init(&few, small_bytes);
	bench_rounds(bench, ways, 4, 0);
	rows(bench, ways);
	bench_ways_fini(ways, 4);
	fini(&large);
	fini(&small);
	lines_fini(&many);
	lines_fini(&few);
}

const struct bench_workload bench_growth = {
	.name = "growth",
	.question = "does a miss cost more when object and limit are large",
	.run = run,
};
