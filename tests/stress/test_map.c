/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps under load: threads write and read through them while others write back,
 * evict, map, protect and unmap.  Each thread has a word of its own in every
 * page, and knows what is in it: a byte that is lost or comes from elsewhere is
 * seen by who wrote it.
 *
 *	RESIDENT_ROUNDS=1000000 build/tests/stress_map
 */
#include <pthread.h>

#include "audit.h"
#include "one_map.h"

enum { THREADS = 4, SLICE = FILE_PAGES / THREADS };

static unsigned
rounds(unsigned few)
{
	const char *text = getenv("RESIDENT_ROUNDS");

	return text == NULL ? few : (unsigned)strtoul(text, NULL, 0);
}

struct worker {
	pthread_t thread;
	unsigned number;
	unsigned rounds;
	struct vm_rng rng;
	uint64_t last[FILE_PAGES];	/* what its word has */
	uint64_t count;
};

static struct worker worker[THREADS];
static _Atomic bool over;

/* The word of a worker: 16 words in, since the tests' own are before. */
static volatile char *
word_at(volatile char *at, uint64_t page, const struct worker *w)
{
	return at + page * PAGE + (16 + w->number) * 8;
}

/* One access through a map whose page 0 shows page first. */
static void
access_word(struct worker *w, volatile char *at, uint64_t first,
    uint64_t pages)
{
	uint64_t page = vm_rng_below(&w->rng, pages);
	volatile char *word = word_at(at, page, w);

	CHECK_INT(read_word(word), w->last[first + page]);
	if (vm_rng_below(&w->rng, 2) != 0)
		return;
	w->last[first + page] = (++w->count << 8) | w->number;
	write_word(word, w->last[first + page]);
}

static void *
write_all_over(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < w->rounds; i++)
		access_word(w, base, 0, FILE_PAGES);
	return NULL;
}

/* The other side: who writes back, evicts and looks, all the time. */
static void *
disturb(void *arg)
{
	static const enum vm_map_advice advice[] = {
		VM_MADV_WILLNEED, VM_MADV_DONTNEED, VM_MADV_COLD,
	};
	struct vm_rng rng = { .state = check_seed() };
	unsigned char in[FILE_PAGES];

	while (!over) {
		uint64_t first = vm_rng_below(&rng, FILE_PAGES - 8);
		void *at = (void *)(uintptr_t)(base + first * PAGE);

		switch (vm_rng_below(&rng, 6)) {
		case 0:
			CHECK_INT(vm_sync(vm, at, 8 * PAGE, VM_SYNC_WAIT), 0);
			break;
		case 1:
			CHECK_INT(vm_sync(vm, at, 8 * PAGE, VM_SYNC_ASYNC |
			    VM_SYNC_INVALIDATE), 0);
			break;
		case 2:
			CHECK_INT(vm_advise(vm, at, 8 * PAGE,
			    advice[vm_rng_below(&rng, 3)]), 0);
			break;
		case 3:
			CHECK_INT(vm_object_forget(object), 0);
			break;
		case 4:
			CHECK_INT(vm_resident(vm, (void *)(uintptr_t)base,
			    FILE_PAGES * PAGE, in), 0);
			break;
		case 5:
			core_put(first, 1);
			break;
		}
	}
	return arg;
}

static void
start(void *(*run)(void *), unsigned few)
{
	uint64_t seed = check_seed();

	over = false;
	for (unsigned i = 0; i < THREADS; i++) {
		worker[i] = (struct worker){ .number = i,
			.rounds = rounds(few), .rng.state = seed + i };
		CHECK(pthread_create(&worker[i].thread, NULL, run,
		    &worker[i]) == 0);
	}
}

static void
finish(void)
{
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(pthread_join(worker[i].thread, NULL) == 0);
	over = true;
}

/* Every word is what its owner wrote last, in the object and in the file. */
static void
check_all(void)
{
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++) {
		uint64_t in_file[THREADS];

		CHECK(pread(core_fd, in_file, sizeof(in_file), (off_t)(i *
		    PAGE + 128)) == (ssize_t)sizeof(in_file));
		for (unsigned t = 0; t < THREADS; t++) {
			CHECK_INT(core_get(i, 16 + t), worker[t].last[i]);
			CHECK_INT(in_file[t], worker[t].last[i]);
		}
	}
}

static void
run_disturbed(void *(*run)(void *), unsigned few)
{
	pthread_t other;

	start(run, few);
	CHECK(pthread_create(&other, NULL, disturb, NULL) == 0);
	finish();
	CHECK(pthread_join(other, NULL) == 0);
	check_all();
}

TEST(writers_lose_nothing_in_a_window)
{
	map_set_up(0);
	map_it(RW, 0);
	run_disturbed(write_all_over, 8000);
	CHECK_INT(object->home, VM_HOME_WINDOW);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	check_all();
	audit(vm);
	map_tear_down();
}

TEST(writers_lose_nothing_in_a_store)
{
	map_set_up(VM_OBJECT_STORE);
	map_it(RW, 0);
	run_disturbed(write_all_over, 8000);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	check_all();
	map_tear_down();
}

/* A map of its own beside the common one, parts of which go. */
static void
come_and_go(struct worker *w)
{
	uint64_t first = vm_rng_below(&w->rng, FILE_PAGES - SLICE);
	volatile char *at = map_part(RW, 0, first, SLICE);

	for (unsigned i = 0; i < 20; i++)
		access_word(w, at, first, SLICE);
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)at, 8 * PAGE,
	    VM_PROT_READ), 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK_INT(read_word(word_at(at, i, w)),
		    w->last[first + i]);
	CHECK_INT(unmap_at(at + 4 * PAGE, 6), 0);
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)at, 4 * PAGE, RW), 0);
	for (unsigned i = 0; i < 20; i++)
		access_word(w, at, first, 4);
	CHECK_INT(unmap_at(at, SLICE), 0);
}

static void *
map_and_write(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < w->rounds; i++) {
		access_word(w, base, 0, FILE_PAGES);
		if (vm_rng_below(&w->rng, 50) == 0)
			come_and_go(w);
	}
	return NULL;
}

TEST(maps_come_and_go_under_writers)
{
	map_set_up(0);
	map_it(RW, 0);
	run_disturbed(map_and_write, 4000);
	CHECK_INT(object->home, VM_HOME_STORE);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	check_all();
	audit(vm);
	map_tear_down();
}

/* The object itself is written by calls, and mapped and unmapped as a whole. */
static void *
write_by_calls(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < w->rounds; i++) {
		uint64_t page = vm_rng_below(&w->rng, FILE_PAGES);
		struct vm_page *held;
		uint64_t *word;

		CHECK_INT(vm_page_grab(object, page, VM_GRAB_WRITE, &held),
		    0);
		word = (uint64_t *)vm_page_data(held) + 16 + w->number;
		CHECK_INT(*word, w->last[page]);
		*word = w->last[page] = (++w->count << 8) | w->number;
		vm_page_dirty(held, (16 + w->number) * 8, 8);
		vm_page_release(held);
	}
	return NULL;
}

TEST(an_object_moves_in_and_out_of_its_window_under_writers)
{
	map_set_up(0);
	map_it(RW, 0);	/* whether it is permitted */
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	start(write_by_calls, 8000);
	for (unsigned i = 0; i < 100; i++) {
		map_it(RW, 0);
		for (uint64_t page = 0; page < FILE_PAGES; page += 9)
			put_at(base, page, i + page);
		for (uint64_t page = 0; page < FILE_PAGES; page += 9)
			CHECK_INT(get_at(base, page, 1), i + page);
		CHECK_INT(unmap_at(base, FILE_PAGES), 0);
		CHECK_INT(core_get(9, 1), i + 9);
	}
	finish();
	check_all();
	audit(vm);
	map_tear_down();
}

/* -- private ------------------------------------------------------------- */

static void *
have_my_own(void *arg)
{
	struct worker *w = arg;
	volatile char *at = map_part(RW, VM_MAP_PRIVATE, 0, FILE_PAGES);

	for (unsigned i = 0; i < w->rounds; i++)
		access_word(w, at, 0, FILE_PAGES);
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		CHECK_INT(read_word(word_at(at, i, w)), w->last[i]);
		CHECK_INT(get_at(at, i, 0), i);
		w->last[i] = 0;		/* the object has none of it */
	}
	CHECK_INT(unmap_at(at, FILE_PAGES), 0);
	return NULL;
}

TEST(each_has_a_private_map_of_his_own)
{
	map_set_up(0);
	map_it(RW, 0);
	run_disturbed(have_my_own, 4000);
	CHECK_INT(atomic_load(&object->shadows), 0);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	audit(vm);
	map_tear_down();
}
