/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * overhead - what the library keeps besides the pages themselves.
 *
 * The kernel's word is taken, not ours: how much the resident set grew from
 * before vm_create until an object of twice (dense) or sixty-four times
 * (sparse, pages in no order) the limit has gone through it, less the arena's
 * own pages.  The pager of these fills nothing.  The last row is with a file
 * and all its bytes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <resident/resident.h>

#include "bench/bench.h"
#include "bench/pager.h"

/* Limits: what grows with them shows, and what does not (buffers, stacks, the
 * last of some large pages) is for the last row. */
#define LIMIT		(UINT64_C(1) << 30)
#define LIMIT_FILE	(UINT64_C(256) << 20)
#define LIMIT_QUICK	(UINT64_C(4) << 20)

/* Entries of pagemap read at once: 64 KiB. */
#define ENTRIES 8192u
#define PRESENT (UINT64_C(1) << 63)

struct overhead {
	uint64_t limit_bytes;
	uint64_t factor;	/* the object's length is so many limits */
	bool random;
	bool ahead;		/* what is read ahead: memory is not full then,
				 * for what is behind the reader leaves */
	struct bench_file *file;	/* NULL: pages of nothing */
};

/* The figures of a sample. */
#define OVER		0u	/* bytes besides the arena, % of the limit */
#define SAID		1u	/* what vm_stat says of it, % of the limit */
#define GROWN		2u	/* the resident set's growth, % of the limit */

/* All of it, or without what is mapped from files: program and libraries, of
 * which more is read as more is called. */
static uint64_t
resident_bytes(bool with_files)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long size, resident, files;

	if (file == NULL || fscanf(file, "%llu %llu %llu", &size, &resident,
	    &files) != 3)
		bench_die("/proc/self/statm cannot be read");
	fclose(file);
	if (!with_files)
		resident -= files;
	return resident * bench_page_bytes();
}

/* Pages of [base, base + pages) that this process has mapped. */
static uint64_t
pages_present(const void *base, uint64_t pages)
{
	uint64_t *entries = malloc(ENTRIES * sizeof(*entries));
	uint64_t first = (uint64_t)(uintptr_t)base / bench_page_bytes();
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t present = 0, some;

	if (entries == NULL || fd < 0)
		bench_die("/proc/self/pagemap cannot be read");
	for (uint64_t i = 0; i < pages; i += some) {
		some = pages - i < ENTRIES ? pages - i : ENTRIES;
		if (pread(fd, entries, some * sizeof(*entries),
		    (off_t)((first + i) * sizeof(*entries))) !=
		    (ssize_t)(some * sizeof(*entries)))
			bench_die("/proc/self/pagemap cannot be read");
		for (uint64_t j = 0; j < some; j++)
			present += (entries[j] & PRESENT) != 0;
	}
	close(fd);
	free(entries);
	return present;
}

static uint64_t
arena_bytes(struct vm *vm)
{
	struct vm_segment_info info = VM_SEGMENT_INFO_INIT;

	bench_check(vm_frame_info(vm, 0, &info), "segment");
	return pages_present(info.base, info.pages) * bench_page_bytes();
}

static void
go_through(const struct overhead *how, struct vm_object *object)
{
	uint64_t limit_pages = how->limit_bytes / bench_page_bytes();
	uint64_t pages = limit_pages * how->factor;
	struct bench_rng rng = bench_rng(how->factor);
	struct vm_page *page;

	/* Twice the limit is enough for its eviction to be under way. */
	for (uint64_t i = 0; i < 2 * limit_pages; i++) {
		uint64_t pindex = how->random ? bench_below(&rng, pages) : i;

		bench_check(vm_page_grab(object, pindex, VM_GRAB_READ, &page),
		    "grab");
		if (how->file != NULL &&
		    !bench_page_good(vm_page_data(page), pindex))
			bench_die("page %llu has other bytes",
			    (unsigned long long)pindex);
		vm_page_release(page);
	}
}

static struct vm_object *
object_of(const struct overhead *how, struct vm *vm)
{
	struct vm_object *object;

	if (how->file == NULL) {
		object = bench_object_of_nothing(vm,
		    how->limit_bytes * how->factor);
		bench_check(vm_object_advise(object, how->ahead ?
		    VM_ADVICE_NORMAL : VM_ADVICE_RANDOM), "advice");
		return object;
	}
	bench_check(vm_object_create_file(vm, how->file->fd, 0,
	    VM_LENGTH_ALL, 0, &object), "an object");
	return object;
}

/* Without the arena, which grows in the background: when that stood still. */
static uint64_t
besides_arena(struct vm *vm, const struct overhead *how, uint64_t before,
    uint64_t *grown)
{
	uint64_t arena, now = arena_bytes(vm);

	do {
		arena = now;
		*grown = resident_bytes(how->file != NULL) - before;
		now = arena_bytes(vm);
	} while (now != arena);
	return *grown - arena;
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	const struct overhead *how = self;
	struct vm_options options = VM_OPTIONS_INIT;
	struct vm_stat stat = VM_STAT_INIT;
	uint64_t before = resident_bytes(how->file != NULL);
	uint64_t grown, besides;
	double percent = (double)how->limit_bytes / 100;
	struct vm_object *object;
	struct vm *vm;

	options.resident_max_bytes = how->limit_bytes;
	bench_check(vm_create(&options, &vm), "a system");
	object = object_of(how, vm);
	go_through(how, object);
	besides = besides_arena(vm, how, before, &grown);
	bench_check(vm_stat(vm, &stat), "figures");
	bench_check(vm_object_destroy(object), "end of object");
	bench_check(vm_destroy(vm), "end of system");
	figures[OVER] = (double)besides / percent;
	figures[SAID] = (double)stat.overhead_bytes / percent;
	figures[GROWN] = (double)grown / percent;
	return 0;
}

static void
say(struct bench *bench, struct bench_way *way, unsigned figure,
    const char *variant, double most)
{
	struct bench_row row = { .variant = variant, .unit = "%",
		.ours = way, .figure = figure, .target = most,
		.sense = most != 0 ? BENCH_AT_MOST : BENCH_NO_TARGET };

	bench_row(bench, &row);
}

static void
with_a_file(struct bench *bench)
{
	struct overhead how = { .factor = 4, .random = true };
	struct bench_way way = { .name = "resident set", .self = &how,
		.once = once };

	how.limit_bytes = bench_mem(bench, LIMIT_FILE, LIMIT_QUICK);
	how.file = bench_file(bench, BENCH_NULL_STORE,
	    how.limit_bytes * how.factor);
	if (how.file == NULL)
		return;
	bench_rounds(bench, &way, 1, 1);
	/* The limit, 2 % of it, and 8 MiB. */
	say(bench, &way, GROWN, "RSS, of the limit", 102 +
	    100 * (8 << 20) / (double)how.limit_bytes);
	bench_ways_fini(&way, 1);
}

static void
run(struct bench *bench)
{
	struct overhead dense = { .factor = 2 };
	struct overhead ahead = { .factor = 2, .ahead = true };
	struct overhead sparse = { .factor = 64, .random = true };
	struct bench_way ways[] = {
		{ .name = "dense", .self = &dense, .once = once },
		{ .name = "sparse", .self = &sparse, .once = once },
		{ .name = "ahead", .self = &ahead, .once = once },
	};

	dense.limit_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK);
	sparse.limit_bytes = dense.limit_bytes;
	ahead.limit_bytes = dense.limit_bytes;
	bench_rounds(bench, ways, 3, 1);
	say(bench, &ways[0], OVER, "dense, of the limit", 2);
	say(bench, &ways[2], OVER, "dense, read ahead", 2);
	say(bench, &ways[1], OVER, "1 page in 64, of the limit", 5);
	say(bench, &ways[0], SAID, "dense, by vm_stat", 0);
	say(bench, &ways[1], SAID, "1 page in 64, by vm_stat", 0);
	bench_ways_fini(ways, 3);
	with_a_file(bench);
}

const struct bench_workload bench_overhead = {
	.name = "overhead",
	.question = "how much memory goes besides the pages",
	.run = run,
};
