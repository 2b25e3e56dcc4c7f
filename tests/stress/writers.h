/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writers.h - threads of a client that count in mapped pages, while these are
 * written, evicted and fetched again all the time.
 *
 * Each writer has a counter of its own in each page and keeps the sum apart.
 * A write that is lost shows as a counter that is too low, in the mapping or,
 * after a sync, in the file.
 */
#ifndef WRITERS_H
#define WRITERS_H

#include <stdbool.h>
#include <stdint.h>

struct writers {
	bool disk;		/* else the file is in memory */
	unsigned threads;
	uint64_t pages;		/* of the file */
	uint64_t limit_pages;
	uint64_t evictions;	/* of dirty pages: go on until so many */
	uint64_t readahead_bytes;
	bool dontneed;		/* the client drops its own page tables too */
};

/* How many counts were lost. */
uint64_t writers_run(const struct writers *how);

#endif
