/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/streams.h - what to fetch together with a missing page.
 *
 * Two things are seen: misses, and the first use of a page that had been
 * fetched ahead (not in maps, where what is resident is touched without a
 * trace).  Shapes of misses:
 *
 *	forward	at the page where a stream would go on, or a little behind it
 *	back	just before the first page that a stream has fetched
 *	strided	the fourth of misses that are as far from each other
 *	inside	in a stream's window: it was not fetched yet, or for want of
 *		memory not at all, or has gone again; the next pages of it
 *	near	in or beside a cluster that was lately missed: neighbours are
 *		wanted, fetch the aligned cluster
 *	far	anything else: a single page, once enough of them came
 *
 * A stream is a window of pages ahead of its reader.  One page of it is its
 * trigger; the first use of that one moves the window on, before the reader
 * comes to its end:
 *
 *	        reader     trigger                     next
 *	  ........|-----------t---------------------------|
 *	          '------------- window ------------------'
 *	t used:               |-----t'-----------------------------|
 *	                      '---------- window, up to twice -----'
 *
 *	miss that goes on: window doubled, fetched, trigger armed
 *	trigger used:      window doubled, what is lacking of it fetched
 *	pages left unused: the largest window halved; all used: doubled again
 *
 * Where no use is seen no trigger fires, and the next miss, at the window's
 * end, moves it on.  A stream that has gone on for long_pages leaves what is
 * behind it (vm_step).
 *
 * near and far move a score between 0 and SCORE_MAX, one for each of VM_WHOS
 * whose misses they are; clusters are fetched while it is at SCORE_CLUSTER or
 * above.  It starts above, so that a program profits at once; about five random
 * misses put it below.  What becomes of pages fetched moves it, too.
 *
 * Streams belong to who they were seen of: the callers of this process, its
 * maps, each range of a client.  Two readers of one object never take each
 * other's misses for a pattern.
 *
 * Pure arithmetic: no lock, no page, no clock.  The owner serialises.
 */
#ifndef OBJECT_STREAMS_H
#define OBJECT_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "page/page.h"

/* 16 streams: as many interleaved readers of one object; 1.3 KiB. */
#define VM_STREAMS 16
/* 16 clusters: what counts as lately missed. */
#define VM_RECENT 16
/* 4 of whom scores are kept. */
#define VM_WHOS 4

/* Whose misses: callers that hold pages, and faults in this process's maps.
 * Ranges of clients have other numbers. */
#define VM_WHO_CALLERS 0u
#define VM_WHO_MAPS 1u

enum vm_pattern {
	VM_PATTERN_NORMAL,
	VM_PATTERN_RANDOM,
	VM_PATTERN_SEQUENTIAL,
};

enum vm_way {
	VM_WAY_NONE,
	VM_WAY_FORWARD,
	VM_WAY_BACK,
	VM_WAY_STRIDED,
	VM_WAY_INSIDE,		/* a miss in what a stream has ahead */
};

struct vm_stream {
	vm_pindex_t low;	/* the first page fetched, */
	vm_pindex_t next;	/* and behind the last one */
	vm_pindex_t last;	/* the latest miss; strided: the last fetched */
	vm_pindex_t trigger;
	vm_pindex_t left;	/* the first one not left behind; back: the one
				 * behind it */
	int64_t step;		/* strided, pages */
	uint64_t length;	/* pages it has gone on for */
	uint32_t window;	/* pages; 0: unused */
	uint32_t used;		/* turn of the last hit, for replacement */
	uint32_t who;
	enum vm_way way;
	bool armed;		/* the trigger is one */
};

struct vm_streams {
	struct vm_stream stream[VM_STREAMS];
	uint64_t recent[VM_RECENT];	/* cluster numbers + 1 */
	uint32_t recent_at;
	uint32_t turn;
	struct {
		uint32_t who, score;
	} whos[VM_WHOS];
	uint32_t whos_at;
	uint32_t seen_used, seen_unused;	/* pages, modulo 2^32 */
	uint32_t most;			/* largest window now */
	enum vm_pattern pattern;
	uint32_t cluster_pages;		/* 1: no clusters (C) */
	uint32_t window_pages;		/* largest window, >= cluster (C) */
	/* Pages that may be fetched ahead now; the caller's to set. */
	uint32_t room_pages;
	/* A stream that goes on for longer leaves pages behind. */
	uint64_t long_pages;
};

/* Pieces of so many pages each, that many pages from one to the next. */
struct vm_reach {
	vm_pindex_t first;
	int64_t step;
	uint32_t pages;
	uint32_t count;		/* of pieces; 0: nothing */
};

/* [first, first + count) holds the missed page; ahead: besides. */
struct vm_plan {
	vm_pindex_t first;
	uint32_t count;
	struct vm_reach ahead;
};

/* The k-th page of them. */
static inline vm_pindex_t
vm_reach_page(const struct vm_reach *reach, uint32_t k)
{
	return reach->first + (uint64_t)reach->step * (k / reach->pages) +
	    k % reach->pages;
}

/*
 * A trigger was used: what to fetch, and which pages will not be needed by who
 * reads here: those of left any more, [passing_first, passing_end) only once;
 * nothing of both where his stream is not so long.
 */
struct vm_step {
	struct vm_reach ahead;
	struct vm_reach left;
	vm_pindex_t passing_first;
	vm_pindex_t passing_end;
};

void vm_streams_init(struct vm_streams *streams, uint32_t cluster_pages,
    uint32_t window_pages);

/* Pages fetched ahead that were used, and that went unused, ever (modulo
 * 2^32): what has come of them since the last call moves windows and scores. */
void vm_streams_learn(struct vm_streams *streams, uint32_t used,
    uint32_t unused);

/* Learns from a miss and says what to fetch for it.  pages: the object's. */
struct vm_plan vm_streams_miss(struct vm_streams *streams, uint32_t who,
    vm_pindex_t pindex, uint64_t pages);

/*
 * The same for a miss in a run of count pages that are all asked for, by
 * callers: where to stop fetching, at the run's end or behind it.  A stream
 * forward is all that is told apart.
 */
vm_pindex_t vm_streams_run(struct vm_streams *streams, vm_pindex_t pindex,
    uint32_t count, uint64_t pages);

/* The first use of a page that was fetched ahead.  False: no trigger. */
bool vm_streams_touch(struct vm_streams *streams, vm_pindex_t pindex,
    uint64_t pages, struct vm_step *step);

/* One bit for a page; all those of the triggers.  So most pages are known to be
 * none without the owner's lock. */
static inline uint64_t
vm_streams_bit(vm_pindex_t pindex)
{
	return UINT64_C(1) << (pindex % 64);
}

uint64_t vm_streams_bits(const struct vm_streams *streams);

#endif
