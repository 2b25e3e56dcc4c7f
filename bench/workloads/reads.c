/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reads - pages from anywhere in a file on a disk, many on their way at once.
 *
 * Ours is one thread with a struct vm_async that is kept full.  Only what the
 * disk was asked for counts: a page that was still there is no read.  CPU is
 * that of the whole process, the daemon that evicts included; fio's is that of
 * its one thread.
 */
#include <stdio.h>

#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/peers/fio_way.h"
#include "bench/peers/mmap_way.h"

#define FILE_BYTES	(UINT64_C(2) << 30)
#define FILE_QUICK	(UINT64_C(16) << 20)
#define LIMIT		(UINT64_C(64) << 20)
#define LIMIT_QUICK	(UINT64_C(2) << 20)

/* s: fio counts in ms and starts a process; shorter runs are noise. */
#define SAMPLE_S	1.0
#define SAMPLE_QUICK_S	0.05
/* Rounds: of two ways at two depths and the kernel's map, 5 s each. */
#define ROUNDS		7u

#define DEPTH_MAX	32u
/*
 * Answers taken, and asks made again, at a time: an eighth of the depth.  With
 * all at once the disk has nothing to do while they are looked at, and all
 * come back at once again (8 in flight: 54,000 a second instead of 66,000).
 */
#define PART		8u

struct reads {
	struct bench_file *file;
	unsigned depth;
	double seconds;
	struct vm *vm;
	struct vm_object *object;
	struct vm_async *async;
	struct bench_rng rng;
};

static uint64_t
disk_reads(const struct reads *r)
{
	struct vm_stat stat = VM_STAT_INIT;

	bench_check(vm_stat(r->vm, &stat), "figures");
	return stat.reads;
}

static void
ask(struct reads *r, unsigned count)
{
	struct vm_async_ask asks[DEPTH_MAX];

	for (unsigned i = 0; i < count; i++)
		asks[i] = (struct vm_async_ask){
			.object = r->object,
			.pindex = bench_below(&r->rng, r->file->pages),
		};
	if (vm_async_grab(r->async, asks, count) != count)
		bench_die("asks were not accepted");
}

static unsigned
take(struct reads *r, unsigned min)
{
	struct vm_async_answer answers[DEPTH_MAX];
	unsigned got = vm_async_reap(r->async, answers, r->depth / PART, min);

	for (unsigned i = 0; i < got; i++) {
		struct vm_page *page = answers[i].page;

		bench_check(answers[i].error, "an answer");
		if (!bench_page_good(vm_page_data(page),
		    vm_page_pindex(page)))
			bench_die("a page has other bytes");
		vm_page_release(page);
	}
	return got;
}

static void
read_for(struct reads *r, double seconds)
{
	uint64_t end_ns = bench_now_ns() + (uint64_t)(seconds * 1e9);

	while (bench_now_ns() < end_ns)
		ask(r, take(r, 1));
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct reads *r = self;
	uint64_t start_ns, cpu_ns, reads;

	ask(r, r->depth);
	read_for(r, r->seconds / 5);	/* as fio's ramp */
	reads = disk_reads(r);
	cpu_ns = bench_cpu_ns();
	start_ns = bench_now_ns();
	read_for(r, r->seconds);
	start_ns = bench_now_ns() - start_ns;
	cpu_ns = bench_cpu_ns() - cpu_ns;
	reads = disk_reads(r) - reads;
	while (vm_async_pending(r->async) != 0)
		take(r, 1);
	figures[BENCH_NS] = (double)start_ns / (double)reads;
	figures[BENCH_CPU] = (double)cpu_ns / (double)reads;
	figures[BENCH_RATE] = (double)reads * 1e9 / (double)start_ns;
	return 0;
}

/* The limit is reached before the first sample. */
static void
fill(struct reads *r, uint64_t limit_bytes)
{
	struct vm_page *page;

	for (uint64_t i = 0; i < 2 * limit_bytes / bench_page_bytes(); i++) {
		bench_check(vm_page_grab(r->object, i % r->file->pages,
		    VM_GRAB_READ, &page), "grab");
		vm_page_release(page);
	}
}

static void
reads_init(struct reads *r, uint64_t limit_bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;

	options.resident_max_bytes = limit_bytes;
	options.flags = VM_HUGE;
	bench_check(vm_create(&options, &r->vm), "a system");
	bench_check(vm_object_create_file(r->vm, r->file->fd, 0,
	    VM_LENGTH_ALL, 0, &r->object), "an object");
	bench_check(vm_async_create(r->vm, r->depth, &r->async), "asks");
	r->rng = bench_rng(r->depth);
	fill(r, limit_bytes);
}

static void
reads_fini(struct reads *r)
{
	vm_async_destroy(r->async);
	bench_check(vm_object_destroy(r->object), "end of object");
	bench_check(vm_destroy(r->vm), "end of system");
}

enum { OURS, FIO, MMAP, WAYS };

static void
say(struct bench *bench, struct bench_way *ways, unsigned depth)
{
	char variant[3][64];

	snprintf(variant[0], sizeof(variant[0]), "%u in flight", depth);
	snprintf(variant[1], sizeof(variant[1]), "%u in flight, CPU", depth);
	snprintf(variant[2], sizeof(variant[2]), "%u threads' CPU", depth);
	bench_row(bench, &(struct bench_row){
		.variant = variant[0], .unit = "/s", .ours = &ways[OURS],
		.against = &ways[FIO], .figure = BENCH_RATE,
		.sense = BENCH_AT_LEAST, .target = 0.95,
	});
	bench_row(bench, &(struct bench_row){
		.variant = variant[1], .unit = "ns", .ours = &ways[OURS],
		.against = &ways[FIO], .figure = BENCH_CPU,
		.sense = BENCH_AT_MOST, .target = 1.3,
	});
	bench_row(bench, &(struct bench_row){
		.variant = variant[2], .unit = "ns", .ours = &ways[OURS],
		.against = &ways[MMAP], .figure = BENCH_CPU,
		.sense = BENCH_AT_MOST, .target = 0.6,
	});
}

static void
run_depth(struct bench *bench, struct bench_file *file, unsigned depth)
{
	double seconds = bench->options.quick ? SAMPLE_QUICK_S : SAMPLE_S;
	uint64_t limit_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK);
	struct reads reads = {
		.file = file, .depth = depth, .seconds = seconds,
	};
	struct fio_way fio = {
		.job = {
			.path = file->path, .pattern = FIO_RANDREAD,
			.depth = depth, .span_bytes = file->bytes,
			.seconds = seconds, .ramp_seconds = seconds / 5,
		},
	};
	struct mmap_way map = {
		.file = file, .limit_bytes = limit_bytes, .threads = depth,
		.seconds = seconds, .advice = "random",
	};
	struct bench_way ways[WAYS] = {
		[OURS] = { .name = "ours", .self = &reads, .once = once },
	};

	fio_way_init(&ways[FIO], "fio", &fio);
	mmap_way_init(&ways[MMAP], "mmap random", &map);
	reads_init(&reads, limit_bytes);
	bench_rounds(bench, ways, WAYS,
	    bench->options.runs < ROUNDS ? bench->options.runs : ROUNDS);
	reads_fini(&reads);
	say(bench, ways, depth);
	bench_ways_fini(ways, WAYS);
}

static void
run(struct bench *bench)
{
	struct bench_file *file = bench_file(bench, BENCH_DISK,
	    bench->options.quick ? FILE_QUICK : FILE_BYTES);

	if (file == NULL)
		return;
	bench_file_drop(file);
	run_depth(bench, file, 8);
	run_depth(bench, file, DEPTH_MAX);
}

const struct bench_workload bench_reads = {
	.name = "reads",
	.question = "do many random reads at once cost what the disk costs?",
	.run = run,
};
