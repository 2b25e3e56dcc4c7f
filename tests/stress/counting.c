/* SPDX-License-Identifier: BSD-2-Clause */
/* counting.h has the method. */
#include "counting.h"

#include <pthread.h>
#include <sched.h>

#include "one_window.h"
#include "stat/stat.h"

enum { THREADS = 4, FIRST_WORD = 8 };

/* Writes of others are not ordered by anything that a sanitizer knows: the
 * kernel keeps them from a page that is read meanwhile. */
#if CHECK_TSAN
#define UNSEEN __attribute__((no_sanitize("thread"), noinline))
#else
#define UNSEEN
#endif

struct counter {
	pthread_t thread;
	unsigned word;
	uint64_t seed;
	uint64_t count[FILE_PAGES];
};

static struct counter counter[THREADS];
static _Atomic bool done;

UNSEEN static void
add_mapped(uint64_t pindex, unsigned word)
{
	volatile uint64_t *place = (volatile uint64_t *)(uintptr_t)
	    (window + pindex * PAGE) + word;

	*place = *place + 1;
}

UNSEEN static uint64_t
look(uint64_t pindex, unsigned word)
{
	return window_get(pindex, word);
}

static void *
count_mapped(void *arg)
{
	struct counter *self = arg;
	struct vm_rng rng = { .state = self->seed };

	while (!atomic_load(&done)) {
		uint64_t pindex = vm_rng_below(&rng, FILE_PAGES);

		if (vm_rng_below(&rng, 4) == 0)
			CHECK_INT(look(pindex, 0), pindex);
		add_mapped(pindex, self->word);
		self->count[pindex]++;
	}
	return NULL;
}

UNSEEN static void
add_grabbed(struct vm_page *page, unsigned word)
{
	volatile uint64_t *place = (volatile uint64_t *)vm_page_data(page) +
	    word;

	*place = *place + 1;
}

static void *
count_grabbed(void *arg)
{
	struct counter *self = arg;
	struct vm_rng rng = { .state = self->seed };

	while (!atomic_load(&done)) {
		uint64_t pindex = vm_rng_below(&rng, FILE_PAGES);
		struct vm_page *page;

		CHECK_INT(vm_page_grab(object, pindex, VM_GRAB_WRITE, &page),
		    0);
		add_grabbed(page, self->word);
		vm_page_dirty(page, 0, PAGE);
		vm_page_release(page);
		self->count[pindex]++;
	}
	return NULL;
}

static void *
sync_all(void *arg)
{
	(void)arg;
	while (!atomic_load(&done))
		CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	return NULL;
}

static void
start(const struct counting *how)
{
	unsigned n = how->mapped + how->grabbing;

	CHECK(n <= THREADS);
	memset(counter, 0, sizeof(counter));
	atomic_store(&done, false);
	for (unsigned i = 0; i < n; i++) {
		counter[i].word = FIRST_WORD + i;
		counter[i].seed = i + 1;
		CHECK_INT(pthread_create(&counter[i].thread, NULL,
		    i < how->mapped ? count_mapped : count_grabbed,
		    &counter[i]), 0);
	}
}

static void
await_evictions(uint64_t evictions)
{
	while (vm_counter_read(vm->counters, VM_COUNTER_evicted_dirty) <
	    evictions)
		sched_yield();
}

static uint64_t
word_in_file(uint64_t pindex, unsigned word)
{
	uint64_t value;

	CHECK(pread(core_fd, &value, sizeof(value), (off_t)(pindex * PAGE +
	    word * 8)) == (ssize_t)sizeof(value));
	return value;
}

static uint64_t
count_lost(unsigned n)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < n; i++)
		for (uint64_t p = 0; p < FILE_PAGES; p++) {
			lost += counter[i].count[p] - look(p,
			    counter[i].word);
		}
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (unsigned i = 0; i < n; i++)
		for (uint64_t p = 0; p < FILE_PAGES; p++)
			lost += counter[i].count[p] - word_in_file(p,
			    counter[i].word);
	return lost;
}

uint64_t
counting_run(const struct counting *how)
{
	unsigned n = how->mapped + how->grabbing;
	pthread_t syncer;
	uint64_t lost;

	window_set_up();
	start(how);
	if (how->sync)
		CHECK_INT(pthread_create(&syncer, NULL, sync_all, NULL), 0);
	await_evictions(how->evictions / 2);
	if (how->store)
		CHECK_INT(vm_rehome_store(object, NULL), 0);
	await_evictions(how->evictions);
	atomic_store(&done, true);
	for (unsigned i = 0; i < n; i++)
		CHECK_INT(pthread_join(counter[i].thread, NULL), 0);
	if (how->sync)
		CHECK_INT(pthread_join(syncer, NULL), 0);
	lost = count_lost(n);
	window_tear_down();
	return lost;
}
