/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * burst - somebody writes in bursts, with time between them.
 *
 * Each burst overwrites pages from anywhere in a file on a disk, three quarters
 * of the limit of them, as fast as it may; then nothing happens for two
 * seconds.  Without cleaning in the background the pages of one burst are dirty
 * when the next one comes, and it waits for them to be written.  The first
 * burst of a sample finds memory clean and is not counted.
 */
#include <stdlib.h>
#include <time.h>

#include <resident/resident.h>

#include "bench/bench.h"

#define FILE_BYTES	(UINT64_C(1) << 30)
#define FILE_QUICK	(UINT64_C(16) << 20)
#define LIMIT		(UINT64_C(64) << 20)
#define LIMIT_QUICK	(UINT64_C(2) << 20)

#define BURSTS		3u
#define PAUSE_MS	2000u
#define PAUSE_QUICK_MS	20u
/* A sample takes 10 s. */
#define ROUNDS		3u

/* Age and rate: all is clean within a pause, on a disk that takes it. */
#define AGE_MS		500u
#define RATE_BYTES	(UINT64_C(256) << 20)

/* Beside the loop's: ns of the longest grab. */
#define LONGEST	3u
/* Of that 99 of 100 are faster than. */
#define P99	BENCH_CPU

struct burst {
	struct bench_file *file;
	uint64_t pages;		/* of a burst */
	unsigned pause_ms;
	bool cleans;
	struct vm *vm;
	struct vm_object *object;
	uint64_t *took_ns;
	struct bench_rng rng;
};

static uint64_t
write_one(struct burst *b)
{
	uint64_t pindex = bench_below(&b->rng, b->file->pages);
	uint64_t start_ns = bench_now_ns();
	struct vm_page *page;
	uint64_t *words;

	bench_check(vm_page_grab(b->object, pindex, VM_GRAB_WRITE |
	    VM_GRAB_OVERWRITE, &page), "grab");
	start_ns = bench_now_ns() - start_ns;
	words = vm_page_data(page);
	for (uint64_t i = 0; i < bench_page_bytes() / sizeof(*words); i++)
		words[i] = pindex;
	vm_page_release(page);
	return start_ns;
}

static void
set_cleaning(const struct burst *b)
{
	struct vm_cleaning how = VM_CLEANING_INIT;

	how.flags = b->cleans ? 0 : VM_CLEANING_OFF;
	how.age_ms = AGE_MS;
	how.rate_bytes = RATE_BYTES;
	bench_check(vm_set_cleaning(b->vm, &how), "cleaning");
}

static void
rest(const struct burst *b)
{
	struct timespec pause = { .tv_sec = b->pause_ms / 1000,
		.tv_nsec = (long)(b->pause_ms % 1000) * 1000000 };

	(void)nanosleep(&pause, NULL);
}

static int
compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct burst *b = self;
	uint64_t n = 0, sum_ns = 0, start_ns = 0;

	for (unsigned burst = 0; burst <= BURSTS; burst++) {
		start_ns = bench_now_ns();
		for (uint64_t i = 0; i < b->pages; i++) {
			uint64_t took_ns = write_one(b);

			if (burst != 0)
				b->took_ns[n++] = took_ns;
		}
		if (burst != 0)
			sum_ns += bench_now_ns() - start_ns;
		if (burst != BURSTS)
			rest(b);
	}
	qsort(b->took_ns, n, sizeof(*b->took_ns), compare);
	figures[BENCH_NS] = (double)sum_ns / (double)n;
	figures[P99] = (double)b->took_ns[n * 99 / 100];
	figures[BENCH_RATE] = (double)n * 1e9 / (double)sum_ns;
	figures[LONGEST] = (double)b->took_ns[n - 1];
	return 0;
}

/* Both begin with memory that is clean. */
static void
settle(void *self)
{
	struct burst *b = self;

	bench_check(vm_object_flush(b->object, 0, VM_LENGTH_ALL), "flush");
}

static void
off_before(void *self)
{
	((struct burst *)self)->cleans = false;
	set_cleaning(self);
}

static void
on_before(void *self)
{
	((struct burst *)self)->cleans = true;
	set_cleaning(self);
}

static void
burst_init(struct burst *b, uint64_t limit_bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;

	options.resident_max_bytes = limit_bytes;
	options.flags = VM_HUGE;
	bench_check(vm_create(&options, &b->vm), "a system");
	bench_check(vm_object_create_file(b->vm, b->file->fd, 0,
	    VM_LENGTH_ALL, VM_OBJECT_WRITABLE, &b->object), "an object");
	bench_check(vm_object_advise(b->object, VM_ADVICE_RANDOM), "advice");
	b->pages = limit_bytes / bench_page_bytes() * 3 / 4;
	b->rng = bench_rng(limit_bytes);
	b->took_ns = malloc(BURSTS * b->pages * sizeof(*b->took_ns));
	if (b->took_ns == NULL)
		bench_die("no memory");
}

static void
run(struct bench *bench)
{
	bool quick = bench->options.quick;
	struct burst b = { .pause_ms = quick ? PAUSE_QUICK_MS : PAUSE_MS };
	struct bench_way ways[2] = {
		{ .name = "written when it must go", .self = &b,
		    .once = once, .before = off_before, .after = settle },
		{ .name = "cleaned between them", .self = &b, .once = once,
		    .before = on_before, .after = settle },
	};

	b.file = bench_file(bench, BENCH_DISK, quick ? FILE_QUICK :
	    FILE_BYTES);
	if (b.file == NULL)
		return;
	bench_file_drop(b.file);
	burst_init(&b, bench_mem(bench, LIMIT, LIMIT_QUICK));
	bench_rounds(bench, ways, 2, bench->options.runs < ROUNDS ?
	    bench->options.runs : ROUNDS);
	bench_row(bench, &(struct bench_row){
		.variant = "a page of a burst, cleaned", .unit = "ns",
		.ours = &ways[1], .against = &ways[0], .figure = BENCH_NS,
	});
	bench_row(bench, &(struct bench_row){
		.variant = "p99 of its grabs", .unit = "ns",
		.ours = &ways[1], .against = &ways[0], .figure = P99,
	});
	bench_row(bench, &(struct bench_row){
		.variant = "its longest grab", .unit = "ns",
		.ours = &ways[1], .against = &ways[0], .figure = LONGEST,
	});
	bench_ways_fini(ways, 2);
	bench_check(vm_object_destroy(b.object), "end of object");
	bench_check(vm_destroy(b.vm), "end of system");
	free(b.took_ns);
}

const struct bench_workload bench_burst = {
	.name = "burst",
	.question = "what do bursts of writes gain from cleaning between them?",
	.run = run,
};
