/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/ancestor.h - one object's pages under one lock.
 *
 * What the three systems we descend from have in common on the way to a page:
 * the object is locked, the page is found, made busy and the object unlocked;
 * later the object is locked again, the page no longer busy and whoever wants
 * it woken.  What differs is the index, the order of those who leave, and what
 * a lookup does to either; those are functions that each ancestor brings, known
 * when its file is compiled, so that nothing is called through a pointer.
 *
 *	get	lock, find -+-> busy + 1, unlock			(hit)
 *			    '-> a cell: free, or the victim's; enter it,
 *				unlock, read, lock, queue it, wake, unlock
 *	put	lock, busy - 1, used, unlock
 *
 * In favour of the ancestors, all three:
 *   - busy is a count, so readers share a page; theirs was one holder's.
 *   - that a page was used is a byte under the lock that is held anyway; theirs
 *     went through the machine's page tables or the queues' lock.
 *   - a clean victim is taken in the middle of a miss by who needs it; theirs
 *     came from a daemon, in another thread.
 * Left out: writing, wiring, other objects, everything about mappings.
 */
#ifndef BENCH_PEERS_ANCESTOR_H
#define BENCH_PEERS_ANCESTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/peers/cells.h"
#include "bench/peers/peer.h"

struct ancestor {
	_Alignas(PEER_LINE) struct peer_lock lock;	/* the object's */
	struct peer_event event;	/* pages that were wanted */
	struct peer_memory memory;	/* (C) */
	uint64_t fresh;			/* cells never used yet (L) */
	struct peer_cell *spare;	/* given back, by left (L) */
};

/* Each is called with the object's lock held. */
struct ancestor_index {
	/* The page's cell, or NULL; and what a lookup does besides. */
	struct peer_cell *(*find)(struct ancestor *a, uint64_t page);
	/* The cell is found by its page from now on; false: no memory. */
	bool (*enter)(struct ancestor *a, struct peer_cell *cell);
	void (*leave)(struct ancestor *a, struct peer_cell *cell);
	/* The cell has its contents: into the order it goes. */
	void (*enqueue)(struct ancestor *a, struct peer_cell *cell);
	/* One that nobody has, out of the order; NULL: all are in use. */
	struct peer_cell *(*victim)(struct ancestor *a);
};

/* 0 or a negative errno. */
int ancestor_open(struct ancestor *a, const struct peer_config *config,
    bool spins);
void ancestor_close(struct ancestor *a);

/* A cell of no page, entered as page's and being filled; NULL: none. */
static inline struct peer_cell *
ancestor_claim(struct ancestor *a, const struct ancestor_index *index,
    uint64_t page)
{
	struct peer_cell *cell = a->spare;

	if (cell != NULL) {
		a->spare = cell->left;
	} else if (a->fresh < a->memory.count) {
		cell = &a->memory.cells[a->fresh++];
	} else {
		cell = index->victim(a);
		if (cell == NULL)
			return NULL;
		index->leave(a, cell);
	}
	cell->page = page;
	if (!index->enter(a, cell)) {
		cell->left = a->spare;
		a->spare = cell;
		return NULL;
	}
	cell->filling = true;
	cell->used = false;
	atomic_store_explicit(&cell->users, 1, memory_order_relaxed);
	return cell;
}

/* The read is over; unlocks. */
static inline void
ancestor_filled(struct ancestor *a, const struct ancestor_index *index,
    struct peer_cell *cell, bool read)
{
	bool wanted = cell->wanted;

	cell->filling = false;
	cell->wanted = false;
	if (read) {
		index->enqueue(a, cell);
	} else {
		atomic_store_explicit(&cell->users, 0, memory_order_relaxed);
		index->leave(a, cell);
		cell->left = a->spare;
		a->spare = cell;
	}
	peer_unlock(&a->lock);
	if (wanted)
		peer_event_wake(&a->event);
}

/* Holds the lock, and returns without it. */
static inline struct peer_cell *
ancestor_miss(struct ancestor *a, const struct ancestor_index *index,
    uint64_t page)
{
	struct peer_cell *cell = ancestor_claim(a, index, page);
	bool read;

	if (cell == NULL) {
		peer_unlock(&a->lock);
		return NULL;
	}
	peer_unlock(&a->lock);
	read = peer_read(a->memory.fd, page, a->memory.page_bytes, cell->bytes);
	peer_lock(&a->lock);
	ancestor_filled(a, index, cell, read);
	return read ? cell : NULL;
}

/* Holds the lock, and again when it returns: the cell may be another's. */
static inline void
ancestor_wait(struct ancestor *a, struct peer_cell *cell)
{
	uint64_t turn = peer_event_turn(&a->event);

	cell->wanted = true;
	peer_unlock(&a->lock);
	peer_event_wait(&a->event, turn);
	peer_lock(&a->lock);
}

static inline void *
ancestor_get(struct ancestor *a, const struct ancestor_index *index,
    uint64_t page, void **handle)
{
	struct peer_cell *cell;
	uint32_t users;

	peer_lock(&a->lock);
	while ((cell = index->find(a, page)) != NULL && cell->filling)
		ancestor_wait(a, cell);
	if (cell == NULL) {
		cell = ancestor_miss(a, index, page);
		*handle = cell;
		return cell == NULL ? NULL : cell->bytes;
	}
	users = atomic_load_explicit(&cell->users, memory_order_relaxed);
	atomic_store_explicit(&cell->users, users + 1, memory_order_relaxed);
	peer_unlock(&a->lock);
	*handle = cell;
	return cell->bytes;
}

static inline void
ancestor_put(struct ancestor *a, struct peer_cell *cell)
{
	uint32_t users;

	peer_lock(&a->lock);
	users = atomic_load_explicit(&cell->users, memory_order_relaxed);
	atomic_store_explicit(&cell->users, users - 1, memory_order_relaxed);
	cell->used = true;
	peer_unlock(&a->lock);
}

/*
 * The active and the inactive queue of GNU Mach (vm_pageout.c) and FreeBSD:
 * pages become active when they come; the oldest active ones become inactive
 * and their mark is cleared, so that a third of all are active; the oldest
 * inactive one leaves, unless it was used meanwhile: then it is active again.
 * Left out: FreeBSD's count of activity (act_count), which would have a page
 * that was used once looked at six times before it leaves.
 */
struct ancestor_queues {
	/* Inside the object's. */
	_Alignas(PEER_LINE) struct peer_lock lock;
	struct peer_list active;	/* oldest first (Q) */
	struct peer_list inactive;	/* (Q) */
	uint64_t active_count;		/* (Q) */
	uint64_t inactive_count;	/* (Q) */
};

void ancestor_queues_init(struct ancestor_queues *queues, bool spins);
void ancestor_queues_fini(struct ancestor_queues *queues);
void ancestor_activate(struct ancestor_queues *queues, struct peer_cell *cell);
struct peer_cell *ancestor_inactive(struct ancestor_queues *queues);

#endif
