/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages move while they are written: threads keep words of their own in every
 * page of one object, which is larger than the memory, and look at each before
 * they change it; another thread wants runs of 64 pages all the while, writes
 * them full and frees them.  Since victims and misses are anywhere, runs have
 * to be made.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <resident/resident.h>

#include "api/system.h"
#include "audit.h"
#include "base/rng.h"
#include "check.h"
#include "faulty.h"
#include "object/vm.h"

enum {
	PAGE = 4096,
	LIMIT_PAGES = 512,
	OBJECT_PAGES = 600,
	WRITERS = 3,
	RUN_PAGES = 64,
	MADE = 40,		/* runs out of scattered frames, enough */
	ASKED = 20000,		/* runs asked for, at most */
};

static struct vm *vm;
static struct vm_object *object;
static _Atomic bool stop;
static uint64_t expected[WRITERS][OBJECT_PAGES];
static struct vm_page *(*real_compact)(struct vm_limit *limit,
    const struct vm_run_options *options);
static _Atomic unsigned made, refused;

static struct vm_page *
counting_compact(struct vm_limit *limit, const struct vm_run_options *options)
{
	struct vm_page *first = real_compact(limit, options);

	atomic_fetch_add(first != NULL ? &made : &refused, 1);
	return first;
}

static void
set_up(unsigned flags)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.swap_directory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" :
	    "/var/tmp";
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	CHECK_INT(vm_object_create_anon(vm, OBJECT_PAGES * PAGE, flags,
	    &object), 0);
	memset(expected, 0, sizeof(expected));
	atomic_store(&stop, false);
	atomic_store(&made, 0);
	real_compact = vm->limit.compact;
	vm->limit.compact = counting_compact;
}

/* Word t of the page; with change, a new one. */
static void
visit(unsigned t, uint64_t pindex, bool change)
{
	struct vm_page *page;
	uint64_t *words;

	CHECK_INT(vm_page_grab(object, pindex, change ? VM_GRAB_WRITE :
	    VM_GRAB_READ, &page), 0);
	words = vm_page_data(page);
	CHECK_INT(words[t], expected[t][pindex]);
	if (change) {
		words[t] = ++expected[t][pindex];
		vm_page_dirty(page, (uint32_t)(t * sizeof(words[t])),
		    sizeof(words[t]));
	}
	vm_page_release(page);
}

static void *
writer(void *arg)
{
	unsigned t = (unsigned)(uintptr_t)arg;
	struct vm_rng rng = { .state = t + 1 };

	while (!atomic_load(&stop))
		visit(t, vm_rng_below(&rng, OBJECT_PAGES),
		    vm_rng_below(&rng, 4) != 0);
	return NULL;
}

static void
use_a_run(void)
{
	struct vm_frame_request r = VM_FRAME_REQUEST_INIT;
	struct vm_frame_run run;
	int error;

	r.count = RUN_PAGES;
	r.flags = VM_ALLOC_WAIT;
	error = vm_frame_alloc(vm, &r, &run);
	if (error != 0) {
		CHECK_INT(error, -ENOMEM);
		return;
	}
	for (unsigned i = 0; i < RUN_PAGES; i++)
		memset(vm_page_data(vm_frame_at(&run, i)), 0xff, PAGE);
	vm_frame_free(vm, &run);
}

static void
run_all(void)
{
	pthread_t thread[WRITERS];

	for (uintptr_t t = 0; t < WRITERS; t++)
		CHECK(pthread_create(&thread[t], NULL, writer, (void *)t) ==
		    0);
	for (unsigned i = 0; i < ASKED && atomic_load(&made) < MADE; i++)
		use_a_run();
	atomic_store(&stop, true);
	for (unsigned t = 0; t < WRITERS; t++)
		CHECK(pthread_join(thread[t], NULL) == 0);
}

static void
tear_down(void)
{
	CHECK(atomic_load(&made) != 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	audit(vm);
	for (uint64_t i = 0; i < OBJECT_PAGES; i++)
		for (unsigned t = 0; t < WRITERS; t++)
			visit(t, i, false);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

TEST(pages_move_while_they_are_written_and_lose_nothing)
{
	set_up(0);
	run_all();
	tear_down();
}

TEST(pages_of_a_store_move_while_they_are_written_and_lose_nothing)
{
	set_up(VM_OBJECT_STORE);
	run_all();
	tear_down();
}
