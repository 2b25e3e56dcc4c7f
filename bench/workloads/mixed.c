/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mixed - what a storage engine does all day: four reads to one write, a few
 * pages asked for much more often than the rest.
 *
 * Pages after Zipf's law (exponent 0.99, as YCSB has it), spread over the file;
 * the file is four times the limit, in memory, so that what is measured is the
 * library: hits, misses, and dirty pages that are written before they leave.
 * Nothing here has a target; two threads are held against one.
 */
#include <math.h>
#include <stdio.h>

#include <resident/resident.h>

#include "bench/bench.h"

#define LIMIT		(UINT64_C(64) << 20)
#define LIMIT_QUICK	(UINT64_C(1) << 20)
#define FACTOR		4u
/* YCSB's. */
#define EXPONENT	0.99
/* One grab of so many writes. */
#define WRITES		5u
#define WARM_UP		8u
/* Of a page's words, which one a writer changes: the first says which page it
 * is. */
#define WORD		1u

/* Gray et al., Quickly Generating Billion-Record Synthetic Databases, 1994. */
struct zipf {
	uint64_t count;
	double zeta;		/* sum of 1 / i^EXPONENT */
	double alpha;
	double eta;
	double second;		/* 1 + 2^-EXPONENT */
};

struct mixed {
	struct vm *vm;
	struct vm_object *object;
	struct zipf zipf;
};

static void
zipf_init(struct zipf *zipf, uint64_t count)
{
	double zeta2 = 1 + pow(0.5, EXPONENT);

	zipf->count = count;
	zipf->zeta = 0;
	for (uint64_t i = 1; i <= count; i++)
		zipf->zeta += pow((double)i, -EXPONENT);
	zipf->alpha = 1 / (1 - EXPONENT);
	zipf->second = zeta2;
	zipf->eta = (1 - pow(2.0 / (double)count, 1 - EXPONENT)) /
	    (1 - zeta2 / zipf->zeta);
}

static uint64_t
zipf_rank(const struct zipf *zipf, struct bench_rng *rng)
{
	double u = (double)(bench_random(rng) >> 11) / (double)(1ULL << 53);
	double at = u * zipf->zeta;

	if (at < 1)
		return 0;
	if (at < zipf->second)
		return 1;
	return (uint64_t)((double)zipf->count *
	    pow(zipf->eta * u - zipf->eta + 1, zipf->alpha)) % zipf->count;
}

/* Popular pages are not neighbours: by a product with an odd constant. */
static uint64_t
zipf_page(const struct zipf *zipf, struct bench_rng *rng)
{
	return zipf_rank(zipf, rng) * UINT64_C(0x9e3779b97f4a7c15) %
	    zipf->count;
}

static void
change(struct vm_page *page)
{
	uint64_t *words = vm_page_data(page);

	words[WORD]++;
	vm_page_dirty(page, WORD * sizeof(*words), sizeof(*words));
}

static void
loop(void *self, const struct bench_turn *turn)
{
	const struct mixed *mixed = self;
	struct bench_rng rng = bench_rng(turn->seed);
	struct vm_page *page;

	for (uint64_t i = 0; i < turn->count; i++) {
		uint64_t at = zipf_page(&mixed->zipf, &rng);
		bool write = bench_below(&rng, WRITES) == 0;

		bench_check(vm_page_grab(mixed->object, at, write ?
		    VM_GRAB_WRITE : VM_GRAB_READ, &page), "grab");
		if (!bench_page_good(vm_page_data(page), at))
			bench_die("mixed: a page has other bytes");
		if (write)
			change(page);
		vm_page_release(page);
	}
}

static void
init(struct mixed *mixed, const struct bench_file *file, uint64_t limit_bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;
	struct bench_turn turn = { .threads = 1,
		.count = WARM_UP * limit_bytes / bench_page_bytes() };

	options.resident_max_bytes = limit_bytes;
	zipf_init(&mixed->zipf, file->pages);
	bench_check(vm_create(&options, &mixed->vm), "a system");
	bench_check(vm_object_create_file(mixed->vm, file->fd, 0,
	    VM_LENGTH_ALL, VM_OBJECT_WRITABLE, &mixed->object), "an object");
	bench_check(vm_object_advise(mixed->object, VM_ADVICE_RANDOM),
	    "advice");
	loop(mixed, &turn);
}

static void
say(struct bench *bench, struct bench_way *ways, unsigned threads)
{
	char together[64];
	struct bench_row rows[] = {
		{ .variant = "1T", .unit = "/s", .ours = &ways[0],
		    .figure = BENCH_RATE },
		{ .variant = together, .unit = "/s", .ours = &ways[1],
		    .against = &ways[0], .figure = BENCH_RATE },
	};

	snprintf(together, sizeof(together), "%uT against 1T", threads);
	for (unsigned i = 0; i < 1 + (threads > 1); i++)
		bench_row(bench, &rows[i]);
}

static void
run(struct bench *bench)
{
	uint64_t limit_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK);
	const struct bench_file *file = bench_file(bench, BENCH_NULL_STORE,
	    FACTOR * limit_bytes);
	unsigned threads = bench->options.threads;
	struct mixed mixed;
	struct bench_way ways[] = {
		{ .name = "resident", .self = &mixed, .loop = loop },
		{ .name = "resident", .self = &mixed, .loop = loop,
		    .threads = threads },
	};

	if (file == NULL)
		return;
	init(&mixed, file, limit_bytes);
	bench_rounds(bench, ways, 1 + (threads > 1), 0);
	say(bench, ways, threads);
	bench_ways_fini(ways, 1 + (threads > 1));
	bench_check(vm_object_destroy(mixed.object), "end of object");
	bench_check(vm_destroy(mixed.vm), "end of system");
}

const struct bench_workload bench_mixed = {
	.name = "mixed",
	.question = "zipf, four reads to a write: how many a second?",
	.run = run,
};
