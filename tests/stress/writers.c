/* SPDX-License-Identifier: BSD-2-Clause */
/* writers.c - writers.h has the theory. */
#include "writers.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

enum {
	THREADS_MAX = 16,
	/* 64 counts between looks at the stop flag ... */
	BURST = 64,
	/* ... and 16 of these between news for the test. */
	NEWS = 16,
};

/* In memory that both processes share. */
struct common {
	struct writers how;
	_Atomic bool stop;
	_Atomic uint64_t lost;	/* seen by the client, in the mapping */
	uint64_t sum[];		/* pages * threads */
};

struct writer {
	struct common *common;
	int socket;
	char *base;
	unsigned id;
	uint64_t random;
};

static _Atomic uint64_t *
counter(char *base, uint64_t page, unsigned id)
{
	return (_Atomic uint64_t *)(void *)(base + page * PAGE +
	    id * sizeof(uint64_t));
}

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *state >> 33;
}

static void *
count(void *arg)
{
	struct writer *w = arg;
	const struct writers *how = &w->common->how;

	for (unsigned burst = 1; !atomic_load(&w->common->stop); burst++) {
		if (w->id == 0 && burst % NEWS == 0)
			say(w->socket, 1, -1);
		for (int i = 0; i < BURST; i++) {
			uint64_t page = next_random(&w->random) % how->pages;
			uint64_t *sum = &w->common->sum[page * how->threads +
			    w->id];

			/* Plain: nobody else writes it. */
			uint64_t now = atomic_load_explicit(counter(w->base,
			    page, w->id), memory_order_relaxed);

			if (now != *sum)
				atomic_fetch_add(&w->common->lost,
				    *sum > now ? *sum - now : now - *sum);
			atomic_store_explicit(counter(w->base, page, w->id),
			    now + 1, memory_order_relaxed);
			*sum = now + 1;
		}
	}
	return NULL;
}

static void *
drop(void *arg)
{
	struct writer *w = arg;
	const struct writers *how = &w->common->how;

	while (!atomic_load(&w->common->stop)) {
		uint64_t page = next_random(&w->random) % how->pages;
		uint64_t n = 1 + next_random(&w->random) % 16;

		if (n > how->pages - page)
			n = how->pages - page;
		CHECK(madvise(w->base + page * PAGE, n * PAGE,
		    MADV_DONTNEED) == 0);
		sched_yield();
	}
	return NULL;
}

static void
run_client(int socket, void *arg)
{
	struct common *common = arg;
	struct writer writer[THREADS_MAX + 1];
	pthread_t thread[THREADS_MAX + 1];
	unsigned all = common->how.threads + common->how.dontneed;
	char *base;

	join(socket);
	base = map(socket, common->how.pages * PAGE, VM_RANGE_TRACKED);
	for (unsigned i = 0; i < all; i++) {
		writer[i] = (struct writer){ .common = common, .base = base,
			.socket = socket, .id = i, .random = i + 1 };
		CHECK(pthread_create(&thread[i], NULL,
		    i < common->how.threads ? count : drop, &writer[i]) == 0);
	}
	for (unsigned i = 0; i < all; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	say(socket, 0, -1);
	(void)hear(socket, NULL);
}

static struct vm *
new_system(const struct writers *how)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm *vm;

	o.resident_max_bytes = how->limit_pages * PAGE;
	o.readahead_bytes = how->readahead_bytes;
	o.cluster_bytes = how->readahead_bytes;
	CHECK(vm_create(&o, &vm) == 0);
	return vm;
}

/* The client counts until enough dirty pages were evicted, and then stops. */
static void
await_evictions(struct vm *vm, struct common *common,
    const struct client *client, uint64_t address)
{
	const struct writers *how = &common->how;
	struct vm_stat s = VM_STAT_INIT;

	while (hear(client->socket, NULL) == 1) {
		if (how->dontneed)
			CHECK(vm_space_touched(client->space, address,
			    how->pages * PAGE) >= 0);
		CHECK(vm_stat(vm, &s) == 0);
		if (s.evicted_dirty >= how->evictions)
			atomic_store(&common->stop, true);
	}
	CHECK(s.peak_pages <= s.limit_pages);
	fprintf(stderr, "%" PRIu64 " dirty and %" PRIu64 " clean pages "
	    "evicted, %" PRIu64 " faults, %" PRIu64 " on protection\n",
	    s.evicted_dirty, s.evicted_clean, s.faults, s.faults_write);
}

static uint64_t
lost_in_file(const struct common *common, int fd)
{
	const struct writers *how = &common->how;
	uint64_t lost = 0, have[THREADS_MAX];

	for (uint64_t page = 0; page < how->pages; page++) {
		CHECK(pread(fd, have, sizeof(have), (off_t)(page * PAGE)) ==
		    (ssize_t)sizeof(have));
		for (unsigned i = 0; i < how->threads; i++) {
			uint64_t sum = common->sum[page * how->threads + i];

			lost += sum > have[i] ? sum - have[i] : have[i] - sum;
		}
	}
	return lost;
}

uint64_t
writers_run(const struct writers *how)
{
	size_t bytes = sizeof(struct common) +
	    how->pages * how->threads * sizeof(uint64_t);
	struct common *common = shared_memory(bytes);
	int fd = new_file(how->disk, how->pages * PAGE);
	struct vm_object *object;
	struct client client;
	struct vm *vm;
	uint64_t lost, address;

	common->how = *how;
	client_start(&client, run_client, common);
	vm = new_system(how);
	CHECK(vm_object_create_file(vm, fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE | VM_OBJECT_STORE, &object) == 0);
	client_attach(&client, vm, NULL);
	address = client_show(&client, object, 0, how->pages * PAGE,
	    VM_RANGE_TRACKED);
	await_evictions(vm, common, &client, address);
	CHECK(vm_object_sync(object, 0, VM_LENGTH_ALL) == 0);
	lost = lost_in_file(common, fd);
	say(client.socket, 0, -1);
	client_end(&client);
	lost += atomic_load(&common->lost);
	CHECK(vm_object_destroy(object) == 0);
	CHECK(vm_destroy(vm) == 0);
	close(fd);
	CHECK(munmap(common, bytes) == 0);
	return lost;
}
