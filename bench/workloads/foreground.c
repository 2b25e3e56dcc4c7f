/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * foreground - somebody reads while somebody else writes without a pause.
 *
 * The reader takes pages from anywhere in a file on a disk, one after the
 * other: nearly all are misses.  The writer overwrites pages from anywhere in
 * another file of the same system, four times the limit of them, as fast as it
 * may: all of memory would be dirty, and every page that the reader needs
 * would wait for a write.  The 99th percentile of the reader's grabs beside the
 * writer is held against that without it, in the same round.
 *
 * The floor: the same reads by plain calls past the page cache, beside a thread
 * that writes one page after the other the same way, and without it.  That is
 * what the disk makes of two who use it.
 *
 * The environment's RESIDENT_BENCH_FOREGROUND names a file for the quantiles of
 * the last round: bench/plot-pageout draws it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <resident/resident.h>

#include "bench/bench.h"

#define FILE_BYTES	(UINT64_C(1) << 30)
#define FILE_QUICK	(UINT64_C(16) << 20)
#define LIMIT		(UINT64_C(64) << 20)
#define LIMIT_QUICK	(UINT64_C(2) << 20)

/* The writer's pages: so many times the limit. */
#define TIMES		4u
/* s: a slow disk must not make the table longer than ten minutes. */
#define SAMPLE_MOST_S	6.0
#define SAMPLE_S	1.0
#define SAMPLE_QUICK_S	0.05
/* Rounds: of four ways, up to 6 s each. */
#define ROUNDS		5u
#define WAYS		4u

/* Grabs of which the time is kept. */
#define GRABS_MOST	(1u << 20)

/* Beside the loop's: ns of the grab that 99 of 100 are faster than. */
#define P99	BENCH_NS
#define PACE	3u		/* pages a second of the writer */

struct foreground {
	struct bench_file *file;	/* that is read */
	struct bench_file *other;	/* that is written */
	uint64_t pages;		/* to be written: of a sample */
	bool writes;
	bool bare;		/* plain calls */
	int fd, other_fd;	/* past the page cache */
	void *buffer[2];	/* a page, of who reads and who writes */
	double seconds;		/* of a sample without a writer */
	struct vm *vm;
	struct vm_object *object;
	struct vm_object *dirty;
	uint64_t *took_ns;
	FILE *out;		/* NULL: nobody wants the quantiles */
	struct bench_rng rng;
	_Atomic bool stop;
	_Atomic uint64_t written;
};

static uint64_t
read_bare(struct foreground *f, uint64_t pindex)
{
	const size_t bytes = bench_page_bytes();
	uint64_t start_ns = bench_now_ns();

	if (pread(f->fd, f->buffer[0], bytes, (off_t)(pindex * bytes)) !=
	    (ssize_t)bytes || !bench_page_good(f->buffer[0], pindex))
		bench_die("a read, or a page has other bytes");
	return bench_now_ns() - start_ns;
}

static void
write_bare(const struct foreground *f, uint64_t pindex)
{
	const size_t bytes = bench_page_bytes();

	memcpy(f->buffer[1], &pindex, sizeof(pindex));
	if (pwrite(f->other_fd, f->buffer[1], bytes, (off_t)(pindex *
	    bytes)) != (ssize_t)bytes)
		bench_die("a write");
}

static uint64_t
read_one(struct foreground *f)
{
	uint64_t pindex = bench_below(&f->rng, f->file->pages);
	uint64_t start_ns = bench_now_ns();
	struct vm_page *page;

	if (f->bare)
		return read_bare(f, pindex);
	bench_check(vm_page_grab(f->object, pindex, VM_GRAB_READ, &page),
	    "grab");
	if (!bench_page_good(vm_page_data(page), pindex))
		bench_die("a page has other bytes");
	vm_page_release(page);
	return bench_now_ns() - start_ns;
}

static void
write_one(struct foreground *f, struct bench_rng *rng)
{
	uint64_t pindex = bench_below(rng, f->other->pages);
	struct vm_page *page;
	uint64_t *words;

	if (f->bare) {
		write_bare(f, pindex);
		return;
	}
	bench_check(vm_page_grab(f->dirty, pindex, VM_GRAB_WRITE |
	    VM_GRAB_OVERWRITE, &page), "grab");
	words = vm_page_data(page);
	for (uint64_t i = 0; i < bench_page_bytes() / sizeof(*words); i++)
		words[i] = pindex;
	vm_page_release(page);
}

static void *
writer(void *arg)
{
	struct foreground *f = arg;
	struct bench_rng rng = bench_rng(f->pages);

	while (!atomic_load(&f->stop)) {
		write_one(f, &rng);
		atomic_fetch_add(&f->written, 1);
	}
	return NULL;
}

static int
compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* Until the writer is done, or for seconds where there is none. */
static uint32_t
read_all(struct foreground *f)
{
	double most = f->writes ? SAMPLE_MOST_S : f->seconds;
	uint64_t start_ns = bench_now_ns();
	uint32_t n = 0;

	while (n < GRABS_MOST && (double)(bench_now_ns() - start_ns) <
	    most * 1e9 && (!f->writes || atomic_load(&f->written) <
	    f->pages))
		f->took_ns[n++] = read_one(f);
	return n;
}

/* A line for each thousandth: alone or beside, quantile, us; not of the
 * floor's. */
static void
tell(const struct foreground *f, uint32_t n)
{
	if (f->out == NULL || f->bare)
		return;
	for (unsigned i = 1; i < 1000; i++)
		fprintf(f->out, "%s\t%.3f\t%.1f\n", f->writes ? "beside" :
		    "alone", i / 1000.0,
		    (double)f->took_ns[(uint64_t)n * i / 1000] / 1000);
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct foreground *f = self;
	uint64_t start_ns = bench_now_ns();
	pthread_t thread;
	uint32_t n;

	if (f->bare && (f->fd < 0 || f->other_fd < 0))
		return -EINVAL;
	atomic_store(&f->stop, false);
	atomic_store(&f->written, 0);
	if (f->writes && pthread_create(&thread, NULL, writer, f) != 0)
		bench_die("a thread");
	n = read_all(f);
	start_ns = bench_now_ns() - start_ns;
	figures[PACE] = (double)atomic_load(&f->written) * 1e9 /
	    (double)start_ns;
	atomic_store(&f->stop, true);
	if (f->writes)
		pthread_join(thread, NULL);
	qsort(f->took_ns, n, sizeof(*f->took_ns), compare);
	tell(f, n);
	figures[P99] = (double)f->took_ns[(uint64_t)n * 99 / 100];
	figures[BENCH_CPU] = (double)f->took_ns[n / 2];
	figures[BENCH_RATE] = (double)n * 1e9 / (double)start_ns;
	return 0;
}

/* The disk is the next one's alone. */
static void
settle(void *self)
{
	struct foreground *f = self;

	bench_check(vm_object_flush(f->dirty, 0, VM_LENGTH_ALL), "flush");
}

static struct vm_object *
object_of(struct vm *vm, const struct bench_file *file)
{
	struct vm_object *object;

	bench_check(vm_object_create_file(vm, file->fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), "an object");
	bench_check(vm_object_advise(object, VM_ADVICE_RANDOM), "advice");
	return object;
}

/* Where the file system can do that. */
static void
bare_init(struct foreground *f)
{
	f->fd = open(f->file->path, O_RDWR | O_DIRECT | O_CLOEXEC);
	f->other_fd = open(f->other->path, O_RDWR | O_DIRECT | O_CLOEXEC);
	for (unsigned i = 0; i < 2; i++) {
		f->buffer[i] = aligned_alloc(bench_page_bytes(),
		    bench_page_bytes());
		if (f->buffer[i] == NULL)
			bench_die("no memory");
		memset(f->buffer[i], 0, bench_page_bytes());
	}
}

static void
foreground_init(struct foreground *f, uint64_t limit_bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;

	options.resident_max_bytes = limit_bytes;
	options.flags = VM_HUGE;
	bench_check(vm_create(&options, &f->vm), "a system");
	f->object = object_of(f->vm, f->file);
	f->dirty = object_of(f->vm, f->other);
	f->pages = TIMES * limit_bytes / bench_page_bytes();
	f->rng = bench_rng(limit_bytes);
	f->took_ns = malloc(GRABS_MOST * sizeof(*f->took_ns));
	if (f->took_ns == NULL)
		bench_die("no memory");
}

static void
foreground_fini(struct foreground *f)
{
	bench_check(vm_object_destroy(f->dirty), "end of object");
	bench_check(vm_object_destroy(f->object), "end of object");
	bench_check(vm_destroy(f->vm), "end of system");
	free(f->took_ns);
	free(f->buffer[0]);
	free(f->buffer[1]);
	if (f->fd >= 0)
		close(f->fd);
	if (f->other_fd >= 0)
		close(f->other_fd);
}

static void
is(void *self, bool bare, bool writes)
{
	struct foreground *f = self;

	f->bare = bare;
	f->writes = writes;
}

static void
alone_before(void *self)
{
	is(self, false, false);
}

static void
beside_before(void *self)
{
	is(self, false, true);
}

static void
bare_alone_before(void *self)
{
	is(self, true, false);
}

static void
bare_beside_before(void *self)
{
	is(self, true, true);
}

static void
run(struct bench *bench)
{
	bool quick = bench->options.quick;
	const char *name = getenv("RESIDENT_BENCH_FOREGROUND");
	struct foreground f = { .seconds = quick ? SAMPLE_QUICK_S :
		SAMPLE_S };
	uint64_t limit_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK);
	struct bench_way ways[WAYS] = {
		{ .name = "alone", .self = &f, .once = once,
		    .before = alone_before },
		{ .name = "beside a writer", .self = &f, .once = once,
		    .before = beside_before, .after = settle },
		{ .name = "bare, alone", .self = &f, .once = once,
		    .before = bare_alone_before },
		{ .name = "bare, beside bare writes", .self = &f,
		    .once = once, .before = bare_beside_before },
	};

	f.file = bench_file(bench, BENCH_DISK, quick ? FILE_QUICK :
	    FILE_BYTES);
	f.other = bench_file(bench, BENCH_DISK, quick ? 2 * FILE_QUICK :
	    2 * FILE_BYTES);
	if (f.file == NULL || f.other == NULL)
		return;
	bench_file_drop(f.file);
	foreground_init(&f, limit_bytes);
	bare_init(&f);
	if (name != NULL && (f.out = fopen(name, "w")) == NULL)
		bench_die("%s: cannot be written", name);
	bench_rounds(bench, ways, WAYS, f.out != NULL ? 1 :
	    bench->options.runs < ROUNDS ? bench->options.runs : ROUNDS);
	bench_row(bench, &(struct bench_row){
		.variant = "p99 of reads, beside a writer", .unit = "ns",
		.ours = &ways[1], .against = &ways[0], .figure = P99,
		.sense = BENCH_AT_MOST, .target = 2,
	});
	bench_row(bench, &(struct bench_row){
		.variant = "median of reads", .unit = "ns",
		.ours = &ways[1], .against = &ways[0], .figure = BENCH_CPU,
	});
	bench_row(bench, &(struct bench_row){
		.variant = "pages written meanwhile", .unit = "/s",
		.ours = &ways[1], .figure = PACE,
	});
	if (f.out != NULL)
		fclose(f.out);
	bench_row(bench, &(struct bench_row){
		.variant = "p99 of reads, bare both",
		.unit = "ns", .ours = &ways[3], .against = &ways[2],
		.figure = P99,
	});
	bench_ways_fini(ways, WAYS);
	foreground_fini(&f);
}

const struct bench_workload bench_foreground = {
	.name = "foreground",
	.question = "does a reader notice that somebody writes?",
	.run = run,
};
