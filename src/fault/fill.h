/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/fill.h - bringing pages in.
 *
 * A fill is one read: a run of neighbouring absent pages of one object, the
 * wanted one among them, whose slots it holds exclusively from start to done.
 * Read-ahead beyond a run becomes further fills that nobody waits for, of this
 * filler or of the prefetcher (prefetch.h).
 *
 *	start: slot exclusive, page taken, neighbours likewise as far as they
 *	       are absent and memory is plenty; read submitted
 *	read done: the bytes go home (object/home.h), pages get their
 *	       identity, the policy hears of them
 *	done(fill): the owner's; the slots are still held
 *	slots released: others see the pages
 *
 * A filler is the place of a thread that fills: an I/O queue, fills, and
 * staging memory for store homes (pool pages are read straight into their
 * frames).  It belongs to one thread at a time and needs no lock; completions
 * run in vm_filler_reap of that thread.  Event loops own one for ever, callers
 * of the explicit API borrow one.
 */
#ifndef FAULT_FILL_H
#define FAULT_FILL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "object/object.h"
#include "object/pager_ops.h"

/* 256 pages, 1 MiB of 4 KiB pages: what a disk is read fastest with, 8 of them
 * at a time, and a pager's largest request. */
#define VM_FILL_PAGES 256
/* 32 pages, 128 KiB: where somebody waits for one of them; half of the time of
 * a read of this size is transfer on a fast disk. */
#define VM_FILL_USUAL 32
/* 32 fills in flight: the depth at which disks of reference/mechanisms are
 * within a fifth of their best; 4 MiB of staging when all are largest. */
#define VM_FILLER_DEPTH 32

struct vm_filler;

struct vm_fill {
	struct vm_pager_io io;
	struct vm_filler *filler;
	struct vm_object *object;	/* pinned */
	vm_pindex_t first;
	unsigned count;			/* pages of the run */
	unsigned wanted;		/* which of them was asked for */
	unsigned span;			/* and so many from there on */
	unsigned good;			/* at done: pages from the front that
					 * are there now */
	bool ahead;			/* none was */
	bool write;			/* it is brought to be written */
	bool open;			/* ... and can be: in a window, dirty */
	bool keep;			/* done's order: the slots that were
					 * asked for stay with the owner */
	int error;			/* positive errno: the read failed */
	void (*done)(struct vm_fill *fill);	/* may be NULL */
	void *arg;			/* done's */
	struct vm_page **page;		/* as many as a fill of the filler */
	struct vm_slot **slot;		/* may have, each */
	struct iovec *iov;
	char *staging;
	struct vm_node link;		/* the filler's free or busy list */
};

struct vm_filler {
	struct vm *vm;			/* (C) */
	unsigned depth;			/* fills (C) */
	unsigned most;			/* pages of a fill (C) */
	bool seat;			/* of those that faults use (C) */
	struct vm_ioq *queue;		/* (T) */
	struct vm_fill *fills;		/* (C) */
	char *staging;			/* (C) */
	struct vm_list free;		/* (T) */
	struct vm_list busy;		/* (T) */
	struct vm_node link;		/* in vm_fillers' idle list */
};

enum vm_fill_result {
	VM_FILL_STARTED,
	VM_FILL_RESIDENT,	/* somebody brought it in meanwhile, or the
				 * object's home has changed: look again */
	VM_FILL_BUSY,		/* somebody is in the slot: *slot */
	VM_FILL_MEMORY,		/* no page to be had just now */
	VM_FILL_BARRED,		/* its bytes are being changed */
	VM_FILL_FULL,		/* every fill is in flight: reap first */
	VM_FILL_RANGE,		/* beyond the object's end */
	VM_FILL_THROTTLED,	/* as much of the object is on its way as may
				 * be: vm_object_inflight_wait */
};

/* 0, -ENOMEM, or why there is no I/O queue. */
VM_MUST_CHECK int vm_filler_new(struct vm *vm, struct vm_filler **out);
/* With so many fills instead of VM_FILLER_DEPTH. */
VM_MUST_CHECK int vm_filler_new_deep(struct vm *vm, unsigned depth,
    struct vm_filler **out);
/* And of so many pages instead of VM_FILL_USUAL, VM_FILL_PAGES at most; of
 * flight_pages are reads under way at a time (os/ioq.h), 0: of all. */
VM_MUST_CHECK int vm_filler_new_for(struct vm *vm, unsigned depth,
    unsigned most, unsigned flight_pages, struct vm_filler **out);
void vm_filler_free(struct vm_filler *filler);	/* nothing in flight */

struct vm_fill_request {
	struct vm_object *object;
	vm_pindex_t pindex;
	struct vm_page *page;	/* taken already, or NULL; used when STARTED */
	bool write;		/* the page is about to be written */
	bool alone;		/* no neighbours: a run of several failed */
	/* What is beyond the fill that holds the page goes to the prefetcher,
	 * which may be started for it; else it is this filler's. */
	bool hands_over;
	uint32_t who;		/* misses: object/streams.h */
	unsigned span;		/* pages from pindex on that are asked for, as
				 * far as they are absent and the pager brings
				 * them at once; 0: one, and what its pattern
				 * of misses suggests */
	enum vm_class class;	/* whose memory */
	void (*done)(struct vm_fill *fill);
	void *arg;
};

/*
 * Starts to bring the page in, with what its pattern of misses suggests.
 * STARTED: *fill is in flight; its done runs in a reap, or ran already.
 */
enum vm_fill_result vm_fill_start(struct vm_filler *filler,
    const struct vm_fill_request *request, struct vm_slot **slot,
    struct vm_fill **fill);

/* A page that is to be brought in: its slot, exclusive, and a frame for it. */
struct vm_fill_claim {
	struct vm_object *object;
	vm_pindex_t pindex;
	struct vm_slot *slot;
	struct vm_page *page;
	bool bounded;		/* counted among those on their way */
};

/*
 * The steps of vm_fill_start, for who may do without a filler: STARTED says
 * that the claim is ours, BUSY that claim->slot is.  What to read with it; and
 * the read, by a filler with a free fill.  Or back with it.
 */
enum vm_fill_result vm_fill_claim(const struct vm_fill_request *request,
    struct vm_fill_claim *claim);
struct vm_plan vm_fill_plan(const struct vm_fill_request *request);
struct vm_fill *vm_fill_go(struct vm_filler *filler,
    const struct vm_fill_request *request, const struct vm_fill_claim *claim,
    struct vm_plan plan);
void vm_fill_unclaim(const struct vm_fill_claim *claim);

/*
 * The same at once, by the calling thread alone (fault/now.c): one page of the
 * pool or a window, whose pager can do that.  OK: it is resident, and held
 * shared, or exclusively: to be written, and then it is open and dirty in a
 * window.  FAILED: *error says why, and PENDING: nothing happened, the claim is
 * still the caller's.  Sleeps.
 */
VM_MUST_CHECK enum vm_pager_result vm_fill_now(
    const struct vm_fill_claim *claim, bool shared, int *error);

/* The run [first, end) is fetched ahead, as far as it is absent and memory and
 * fills are plenty; returns where it stopped. */
vm_pindex_t vm_fill_ahead(struct vm_filler *filler, struct vm_object *object,
    vm_pindex_t first, vm_pindex_t end);

/*
 * The page is resident, exclusive, and valid in part: the rest comes from the
 * pager, what is valid or dirty keeps its bytes.  0, then it is wholly valid,
 * or a negative errno (no sentence).  Nothing else is in flight.  Sleeps.
 */
VM_MUST_CHECK int vm_fill_missing(struct vm_filler *filler,
    struct vm_page *page);

/* Runs completions; with wait, sleeps for one unless nothing is in flight. */
void vm_filler_reap(struct vm_filler *filler, bool wait);

/* Borrowed fillers of the explicit API. */
VM_MUST_CHECK int vm_fillers_init(struct vm *vm);
void vm_fillers_fini(struct vm *vm);
VM_MUST_CHECK int vm_filler_borrow(struct vm *vm, struct vm_filler **out);
/* One of the seats: waits for one, and allocates nothing.  Who has one waits
 * for nothing but reads. */
struct vm_filler *vm_filler_sit(struct vm *vm);
/* Waits for what is in flight, then gives it back. */
void vm_filler_return(struct vm_filler *filler);

/*
 * Seats, and cells, for threads that resolve faults of their own; made once.
 * 0, -ENOMEM, or why there is no I/O queue.
 */
VM_MUST_CHECK int vm_fillers_make_seats(struct vm *vm);
/* A page of staging; NULL: none is free.  Cells are few and stay warm. */
void *vm_cell_take(struct vm *vm);
void vm_cell_give(struct vm *vm, void *cell);

#endif
