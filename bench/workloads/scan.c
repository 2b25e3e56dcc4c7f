/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan - a file on a disk from its beginning to its end, page by page.
 *
 * Ours is a plain loop of grabs, and one of 64 pages at a time; what is read
 * ahead of them is the library's business.  And one of asks (resident/async.h)
 * that are kept VM_ASYNC_DEPTH_MAX pages ahead by the caller.  fio reads the
 * same with the block sizes and depths that disks like best, and the best of
 * these, as a whole, is what counts.  Only bytes that the disk gave count.
 *
 * And what a scan of a file of ten times the limit costs those who use a set of
 * half the limit meanwhile: their uses that are hits, against as many uses
 * without a scan.
 */
#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/peers/fio_way.h"

#define FILE_BYTES	(UINT64_C(2) << 30)
#define FILE_QUICK	(UINT64_C(16) << 20)
#define LIMIT		(UINT64_C(64) << 20)
#define LIMIT_QUICK	(UINT64_C(2) << 20)

/* Rounds: of three ways of ours and three of fio's, over the whole file, 9 s
 * a round.  A part of it would be read by everybody again and again, and come
 * out of a cache of the machine's or its host's. */
#define ROUNDS		3u

#define MANY		64u
/* Asks made, and answers taken, at a time: one read. */
#define PART		32u

struct scan {
	struct bench_file *file;
	unsigned many;		/* pages at a time; 0: asks */
	struct vm_async *async;
	struct vm *vm;
	struct vm_object *object;
};

static uint64_t
disk_bytes(const struct scan *scan)
{
	struct vm_stat stat = VM_STAT_INIT;

	bench_check(vm_stat(scan->vm, &stat), "figures");
	return stat.read_bytes;
}

static void
look(struct vm_page *page)
{
	if (!bench_page_good(vm_page_data(page), vm_page_pindex(page)))
		bench_die("a page has other bytes");
}

static void
pages_by_one(struct scan *scan)
{
	struct vm_page *page;

	for (uint64_t i = 0; i < scan->file->pages; i++) {
		bench_check(vm_page_grab(scan->object, i, VM_GRAB_READ,
		    &page), "grab");
		look(page);
		vm_page_release(page);
	}
}

static void
pages_by_many(struct scan *scan)
{
	struct vm_page *pages[MANY];
	unsigned got;

	for (uint64_t i = 0; i < scan->file->pages; i += got) {
		uint64_t left = scan->file->pages - i;

		bench_check(vm_page_grab_many(scan->object, i, left < MANY ?
		    (unsigned)left : MANY, VM_GRAB_READ, pages, &got), "grab");
		for (unsigned k = 0; k < got; k++)
			look(pages[k]);
		vm_page_release_many(pages, got);
	}
}

/* Pages [*next, *next + PART), as far as there are any, are asked for. */
static void
ask(struct scan *scan, uint64_t *next)
{
	struct vm_async_ask asks[PART];
	unsigned count = 0;

	for (; count < PART && *next < scan->file->pages; count++)
		asks[count] = (struct vm_async_ask){
			.object = scan->object, .pindex = (*next)++,
		};
	if (vm_async_grab(scan->async, asks, count) != count)
		bench_die("asks were not accepted");
}

static void
pages_by_asks(struct scan *scan)
{
	struct vm_async_answer answers[PART];
	uint64_t next = 0;

	for (unsigned i = 0; i < VM_ASYNC_DEPTH_MAX / PART; i++)
		ask(scan, &next);
	while (vm_async_pending(scan->async) != 0) {
		unsigned got = vm_async_reap(scan->async, answers, PART, PART);

		for (unsigned i = 0; i < got; i++) {
			bench_check(answers[i].error, "an answer");
			look(answers[i].page);
			vm_page_release(answers[i].page);
		}
		if (vm_async_pending(scan->async) <= VM_ASYNC_DEPTH_MAX -
		    PART)
			ask(scan, &next);
	}
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct scan *scan = self;
	uint64_t bytes = disk_bytes(scan), cpu_ns = bench_cpu_ns();
	uint64_t start_ns = bench_now_ns();
	double pages;

	if (scan->many == 0)
		pages_by_asks(scan);
	else if (scan->many == 1)
		pages_by_one(scan);
	else
		pages_by_many(scan);
	start_ns = bench_now_ns() - start_ns;
	cpu_ns = bench_cpu_ns() - cpu_ns;
	bytes = disk_bytes(scan) - bytes;
	pages = (double)bytes / (double)bench_page_bytes();
	figures[BENCH_NS] = (double)start_ns / pages;
	figures[BENCH_CPU] = (double)cpu_ns / pages;
	figures[BENCH_RATE] = (double)bytes * 1e9 / (double)start_ns;
	return 0;
}

static void
scan_init(struct scan *scan, uint64_t limit_bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;

	options.resident_max_bytes = limit_bytes;
	options.flags = VM_HUGE;
	bench_check(vm_create(&options, &scan->vm), "a system");
	bench_check(vm_object_create_file(scan->vm, scan->file->fd, 0,
	    VM_LENGTH_ALL, 0, &scan->object), "an object");
	bench_check(vm_async_create(scan->vm, VM_ASYNC_DEPTH_MAX,
	    &scan->async), "asks");
}

static void
scan_fini(struct scan *scan)
{
	vm_async_destroy(scan->async);
	bench_check(vm_object_destroy(scan->object), "end of object");
	bench_check(vm_destroy(scan->vm), "end of system");
}

/* fio's figures are for its blocks: bytes a second instead. */
struct fio_scan {
	struct fio_way fio;
	struct bench_way inner;
};

static int
fio_once(void *self, double figures[BENCH_FIGURES])
{
	struct fio_scan *scan = self;
	int code = scan->inner.once(scan->inner.self, figures);

	figures[BENCH_RATE] *= scan->fio.job.block_bytes;
	return code;
}

enum { ONE, MANY_WAY, ASKS, FIO, FIOS = 3, WAYS = FIO + FIOS };

static const struct {
	const char *name;
	uint32_t block_bytes, depth;
} best[FIOS] = {
	{ "fio 128K x 32", 128 << 10, 32 },
	{ "fio 256K x 8", 256 << 10, 8 },
	{ "fio 1M x 8", 1 << 20, 8 },
};

static void
fio_init(struct bench_way *way, struct fio_scan *scan, unsigned which,
    const struct scan *ours)
{
	scan->fio.job = (struct fio_job){
		.path = ours->file->path, .pattern = FIO_READ,
		.block_bytes = best[which].block_bytes,
		.depth = best[which].depth, .span_bytes = ours->file->bytes,
		.transfer_bytes = ours->file->bytes,
	};
	fio_way_init(&scan->inner, best[which].name, &scan->fio);
	scan->fio.way = way;	/* it hears why it is not here */
	*way = (struct bench_way){
		.name = best[which].name, .self = scan, .once = fio_once,
	};
}

static struct bench_way *
best_of(struct bench_way *ways)
{
	struct bench_way *found = &ways[FIO];
	double most = 0;

	for (unsigned i = FIO; i < WAYS; i++) {
		double rate;

		if (ways[i].missing[0] != '\0' || ways[i].runs == 0)
			continue;
		rate = bench_median(ways[i].figures[BENCH_RATE],
		    ways[i].runs);
		if (rate > most) {
			most = rate;
			found = &ways[i];
		}
	}
	return found;
}

static void
say(struct bench *bench, struct bench_way *ways, unsigned which,
    const char *variant)
{
	bench_row(bench, &(struct bench_row){
		.variant = variant, .unit = "B/s", .ours = &ways[which],
		.against = best_of(ways), .figure = BENCH_RATE,
		.sense = BENCH_AT_LEAST, .target = 0.95,
	});
}

/* ---- beside a hot set ---------------------------------------------------- */

#define BESIDE_LIMIT	(UINT64_C(16) << 20)
#define BESIDE_QUICK	(UINT64_C(2) << 20)
/* Of the limit: the file that is read once, the set in use. */
#define BESIDE_TIMES	10u
#define HOT_SHARE	2u
/* Uses of each hot page before any is counted. */
#define WARM_UP		20u

struct beside {
	struct vm *vm;
	struct vm_object *cold, *hot;
	uint64_t cold_pages, hot_pages;
	struct bench_rng rng;
	bool scans;
};

/* A use of some hot page: whether it was there. */
static bool
use_hot(struct beside *b)
{
	uint64_t pindex = bench_below(&b->rng, b->hot_pages);
	struct vm_page *page;
	bool hit = vm_page_grab(b->hot, pindex, VM_GRAB_READ | VM_GRAB_NOWAIT,
	    &page) == 0;

	if (!hit)
		bench_check(vm_page_grab(b->hot, pindex, VM_GRAB_READ, &page),
		    "grab");
	look(page);
	vm_page_release(page);
	return hit;
}

static int
beside_once(void *self, double figures[BENCH_FIGURES])
{
	struct beside *b = self;
	uint64_t hits = 0;
	struct vm_page *page;

	for (uint64_t i = 0; i < b->cold_pages; i++) {
		if (b->scans) {
			bench_check(vm_page_grab(b->cold, i, VM_GRAB_READ,
			    &page), "grab");
			look(page);
			vm_page_release(page);
		}
		hits += use_hot(b);
	}
	figures[BENCH_NS] = figures[BENCH_CPU] = 0;
	figures[BENCH_RATE] = 100.0 * (double)hits / (double)b->cold_pages;
	return 0;
}

static void
beside_init(struct beside *b, uint64_t limit_bytes,
    const struct bench_file *cold, const struct bench_file *hot)
{
	struct vm_options options = VM_OPTIONS_INIT;

	options.resident_max_bytes = limit_bytes;
	bench_check(vm_create(&options, &b->vm), "a system");
	bench_check(vm_object_create_file(b->vm, cold->fd, 0, VM_LENGTH_ALL,
	    0, &b->cold), "an object");
	bench_check(vm_object_create_file(b->vm, hot->fd, 0, VM_LENGTH_ALL, 0,
	    &b->hot), "an object");
	b->cold_pages = cold->pages;
	b->hot_pages = hot->pages;
	b->rng = bench_rng(1);
	for (uint64_t i = 0; i < WARM_UP * b->hot_pages; i++)
		(void)use_hot(b);
}

static void
beside_fini(struct beside *b)
{
	bench_check(vm_object_destroy(b->hot), "end of object");
	bench_check(vm_object_destroy(b->cold), "end of object");
	bench_check(vm_destroy(b->vm), "end of system");
}

/* The scan is of the null store: counts need no disk. */
static void
run_beside(struct bench *bench)
{
	uint64_t limit_bytes = bench->options.quick ? BESIDE_QUICK :
	    BESIDE_LIMIT;
	struct bench_file *cold = bench_file(bench, BENCH_NULL_STORE,
	    BESIDE_TIMES * limit_bytes);
	struct bench_file *hot = bench_file(bench, BENCH_NULL_STORE,
	    limit_bytes / HOT_SHARE);
	struct beside beside[2] = { { .scans = true }, { .scans = false } };
	struct bench_way ways[2] = {
		{ .name = "ours", .self = &beside[0], .once = beside_once },
		{ .name = "no scan", .self = &beside[1],
		    .once = beside_once },
	};

	if (cold == NULL || hot == NULL)
		return;
	beside_init(&beside[0], limit_bytes, cold, hot);
	beside_init(&beside[1], limit_bytes, cold, hot);
	bench_rounds(bench, ways, 2, bench->options.runs < ROUNDS ?
	    bench->options.runs : ROUNDS);
	bench_row(bench, &(struct bench_row){
		.variant = "hits of a hot set beside it", .unit = "%",
		.ours = &ways[0], .against = &ways[1], .figure = BENCH_RATE,
		.sense = BENCH_AT_LEAST, .target = 0.95,
	});
	bench_ways_fini(ways, 2);
	beside_fini(&beside[0]);
	beside_fini(&beside[1]);
}

static void
run_disk(struct bench *bench)
{
	bool quick = bench->options.quick;
	uint64_t limit_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK);
	struct bench_file *file = bench_file(bench, BENCH_DISK,
	    quick ? FILE_QUICK : FILE_BYTES);
	struct scan scan[FIO] = { { .many = 1 }, { .many = MANY }, { 0 } };
	struct fio_scan fio[FIOS] = { 0 };
	struct bench_way ways[WAYS] = { { .name = NULL } };

	if (file == NULL)
		return;
	bench_file_drop(file);
	for (unsigned i = 0; i < FIO; i++) {
		ways[i] = (struct bench_way){
			.name = "ours", .self = &scan[i], .once = once,
		};
		scan[i].file = file;
		scan_init(&scan[i], limit_bytes);
	}
	for (unsigned i = 0; i < FIOS; i++)
		fio_init(&ways[FIO + i], &fio[i], i, &scan[0]);
	bench_rounds(bench, ways, WAYS,
	    bench->options.runs < ROUNDS ? bench->options.runs : ROUNDS);
	say(bench, ways, ONE, "page by page");
	say(bench, ways, MANY_WAY, "64 pages at a time");
	say(bench, ways, ASKS, "asks, 256 pages ahead");
	bench_ways_fini(ways, WAYS);
	for (unsigned i = 0; i < FIO; i++)
		scan_fini(&scan[i]);
}

static void
run(struct bench *bench)
{
	run_disk(bench);
	run_beside(bench);
}

const struct bench_workload bench_scan = {
	.name = "scan",
	.question = "does a plain loop read as fast as the disk gives?",
	.run = run,
};
