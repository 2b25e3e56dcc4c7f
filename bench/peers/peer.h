/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/peer.h - other ways to keep a file's pages in a piece of memory.
 *
 * A peer caches the pages of one file in memory_pages frames of page_bytes.
 * get brings the page in when it is missing and pins it; put unpins it.  Both
 * are called by up to config.threads threads at once, get and put of one page
 * by one thread.  A peer that has only the structure of a lookup (an
 * ancestor's hash, say) has everything resident from open on, and says so by
 * leaving out PEER_MISSES.
 *
 *	open --> get, put, get, put ... (any thread) --> close
 *
 * Each header or file of a peer says what it is, after which description, and
 * what is left out.  way.h makes ways of them for a workload.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stddef.h>
#include <stdint.h>

/* What a peer can be compared in. */
#define PEER_HITS	0x1u	/* a page that is there: get, put */
#define PEER_MISSES	0x2u	/* a file larger than the memory */
#define PEER_THREADS	0x4u	/* by several threads */
/* What it is. */
#define PEER_ANCESTOR	0x10u	/* a structure of our ancestors */
#define PEER_OURS	0x20u	/* written here, after a description */
#define PEER_REAL	0x40u	/* somebody else's library or kernel */

struct peer_config {
	int fd;			/* of the file: read and write, cached */
	const char *path;	/* the same */
	uint32_t page_bytes;
	uint64_t file_pages;
	uint64_t memory_pages;	/* at most file_pages */
	unsigned threads;	/* that will call get and put */
};

struct peer_ops {
	const char *name;
	unsigned flags;		/* PEER_* */
	/* 0 and *self; or a negative errno, and *why a sentence that lives as
	 * long as the program: shown as "not here: why". */
	int (*open)(const struct peer_config *config, void **self,
	    const char **why);
	/* The page's bytes, page_bytes of them; NULL: it could not be read. */
	void *(*get)(void *self, uint64_t page, void **handle);
	void (*put)(void *self, void *handle);
	void (*close)(void *self);
};

/* All that were built in, NULL at the end; the table is in peers.c. */
extern const struct peer_ops *const peer_table[];

/* The peer of that name; NULL: not built in. */
const struct peer_ops *peer_find(const char *name);

#endif
