/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advice - a file of four times the memory, on a disk, page by page: a loop of
 * grabs against the kernel's map with each advice, one thread.
 *
 * The map is in a process and a memory cgroup of its own, and its limit is what
 * ours is.  Hits count on both sides: a quarter of the random reads.
 */
#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/peers/mmap_way.h"

#define LIMIT		(UINT64_C(64) << 20)
/* A process does not run in less. */
#define LIMIT_QUICK	(UINT64_C(8) << 20)
#define FACTOR 4u

/* s: a process is started for each, and its memory filled. */
#define SAMPLE_S	0.8
#define SAMPLE_QUICK_S	0.2
#define ROUNDS		3u
/* Grabs between two looks at the clock. */
#define AT_ONCE 16u

struct ours {
	const struct bench_file *file;
	struct vm *vm;
	struct vm_object *object;
	struct bench_rng rng;
	uint64_t next;
	double seconds;
	bool forward;
};

static void
read_some(struct ours *ours)
{
	for (unsigned i = 0; i < AT_ONCE; i++) {
		uint64_t page = bench_below(&ours->rng, ours->file->pages);
		struct vm_page *held;

		if (ours->forward)
			page = ours->next++ % ours->file->pages;
		bench_check(vm_page_grab(ours->object, page, VM_GRAB_READ,
		    &held), "grab");
		if (!bench_page_good(vm_page_data(held), page))
			bench_die("a page has other bytes");
		vm_page_release(held);
	}
}

static uint64_t
read_for(struct ours *ours, double seconds)
{
	uint64_t end_ns = bench_now_ns() + (uint64_t)(seconds * 1e9);
	uint64_t reads = 0;

	for (; bench_now_ns() < end_ns; reads += AT_ONCE)
		read_some(ours);
	return reads;
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct ours *ours = self;
	uint64_t start_ns, cpu_ns;
	double reads;

	/* What writing it or a map has left there: ours would take it over. */
	bench_file_drop(ours->file);
	(void)read_for(ours, ours->seconds / 5);
	cpu_ns = bench_cpu_ns();
	start_ns = bench_now_ns();
	reads = (double)read_for(ours, ours->seconds);
	start_ns = bench_now_ns() - start_ns;
	cpu_ns = bench_cpu_ns() - cpu_ns;
	figures[BENCH_NS] = (double)start_ns / reads;
	figures[BENCH_CPU] = (double)cpu_ns / reads;
	figures[BENCH_RATE] = reads * 1e9 / (double)start_ns;
	return 0;
}

/* Full, and eviction under way, as the map is when it is measured. */
static void
ours_init(struct ours *ours, uint64_t limit_bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;
	bool forward = ours->forward;

	options.resident_max_bytes = limit_bytes;
	bench_check(vm_create(&options, &ours->vm), "a system");
	bench_check(vm_object_create_file(ours->vm, ours->file->fd, 0,
	    VM_LENGTH_ALL, 0, &ours->object), "an object");
	ours->rng = bench_rng(0);
	ours->forward = true;
	while (ours->next < limit_bytes / bench_page_bytes() * 11 / 10)
		read_some(ours);
	ours->forward = forward;
	bench_check(vm_object_advise(ours->object, forward ?
	    VM_ADVICE_SEQUENTIAL : VM_ADVICE_RANDOM), "advice");
}

static void
ours_fini(struct ours *ours)
{
	bench_check(vm_object_destroy(ours->object), "end of object");
	bench_check(vm_destroy(ours->vm), "end of system");
}

enum { OURS, NORMAL, ADVISED, WAYS };

static void
say(struct bench *bench, struct bench_way *ways, const char *rate,
    const char *cpu)
{
	for (unsigned peer = NORMAL; peer < WAYS; peer++) {
		bench_row(bench, &(struct bench_row){
			.variant = rate, .unit = "/s", .ours = &ways[OURS],
			.against = &ways[peer], .figure = BENCH_RATE,
		});
		bench_row(bench, &(struct bench_row){
			.variant = cpu, .unit = "ns", .ours = &ways[OURS],
			.against = &ways[peer], .figure = BENCH_CPU,
		});
	}
}

static void
run_order(struct bench *bench, struct bench_file *file, bool forward)
{
	uint64_t limit_bytes = file->bytes / FACTOR;
	struct ours ours = {
		.file = file, .forward = forward,
		.seconds = bench->options.quick ? SAMPLE_QUICK_S : SAMPLE_S,
	};
	struct mmap_way normal = {
		.file = file, .limit_bytes = limit_bytes, .threads = 1,
		.seconds = ours.seconds, .advice = "normal",
		.forward = forward,
	};
	struct mmap_way advised = normal;
	struct bench_way ways[WAYS] = {
		[OURS] = { .name = "ours", .self = &ours, .once = once },
	};

	advised.advice = forward ? "sequential" : "random";
	mmap_way_init(&ways[NORMAL], "mmap normal", &normal);
	mmap_way_init(&ways[ADVISED], forward ? "mmap sequential" :
	    "mmap random", &advised);
	ours_init(&ours, limit_bytes);
	bench_rounds(bench, ways, WAYS,
	    bench->options.runs < ROUNDS ? bench->options.runs : ROUNDS);
	ours_fini(&ours);
	say(bench, ways, forward ? "in order" : "random",
	    forward ? "in order, CPU" : "random, CPU");
	bench_ways_fini(ways, WAYS);
}

static void
run(struct bench *bench)
{
	struct bench_file *file = bench_file(bench, BENCH_DISK,
	    FACTOR * bench_mem(bench, LIMIT, LIMIT_QUICK));

	if (file == NULL)
		return;
	run_order(bench, file, false);
	run_order(bench, file, true);
}

const struct bench_workload bench_advice = {
	.name = "advice",
	.question = "a loop of grabs against the kernel's map with each"
	    " advice, on a disk",
	.run = run,
};
