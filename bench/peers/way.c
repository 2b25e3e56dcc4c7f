/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/peers/way.c - way.h has the theory. */
#include "bench/peers/way.h"

#include <string.h>

/* Gets before anything is timed, for each page of a memory that is too small:
 * it is full, and its policy has begun to choose. */
#define FILL_TIMES 2u

static uint64_t
ask(const struct peer_way *peer, uint64_t page)
{
	void *handle;
	const uint64_t *words = peer->ops->get(peer->self, page, &handle);
	uint64_t first;

	if (words == NULL)
		bench_die("%s: a page could not be read", peer->ops->name);
	first = words[0];
	if (first != page)
		bench_die("%s: a page has other bytes", peer->ops->name);
	peer->ops->put(peer->self, handle);
	return first;
}

/* The order is known where this is called, and tested in no loop. */
static inline void
loop(const struct peer_way *peer, const struct bench_turn *turn,
    enum peer_order order)
{
	struct bench_rng rng = bench_rng(turn->seed);
	uint64_t last = 0;

	for (uint64_t i = 0; i < turn->count; i++)
		last = ask(peer, peer_next(order, &rng, peer->pages, last));
	bench_use(last);
}

static void
loop_hot(void *self, const struct bench_turn *turn)
{
	loop(self, turn, PEER_HOT);
}

static void
loop_random(void *self, const struct bench_turn *turn)
{
	loop(self, turn, PEER_RANDOM);
}

static void
loop_chain(void *self, const struct bench_turn *turn)
{
	loop(self, turn, PEER_CHAIN);
}

static void (*const loops[])(void *, const struct bench_turn *) = {
	[PEER_HOT] = loop_hot,
	[PEER_RANDOM] = loop_random,
	[PEER_CHAIN] = loop_chain,
};

static void
fill(struct peer_way *peer, const struct peer_use *use)
{
	struct bench_turn turn = {
		.threads = 1, .count = FILL_TIMES * use->memory_pages,
	};

	if (use->memory_pages < use->file_pages) {
		loop_random(peer, &turn);
		return;
	}
	for (uint64_t page = 0; page < use->file_pages; page++)
		(void)ask(peer, page);
}

static void
open_peer(struct peer_way *peer, const struct peer_use *use,
    struct bench_way *way)
{
	const struct peer_config config = {
		.fd = use->file->fd,
		.path = use->file->path,
		.page_bytes = (uint32_t)bench_page_bytes(),
		.file_pages = use->file_pages,
		.memory_pages = use->memory_pages,
		.threads = use->threads,
	};
	const char *why = NULL;
	int code = peer->ops->open(&config, &peer->self, &why);

	*way = (struct bench_way){
		.name = peer->ops->name,
		.self = peer,
		.loop = loops[use->order],
		.threads = use->threads,
	};
	peer->pages = use->file_pages;
	if (code == 0) {
		fill(peer, use);
		return;
	}
	peer->self = NULL;
	bench_missing(way, "%s", why != NULL ? why : strerror(-code));
}

static bool
wanted(const struct peer_ops *ops, const struct peer_use *use)
{
	unsigned need = use->memory_pages < use->file_pages ?
	    PEER_MISSES : PEER_HITS;

	if (use->threads > 1)
		need |= PEER_THREADS;
	return (ops->flags & need) == need && (ops->flags & use->kinds) != 0;
}

unsigned
peer_ways_open(struct peer_ways *peers, const struct peer_use *use,
    struct bench_way *ways)
{
	peers->ways = ways;
	peers->count = 0;
	for (unsigned i = 0; peer_table[i] != NULL; i++) {
		unsigned n = peers->count;

		if (!wanted(peer_table[i], use))
			continue;
		if (n == PEER_WAYS_MOST)
			bench_die("more peers than there is room for");
		peers->peer[n].ops = peer_table[i];
		open_peer(&peers->peer[n], use, &ways[n]);
		peers->count++;
	}
	return peers->count;
}

void
peer_ways_close(struct peer_ways *peers)
{
	for (unsigned i = 0; i < peers->count; i++)
		if (peers->peer[i].self != NULL)
			peers->peer[i].ops->close(peers->peer[i].self);
	peers->count = 0;
}

void
peer_rows(const struct peer_ways *peers, struct bench *bench,
    const struct bench_row *row, unsigned kinds)
{
	for (unsigned i = 0; i < peers->count; i++) {
		struct bench_row one = *row;

		one.against = &peers->ways[i];
		if ((peers->peer[i].ops->flags & kinds) == 0)
			one.sense = BENCH_NO_TARGET;
		bench_row(bench, &one);
	}
}
