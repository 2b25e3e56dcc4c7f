/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/limit.h - who may take a page, and who waits for one.
 *
 * One ladder of watermarks, in free pages, lowest first:
 *
 *	0 < reserved < min < low < target
 *
 *	reserved  only VM_CLASS_SYSTEM (the daemon's own needs) takes below
 *	min	  read-ahead takes nothing below (VM_TAKE_OPTIONAL)
 *	low	  the daemon is kicked when free falls below
 *	target	  the daemon frees up to here
 *
 * Derived from the number of pages by vm_limit_init; vm_stat prints them:
 *
 *	pages		   16	 4096	65536	262144	  2^28
 *	reserved	    1	    8	   38	   134	  2048
 *	min		    2	   32	  152	   536	  8192
 *	low		    3	  128	  608	  2144	 32768
 *	target		    4	  256	 1216	  4288	 65536
 *
 * free counts pages that nobody was promised: a page promised to a waiter has
 * left it, so that nobody else can take it.
 *
 * Two wait channels, both here so that nobody needs to call the daemon:
 *	takers	vm_limit_wait: first come first served, bounded
 *	daemon	vm_limit_daemon_wait, kicked by vm_limit_take below low
 *
 * And listeners, for event loops that must not sleep: an armed listener is
 * called once when pages were given back or vm_limit_notify was called (a
 * slot was released that somebody may want).
 */
#ifndef LIMIT_LIMIT_H
#define LIMIT_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "frame/frame.h"

struct vm_counters;
struct vm_trace;

/* 16 pages: below that the watermarks would be most of the memory. */
#define VM_LIMIT_PAGES_MIN 16u

/*
 * 12 passes in a row that freed nothing, and nothing given meanwhile: waiters
 * get -ENOMEM.  With the pauses of vm_limit_daemon_wait about 4 s, which a
 * stalled disk may well need.
 */
#define VM_LIMIT_FRUITLESS_MAX 12u

enum vm_class {
	VM_CLASS_NORMAL,	/* stops at reserved */
	VM_CLASS_SYSTEM,	/* the daemon and the laundry: to the last */
};

/* Take nothing below min: speculative pages. */
#define VM_TAKE_OPTIONAL 0x1u

struct vm_limit {
	struct vm_frames *frames;	/* (C) */
	struct vm_counters *counters;	/* NULL: nothing is counted (C) */
	struct vm_trace *trace;		/* NULL: none is kept (C) */
	uint32_t total;		/* pages (C) */
	uint32_t reserved;	/* watermarks, pages (C) */
	uint32_t min;
	uint32_t low;
	uint32_t target;
	_Atomic uint32_t free;	/* pages (A) */
	_Atomic uint32_t peak;	/* most pages ever in use at once (A) */
	struct vm_lock lock;	/* rank LIMIT (L) */
	struct vm_list takers;	/* struct taker, oldest first (L) */
	_Atomic uint32_t waiting;	/* length of takers (A) */
	struct vm_cond daemon;	/* (L) */
	_Atomic bool kicked;	/* since the daemon last woke (A) */
	_Atomic bool filling;	/* from a kick until target is reached (A) */
	bool stopping;		/* (L) */
	/* Passes in a row that freed nothing while nothing was given (A) */
	_Atomic uint32_t idle;	/* passes in a row that freed nothing (A) */
	_Atomic uint64_t fruitless;
	struct vm_list listeners;	/* (L) */
	_Atomic uint32_t armed;	/* listeners that are armed (A) */
	_Atomic uint32_t cached;	/* clean pages, first to be taken (A) */
	_Atomic uint32_t accounts;	/* limit/account.h (A) */
};

struct vm_listener {
	struct vm_node link;	/* (L) */
	_Atomic bool armed;	/* (A) */
	/* Any thread, under the limit's lock, which keeps the listener alive
	 * meanwhile: at most a write to an eventfd, no call back here (C). */
	void (*wake)(struct vm_listener *self);
};

void vm_limit_init(struct vm_limit *limit, struct vm_frames *frames);
void vm_limit_fini(struct vm_limit *limit);	/* all pages are back */

/*
 * Takes up to want pages for a home into pages[]; returns how many, 0 when
 * the class and flags allow none.  Kicks the daemon below low.  Never sleeps.
 * A taker that comes while others wait gets none unless it is SYSTEM or has
 * waited itself (vm_limit_wait).
 */
unsigned vm_limit_take(struct vm_limit *limit, enum vm_home home,
    enum vm_class class, unsigned flags, struct vm_page **pages,
    unsigned want);
void vm_limit_give(struct vm_limit *limit, struct vm_page **pages,
    unsigned count);

/*
 * Waits in line until a page was given to this waiter: *page is taken.  0, or
 * -ENOMEM with a sentence: after timeout_ns, or at once when the daemon made
 * several passes without freeing anything, or when it is to stop.  Kicks the
 * daemon.  Sleeps; hold no lock, and no page that others might wait for.
 */
VM_MUST_CHECK int vm_limit_wait(struct vm_limit *limit, enum vm_home home,
    uint64_t timeout_ns, struct vm_page **page);

/* That many more or fewer resident pages are clean, idle and the first to be
 * taken: as good as free, but for one step. */
void vm_limit_cached(struct vm_limit *limit, int change);

/*
 * This thread frees pages from now on, until it leaves: what it takes itself
 * is taken as VM_CLASS_SYSTEM.  One system a thread.
 */
void vm_limit_reclaimer_enter(struct vm_limit *limit);
void vm_limit_reclaimer_leave(struct vm_limit *limit);

/*
 * Pages the daemon should free now.  Hysteresis: once free fell below low, or
 * somebody kicked, target - free until target is reached; 0 after that.  Those
 * who wait are counted on top.
 */
uint32_t vm_limit_shortage(const struct vm_limit *limit);

/*
 * The daemon sleeps here until kicked, asked to stop, or timeout_ns passed;
 * false when it is to stop.  While somebody waits it does not sleep.  After
 * each pass that freed nothing it pauses, whoever asks: 1 ms, doubled each
 * time, up to 128 ms while nobody stands in line; a kick does not cut the
 * pause, a page given does.
 */
bool vm_limit_daemon_wait(struct vm_limit *limit, uint64_t timeout_ns);
void vm_limit_kick(struct vm_limit *limit);
/* The daemon is to stop, and who waits or comes to wait gets -ENOMEM. */
void vm_limit_stop_daemon(struct vm_limit *limit);
/*
 * The daemon's report of one pass: how many pages it freed.  A pass that began
 * to write pages is not done before a write has ended.
 */
void vm_limit_pass_done(struct vm_limit *limit, uint32_t freed);

void vm_limit_listen(struct vm_limit *limit, struct vm_listener *listener);
/* On return the listener is not called, now or later. */
void vm_limit_unlisten(struct vm_limit *limit, struct vm_listener *listener);
/* Arm first, then look once more at what is wanted, then sleep. */
void vm_limit_arm(struct vm_limit *limit, struct vm_listener *listener);
/* Calls armed listeners and disarms them.  Cheap when none is armed. */
void vm_limit_notify(struct vm_limit *limit);

#endif
