/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counting.h - threads that count in the pages of a window of this process,
 * while these are written, evicted and fetched again all the time.
 *
 * Each thread has a word of its own in each page and keeps what should be in
 * it apart.  A write that is lost shows as a word that is too low, in the
 * window or, after a sync, in the file.
 */
#ifndef COUNTING_H
#define COUNTING_H

#include <stdbool.h>
#include <stdint.h>

struct counting {
	unsigned mapped;	/* threads that write through the window */
	unsigned grabbing;	/* threads that grab pages to write them */
	bool sync;		/* somebody syncs all the time */
	bool store;		/* halfway the window becomes a store */
	uint64_t evictions;	/* of dirty pages: go on until so many */
};

/* How many counts were lost. */
uint64_t counting_run(const struct counting *how);

#endif
