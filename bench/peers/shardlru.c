/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/shardlru.c - pread and a plain cache: shards, each an exact LRU.
 *
 * What most storage engines begin with, and the shape of LevelDB's and
 * RocksDB's LRUCache as their documentation has it: the pages are dealt out to
 * shards; a shard is a mutex, a hash table with chains and a list in order of
 * use.  A lookup locks its shard, finds, pins, moves the page to the hot end,
 * unlocks; a release drops the pin, which takes no lock.  The coldest page that
 * nobody has pinned is the one to leave; the read goes on without the lock.
 *
 *	hit:  shard, chain, pin, move            1 pair of locks and
 *	put:  pin                                2 atomic additions
 *
 * A shard is the page number modulo the number of shards, so that all shards
 * are equally full and the whole of the memory can be used; each has its share
 * of the frames.  4 shards for each thread, so that two threads seldom meet.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/peers/cells.h"
#include "bench/peers/peer.h"

#define SHARDS_A_THREAD 4u
/* Frames of a shard, at the least: all threads can be in one, with spare. */
#define SHARD_FRAMES_LEAST(threads) (2 * (uint64_t)(threads) + 2)

struct shard {
	_Alignas(PEER_LINE) struct peer_lock lock;
	struct peer_cell **chains;	/* (C), its contents (L) */
	uint64_t mask;			/* chains - 1 (C) */
	struct peer_list lru;		/* coldest first (L) */
	struct peer_cell *fresh;	/* cells never used yet (L) */
	uint64_t fresh_count;		/* (L) */
	struct peer_event event;	/* pages that were wanted */
};

struct shardlru {
	struct peer_memory memory;	/* (C) */
	struct shard *shards;		/* (C) */
	unsigned bits;			/* 2^bits shards (C) */
};

static struct shard *
shard_of(struct shardlru *s, uint64_t page)
{
	return &s->shards[page & ((UINT64_C(1) << s->bits) - 1)];
}

/* Neighbours in a shard are neighbours in the table. */
static struct peer_cell **
chain_of(struct shardlru *s, struct shard *shard, uint64_t page)
{
	return &shard->chains[page >> s->bits & shard->mask];
}

static struct peer_cell *
find(struct shardlru *s, struct shard *shard, uint64_t page)
{
	struct peer_cell *cell = *chain_of(s, shard, page);

	while (cell != NULL && cell->page != page)
		cell = cell->left;
	return cell;
}

static void
enter(struct shardlru *s, struct shard *shard, struct peer_cell *cell)
{
	struct peer_cell **chain = chain_of(s, shard, cell->page);

	cell->left = *chain;
	*chain = cell;
}

static void
leave(struct shardlru *s, struct shard *shard, struct peer_cell *cell)
{
	struct peer_cell **link = chain_of(s, shard, cell->page);

	while (*link != cell)
		link = &(*link)->left;
	*link = cell->left;
}

/* A cell of no page, in no list; NULL: all are pinned. */
static struct peer_cell *
take(struct shardlru *s, struct shard *shard)
{
	struct peer_cell *cell;

	if (shard->fresh_count > 0) {
		shard->fresh_count--;
		return shard->fresh++;
	}
	/* Acquire: the holder's last look at the bytes is over. */
	TAILQ_FOREACH (cell, &shard->lru, queue)
		if (atomic_load_explicit(&cell->users,
			memory_order_acquire) == 0)
			break;
	if (cell == NULL)
		return NULL;
	TAILQ_REMOVE(&shard->lru, cell, queue);
	/* One that could not be read has been taken out of its chain. */
	if (cell->active)
		leave(s, shard, cell);
	return cell;
}

/* Holds the shard's lock, and returns without it. */
static struct peer_cell *
miss(struct shardlru *s, struct shard *shard, uint64_t page)
{
	struct peer_cell *cell = take(s, shard);
	bool wanted, good;

	if (cell == NULL) {
		peer_unlock(&shard->lock);
		return NULL;
	}
	cell->page = page;
	cell->filling = true;
	cell->active = true;
	atomic_store_explicit(&cell->users, 1, memory_order_relaxed);
	enter(s, shard, cell);
	peer_unlock(&shard->lock);
	good = peer_read(s->memory.fd, page, s->memory.page_bytes, cell->bytes);
	peer_lock(&shard->lock);
	cell->filling = false;
	wanted = cell->wanted;
	cell->wanted = false;
	if (good) {
		TAILQ_INSERT_TAIL(&shard->lru, cell, queue);
	} else {
		leave(s, shard, cell);
		cell->active = false;
		atomic_store_explicit(&cell->users, 0, memory_order_relaxed);
		TAILQ_INSERT_HEAD(&shard->lru, cell, queue);
	}
	peer_unlock(&shard->lock);
	if (wanted)
		peer_event_wake(&shard->event);
	return good ? cell : NULL;
}

/* Holds the shard's lock, and again when it returns. */
static void
wait_for(struct shard *shard, struct peer_cell *cell)
{
	uint64_t turn = peer_event_turn(&shard->event);

	cell->wanted = true;
	peer_unlock(&shard->lock);
	peer_event_wait(&shard->event, turn);
	peer_lock(&shard->lock);
}

static void *
shardlru_get(void *self, uint64_t page, void **handle)
{
	struct shardlru *s = self;
	struct shard *shard = shard_of(s, page);
	struct peer_cell *cell;

	peer_lock(&shard->lock);
	while ((cell = find(s, shard, page)) != NULL && cell->filling)
		wait_for(shard, cell);
	if (cell == NULL) {
		cell = miss(s, shard, page);
		*handle = cell;
		return cell == NULL ? NULL : cell->bytes;
	}
	atomic_fetch_add_explicit(&cell->users, 1, memory_order_relaxed);
	if (TAILQ_NEXT(cell, queue) != NULL) {
		TAILQ_REMOVE(&shard->lru, cell, queue);
		TAILQ_INSERT_TAIL(&shard->lru, cell, queue);
	}
	peer_unlock(&shard->lock);
	*handle = cell;
	return cell->bytes;
}

static void
shardlru_put(void *self, void *handle)
{
	struct peer_cell *cell = handle;

	(void)self;
	atomic_fetch_sub_explicit(&cell->users, 1, memory_order_release);
}

static void
shardlru_close(void *self)
{
	struct shardlru *s = self;
	uint64_t shards = UINT64_C(1) << s->bits;

	for (uint64_t i = 0; s->shards != NULL && i < shards; i++) {
		if (s->shards[i].chains == NULL)
			continue;
		free(s->shards[i].chains);
		peer_lock_fini(&s->shards[i].lock);
		peer_event_fini(&s->shards[i].event);
	}
	free(s->shards);
	peer_memory_close(&s->memory);
	free(s);
}

static int
shard_open(struct shard *shard, struct peer_cell *cells, uint64_t count)
{
	shard->mask = peer_power_of_two(count) - 1;
	shard->chains = peer_array(shard->mask + 1, sizeof(*shard->chains));
	if (shard->chains == NULL)
		return -ENOMEM;
	peer_lock_init(&shard->lock, false);
	peer_event_init(&shard->event);
	TAILQ_INIT(&shard->lru);
	shard->fresh = cells;
	shard->fresh_count = count;
	return 0;
}

static unsigned
shard_bits(const struct peer_config *config)
{
	uint64_t least = SHARD_FRAMES_LEAST(config->threads);
	unsigned bits = 0;

	while (UINT64_C(1) << bits < SHARDS_A_THREAD * config->threads &&
	    config->memory_pages >> (bits + 1) >= least)
		bits++;
	return bits;
}

static int
shardlru_fill_in(struct shardlru *s, const struct peer_config *config)
{
	uint64_t shards = UINT64_C(1) << s->bits;
	/* A file no larger than the memory fits: so many pages has the fullest
	 * shard of it. */
	uint64_t share = (config->memory_pages + shards - 1) >> s->bits;
	int error = peer_memory_open(&s->memory, config->fd,
	    config->page_bytes, share << s->bits);

	if (error != 0)
		return error;
	s->shards = peer_array(shards, sizeof(*s->shards));
	if (s->shards == NULL)
		return -ENOMEM;
	for (uint64_t i = 0; i < shards && error == 0; i++)
		error = shard_open(&s->shards[i], &s->memory.cells[i * share],
		    share);
	return error;
}

static int
shardlru_open(const struct peer_config *config, void **self, const char **why)
{
	struct shardlru *s = peer_array(1, sizeof(*s));
	int error;

	(void)why;
	if (s == NULL)
		return -ENOMEM;
	s->bits = shard_bits(config);
	error = shardlru_fill_in(s, config);
	if (error != 0)
		shardlru_close(s);
	else
		*self = s;
	return error;
}

const struct peer_ops peer_shardlru = {
	.name = "shard-lru",
	.flags = PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_OURS,
	.open = shardlru_open,
	.get = shardlru_get,
	.put = shardlru_put,
	.close = shardlru_close,
};
