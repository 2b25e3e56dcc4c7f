/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/vmcache.c - a buffer pool in anonymous memory, as vmcache.
 *
 * After Leis, Alhomssi, Ziegler, Loeck and Dietrich, Virtual-Memory Assisted
 * Buffer Management (SIGMOD 2023), section 3, without the kernel module of
 * section 4: the whole file has its place in a piece of anonymous memory, page
 * i at i times the page size, so a page is found by an addition.  A word for
 * each page in an array says what it is:
 *
 *	EVICTED --lock--> LOCKED --pread--> UNLOCKED, version + 1
 *	UNLOCKED, MARKED --share--> SHARED(1) ... SHARED(252) --> UNLOCKED
 *	UNLOCKED --clock hand--> MARKED --clock hand--> LOCKED --drop--> EVICTED
 *
 *	 0..55	version		advances with each end of LOCKED
 *	56..63	state		0 UNLOCKED, 1..252 sharers, 253 LOCKED,
 *				254 MARKED, 255 EVICTED
 *
 * Which pages are there is in a second structure, which only misses and the
 * clock touch: an open hash of page numbers, the clock's hand an index in it.
 * Memory is had by reading into it and given back with MADV_DONTNEED, whose
 * price is the interruption of the other processors; so victims are gathered
 * and dropped together, by process_madvise on the process itself where the
 * kernel has that (one interruption for a batch), else one by one.
 *
 *	hit:  state + 1                          2 locked instructions in all,
 *	put:  state - 1                          with the one of put
 *
 * Where we differ: batches of 512 where the paper has 64, which is faster here;
 * dropped together, which the paper's code (one madvise for each page) is not;
 * the memory is used up to its last page, not to 95 %.  Left out: writing,
 * the paper's optimistic reads (a peer's get pins), 2 MiB pages.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench/peers/cells.h"
#include "bench/peers/peer.h"
#include "bench/peers/resident.h"

/* Victims of a batch.  With one thread 64 and 512 differ by 3 %; with two, 64
 * cost a quarter more than 512, for each batch interrupts the other processor.
 * At most 1024: the ranges that process_madvise takes. */
#define BATCH 512u
/* A batch of a small memory leaves most of it: an eighth at most. */
#define BATCH_SHARE 8u

#define UNLOCKED	UINT64_C(0)
#define SHARED_MOST	UINT64_C(252)
#define LOCKED		UINT64_C(253)
#define MARKED		UINT64_C(254)
#define EVICTED		UINT64_C(255)
#define STATE_SHIFT	56
#define VERSION		((UINT64_C(1) << STATE_SHIFT) - 1)

struct vmcache {
	char *memory;			/* page i at i * page_bytes (C) */
	_Atomic uint64_t *words;	/* (A) */
	size_t page_bytes;		/* (C) */
	uint64_t file_pages;		/* (C) */
	uint64_t limit;			/* (C) */
	unsigned batch;			/* (C) */
	int fd;				/* (C) */
	int self_fd;			/* of this process; -1: none (C) */
	struct resident_set set;
	_Alignas(PEER_LINE) _Atomic uint64_t used;	/* pages (A) */
};

static uint64_t
state_of(uint64_t word)
{
	return word >> STATE_SHIFT;
}

static uint64_t
with_state(uint64_t word, uint64_t state)
{
	return (word & VERSION) | state << STATE_SHIFT;
}

static bool
change(_Atomic uint64_t *word, uint64_t from, uint64_t state)
{
	return atomic_compare_exchange_strong_explicit(word, &from,
	    with_state(from, state), memory_order_acquire,
	    memory_order_relaxed);
}

/* The holder of LOCKED leaves: the next version, in that state. */
static void
unlock(_Atomic uint64_t *word, uint64_t state)
{
	uint64_t now = atomic_load_explicit(word, memory_order_relaxed);

	atomic_store_explicit(word,
	    with_state((now + 1) & VERSION, state), memory_order_release);
}

/* ---- giving memory back -------------------------------------------------- */

static void
drop_singly(struct vmcache *v, const struct iovec *ranges, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		(void)madvise(ranges[i].iov_base, v->page_bytes,
		    MADV_DONTNEED);
}

/* What the kernel does not do together, is done one by one. */
static void
drop(struct vmcache *v, const uint64_t *pages, unsigned count)
{
	struct iovec ranges[BATCH];
	size_t done = 0;

	for (unsigned i = 0; i < count; i++) {
		ranges[i].iov_base = v->memory + pages[i] * v->page_bytes;
		ranges[i].iov_len = v->page_bytes;
	}
	if (v->self_fd >= 0) {
		long bytes = syscall(SYS_process_madvise, v->self_fd, ranges,
		    (size_t)count, MADV_DONTNEED, 0u);

		done = bytes > 0 ? (size_t)bytes / v->page_bytes : 0;
	}
	drop_singly(v, ranges + done, count - (unsigned)done);
}

/* Of the pages under the hand, those that had their second chance, locked. */
static unsigned
choose(struct vmcache *v, uint64_t *victims)
{
	uint64_t pages[BATCH];
	unsigned count = resident_turn(&v->set, pages, v->batch);
	unsigned chosen = 0;

	for (unsigned i = 0; i < count; i++) {
		_Atomic uint64_t *word = &v->words[pages[i]];
		uint64_t now = atomic_load_explicit(word,
		    memory_order_relaxed);

		if (state_of(now) == UNLOCKED)
			(void)change(word, now, MARKED);
		else if (state_of(now) == MARKED && change(word, now, LOCKED))
			victims[chosen++] = pages[i];
	}
	return chosen;
}

/* A batch, or less after two turns of the hand: all may be in use. */
static void
evict(struct vmcache *v)
{
	uint64_t turns = 2 * (v->set.mask + 1) / v->batch + 2;
	uint64_t victims[BATCH];
	unsigned count = 0;

	while (count == 0 && turns-- > 0)
		count = choose(v, victims);
	if (count == 0)
		return;
	drop(v, victims, count);
	for (unsigned i = 0; i < count; i++) {
		resident_remove(&v->set, victims[i]);
		unlock(&v->words[victims[i]], EVICTED);
	}
	atomic_fetch_sub_explicit(&v->used, count, memory_order_relaxed);
}

/* ---- having pages -------------------------------------------------------- */

/* The page is LOCKED, and shared by the caller if that is true. */
static bool
fault(struct vmcache *v, uint64_t page)
{
	_Atomic uint64_t *word = &v->words[page];
	uint64_t used = atomic_fetch_add_explicit(&v->used, 1,
	    memory_order_relaxed);

	if (used >= v->limit)
		evict(v);
	if (!peer_read(v->fd, page, v->page_bytes,
		v->memory + page * v->page_bytes)) {
		drop(v, &page, 1);
		atomic_fetch_sub_explicit(&v->used, 1, memory_order_relaxed);
		unlock(word, EVICTED);
		return false;
	}
	resident_insert(&v->set, page);
	unlock(word, 1);
	return true;
}

static void *
vmcache_get(void *self, uint64_t page, void **handle)
{
	struct vmcache *v = self;
	_Atomic uint64_t *word = &v->words[page];

	*handle = word;
	for (;;) {
		uint64_t now = atomic_load_explicit(word,
		    memory_order_relaxed);
		uint64_t state = state_of(now);

		if (state < SHARED_MOST || state == MARKED) {
			if (change(word, now, state == MARKED ? 1 : state + 1))
				return v->memory + page * v->page_bytes;
		} else if (state == EVICTED) {
			if (change(word, now, LOCKED))
				return fault(v, page) ?
				    v->memory + page * v->page_bytes : NULL;
		} else {
			sched_yield();
		}
	}
}

static void
vmcache_put(void *self, void *handle)
{
	_Atomic uint64_t *word = handle;

	(void)self;
	/* SHARED(1) - 1 is UNLOCKED: a subtraction does for all. */
	atomic_fetch_sub_explicit(word, UINT64_C(1) << STATE_SHIFT,
	    memory_order_release);
}

/* ---- making one ---------------------------------------------------------- */

static void
vmcache_close(void *self)
{
	struct vmcache *v = self;

	if (v->memory != NULL)
		munmap(v->memory, v->file_pages * v->page_bytes);
	if (v->self_fd >= 0)
		close(v->self_fd);
	resident_set_fini(&v->set);
	free((void *)v->words);
	free(v);
}

/* Small pages: huge ones could not be dropped one by one. */
static char *
reserve(size_t bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	(void)madvise(memory, bytes, MADV_NOHUGEPAGE);
	return memory;
}

static unsigned
batch_of(uint64_t pages)
{
	uint64_t batch = pages / BATCH_SHARE;

	if (batch < 1)
		return 1;
	return batch < BATCH ? (unsigned)batch : BATCH;
}

static bool
have_memory(struct vmcache *v, unsigned threads)
{
	v->memory = reserve(v->file_pages * v->page_bytes);
	if (v->memory == NULL)
		return false;
	v->words = peer_array(v->file_pages, sizeof(*v->words));
	if (v->words == NULL)
		return false;
	for (uint64_t i = 0; i < v->file_pages; i++)
		atomic_init(&v->words[i], with_state(0, EVICTED));
	return resident_set_init(&v->set, v->limit + threads);
}

static int
vmcache_open(const struct peer_config *config, void **self, const char **why)
{
	struct vmcache *v = peer_array(1, sizeof(*v));

	(void)why;
	if (v == NULL)
		return -ENOMEM;
	v->page_bytes = config->page_bytes;
	v->file_pages = config->file_pages;
	v->limit = config->memory_pages;
	v->batch = batch_of(config->memory_pages);
	v->fd = config->fd;
	v->self_fd = (int)syscall(SYS_pidfd_open, getpid(), 0u);
	if (!have_memory(v, config->threads)) {
		vmcache_close(v);
		return -ENOMEM;
	}
	*self = v;
	return 0;
}

const struct peer_ops peer_vmcache = {
	.name = "vmcache",
	.flags = PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_OURS,
	.open = vmcache_open,
	.get = vmcache_get,
	.put = vmcache_put,
	.close = vmcache_close,
};
