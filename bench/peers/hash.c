/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/hash.c - GNU Mach's table of resident pages.
 *
 * After vm/vm_resident.c and vm/vm_fault.c of GNU Mach (rows M03, M13, M21,
 * M22, M28, M29, M32, M55 of the ancestors' behaviours): one table for all
 * objects, a power of two of buckets that is not below the number of frames, a
 * lock in each bucket, new pages at the head of their chain; the bucket of a
 * page is its object's address plus its number, so that neighbours are in
 * neighbouring buckets.  A lookup locks the object, then the bucket, and
 * changes nothing.  Pages leave by the active and inactive queues.
 *
 *	hit:  object, bucket, chain, busy        3 pairs of locks in all, with
 *	put:  object, not busy, used             the one of put
 *
 * Mach's simple locks spin; "mach-hash" has the mutexes that a program with
 * threads would have, "mach-hash-spin" the original's kind.
 *
 * In its favour: one bucket to a line, and what ancestor.h says.
 */
#include "bench/peers/ancestor.h"

#include <errno.h>
#include <stdlib.h>

struct bucket {
	_Alignas(PEER_LINE) struct peer_lock lock;
	struct peer_cell *first;	/* its lock */
};

_Static_assert(sizeof(struct bucket) == PEER_LINE, "one line a bucket");

struct hash {
	struct ancestor a;
	struct ancestor_queues queues;
	struct bucket *buckets;	/* (C) */
	uint64_t mask;		/* buckets - 1 (C) */
};

static struct hash *
hash_of(struct ancestor *a)
{
	return (struct hash *)a;
}

static struct bucket *
bucket_of(struct ancestor *a, uint64_t page)
{
	return &hash_of(a)->buckets[page & hash_of(a)->mask];
}

static struct peer_cell *
find(struct ancestor *a, uint64_t page)
{
	struct bucket *bucket = bucket_of(a, page);
	struct peer_cell *cell;

	peer_lock(&bucket->lock);
	for (cell = bucket->first; cell != NULL; cell = cell->left)
		if (cell->page == page)
			break;
	peer_unlock(&bucket->lock);
	return cell;
}

static bool
enter(struct ancestor *a, struct peer_cell *cell)
{
	struct bucket *bucket = bucket_of(a, cell->page);

	peer_lock(&bucket->lock);
	cell->left = bucket->first;
	bucket->first = cell;
	peer_unlock(&bucket->lock);
	return true;
}

static void
leave(struct ancestor *a, struct peer_cell *cell)
{
	struct bucket *bucket = bucket_of(a, cell->page);
	struct peer_cell **link = &bucket->first;

	peer_lock(&bucket->lock);
	while (*link != cell)
		link = &(*link)->left;
	*link = cell->left;
	peer_unlock(&bucket->lock);
}

static void
enqueue(struct ancestor *a, struct peer_cell *cell)
{
	ancestor_activate(&hash_of(a)->queues, cell);
}

static struct peer_cell *
victim(struct ancestor *a)
{
	return ancestor_inactive(&hash_of(a)->queues);
}

static const struct ancestor_index index_ops = {
	.find = find,
	.enter = enter,
	.leave = leave,
	.enqueue = enqueue,
	.victim = victim,
};

static void *
hash_get(void *self, uint64_t page, void **handle)
{
	return ancestor_get(self, &index_ops, page, handle);
}

static void
hash_put(void *self, void *handle)
{
	ancestor_put(self, handle);
}

static void
hash_close(void *self)
{
	struct hash *hash = self;

	for (uint64_t i = 0; hash->buckets != NULL && i <= hash->mask; i++)
		peer_lock_fini(&hash->buckets[i].lock);
	free(hash->buckets);
	ancestor_queues_fini(&hash->queues);
	ancestor_close(&hash->a);
	free(hash);
}

static int
hash_open(const struct peer_config *config, void **self, bool spins)
{
	struct hash *hash = peer_array(1, sizeof(*hash));
	int error;

	if (hash == NULL)
		return -ENOMEM;
	error = ancestor_open(&hash->a, config, spins);
	if (error != 0) {
		free(hash);
		return error;
	}
	ancestor_queues_init(&hash->queues, spins);
	hash->mask = peer_power_of_two(config->memory_pages) - 1;
	hash->buckets = peer_array(hash->mask + 1, sizeof(*hash->buckets));
	if (hash->buckets == NULL) {
		hash_close(hash);
		return -ENOMEM;
	}
	for (uint64_t i = 0; i <= hash->mask; i++)
		peer_lock_init(&hash->buckets[i].lock, spins);
	*self = hash;
	return 0;
}

static int
open_mutex(const struct peer_config *config, void **self, const char **why)
{
	(void)why;
	return hash_open(config, self, false);
}

static int
open_spin(const struct peer_config *config, void **self, const char **why)
{
	(void)why;
	return hash_open(config, self, true);
}

const struct peer_ops peer_hash = {
	.name = "mach-hash",
	.flags = PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_ANCESTOR,
	.open = open_mutex,
	.get = hash_get,
	.put = hash_put,
	.close = hash_close,
};

const struct peer_ops peer_hash_spin = {
	.name = "mach-hash-spin",
	.flags = PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_ANCESTOR,
	.open = open_spin,
	.get = hash_get,
	.put = hash_put,
	.close = hash_close,
};
