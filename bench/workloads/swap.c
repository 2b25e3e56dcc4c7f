/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swap - anonymous pages anywhere are changed, of 2 and 4 times the memory.
 *
 * Half of each page is noise, so that it shrinks to a half.  The compressed way
 * has half of the limit for compressed pages, and so half as many that are not.
 * The floor is what a program would do that kept as many pages itself: for each
 * page that is not in memory, one is written and one is read, past the page
 * cache, one after the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <resident/resident.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"

#define LIMIT		(UINT64_C(64) << 20)
#define LIMIT_QUICK	(UINT64_C(2) << 20)

/* s of a sample, and before it, until swap is as it will be. */
#define SAMPLE_S	1.0
#define SAMPLE_QUICK_S	0.05
/* Rounds: of 5 ways, 1.5 s each, twice. */
#define ROUNDS		5u

struct swap {
	struct bench *bench;
	const char *folder;
	double seconds;
	uint64_t limit_bytes;
	unsigned times;		/* of the limit there are pages */
	bool packs, enciphers;
	/* One of the two. */
	struct vm *vm;
	struct vm_object *object;
	int fd;
	void *memory;		/* of a page */
	struct bench_rng rng;
};

static uint64_t
pages(const struct swap *s)
{
	return s->times * s->limit_bytes / bench_page_bytes();
}

/* ---- ours ---------------------------------------------------------------- */

static void
fill(uint64_t *words, uint64_t pindex, struct bench_rng *rng)
{
	uint64_t count = bench_page_bytes() / sizeof(*words);

	words[0] = pindex;
	for (uint64_t i = 1; i < count; i++)
		words[i] = i < count / 2 ? bench_random(rng) : pindex;
}

static void
change_one(struct swap *s)
{
	uint64_t pindex = bench_below(&s->rng, pages(s));
	struct vm_page *page;
	uint64_t *words;

	bench_check(vm_page_grab(s->object, pindex, VM_GRAB_WRITE, &page),
	    "grab");
	words = vm_page_data(page);
	if (words[0] != pindex)
		bench_die("a page came back as another one");
	words[1]++;
	vm_page_dirty(page, 0, (uint32_t)bench_page_bytes());
	vm_page_release(page);
}

static void
write_all(struct swap *s)
{
	for (uint64_t i = 0; i < pages(s); i++) {
		struct vm_page *page;

		bench_check(vm_page_grab(s->object, i, VM_GRAB_WRITE, &page),
		    "grab");
		fill(vm_page_data(page), i, &s->rng);
		vm_page_dirty(page, 0, (uint32_t)bench_page_bytes());
		vm_page_release(page);
	}
}

/* 0, or why this way is not here. */
static int
open_ours(struct swap *s)
{
	struct vm_options options = VM_OPTIONS_INIT;
	int error;

	options.resident_max_bytes = s->limit_bytes;
	options.swap_directory = s->folder;
	options.swap_compress_bytes = s->packs ? s->limit_bytes / 2 : 0;
	options.flags = VM_HUGE | (s->enciphers ? VM_SWAP_ENCRYPT : 0);
	error = vm_create(&options, &s->vm);
	if (error == -ENOTSUP || error == -EPERM)
		return error;
	bench_check(error, "a system");
	bench_check(vm_object_create_anon(s->vm, s->times * s->limit_bytes, 0,
	    &s->object), "an object");
	bench_check(vm_object_advise(s->object, VM_ADVICE_RANDOM), "advice");
	write_all(s);
	return 0;
}

static void
close_ours(struct swap *s)
{
	bench_check(vm_object_destroy(s->object), "end of object");
	bench_check(vm_destroy(s->vm), "end of system");
}

/* ---- the floor ----------------------------------------------------------- */

static int
open_floor(struct swap *s)
{
	uint64_t bytes = s->times * s->limit_bytes;

	s->fd = open(s->folder, O_TMPFILE | O_RDWR | O_DIRECT, 0600);
	if (s->fd < 0)
		return -errno;
	if (posix_memalign(&s->memory, bench_page_bytes(),
	    bench_page_bytes()) != 0)
		bench_die("no memory");
	for (uint64_t i = 0; i < pages(s); i++) {
		fill(s->memory, i, &s->rng);
		if (pwrite(s->fd, s->memory, bench_page_bytes(),
		    (off_t)(i * bench_page_bytes())) < 0)
			return -errno;
	}
	return fsync(s->fd) == 0 && bytes != 0 ? 0 : -EIO;
}

static void
close_floor(struct swap *s)
{
	free(s->memory);
	close(s->fd);
}

static off_t
some_place(struct swap *s)
{
	return (off_t)(bench_below(&s->rng, pages(s)) * bench_page_bytes());
}

static void
move_one(struct swap *s)
{
	if (bench_below(&s->rng, s->times) == 0)
		return;		/* it is in memory */
	if (pwrite(s->fd, s->memory, bench_page_bytes(), some_place(s)) < 0 ||
	    pread(s->fd, s->memory, bench_page_bytes(), some_place(s)) < 0)
		bench_die("the floor's file fails");
}

/* ---- both ---------------------------------------------------------------- */

static uint64_t
change_for(struct swap *s, double seconds)
{
	uint64_t end_ns = bench_now_ns() + (uint64_t)(seconds * 1e9);
	uint64_t count = 0;

	while (bench_now_ns() < end_ns) {
		if (s->vm != NULL)
			change_one(s);
		else
			move_one(s);
		count++;
	}
	return count;
}

static int
once(void *self, double figures[BENCH_FIGURES])
{
	struct swap *s = self;
	uint64_t start_ns, cpu_ns, count;

	(void)change_for(s, s->seconds / 2);
	cpu_ns = bench_cpu_ns();
	start_ns = bench_now_ns();
	count = change_for(s, s->seconds);
	start_ns = bench_now_ns() - start_ns;
	cpu_ns = bench_cpu_ns() - cpu_ns;
	figures[BENCH_NS] = (double)start_ns / (double)count;
	figures[BENCH_CPU] = (double)cpu_ns / (double)count;
	figures[BENCH_RATE] = (double)count * 1e9 / (double)start_ns;
	return 0;
}

static int
not_here(void *self, double figures[BENCH_FIGURES])
{
	(void)self;
	(void)figures;
	return -ENOTSUP;
}

#define WAYS 5u

static void
say(struct bench *bench, struct bench_way *ways, unsigned times)
{
	static const char *const what[WAYS] = { "as they are", "compressed",
		"enciphered", "both" };
	char variant[64];

	for (unsigned i = 0; i + 1 < WAYS; i++) {
		(void)snprintf(variant, sizeof(variant), "%ux, %s", times,
		    what[i]);
		bench_row(bench, &(struct bench_row){
			.variant = variant, .unit = "/s", .ours = &ways[i],
			.against = &ways[i == 0 ? WAYS - 1 : 0],
			.figure = BENCH_RATE, .sense = BENCH_NO_TARGET,
		});
	}
}

static void
run_times(struct bench *bench, const char *folder, unsigned times)
{
	static const char *const names[WAYS] = { "ours", "compressed",
		"enciphered", "both", "pread and pwrite" };
	bool quick = bench->options.quick, open[WAYS];
	struct bench_way ways[WAYS];
	struct swap swap[WAYS];

	for (unsigned i = 0; i < WAYS; i++) {
		swap[i] = (struct swap){ .bench = bench, .folder = folder,
			.seconds = quick ? SAMPLE_QUICK_S : SAMPLE_S,
			.limit_bytes = bench_mem(bench, LIMIT, LIMIT_QUICK),
			.times = times, .packs = (i & 1) != 0,
			.enciphers = (i & 2) != 0, .rng = bench_rng(i),
		};
		open[i] = (i + 1 < WAYS ? open_ours(&swap[i]) :
		    open_floor(&swap[i])) == 0;
		ways[i] = (struct bench_way){ .name = names[i],
			.self = &swap[i], .once = open[i] ? once : not_here };
	}
	bench_rounds(bench, ways, WAYS,
	    bench->options.runs < ROUNDS ? bench->options.runs : ROUNDS);
	say(bench, ways, times);
	bench_ways_fini(ways, WAYS);
	for (unsigned i = 0; i < WAYS; i++)
		if (open[i] && i + 1 < WAYS)
			close_ours(&swap[i]);
		else if (open[i])
			close_floor(&swap[i]);
}

static void
run(struct bench *bench)
{
	uint64_t limit = bench_mem(bench, LIMIT, LIMIT_QUICK);
	const char *folder = bench_folder(bench, BENCH_DISK, 20 * limit);

	if (folder == NULL)
		return;
	run_times(bench, folder, 2);
	run_times(bench, folder, 4);
}

const struct bench_workload bench_swap = {
	.name = "swap",
	.question = "what is anonymous memory worth beyond the limit?",
	.run = run,
};
