/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/streams.h - what to fetch together with a missing page.
 *
 * A miss is all that is seen of mapped memory: what is resident is touched
 * without a trace.  Three shapes are told apart:
 *
 *	stream	the miss is where one of the last VM_STREAMS streams would go
 *		on: fetch its window, doubled each time up to the largest
 *	near	the miss is in or beside a cluster that was lately missed:
 *		neighbours are wanted, fetch the aligned cluster
 *	far	anything else: a single page, once enough of them came
 *
 * near and far move a score between 0 and SCORE_MAX; clusters are fetched
 * while it is at SCORE_CLUSTER or above.  It starts above, so that a program
 * profits at once; about five random misses put it below.
 *
 * Pure arithmetic: no lock, no page, no clock.  The owner serialises.
 */
#ifndef OBJECT_STREAMS_H
#define OBJECT_STREAMS_H

#include <stdint.h>

#include "page/page.h"

/* 8 streams: as many interleaved sequential readers of one object. */
#define VM_STREAMS 8
/* 16 clusters: what counts as lately missed. */
#define VM_RECENT 16

enum vm_pattern {
	VM_PATTERN_NORMAL,
	VM_PATTERN_RANDOM,
	VM_PATTERN_SEQUENTIAL,
};

struct vm_stream {
	vm_pindex_t next;	/* where it goes on, in pages */
	uint32_t window;	/* pages fetched last time; 0: unused */
	uint32_t used;		/* turn of the last hit, for replacement */
};

struct vm_streams {
	struct vm_stream stream[VM_STREAMS];
	uint64_t recent[VM_RECENT];	/* cluster numbers + 1 */
	uint32_t recent_at;
	uint32_t turn;
	uint32_t score;
	enum vm_pattern pattern;
	uint32_t cluster_pages;		/* 1: no clusters (C) */
	uint32_t window_pages;		/* largest window, >= cluster (C) */
};

/* [first, first + count) holds the missed page. */
struct vm_plan {
	vm_pindex_t first;
	uint32_t count;
};

void vm_streams_init(struct vm_streams *streams, uint32_t cluster_pages,
    uint32_t window_pages);

/*
 * The same for a miss in a run of count pages that are all asked for: where to
 * stop fetching, at the run's end or behind it.  A stream is all that is told
 * apart.
 */
vm_pindex_t vm_streams_run(struct vm_streams *streams, vm_pindex_t pindex,
    uint32_t count, uint64_t pages);

/* Learns from a miss and says what to fetch for it.  pages: the object's. */
struct vm_plan vm_streams_miss(struct vm_streams *streams,
    vm_pindex_t pindex, uint64_t pages);

#endif
