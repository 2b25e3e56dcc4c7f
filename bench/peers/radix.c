/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/radix.c - NetBSD rump's tree and exact LRU.
 *
 * After sys/rump/librump/rumpkern/vm.c of NetBSD (rows R02, R15, R20, R24, R48
 * of the ancestors' behaviours): each object has a radix tree by page number
 * under the object's lock; one list of all pages, coldest first, under a lock
 * of its own.  A rump kernel has no page tables, so the only way to a page is a
 * lookup, and each lookup moves its page to the hot end.  The coldest that
 * nobody has is the one to leave.  Rump's locks are the threads library's.
 *
 *	hit:  object, tree, LRU lock, move, busy   3 pairs of locks in all,
 *	put:  object, not busy                     with the one of put
 *
 * In its favour, besides what ancestor.h says: nodes of 64 children where
 * NetBSD's have 16; the object's lock is a mutex, cheaper than the lock of
 * readers and writers, of which setting busy needs the writer's side; a page
 * that is the hottest already is not moved.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peers/ancestor.h"

/* 64 children, 512 bytes of pointers: four levels reach 64 GiB of 4 KiB. */
#define NODE_BITS	6u
#define NODE_CHILDREN	(1u << NODE_BITS)
#define LEVELS_MOST	10u	/* 60 bits: a file has fewer than 2^52 pages */

struct node {
	_Alignas(PEER_LINE) void *child[NODE_CHILDREN];
	unsigned used;		/* children that are not NULL */
};

struct radix {
	struct ancestor a;
	void *root;		/* a node; a cell where levels is 0 (L) */
	unsigned levels;	/* (C) */
	_Alignas(PEER_LINE) struct peer_lock lru_lock;
	struct peer_list lru;	/* coldest first (lru_lock) */
};

static struct radix *
radix_of(struct ancestor *a)
{
	return (struct radix *)a;
}

/* Which child of a node, height levels above the cells, leads to page. */
static unsigned
child_of(uint64_t page, unsigned height)
{
	return (unsigned)(page >> (height * NODE_BITS)) & (NODE_CHILDREN - 1);
}

static struct peer_cell *
tree_find(const struct radix *radix, uint64_t page)
{
	void *at = radix->root;

	for (unsigned height = radix->levels; height-- > 0 && at != NULL;)
		at = ((struct node *)at)->child[child_of(page, height)];
	return at;
}

static struct peer_cell *
find(struct ancestor *a, uint64_t page)
{
	struct radix *radix = radix_of(a);
	struct peer_cell *cell = tree_find(radix, page);

	if (cell == NULL || cell->filling)
		return cell;
	peer_lock(&radix->lru_lock);
	if (TAILQ_NEXT(cell, queue) != NULL) {
		TAILQ_REMOVE(&radix->lru, cell, queue);
		TAILQ_INSERT_TAIL(&radix->lru, cell, queue);
	}
	peer_unlock(&radix->lru_lock);
	return cell;
}

/* Frees the nodes on the way to page that have no child, lowest first. */
static void
prune(struct radix *radix, uint64_t page)
{
	struct node *way[LEVELS_MOST];
	void *at = radix->root;
	unsigned height = radix->levels;

	while (height > 0 && at != NULL) {
		way[--height] = at;
		at = way[height]->child[child_of(page, height)];
	}
	for (; height < radix->levels && way[height]->used == 0; height++) {
		free(way[height]);
		if (height + 1 == radix->levels) {
			radix->root = NULL;
			return;
		}
		way[height + 1]->child[child_of(page, height + 1)] = NULL;
		way[height + 1]->used--;
	}
}

static bool
enter(struct ancestor *a, struct peer_cell *cell)
{
	struct radix *radix = radix_of(a);
	struct node *above = NULL;
	void **link = &radix->root;

	for (unsigned height = radix->levels; height-- > 0;) {
		if (*link == NULL) {
			struct node *node = peer_array(1, sizeof(*node));

			if (node == NULL) {
				prune(radix, cell->page);
				return false;
			}
			*link = node;
			if (above != NULL)
				above->used++;
		}
		above = *link;
		link = &above->child[child_of(cell->page, height)];
	}
	*link = cell;
	if (above != NULL)
		above->used++;
	return true;
}

static void
leave(struct ancestor *a, struct peer_cell *cell)
{
	struct radix *radix = radix_of(a);
	struct node *above = NULL;
	void **link = &radix->root;

	for (unsigned height = radix->levels; height-- > 0;) {
		above = *link;
		link = &above->child[child_of(cell->page, height)];
	}
	*link = NULL;
	if (above != NULL && --above->used == 0)
		prune(radix, cell->page);
}

static void
enqueue(struct ancestor *a, struct peer_cell *cell)
{
	struct radix *radix = radix_of(a);

	peer_lock(&radix->lru_lock);
	TAILQ_INSERT_TAIL(&radix->lru, cell, queue);
	peer_unlock(&radix->lru_lock);
}

/* Bound: the cells in use at the cold end, one for each thread at most. */
static struct peer_cell *
victim(struct ancestor *a)
{
	struct radix *radix = radix_of(a);
	struct peer_cell *cell;

	peer_lock(&radix->lru_lock);
	TAILQ_FOREACH (cell, &radix->lru, queue)
		if (atomic_load_explicit(&cell->users,
			memory_order_relaxed) == 0)
			break;
	if (cell != NULL)
		TAILQ_REMOVE(&radix->lru, cell, queue);
	peer_unlock(&radix->lru_lock);
	return cell;
}

static const struct ancestor_index index_ops = {
	.find = find,
	.enter = enter,
	.leave = leave,
	.enqueue = enqueue,
	.victim = victim,
};

static void *
radix_get(void *self, uint64_t page, void **handle)
{
	return ancestor_get(self, &index_ops, page, handle);
}

static void
radix_put(void *self, void *handle)
{
	ancestor_put(self, handle);
}

static int
radix_open(const struct peer_config *config, void **self, const char **why)
{
	struct radix *radix = peer_array(1, sizeof(*radix));
	int error;

	(void)why;
	if (radix == NULL)
		return -ENOMEM;
	error = ancestor_open(&radix->a, config, false);
	if (error != 0) {
		free(radix);
		return error;
	}
	while ((config->file_pages - 1) >> (radix->levels * NODE_BITS) != 0)
		radix->levels++;
	peer_lock_init(&radix->lru_lock, false);
	TAILQ_INIT(&radix->lru);
	*self = radix;
	return 0;
}

/* The cells that are in the tree leave it, and their nodes with them. */
static void
radix_close(void *self)
{
	struct radix *radix = self;
	struct peer_cell *cell;

	TAILQ_FOREACH (cell, &radix->lru, queue)
		leave(&radix->a, cell);
	peer_lock_fini(&radix->lru_lock);
	ancestor_close(&radix->a);
	free(radix);
}

const struct peer_ops peer_radix = {
	.name = "rump-radix",
	.flags = PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_ANCESTOR,
	.open = radix_open,
	.get = radix_get,
	.put = radix_put,
	.close = radix_close,
};
