/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sync - 64 MiB of dirty pages, no two neighbours, to stable storage.
 *
 * fio writes the same places in the same, ascending, order, with as many in
 * flight as the laundry has, then calls fsync.
 */
#include <stdlib.h>

#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/peers/fio_way.h"

#define FILE_BYTES	(UINT64_C(2) << 30)
#define FILE_QUICK	(UINT64_C(16) << 20)
#define LIMIT		(UINT64_C(256) << 20)
#define LIMIT_QUICK	(UINT64_C(4) << 20)

/* Pages: 64 MiB of 4 KiB ones. */
#define DIRTY		16384u
#define DIRTY_QUICK	128u
/* Rounds: of two ways, half a second each. */
#define ROUNDS		15u

/* The default of vm_options.laundry_depth. */
#define DEPTH		32u

struct sync {
	struct bench_file *file;
	uint64_t *offsets;	/* bytes, ascending */
	unsigned count;
	struct vm *vm;
	struct vm_object *object;
};

/* One anywhere in each of count equal pieces, but for its last page: no two are
 * neighbours. */
static void
choose(struct sync *s)
{
	uint64_t piece = s->file->pages / s->count;
	struct bench_rng rng = bench_rng(s->count);

	for (unsigned i = 0; i < s->count; i++)
		s->offsets[i] = (i * piece + bench_below(&rng, piece - 1)) *
		    bench_page_bytes();
}

static void
make_dirty(void *self)
{
	struct sync *s = self;
	struct vm_page *page;

	for (unsigned i = 0; i < s->count; i++) {
		bench_check(vm_page_grab(s->object, s->offsets[i] /
		    bench_page_bytes(), VM_GRAB_WRITE, &page), "grab");
		((uint64_t *)vm_page_data(page))[1]++;
		vm_page_dirty(page, 8, 8);
		vm_page_release(page);
	}
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct sync *s = self;
	uint64_t start_ns = bench_now_ns(), cpu_ns = bench_cpu_ns();

	bench_check(vm_object_sync(s->object, 0, VM_LENGTH_ALL), "sync");
	start_ns = bench_now_ns() - start_ns;
	cpu_ns = bench_cpu_ns() - cpu_ns;
	figures[BENCH_NS] = (double)start_ns / s->count;
	figures[BENCH_CPU] = (double)cpu_ns / s->count;
	figures[BENCH_RATE] = s->count * 1e9 / (double)start_ns;
	return 0;
}

static void
sync_init(struct sync *s, uint64_t limit_bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;

	options.resident_max_bytes = limit_bytes;
	options.flags = VM_HUGE;
	s->offsets = calloc(s->count, sizeof(*s->offsets));
	if (s->offsets == NULL)
		bench_die("no memory");
	choose(s);
	bench_check(vm_create(&options, &s->vm), "a system");
	bench_check(vm_object_create_file(s->vm, s->file->fd, 0,
	    VM_LENGTH_ALL, VM_OBJECT_WRITABLE, &s->object), "an object");
}

static void
sync_fini(struct sync *s)
{
	bench_check(vm_object_destroy(s->object), "end of object");
	bench_check(vm_destroy(s->vm), "end of system");
	free(s->offsets);
}

static void
run(struct bench *bench)
{
	bool quick = bench->options.quick;
	struct sync s = { .count = quick ? DIRTY_QUICK : DIRTY };
	struct fio_way fio = { .job = { .pattern = FIO_RANDWRITE,
		.depth = DEPTH, .sync = true } };
	struct bench_way ways[2] = {
		{ .name = "ours", .self = &s, .once = once,
		    .before = make_dirty },
	};

	s.file = bench_file(bench, BENCH_DISK, quick ? FILE_QUICK :
	    FILE_BYTES);
	if (s.file == NULL)
		return;
	bench_file_drop(s.file);
	sync_init(&s, bench_mem(bench, LIMIT, LIMIT_QUICK));
	fio.job.path = s.file->path;
	fio.job.offsets = s.offsets;
	fio.job.offsets_count = s.count;
	fio_way_init(&ways[1], "fio", &fio);
	bench_rounds(bench, ways, 2,
	    bench->options.runs < ROUNDS ? bench->options.runs : ROUNDS);
	bench_row(bench, &(struct bench_row){
		.variant = "64 MiB in 16,384 pages", .unit = "/s",
		.ours = &ways[0], .against = &ways[1], .figure = BENCH_RATE,
		.sense = BENCH_AT_LEAST, .target = 0.9,
	});
	bench_ways_fini(ways, 2);
	sync_fini(&s);
}

const struct bench_workload bench_sync = {
	.name = "sync",
	.question = "do scattered dirty pages reach the disk at full depth?",
	.run = run,
};
