/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/pool.c - pool.h has the theory. */
#include "pool.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

/* 2 MiB: 490 blocks of 4 KiB, 8 of the largest. */
#define SLAB_BYTES ((size_t)2 << 20)

/* 8 sizes between a power of two and the next: 6 % are lost on average. */
#define STEPS 8u

/* 2^10: what is smaller is rounded up to that. */
#define LEAST_LOG 10u
#define CLASSES (8u * STEPS + 1u)

#define WORD_BITS 64u
#define WORDS (SLAB_BYTES >> LEAST_LOG >> 6)

/* (L) the lock, (C) constant. */
struct vm_slab {
	struct vm_slab *next;	/* in its class, if it is (L) */
	struct vm_slab **link;	/* what points to it; NULL: it is full (L) */
	char *map;		/* (C) */
	uint32_t stride;	/* of blocks, with their heads (C) */
	uint32_t count;		/* blocks (C) */
	uint32_t used;		/* (L) */
	uint32_t fresh;		/* from here on none was ever used (L) */
	unsigned class;		/* (C) */
	uint64_t taken[WORDS];	/* one bit a block (L) */
};

static struct {
	pthread_mutex_t lock;
	struct vm_pool_heap heap;		/* (C) */
	struct vm_slab *class[CLASSES];		/* with free blocks (L) */
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
lock(void)
{
	(void)pthread_mutex_lock(&pool.lock);
}

static void
unlock(void)
{
	(void)pthread_mutex_unlock(&pool.lock);
}

void
vm_pool_init(const struct vm_pool_heap *heap)
{
	pool.heap = *heap;
	/* A child has the pool as it is between two calls. */
	(void)pthread_atfork(lock, unlock, unlock);
}

/* Which class blocks of so many bytes are of, and how long they are there: the
 * next of eight steps. */
static unsigned
class_of(size_t bytes, uint32_t *stride)
{
	size_t step, n;
	unsigned log = LEAST_LOG;

	while ((size_t)2 << log < bytes)
		log++;
	step = ((size_t)1 << log) / STEPS;
	n = bytes <= (size_t)1 << log ? 0 :
	    (bytes - ((size_t)1 << log) + step - 1) / step;
	*stride = (uint32_t)(((size_t)1 << log) + n * step);
	return (log - LEAST_LOG) * STEPS + (unsigned)n;
}

/* ---- with the lock ------------------------------------------------------- */

static void
enlist(struct vm_slab *slab)
{
	struct vm_slab **first = &pool.class[slab->class];

	slab->next = *first;
	slab->link = first;
	if (slab->next != NULL)
		slab->next->link = &slab->next;
	*first = slab;
}

static void
delist(struct vm_slab *slab)
{
	*slab->link = slab->next;
	if (slab->next != NULL)
		slab->next->link = slab->link;
	slab->link = NULL;
}

/* A block of a slab that has a free one.  The lowest: so that slabs fill. */
static char *
cut(struct vm_slab *slab, bool *fresh)
{
	uint32_t word = 0, i;

	while (slab->taken[word] == UINT64_MAX)
		word++;
	i = word * WORD_BITS + (uint32_t)__builtin_ctzll(~slab->taken[word]);
	slab->taken[word] |= UINT64_C(1) << i % WORD_BITS;
	*fresh = i >= slab->fresh;
	if (*fresh)
		slab->fresh = i + 1;
	if (++slab->used == slab->count)
		delist(slab);
	return slab->map + (size_t)i * slab->stride;
}

/* ---- without ------------------------------------------------------------- */

static struct vm_slab *
make_slab(unsigned class, uint32_t stride)
{
	struct vm_slab *slab = pool.heap.calloc(1, sizeof(*slab));
	void *map = slab == NULL ? MAP_FAILED : mmap(NULL, SLAB_BYTES,
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED) {
		pool.heap.free(slab);
		return NULL;
	}
	slab->map = map;
	slab->class = class;
	slab->stride = stride;
	slab->count = (uint32_t)(SLAB_BYTES / stride);
	return slab;
}

char *
vm_pool_take(size_t size, struct vm_slab **slab, bool *fresh)
{
	uint32_t stride;
	unsigned class = class_of(size + VM_POOL_HEAD, &stride);
	char *block;

	lock();
	*slab = pool.class[class];
	if (*slab == NULL) {
		unlock();
		*slab = make_slab(class, stride);
		if (*slab == NULL)
			return NULL;
		lock();
		enlist(*slab);
	}
	block = cut(*slab, fresh);
	unlock();
	return block;
}

void
vm_pool_give(struct vm_slab *slab, char *block)
{
	uint32_t i = (uint32_t)((size_t)(block - slab->map) / slab->stride);
	bool gone;

	lock();
	slab->taken[i / WORD_BITS] &= ~(UINT64_C(1) << i % WORD_BITS);
	if (slab->link == NULL)
		enlist(slab);
	slab->used--;
	/* The last one of its class stays: blocks may come and go. */
	gone = slab->used == 0 && (slab->next != NULL ||
	    slab->link != &pool.class[slab->class]);
	if (gone)
		delist(slab);
	unlock();
	if (!gone)
		return;
	(void)munmap(slab->map, SLAB_BYTES);
	pool.heap.free(slab);
}

size_t
vm_pool_bytes(const struct vm_slab *slab)
{
	return slab->stride - VM_POOL_HEAD;
}
