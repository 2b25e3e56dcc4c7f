/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * step - how the daemon's controller answers bursts of dirty pages.
 *
 * A writer overwrites pages of a file on a disk, PACE of them a ms, for 25 ms
 * in 60; nobody else does anything.  Once a ms it looks at what is free and at
 * the margin that the daemon works with (docs/pageout.md).  The row is the
 * lowest level of the second half of the bursts in pages, of that of the first
 * burst: a margin that was learnt keeps it up.
 *
 * The environment's RESIDENT_BENCH_STEP names a file for the levels, a line
 * for each ms: bench/plot-pageout draws it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <resident/resident.h>

#include "bench/bench.h"

#define FILE_BYTES	(UINT64_C(1) << 30)
#define FILE_QUICK	(UINT64_C(16) << 20)
#define LIMIT		(UINT64_C(64) << 20)
#define LIMIT_QUICK	(UINT64_C(2) << 20)

/* Pages a ms: half of what a fast disk writes. */
#define PACE		30u
#define BURST_MS	25u
#define PERIOD_MS	60u
#define BURSTS		20u
#define BURSTS_QUICK	2u
#define ROUNDS		5u

#define LOWEST		BENCH_NS

struct step {
	struct bench_file *file;
	unsigned bursts;
	struct vm *vm;
	struct vm_object *object;
	struct bench_rng rng;
	FILE *out;		/* NULL: nobody wants the levels */
	uint64_t lowest[2];	/* of the first burst, of the second half */
};

static void
write_one(struct step *s)
{
	uint64_t pindex = bench_below(&s->rng, s->file->pages);
	struct vm_page *page;

	bench_check(vm_page_grab(s->object, pindex, VM_GRAB_WRITE |
	    VM_GRAB_OVERWRITE, &page), "grab");
	*(uint64_t *)vm_page_data(page) = pindex;
	vm_page_release(page);
}

static void
look(struct step *s, unsigned ms)
{
	struct vm_stat stat = VM_STAT_INIT;
	unsigned burst = ms / PERIOD_MS;

	bench_check(vm_stat(s->vm, &stat), "figures");
	if (burst == 0 && stat.free_pages < s->lowest[0])
		s->lowest[0] = stat.free_pages;
	if (burst >= s->bursts / 2 && stat.free_pages < s->lowest[1])
		s->lowest[1] = stat.free_pages;
	if (s->out != NULL)
		fprintf(s->out, "%u\t%llu\t%llu\t%llu\n", ms,
		    (unsigned long long)stat.free_pages,
		    (unsigned long long)(stat.low_pages + stat.margin_pages),
		    (unsigned long long)(stat.target_pages +
		    stat.margin_pages));
}

static void
sleep_until(uint64_t ns)
{
	const struct timespec at = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct step *s = self;
	uint64_t start_ns = bench_now_ns();

	s->lowest[0] = s->lowest[1] = UINT64_MAX;
	for (unsigned ms = 0; ms < s->bursts * PERIOD_MS; ms++) {
		if (ms % PERIOD_MS < BURST_MS)
			for (unsigned i = 0; i < PACE; i++)
				write_one(s);
		look(s, ms);
		sleep_until(start_ns + (ms + 1) * UINT64_C(1000000));
	}
	figures[LOWEST] = (double)s->lowest[1];
	figures[BENCH_CPU] = (double)s->lowest[0];
	figures[BENCH_RATE] = 0;
	return 0;
}

/* All of memory is dirty, and nobody remembers a burst. */
static void
fill(void *self)
{
	struct step *s = self;
	const struct timespec rest = { .tv_sec = 1 };
	struct vm_stat stat = VM_STAT_INIT;

	bench_check(vm_stat(s->vm, &stat), "figures");
	for (uint64_t i = 0; i < stat.limit_pages; i++)
		write_one(s);
	(void)nanosleep(&rest, NULL);
}

static void
run(struct bench *bench)
{
	bool quick = bench->options.quick;
	const char *name = getenv("RESIDENT_BENCH_STEP");
	struct vm_options options = VM_OPTIONS_INIT;
	struct step s = { .bursts = quick ? BURSTS_QUICK : BURSTS };
	struct bench_way ways[1] = {
		{ .name = "ours", .self = &s, .once = once, .before = fill },
	};

	s.file = bench_file(bench, BENCH_DISK, quick ? FILE_QUICK :
	    FILE_BYTES);
	if (s.file == NULL)
		return;
	options.resident_max_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK);
	options.flags = VM_HUGE;
	bench_check(vm_create(&options, &s.vm), "a system");
	bench_check(vm_object_create_file(s.vm, s.file->fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &s.object), "an object");
	s.rng = bench_rng(PACE);
	if (name != NULL && (s.out = fopen(name, "w")) == NULL)
		bench_die("%s: cannot be written", name);
	bench_rounds(bench, ways, 1, s.out != NULL ? 1 :
	    bench->options.runs < ROUNDS ? bench->options.runs : ROUNDS);
	bench_row(bench, &(struct bench_row){
		.variant = "lowest free, later bursts", .unit = "pages",
		.ours = &ways[0], .figure = LOWEST,
	});
	bench_row(bench, &(struct bench_row){
		.variant = "lowest free, first burst", .unit = "pages",
		.ours = &ways[0], .figure = BENCH_CPU,
	});
	if (s.out != NULL)
		fclose(s.out);
	bench_ways_fini(ways, 1);
	bench_check(vm_object_destroy(s.object), "end of object");
	bench_check(vm_destroy(s.vm), "end of system");
}

const struct bench_workload bench_step = {
	.name = "step",
	.question = "does the daemon learn how far ahead it has to work?",
	.run = run,
};
