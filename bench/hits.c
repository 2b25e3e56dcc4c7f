/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/hits.c - hits.h has the theory. */
#include "bench/hits.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <resident/resident.h>

#include "bench/pager.h"

/* A large page of x86-64 and arm64. */
#define HUGE_BYTES (UINT64_C(2) << 20)
/* Beside the set, so that nothing is short: a 16th and 16 MiB. */
#define SPARE_SHARE 16u
#define SPARE_BYTES (UINT64_C(16) << 20)
/* The page that is hot: any but the first. */
#define HOT 5u

/* In large pages where the machine has them. */
static void *
large(uint64_t bytes)
{
	uint64_t whole = (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
	void *memory = aligned_alloc(HUGE_BYTES, whole);

	if (memory == NULL)
		bench_die("no memory for an array of %llu bytes",
		    (unsigned long long)bytes);
	(void)madvise(memory, whole, MADV_HUGEPAGE);
	return memory;
}

static void
fill(struct hits *hits)
{
	for (uint64_t i = 0; i < hits->pages; i++) {
		struct vm_page *page;

		bench_check(vm_page_grab(hits->object, i, VM_GRAB_WRITE,
		    &page), "grab");
		hits->bare[i] = vm_page_data(page);
		hits->bare[i][0] = i;
		vm_page_release(page);
	}
}

/* Each page is in the ring once (Sattolo's shuffle). */
static void
make_ring(struct hits *hits)
{
	struct bench_rng rng = bench_rng(1);

	for (uint64_t i = hits->pages - 1; i > 0; i--) {
		uint64_t other = bench_below(&rng, i);
		uint64_t word = hits->bare[i][0];

		hits->bare[i][0] = hits->bare[other][0];
		hits->bare[other][0] = word;
	}
}

/* Once by grabs: what a hit needs to know of a page is known. */
static void
warm(struct hits *hits)
{
	const struct bench_turn turn = { .threads = 1,
		.count = 2 * hits->pages };

	hits_grab(hits, &turn);
}

void
hits_open(struct hits *hits, uint64_t bytes)
{
	struct vm_options options = VM_OPTIONS_INIT;

	options.resident_max_bytes = bytes + bytes / SPARE_SHARE +
	    SPARE_BYTES;
	options.flags |= VM_HUGE;
	bench_check(vm_create(&options, &hits->vm), "a system");
	hits->object = bench_object_of_nothing(hits->vm, bytes);
	hits->pages = bytes / bench_page_bytes();
	hits->bare = large(hits->pages * sizeof(hits->bare[0]));
	fill(hits);
	make_ring(hits);
	warm(hits);
}

/* A page that left came back without its number: the ring was another one. */
static void
check_whole(const struct hits *hits)
{
	struct vm_stat stat = VM_STAT_INIT;

	bench_check(vm_stat(hits->vm, &stat), "figures");
	if (stat.evicted_clean + stat.evicted_dirty != 0)
		bench_die("%llu pages left the set that has to stay",
		    (unsigned long long)(stat.evicted_clean +
		    stat.evicted_dirty));
}

void
hits_close(struct hits *hits)
{
	check_whole(hits);
	bench_check(vm_object_destroy(hits->object), "end of object");
	bench_check(vm_destroy(hits->vm), "end of system");
	free(hits->bare);
}

/* ---- one after the other ------------------------------------------------- */

static inline uint64_t
grab(const struct hits *hits, uint64_t at)
{
	struct vm_page *page;
	uint64_t next;

	if (vm_page_grab(hits->object, at, VM_GRAB_READ, &page) != 0)
		bench_die("a page is not there: %s", vm_last_error());
	next = *(const uint64_t *)vm_page_data(page);
	vm_page_release(page);
	return next;
}

static inline uint64_t
read_unheld(const struct hits *hits, uint64_t at)
{
	struct vm_read read;
	const uint64_t *data = vm_read_begin(hits->object, at, &read);
	uint64_t next;

	if (data == NULL)
		return grab(hits, at);
	next = data[0];
	return vm_read_valid(&read) ? next : grab(hits, at);
}

static uint64_t
begin_at(const struct hits *hits, const struct bench_turn *turn)
{
	return turn->seed % hits->pages;
}

void
hits_grab(void *self, const struct bench_turn *turn)
{
	const struct hits *hits = self;
	uint64_t at = begin_at(hits, turn);

	for (uint64_t i = 0; i < turn->count; i++)
		at = grab(hits, at);
	bench_use(at);
}

void
hits_read(void *self, const struct bench_turn *turn)
{
	const struct hits *hits = self;
	uint64_t at = begin_at(hits, turn);

	for (uint64_t i = 0; i < turn->count; i++)
		at = read_unheld(hits, at);
	bench_use(at);
}

void
hits_bare(void *self, const struct bench_turn *turn)
{
	const struct hits *hits = self;
	uint64_t at = begin_at(hits, turn);

	for (uint64_t i = 0; i < turn->count; i++)
		at = *hits->bare[at];
	bench_use(at);
}

void
hits_grab_any(void *self, const struct bench_turn *turn)
{
	const struct hits *hits = self;
	struct bench_rng rng = bench_rng(turn->seed);
	uint64_t sum = 0;

	for (uint64_t i = 0; i < turn->count; i++)
		sum += grab(hits, bench_below(&rng, hits->pages));
	bench_use(sum);
}

/* ---- one page ------------------------------------------------------------ */

void
hits_grab_hot(void *self, const struct bench_turn *turn)
{
	const struct hits *hits = self;
	struct vm_page *page;

	for (uint64_t i = 0; i < turn->count; i++) {
		if (vm_page_grab(hits->object, HOT, VM_GRAB_READ, &page) != 0)
			bench_die("a page is not there: %s", vm_last_error());
		vm_page_release(page);
	}
}

/* Zero, but the compiler does not know it. */
static inline uint64_t
nothing(uint64_t word, uint64_t of)
{
	__asm__ volatile("" : "+r"(word));
	return word ^ of;
}

void
hits_read_hot(void *self, const struct bench_turn *turn)
{
	const struct hits *hits = self;
	uint64_t word = *hits->bare[HOT], last = word;

	for (uint64_t i = 0; i < turn->count; i++)
		last = read_unheld(hits, HOT + nothing(last, word));
	bench_use(last);
}

void
hits_kept_hot(void *self, const struct bench_turn *turn)
{
	const struct hits *hits = self;
	uint64_t word = *hits->bare[HOT], last = word;
	struct vm_read read;
	const uint64_t *data = vm_read_begin(hits->object, HOT, &read);

	for (uint64_t i = 0; i < turn->count; i++) {
		if (data == NULL || !vm_read_valid(&read)) {
			last = grab(hits, HOT);
			data = vm_read_begin(hits->object, HOT, &read);
		} else
			last = data[nothing(last, word)];
	}
	bench_use(last);
}

/* ---- floors -------------------------------------------------------------- */

void
hits_two_locked(void *self, const struct bench_turn *turn)
{
	_Alignas(64) _Atomic uint64_t word = 0;

	(void)self;
	for (uint64_t i = 0; i < turn->count; i++) {
		uint64_t seen = atomic_load_explicit(&word,
		    memory_order_relaxed);

		(void)atomic_compare_exchange_strong_explicit(&word, &seen,
		    seen + 1, memory_order_acquire, memory_order_relaxed);
		seen = atomic_load_explicit(&word, memory_order_relaxed);
		(void)atomic_compare_exchange_strong_explicit(&word, &seen,
		    seen - 1, memory_order_release, memory_order_relaxed);
	}
	bench_use(atomic_load(&word));
}

void
hits_two_acquires(void *self, const struct bench_turn *turn)
{
	const struct hits *hits = self;
	uint64_t *_Atomic way = hits->bare[HOT];
	uint64_t *_Atomic *_Atomic table[2] = { &way, &way };
	uint64_t word = *hits->bare[HOT], last = word;

	for (uint64_t i = 0; i < turn->count; i++)
		last = *atomic_load_explicit(atomic_load_explicit(
		    &table[nothing(last, word)], memory_order_acquire),
		    memory_order_acquire);
	bench_use(last);
}
