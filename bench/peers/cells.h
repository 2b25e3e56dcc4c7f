/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/cells.h - what the peers written here share: memory and locks.
 *
 * A cell is a page of memory and what a cache has to know of it.  All peers
 * have the same memory: one arena in huge pages, touched before anything is
 * timed, the bytes apart from the cells, one cell to a cache line.  They differ
 * in how a cell is found, in what a hit costs, and in who leaves.
 *
 * The locks are the threads library's, each at the start of a line.  The one
 * that spins is there because some of the systems described had such: its pair
 * costs one locked instruction in place of two, and a holder that loses its
 * processor stops everybody.
 */
#ifndef BENCH_PEERS_CELLS_H
#define BENCH_PEERS_CELLS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define PEER_LINE 64	/* bytes: a cache line of x86-64 and most arm64 */

/* (L) the lock of the structure that the cell is in. */
struct peer_cell {
	_Alignas(PEER_LINE) TAILQ_ENTRY(peer_cell) queue;	/* (L) */
	struct peer_cell *left;		/* or the next of a chain (L) */
	struct peer_cell *right;	/* (L) */
	uint64_t page;			/* of the file (L) */
	char *bytes;			/* (C) */
	_Atomic uint32_t users;		/* who has it: does not leave (A) */
	bool filling;			/* being read: wait (L) */
	bool wanted;			/* somebody waits (L) */
	bool used;			/* since the policy looked last (L) */
	bool active;			/* which of two queues (L) */
};

_Static_assert(sizeof(struct peer_cell) == PEER_LINE, "one line a cell");

TAILQ_HEAD(peer_list, peer_cell);

struct peer_memory {
	char *map;			/* what was mapped (C) */
	size_t map_bytes;		/* (C) */
	struct peer_cell *cells;	/* (C) */
	uint64_t count;			/* of cells (C) */
	size_t page_bytes;		/* (C) */
	int fd;				/* (C) */
};

/* 0 or a negative errno; closing what was never opened does nothing. */
int peer_memory_open(struct peer_memory *memory, int fd, size_t page_bytes,
    uint64_t pages);
void peer_memory_close(struct peer_memory *memory);
/* A whole page of the file, to bytes; false when it cannot be had. */
bool peer_read(int fd, uint64_t page, size_t page_bytes, void *bytes);
/* count objects of size bytes, zero, from the start of a line on, in huge pages
 * where there are many; free() frees them.  NULL: no memory. */
void *peer_array(uint64_t count, size_t size);
/* The smallest power of two that is not below n; n is not above 2^63. */
uint64_t peer_power_of_two(uint64_t n);

/* 48 bytes: who has one puts it at the start of a line, and may put there
 * what is used under it. */
struct peer_lock {
	union {
		pthread_mutex_t mutex;
		pthread_spinlock_t spin;
	};
	bool spins;	/* (C) */
};

void peer_lock_init(struct peer_lock *lock, bool spins);
void peer_lock_fini(struct peer_lock *lock);

static inline void
peer_lock(struct peer_lock *lock)
{
	if (lock->spins)
		pthread_spin_lock(&lock->spin);
	else
		pthread_mutex_lock(&lock->mutex);
}

static inline void
peer_unlock(struct peer_lock *lock)
{
	if (lock->spins)
		pthread_spin_unlock(&lock->spin);
	else
		pthread_mutex_unlock(&lock->mutex);
}

/*
 * Where those wait whose page is being read.  Who waits takes the turn while
 * he holds the lock under which he asked to be woken, and gives that lock up
 * before he waits; who wakes has seen the wish under the same lock, so he
 * comes later than the turn.
 */
struct peer_event {
	_Alignas(PEER_LINE) pthread_mutex_t mutex;
	pthread_cond_t changed;
	_Atomic uint64_t turn;	/* advances under the mutex (A) */
};

void peer_event_init(struct peer_event *event);
void peer_event_fini(struct peer_event *event);
uint64_t peer_event_turn(struct peer_event *event);
void peer_event_wait(struct peer_event *event, uint64_t turn);
void peer_event_wake(struct peer_event *event);

#endif
