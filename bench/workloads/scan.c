/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan - a file on a disk from its beginning to its end, page by page.
 *
 * Ours is a plain loop of grabs, and one of 64 pages at a time; what is read
 * ahead of them is the library's business.  fio reads the same with the block
 * sizes and depths that disks like best, and the best of these, as a whole, is
 * what counts.  Only bytes that the disk gave count.
 */
#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/peers/fio_way.h"

#define FILE_BYTES	(UINT64_C(2) << 30)
#define FILE_QUICK	(UINT64_C(16) << 20)
#define LIMIT		(UINT64_C(64) << 20)
#define LIMIT_QUICK	(UINT64_C(2) << 20)

/* A sample is that part of the file, which a disk gives in half a second, and
 * the next sample the next part. */
#define SAMPLE_BYTES	(UINT64_C(512) << 20)
/* Rounds: of two ways of ours and three of fio's, 3 s each. */
#define ROUNDS		7u

#define MANY		64u

struct scan {
	struct bench_file *file;
	uint64_t sample_pages;
	unsigned many;		/* pages at a time */
	uint64_t next;		/* page */
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
pages_by_one(struct scan *scan, uint64_t first, uint64_t end)
{
	struct vm_page *page;

	for (uint64_t i = first; i < end; i++) {
		bench_check(vm_page_grab(scan->object, i, VM_GRAB_READ,
		    &page), "grab");
		look(page);
		vm_page_release(page);
	}
}

static void
pages_by_many(struct scan *scan, uint64_t first, uint64_t end)
{
	struct vm_page *pages[MANY];
	unsigned got;

	for (uint64_t i = first; i < end; i += got) {
		uint64_t left = end - i;

		bench_check(vm_page_grab_many(scan->object, i, left < MANY ?
		    (unsigned)left : MANY, VM_GRAB_READ, pages, &got), "grab");
		for (unsigned k = 0; k < got; k++)
			look(pages[k]);
		vm_page_release_many(pages, got);
	}
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct scan *scan = self;
	uint64_t first = scan->next, end = first + scan->sample_pages;
	uint64_t bytes = disk_bytes(scan), cpu_ns = bench_cpu_ns();
	uint64_t start_ns = bench_now_ns();
	double pages;

	if (scan->many == 1)
		pages_by_one(scan, first, end);
	else
		pages_by_many(scan, first, end);
	start_ns = bench_now_ns() - start_ns;
	cpu_ns = bench_cpu_ns() - cpu_ns;
	bytes = disk_bytes(scan) - bytes;
	scan->next = end + scan->sample_pages <= scan->file->pages ? end : 0;
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
}

static void
scan_fini(struct scan *scan)
{
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

enum { ONE, MANY_WAY, FIO, FIOS = 3, WAYS = FIO + FIOS };

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
		.transfer_bytes = ours->sample_pages * bench_page_bytes(),
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

static void
run(struct bench *bench)
{
	bool quick = bench->options.quick;
	uint64_t limit_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK);
	struct bench_file *file = bench_file(bench, BENCH_DISK,
	    quick ? FILE_QUICK : FILE_BYTES);
	struct scan scan[2] = { { .many = 1 }, { .many = MANY } };
	struct fio_scan fio[FIOS] = { 0 };
	struct bench_way ways[WAYS] = {
		[ONE] = { .name = "ours", .self = &scan[ONE], .once = once },
		[MANY_WAY] = { .name = "ours", .self = &scan[MANY_WAY],
			.once = once },
	};

	if (file == NULL)
		return;
	bench_file_drop(file);
	for (unsigned i = 0; i < 2; i++) {
		scan[i].file = file;
		scan[i].sample_pages = quick ? file->pages / 2 :
		    SAMPLE_BYTES / bench_page_bytes();
		scan_init(&scan[i], limit_bytes);
	}
	for (unsigned i = 0; i < FIOS; i++)
		fio_init(&ways[FIO + i], &fio[i], i, &scan[0]);
	bench_rounds(bench, ways, WAYS,
	    bench->options.runs < ROUNDS ? bench->options.runs : ROUNDS);
	say(bench, ways, ONE, "page by page");
	say(bench, ways, MANY_WAY, "64 pages at a time");
	bench_ways_fini(ways, WAYS);
	scan_fini(&scan[ONE]);
	scan_fini(&scan[MANY_WAY]);
}

const struct bench_workload bench_scan = {
	.name = "scan",
	.question = "does a plain loop read as fast as the disk gives?",
	.run = run,
};
