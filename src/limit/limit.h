/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/limit.h - who may take a page, and who waits for one.
 *
 * One ladder of watermarks, in free pages, lowest first:
 *
 *	0 <= interrupt < reserved < severe < min < low < target
 *
 *	interrupt only VM_CLASS_INTERRUPT takes below
 *	reserved  VM_CLASS_SYSTEM (the daemon's own needs) takes below, too
 *	severe	  ordinary takers get one page a call below
 *	min	  read-ahead takes nothing below (VM_TAKE_OPTIONAL)
 *	writers	  half way to low: who will make its page dirty takes none below
 *		  (VM_TAKE_DIRTIES), unless nothing else can be freed
 *	low	  the daemon is kicked when less is available; below, who will
 *		  make its page dirty gets one every 0.5 ms, or one that was
 *		  written: what is between the two lasts while a disk stands
 *		  still
 *	target	  the daemon frees up to here
 *
 * Computed from the number of pages (limit/marks.h) unless given; vm_stat
 * prints them:
 *
 *	pages		   16	 4096	65536	262144	  2^28
 *	interrupt	    0	    4	   19	    67	  1024
 *	reserved	    1	    8	   38	   134	  2048
 *	severe		    2	   16	   76	   268	  4096
 *	min		    3	   32	  152	   536	  8192
 *	low		    4	  128	  608	  2144	 32768
 *	target		    5	  256	 1216	  4288	 65536
 *
 * free counts pages that nobody was promised: a page promised to a waiter has
 * left it, so that nobody else can take it.  cached counts resident pages that
 * are clean, idle and the first to be taken; available is both together.
 *
 * Lines of those who wait, served in this order, each first come first
 * served.  None is called by the daemon: they are served by
 * whoever gives pages back.
 *
 *	reclaim	threads that free pages; from pageout_min available pages on
 *	kernel	who wants a page for itself
 *	fault	who wants one for a fault
 *	dirty	who wants one that will be dirty
 *
 * So who reads never stands behind somebody who writes more than the disk
 * takes: what is free below `writers` is the readers', and what is written and
 * leaves is theirs first.
 *
 * The daemon waits on a channel of its own.  And listeners, for event loops
 * that must not sleep: an armed one is called once when pages were given back
 * or vm_limit_notify was called (a slot was released that somebody may want).
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
#include "limit/budget.h"
#include "limit/marks.h"
#include "limit/pressure.h"
#include "limit/shelf.h"

struct vm_counters;
struct vm_trace;

/* 16 pages: below that the watermarks would be most of the memory. */
#define VM_LIMIT_PAGES_MIN 16u

/* Ordered: who may take deeper comes later. */
enum vm_class {
	VM_CLASS_NORMAL,	/* stops at reserved */
	VM_CLASS_SYSTEM,	/* stops at interrupt, and only when nothing is
				 * cached: at reserved else */
	VM_CLASS_INTERRUPT,	/* to the last; never looks for cached pages */
};

/* Take nothing below min: speculative pages. */
#define VM_TAKE_OPTIONAL 0x1u
/* Not for a fault: passes those who wait in the fault line. */
#define VM_TAKE_KERNEL 0x2u
/* For the pool: wants zeros.  Pages that are zeros have VM_PGA_ZERO, which the
 * taker clears when they are zeros no more. */
#define VM_TAKE_ZERO 0x4u

/*
 * For the pool: pages[0] is one that the taker has, and nothing is known of it
 * yet; up to want more come behind it.  So that all of them together are rows,
 * as far as there are some, it may be exchanged for another.
 */
#define VM_TAKE_ROWS 0x8u

/* It will be dirty: to be had again only by a write. */
#define VM_TAKE_DIRTIES 0x10u
/* And has waited for it: down to writers, instead of low. */
#define VM_TAKE_PRESSES 0x20u

enum vm_take_why {
	VM_TAKE_OK,
	VM_TAKE_CACHED_FIRST,	/* take a cached page, give it, start over */
	VM_TAKE_NONE,		/* wait, or fail */
};

struct vm_take {
	enum vm_home home;
	enum vm_class class;
	unsigned flags;		/* VM_TAKE_... */
	unsigned want;		/* pages at most */
	enum vm_take_why why;	/* out: OK when there was at least one */
};

enum vm_wait_line {
	VM_LINE_RECLAIM,
	VM_LINE_KERNEL,
	VM_LINE_FAULT,
	VM_LINE_DIRTY,		/* for what VM_TAKE_DIRTIES takes */
	VM_LINES,
};

/* Called once in a streak of passes that freed nothing. */
struct vm_oom {
	void (*call)(void *arg, const char *sentence);	/* NULL: nobody */
	void *arg;
};

/* Called when the level of pressure changed. */
struct vm_tell {
	void (*call)(void *arg, int level);	/* NULL: nobody */
	void *arg;
};

struct vm_limit {
	struct vm_frames *frames;	/* (C) */
	/*
	 * Makes room for a run where enough frames are free, but not together:
	 * its first page, or NULL.  Within a promise of its pages, holding no
	 * lock; never sleeps.  NULL: nobody does (C)
	 */
	struct vm_page *(*compact)(struct vm_limit *limit,
	    const struct vm_run_options *options);
	/* NULL: nobody counts how many were taken and given (C) */
	struct vm_counters *counters;
	struct vm_trace *trace;		/* NULL: none is kept (C) */
	_Atomic uint32_t total;		/* pages, now; stored under (L) (A) */
	uint32_t capacity;		/* the most it can become (L) */
	struct vm_marks given;		/* 0: computed (C) */
	/* The ladder, pages; stored under (L) (A) */
	_Atomic uint32_t interrupt;
	_Atomic uint32_t reserved;
	_Atomic uint32_t severe;
	_Atomic uint32_t min;
	_Atomic uint32_t writers;	/* not given: computed from its
					 * neighbours */
	_Atomic uint32_t low;
	_Atomic uint32_t target;
	/* The daemon works that much ahead of low and target, by its own
	 * controller (pageout/control.h). */
	_Atomic uint32_t margin;
	_Atomic uint32_t pageout_min;	/* reclaimers wait for that many */
	_Atomic uint32_t help;	/* below it takers free pages themselves */
	_Atomic bool helpless;	/* they found none: until a pass is over (A) */
	_Atomic uint32_t free;		/* pages (A) */
	_Atomic uint32_t cached;	/* pages (A) */
	_Atomic uint32_t peak;	/* most pages ever in use at once (A) */
	_Atomic uint32_t debt;	/* in use above total; stored under (L) (A) */
	/* Odd while total, debt and free do not fit together, and another each
	 * time; stored under (L) (A) */
	_Atomic uint32_t moves;
	_Atomic uint32_t deficit;	/* pages refused since a pass (A) */
	_Atomic uint32_t extra;	/* of these, this pass frees (A) */
	struct vm_budget budget;
	_Atomic uint64_t bytes;	/* taken as such: vm_limit_bytes_take (A) */
	bool pauses;		/* ordinary takers stop at min (C) */
	_Atomic bool paused;	/* until target is available (A) */
	_Atomic uint64_t pauses_begun;	/* (A) */
	struct vm_lock lock;	/* rank LIMIT (L) */
	struct vm_list line[VM_LINES];	/* struct taker, oldest first (L) */
	_Atomic uint32_t waiting;	/* in all lines (A) */
	_Atomic uint32_t waiting_fault;	/* in the fault line (A) */
	_Atomic uint32_t waiting_dirty;	/* in the dirty line (A) */
	_Atomic uint32_t turns;	/* woken, has not tried again yet (A) */
	struct vm_cond daemon;	/* (L) */
	_Atomic bool kicked;	/* since the daemon last woke (A) */
	_Atomic bool filling;	/* from a kick until target is reached (A) */
	bool stopping;		/* (L) */
	struct vm_cond rescuer;	/* (L) */
	bool rescuer_rests;	/* until somebody waits in a pass (L) */
	bool in_pass;		/* the daemon is (L) */
	struct vm_cond cleaner;	/* (L) */
	bool cleaner_called;	/* since it last slept (L) */
	_Atomic bool cleaner_rests;	/* until a page is dirty (A) */
	uint64_t passes;	/* that were begun (L) */
	_Atomic uint32_t idle;	/* passes in a row that freed nothing (A) */
	/* Of these, passes while somebody waited (A) */
	_Atomic uint64_t fruitless;
	_Atomic bool gave;	/* something was given since it was cleared */
	_Atomic bool told;	/* oom was called in this streak (A) */
	/* A write found no room since the pass began; and the last pass, of
	 * which that was so, freed nothing (A) */
	_Atomic bool lacks_room;
	_Atomic bool no_room;
	struct vm_oom oom;	/* (C) */
	/* Pages on their way to a pager: below. */
	_Atomic uint32_t in_flight;	/* (A) */
	_Atomic uint32_t laundry[2];	/* internal, external (A) */
	_Atomic bool wants_external;	/* (A) */
	_Atomic bool resumed;	/* a laundry is empty; the daemon looks (A) */
	_Atomic uint64_t resumes;	/* (A) */
	struct vm_list shrinkers;	/* limit/shrink.h (L) */
	uint64_t shrinker_next;	/* number of the next one (L) */
	struct vm_cond shrunk;	/* a shrinker has returned (L) */
	struct vm_list listeners;	/* (L) */
	_Atomic uint32_t armed;	/* listeners that are armed (A) */
	_Atomic uint32_t accounts;	/* limit/account.h (A) */
	struct vm_shelves shelves;	/* limit/shelf.h */
	struct vm_pressure pressure;	/* limit/pressure.h */
	struct vm_tell tell;	/* (C) */
};

struct vm_listener {
	struct vm_node link;	/* (L) */
	_Atomic bool armed;	/* (A) */
	/* Any thread, under the limit's lock, which keeps the listener alive
	 * meanwhile: at most a write to an eventfd, or a post to an I/O queue;
	 * no call back here (C). */
	void (*wake)(struct vm_listener *self);
};

void vm_limit_init(struct vm_limit *limit, struct vm_frames *frames);
void vm_limit_fini(struct vm_limit *limit);	/* all pages are back */

/* Before the first take.  Watermarks that are 0 are computed.  0, -EINVAL. */
VM_MUST_CHECK int vm_limit_set_marks(struct vm_limit *limit,
    const struct vm_marks *marks);

/*
 * Takes up to take->want pages into pages[]; returns how many, and why when
 * there were none.  Kicks the daemon when less than low is available.  Never
 * sleeps.  The ladder, FreeBSD's vm_page_alloc:
 *
 *	1. more than reserved are free: of those
 *	2. SYSTEM, nothing cached, more than interrupt are free, or INTERRUPT
 *	   and any is free: of those
 *	3. not INTERRUPT, and pages are cached: VM_TAKE_CACHED_FIRST
 *	4. VM_TAKE_NONE; what was wanted is added to the deficit
 *
 * A NORMAL taker that comes while others wait gets none, unless it was woken
 * itself just now (vm_limit_look), or all who wait stand in a line behind its
 * own.
 */
unsigned vm_limit_take_for(struct vm_limit *limit, struct vm_take *take,
    struct vm_page **pages);
/* The same for who does not ask why. */
unsigned vm_limit_take(struct vm_limit *limit, enum vm_home home,
    enum vm_class class, unsigned flags, struct vm_page **pages,
    unsigned want);
void vm_limit_give(struct vm_limit *limit, struct vm_page **pages,
    unsigned count);

/* That many more or fewer resident pages are cached. */
void vm_limit_cached(struct vm_limit *limit, int change);
/* free + cached, each as it is at some moment during the call. */
uint32_t vm_limit_available(const struct vm_limit *limit);

/* Where the daemon is kicked, and how far it goes. */
static inline uint32_t
vm_limit_begins(const struct vm_limit *limit)
{
	return atomic_load(&limit->low) + atomic_load(&limit->margin);
}

static inline uint32_t
vm_limit_ends(const struct vm_limit *limit)
{
	return atomic_load(&limit->target) + atomic_load(&limit->margin);
}

/*
 * Half way between low and target: who is about to take a page frees some
 * first, so that the daemon is kicked only where that is not enough, and has
 * not to be waited for.  False from vm_limit_no_help, by who found hardly
 * anything that could leave at once, until the daemon's pass is over.
 */
static inline bool
vm_limit_wants_help(const struct vm_limit *limit)
{
	return atomic_load_explicit(&limit->free, memory_order_relaxed) <
	    atomic_load_explicit(&limit->help, memory_order_relaxed) &&
	    !atomic_load_explicit(&limit->helpless, memory_order_relaxed);
}

void vm_limit_no_help(struct vm_limit *limit);
/* How many pages at once, most at most: no more than lie between the two
 * marks, or a small system would lose half of its pages at a time. */
uint32_t vm_limit_help_pages(const struct vm_limit *limit, uint32_t most);

/*
 * This thread frees pages from now on, until it leaves: what it takes itself
 * as NORMAL is taken as SYSTEM.  One system a thread.
 */
void vm_limit_reclaimer_enter(struct vm_limit *limit);
void vm_limit_reclaimer_leave(struct vm_limit *limit);
/* The system that this thread frees pages of, or NULL (T). */
extern _Thread_local VM_INITIAL_EXEC const struct vm_limit *vm_limit_reclaimed;

static inline bool
vm_limit_reclaims(const struct vm_limit *limit)
{
	return vm_limit_reclaimed == limit;
}

/*
 * Waits in line until a page was given to this waiter: *page is taken.  0, or
 * -ENOMEM with a sentence: after timeout_ns, or at once when the daemon made
 * several passes without freeing anything, or when it is to stop.  -ECANCELED:
 * vm_limit_cancel.  Kicks the daemon.  Sleeps; hold no lock, and no page that
 * others might wait for.  The fault line, but for reclaimers.
 */
VM_MUST_CHECK int vm_limit_wait(struct vm_limit *limit, enum vm_home home,
    uint64_t timeout_ns, struct vm_page **page);

struct vm_wait_for {
	enum vm_home home;
	enum vm_class class;	/* how deep its page may be taken */
	/* KERNEL, FAULT or DIRTY; reclaimers have their own */
	enum vm_wait_line line;
	uint64_t timeout_ns;
};
/* The same in that line.  A reclaimer fails at once with -ENOMEM while nothing
 * is on its way to a pager: there is nobody else to free a page. */
VM_MUST_CHECK int vm_limit_wait_for(struct vm_limit *limit,
    const struct vm_wait_for *how, struct vm_page **page);

/*
 * Sleeps until min pages are available (a reclaimer: pageout_min), or bytes of
 * the budget where bytes is not 0, or something that was on its way to a pager
 * is there; takes nothing.  One is woken for each page from min on, and while
 * it has not tried to take one, no fault gets that page.  0: look again, also
 * when that was so already; -ETIMEDOUT, -ECANCELED, -ENOMEM as above.
 */
VM_MUST_CHECK int vm_limit_look(struct vm_limit *limit, enum vm_wait_line line,
    uint64_t bytes, uint64_t timeout_ns);
/* Who waits now, for whatever, gets -ECANCELED. */
void vm_limit_cancel(struct vm_limit *limit);

/*
 * Memory that is no page, under the same budget.  Over: -ENOMEM when
 * timeout_ns is 0 or that many can never be had, else sleeps until it fits.
 */
VM_MUST_CHECK int vm_limit_bytes_take(struct vm_limit *limit, uint64_t bytes,
    uint64_t timeout_ns);
void vm_limit_bytes_give(struct vm_limit *limit, uint64_t bytes);
/* Pages in use, those on shelves among them: as of one moment, also while the
 * limit changes. */
uint32_t vm_limit_used_pages(const struct vm_limit *limit);
/* Bytes in use: pages, and what was taken as bytes. */
uint64_t vm_limit_used_bytes(const struct vm_limit *limit);
/* The budget is used beyond its mark; never without a budget. */
bool vm_limit_needs_daemon(const struct vm_limit *limit);

/*
 * The limit becomes total pages: at least VM_LIMIT_PAGES_MIN, at most the
 * frames there are.  0, -EINVAL (also when given watermarks would be above
 * half of it).  What is in use above it, the daemon frees, and nobody but
 * SYSTEM and INTERRUPT takes a page meanwhile: *above pages, 0 when there are
 * none.
 */
VM_MUST_CHECK int vm_limit_set_total(struct vm_limit *limit, uint32_t total,
    uint32_t *above);
/* count pages that the caller has taken are gone for good. */
void vm_limit_withdraw(struct vm_limit *limit, uint32_t count);

/* -- the daemon: limit/daemon.c -------------------------------------------- */

/*
 * 12 passes in a row that freed nothing, and nothing given meanwhile: waiters
 * get -ENOMEM.  With the pauses of vm_limit_daemon_wait about 4 s, which a
 * stalled disk may well need.
 */
#define VM_LIMIT_FRUITLESS_MAX 12u

/* After 6 of these, about 60 ms, whoever gave vm_options.oom is told, so that
 * it can do something before the waiters are given up. */
#define VM_LIMIT_FRUITLESS_TELL 6u

/*
 * Pages the daemon should free now.  Hysteresis: once less than low was
 * available, or somebody kicked, target - available until target is reached; 0
 * after that.  On top: those who wait, what had been refused when the pass
 * began (FreeBSD's vm_pageout_deficit; at most target), what is in use above
 * the limit.  At least what brings the budget back to its mark.
 */
uint32_t vm_limit_shortage(const struct vm_limit *limit);
/* The daemon woke: takes and clears the deficit; the shortage with it.  When
 * that is not 0 a pass follows, and vm_limit_pass_done. */
uint32_t vm_limit_pass_begin(struct vm_limit *limit);

/*
 * The daemon sleeps here until kicked, resumed, asked to stop, or timeout_ns
 * passed; false when it is to stop.  While somebody waits it does not sleep.
 * After each pass that freed nothing it pauses, whoever asks: 1 ms, doubled
 * each time, up to 128 ms while nobody stands in line; a kick does not cut the
 * pause, a page given does.
 */
bool vm_limit_daemon_wait(struct vm_limit *limit, uint64_t timeout_ns);
void vm_limit_kick(struct vm_limit *limit);
/* Sleeps until somebody has waited for 20 ms while the daemon was in one pass
 * and nothing was given back (pageout/rescue.h); false when it is to stop. */
bool vm_limit_rescue_wait(struct vm_limit *limit);
/*
 * The cleaner (pageout/clean.h) sleeps here for timeout_ns, or until it is
 * called; rests: who makes a page dirty is to call it.  False when it is to
 * stop.
 */
bool vm_limit_clean_wait(struct vm_limit *limit, uint64_t timeout_ns,
    bool rests);
void vm_limit_call_cleaner(struct vm_limit *limit);
/* Ends vm_limit_no_help before the daemon's pass is over. */
void vm_limit_help_again(struct vm_limit *limit);
/* The daemon is to stop, and who waits or comes to wait gets -ENOMEM. */
void vm_limit_stop_daemon(struct vm_limit *limit);
/*
 * The daemon's report of one pass: how many pages it freed.  A pass that began
 * to write pages is not done before a write has ended.
 */
void vm_limit_pass_done(struct vm_limit *limit, uint32_t freed);
/*
 * What the daemon does after a pass that freed nothing, holding no lock: asks
 * the shrinkers (limit/shrink.h), and when these gave nothing either, somebody
 * waits and nothing is on its way to a pager, tells oom.  Pages freed.
 */
uint32_t vm_limit_last_resort(struct vm_limit *limit);

/*
 * Dirty pages could not be written: swap, or the disk of a file, is full.  When
 * a pass frees nothing for that, the pressure is critical until one frees
 * something, nothing is wanted any more, or a page is given.
 */
void vm_limit_lacks_room(struct vm_limit *limit);

/* Finds out how great the pressure is now and says it, if it has changed.  By
 * the daemon, holding no lock; how long until it should look again. */
uint64_t vm_limit_tell_pressure(struct vm_limit *limit);

void vm_limit_listen(struct vm_limit *limit, struct vm_listener *listener);
/* On return the listener is not called, now or later. */
void vm_limit_unlisten(struct vm_limit *limit, struct vm_listener *listener);
/* Arm first, then look once more at what is wanted, then sleep. */
void vm_limit_arm(struct vm_limit *limit, struct vm_listener *listener);
/* Calls armed listeners and disarms them.  Cheap when none is armed. */
void vm_limit_notify(struct vm_limit *limit);

/* -- pages on their way to a pager: limit/gauge.c -------------------------- */

/*
 * count pages go to a pager, or are there.  When some are there everybody who
 * looks is woken, and lines are served.  Never more done than started.
 */
void vm_limit_pageout_start(struct vm_limit *limit, uint32_t count);
void vm_limit_pageout_done(struct vm_limit *limit, uint32_t count);

/*
 * Pages handed to the pager of anonymous memory (internal) or to another
 * (external), after Mach: when a count comes down to 0 the daemon is resumed,
 * once.  Nobody is told of the external ones unless the daemon wants it.
 */
enum vm_laundry_kind { VM_LAUNDRY_INTERNAL, VM_LAUNDRY_EXTERNAL };
void vm_limit_laundry_add(struct vm_limit *limit, enum vm_laundry_kind kind,
    uint32_t count);
void vm_limit_laundry_done(struct vm_limit *limit, enum vm_laundry_kind kind,
    uint32_t count);
void vm_limit_laundry_watch(struct vm_limit *limit, bool wants_external);
/* Mach's count of external ones: negative while nobody wants to be told. */
int64_t vm_limit_laundry_external(const struct vm_limit *limit);

#endif
