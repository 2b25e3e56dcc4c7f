/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/way.h - the peers of the table as ways to be measured.
 *
 * A workload says which peers it wants and in which order pages are asked for;
 * it gets a way for each, full and warm, to put behind its own:
 *
 *	ways[0] = ours, ways[1] = the floor
 *	count = 2 + peer_ways_open(&peers, &use, &ways[2])
 *	bench_rounds(bench, ways, count, 0)
 *	peer_rows(&peers, bench, &row, PEER_ANCESTOR)
 *	peer_ways_close(&peers)
 *
 * A peer that cannot be had is a way that is missing, and says why.
 */
#ifndef BENCH_PEERS_WAY_H
#define BENCH_PEERS_WAY_H

#include <stdint.h>

#include "bench/bench.h"
#include "bench/peers/peer.h"

/* Room that a workload leaves for them among its ways. */
#define PEER_WAYS_MOST 16u

enum peer_order {
	PEER_HOT,	/* one page again and again */
	PEER_RANDOM,	/* each page as likely as any other, one at a time */
	PEER_CHAIN	/* the same, and which one is next needs the bytes of
			 * the one before: misses of the processor add up */
};

struct peer_use {
	const struct bench_file *file;
	uint64_t file_pages;	/* of the file, from its beginning */
	uint64_t memory_pages;	/* file_pages: all is there, and only hits */
	unsigned threads;
	enum peer_order order;
	unsigned kinds;		/* any of PEER_ANCESTOR, PEER_OURS, PEER_REAL */
};

struct peer_way {
	const struct peer_ops *ops;
	void *self;		/* NULL: could not be opened */
	uint64_t pages;
};

struct peer_ways {
	struct peer_way peer[PEER_WAYS_MOST];
	struct bench_way *ways;	/* the caller's, count of them */
	unsigned count;
};

/* How many ways there are now; at most PEER_WAYS_MOST. */
unsigned peer_ways_open(struct peer_ways *peers, const struct peer_use *use,
    struct bench_way *ways);
void peer_ways_close(struct peer_ways *peers);

/* The row against each of the peers; its target is for those of these kinds
 * only, the others are shown beside them. */
void peer_rows(const struct peer_ways *peers, struct bench *bench,
    const struct bench_row *row, unsigned kinds);

/*
 * Which page is next, of a number of pages; last is the first word of the page
 * before, and its number.  For the ways that are compared with the peers.
 */
static inline uint64_t
peer_next(enum peer_order order, struct bench_rng *rng, uint64_t pages,
    uint64_t last)
{
	if (order == PEER_HOT)
		return pages / 2;
	/* Takes the bytes into the next number. */
	if (order == PEER_CHAIN)
		rng->state += last;
	return bench_below(rng, pages);
}

#endif
