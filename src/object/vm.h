/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/vm.h - struct vm: one system, the parts of the rooms below together.
 *
 * No global state: a process may have many.  Each part is documented where it
 * is defined; what upper rooms add hangs on the pointers at the end.
 */
#ifndef OBJECT_VM_H
#define OBJECT_VM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/lock.h"
#include "frame/frame.h"
#include "limit/limit.h"
#include "object/index.h"
#include "os/ioq.h"
#include "queue/queue.h"
#include "stat/stat.h"
#include "stat/trace.h"

struct vm_areas;
struct vm_cleaner;
struct vm_daemon;
struct vm_fillers;
struct vm_handlers;
struct vm_memory;
struct vm_object;
struct vm_os;
struct vm_pmap_ops;
struct vm_prefetcher;
struct vm_swap;
struct vm_timer;
struct vm_views;
struct vm_windows;

struct vm {
	const struct vm_os *os;			/* (C) */
	const struct vm_pmap_ops *pmap;		/* (C) */
	uint32_t page_bytes;			/* (C) */
	/* The address of a page in the arena, from the number in its slot's
	 * word: frames_below + (word & VM_SLOT_NUMBER) >> number_shift (C). */
	unsigned number_shift;
	uintptr_t frames_below;
	uint32_t all_blocks;	/* of a page: valid when it is whole (C) */
	uint32_t cluster_pages;			/* (C) */
	uint32_t window_pages;			/* largest read-ahead, (C) */
	uint32_t window_unseen_pages;	/* where no use is seen (C) */
	uint64_t wait_max_ns;			/* (C) */
	enum vm_ioq_kind ioq_kind;		/* (C) */
	bool buffered;				/* files not O_DIRECT (C) */
	unsigned fault_threads;			/* as asked for (C) */
	unsigned reclaim_batch;		/* victims of the daemon (C) */
	unsigned laundry_depth;		/* writes at once (C) */
	unsigned laundry_pages;		/* of one write, at most (C) */
	/* Some clean pages leave, by who is about to take one; never sleeps,
	 * holds no lock.  NULL: the daemon alone does that (C) */
	void (*reclaim)(struct vm *vm);
	/* The same of one object's pages, where it has more than it may.  NULL:
	 * the daemon alone (C) */
	void (*trim)(struct vm_object *object);
	/* Of these, which somebody is past (vm_queue_leave_behind), those leave
	 * that can at once; count VM_QUEUE_CLAIM_MAX at most.  Likewise (C) */
	void (*leave_behind)(struct vm *vm, struct vm_page **pages,
	    unsigned count, bool claim);
	struct vm_counters *counters;		/* (A) */
	struct vm_trace *trace;			/* NULL: none is kept (C) */
	struct vm_frames frames;
	struct vm_limit limit;
	struct vm_queue queue;
	_Atomic bool behind;		/* see VM_KNOB_* (A) */
	_Atomic bool clean_hint;	/* likewise (A) */
	struct vm_leaves leaves;
	struct vm_lock lock;			/* rank SYSTEM */
	struct vm_object *nowhere;		/* object/object.h (C) */
	struct vm_list objects;			/* (system lock) */
	uint32_t object_count;			/* (system lock) */
	_Atomic uint32_t space_count;		/* (A) */
	_Atomic uint32_t asyncs;	/* of fault/async.h (A) */
	_Atomic uint32_t early;	/* pages of object/early.h (A) */
	_Atomic uint32_t wired;			/* pages (A) */
	/* object/quota.h: what all objects keep, in pages, stored under the
	 * system lock; lows are not kept now; some page was kept since that was
	 * cleared; some object has more than its high. */
	_Atomic uint64_t kept;			/* (A) */
	_Atomic bool needy;			/* (A) */
	_Atomic bool spared;			/* (A) */
	_Atomic bool above;			/* (A) */
	/* Pages: that callers own without an identity; that are free but for
	 * a hold; but for a loan. */
	_Atomic uint32_t loose;			/* (A) */
	_Atomic uint32_t gone;			/* (A) */
	_Atomic uint32_t orphans;		/* (A) */
	_Atomic uint32_t loans;		/* of all pages, each borrower (A) */
	_Atomic uint64_t next_object;		/* ids (A) */
	struct vm_swap *swap;			/* pager/anon.h (C) */
	void *swap_tier;	/* memory of its tier; NULL: none (C) */
	uint32_t swap_tier_pages;	/* of the limit, but not usable (C) */
	char *pager_filter;			/* NULL: none (C) */
	struct vm_memory *memory;	/* memory/memory.h (C) */
	struct vm_timer *timer;		/* pager/timer.h (system lock) */
	struct vm_fillers *fillers;		/* fault/fill.h (C) */
	struct vm_prefetcher *prefetcher;	/* fault/prefetch.h (C) */
	struct vm_handlers *handlers;		/* fault/handler.h (C) */
	struct vm_daemon *daemon;		/* pageout/daemon.h (C) */
	struct vm_cleaner *_Atomic cleaner;	/* pageout/clean.h (A) */
	struct vm_windows *windows;		/* window/window.h (C) */
	struct vm_areas *areas;			/* map/area.h (C) */
	/* pmap/view.h; NULL before the first; stored under the system lock. */
	struct vm_views *_Atomic views;		/* (A) */
};

static inline struct vm_page *
vm_page_of(struct vm *vm, uint32_t number)
{
	return &vm->frames.pages[number - 1];
}

static inline uint32_t
vm_number_of(const struct vm_page *page)
{
	return page->number + 1;
}

#endif
