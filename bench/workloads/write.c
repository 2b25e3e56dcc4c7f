/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * write - pages anywhere are written, and more of them than memory holds.
 *
 * Ours overwrites random pages without a pause, so that the daemon has to write
 * as many: the rate is that of the pages it wrote.  fio writes random pages
 * with as many in flight as the laundry has.  How long a single grab took at
 * most in a sample is held against the 99th percentile of fio's writes: who
 * wants a page waits for the disk, but not for a mountain of writes.
 */
#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/peers/fio_way.h"

#define FILE_BYTES	(UINT64_C(2) << 30)
#define FILE_QUICK	(UINT64_C(16) << 20)
#define LIMIT		(UINT64_C(64) << 20)
#define LIMIT_QUICK	(UINT64_C(2) << 20)

/* s: fio counts in ms and starts a process; shorter runs are noise. */
#define SAMPLE_S	1.0
#define SAMPLE_QUICK_S	0.05
/* Rounds: of two ways, 2.5 s each. */
#define ROUNDS		9u

/* The default of vm_options.laundry_depth. */
#define DEPTH		32u

/* The longest grab, ns; fio's figure of that number is its p99. */
#define LONGEST		FIO_P99

struct write {
	struct bench_file *file;
	double seconds;
	struct vm *vm;
	struct vm_object *object;
	struct bench_rng rng;
};

static uint64_t
disk_pages(const struct write *w)
{
	struct vm_stat stat = VM_STAT_INIT;

	bench_check(vm_stat(w->vm, &stat), "figures");
	return stat.written_bytes / bench_page_bytes();
}

/* The grab's time in ns. */
static uint64_t
write_one(struct write *w)
{
	uint64_t pindex = bench_below(&w->rng, w->file->pages);
	uint64_t start_ns = bench_now_ns(), took_ns;
	struct vm_page *page;
	uint64_t *words;

	bench_check(vm_page_grab(w->object, pindex, VM_GRAB_WRITE |
	    VM_GRAB_OVERWRITE, &page), "grab");
	took_ns = bench_now_ns() - start_ns;
	words = vm_page_data(page);
	for (uint64_t i = 0; i < bench_page_bytes() / sizeof(*words); i++)
		words[i] = pindex;
	vm_page_release(page);
	return took_ns;
}

static uint64_t
write_for(struct write *w, double seconds)
{
	uint64_t end_ns = bench_now_ns() + (uint64_t)(seconds * 1e9);
	uint64_t longest_ns = 0;

	while (bench_now_ns() < end_ns) {
		uint64_t took_ns = write_one(w);

		if (took_ns > longest_ns)
			longest_ns = took_ns;
	}
	return longest_ns;
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct write *w = self;
	uint64_t start_ns, cpu_ns, pages, longest_ns;

	/* As fio's ramp: until all of memory is dirty. */
	write_for(w, w->seconds / 4);
	pages = disk_pages(w);
	cpu_ns = bench_cpu_ns();
	start_ns = bench_now_ns();
	longest_ns = write_for(w, w->seconds);
	start_ns = bench_now_ns() - start_ns;
	cpu_ns = bench_cpu_ns() - cpu_ns;
	pages = disk_pages(w) - pages;
	figures[BENCH_NS] = (double)start_ns / (double)pages;
	figures[BENCH_CPU] = (double)cpu_ns / (double)pages;
	figures[BENCH_RATE] = (double)pages * 1e9 / (double)start_ns;
	figures[LONGEST] = (double)longest_ns;
	return 0;
}

/* The disk is fio's alone while it is measured. */
static void
settle(void *self)
{
	struct write *w = self;

	bench_check(vm_object_flush(w->object, 0, VM_LENGTH_ALL), "flush");
}

static void
write_init(struct write *w, uint64_t limit_bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;

	options.resident_max_bytes = limit_bytes;
	options.flags = VM_HUGE;
	bench_check(vm_create(&options, &w->vm), "a system");
	bench_check(vm_object_create_file(w->vm, w->file->fd, 0,
	    VM_LENGTH_ALL, VM_OBJECT_WRITABLE, &w->object), "an object");
	w->rng = bench_rng(limit_bytes);
}

static void
run(struct bench *bench)
{
	bool quick = bench->options.quick;
	double seconds = quick ? SAMPLE_QUICK_S : SAMPLE_S;
	struct write w = { .seconds = seconds };
	struct fio_way fio = { .job = { .pattern = FIO_RANDWRITE,
		.depth = DEPTH, .seconds = seconds,
		.ramp_seconds = seconds / 4, .latency = true } };
	struct bench_way ways[2] = {
		{ .name = "ours", .self = &w, .once = once, .after = settle },
	};

	w.file = bench_file(bench, BENCH_DISK, quick ? FILE_QUICK :
	    FILE_BYTES);
	if (w.file == NULL)
		return;
	bench_file_drop(w.file);
	write_init(&w, bench_mem(bench, LIMIT, LIMIT_QUICK));
	fio.job.path = w.file->path;
	fio.job.span_bytes = w.file->bytes;
	fio_way_init(&ways[1], "fio", &fio);
	bench_rounds(bench, ways, 2,
	    bench->options.runs < ROUNDS ? bench->options.runs : ROUNDS);
	bench_row(bench, &(struct bench_row){
		.variant = "random, dirty eviction", .unit = "/s",
		.ours = &ways[0], .against = &ways[1], .figure = BENCH_RATE,
		.sense = BENCH_AT_LEAST, .target = 0.9,
	});
	bench_row(bench, &(struct bench_row){
		.variant = "longest grab, of p99", .unit = "ns",
		.ours = &ways[0], .against = &ways[1], .figure = LONGEST,
		.sense = BENCH_AT_MOST, .target = 3,
	});
	bench_ways_fini(ways, 2);
	bench_check(vm_object_destroy(w.object), "end of object");
	bench_check(vm_destroy(w.vm), "end of system");
}

const struct bench_workload bench_write = {
	.name = "write",
	.question = "are dirty pages written as fast as the disk takes them?",
	.run = run,
};
