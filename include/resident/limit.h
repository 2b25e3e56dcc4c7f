/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/limit.h - how much memory there is, who may have it, who waits.
 *
 *	0 <= interrupt < reserved < severe < min < low < target
 *
 * is the ladder of watermarks, in free pages: only what must not fail takes
 * below reserved, read-ahead takes nothing below min, and when less than low
 * is available the daemon frees up to target.  Beside it there may be a budget
 * of bytes, after the rump kernel's RUMP_MEMLIMIT, and accounts, which say for
 * whom pages are wired and bytes are held.
 *
 * Where pages cannot be freed, shrinkers are asked, then vm_options.oom, then
 * whoever waits gets -ENOMEM.
 */
#ifndef RESIDENT_LIMIT_H
#define RESIDENT_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_account;
struct vm_options;

/* -- the ladder ------------------------------------------------------------ */

/* Pages.  In vm_options: one that is 0 is computed. */
struct vm_watermarks {
	uint32_t interrupt;
	uint32_t reserved;
	uint32_t severe;
	uint32_t min;
	uint32_t low;
	uint32_t target;	/* at most half of the system */
};

/* Whose formulas. */
#define VM_LADDER_RESIDENT	0
#define VM_LADDER_FREEBSD	1	/* sys/vm/vm_pageout.c, 4 KiB pages */
#define VM_LADDER_MACH		2	/* vm/vm_page.c of GNU Mach, one
					 * segment; with VM_PAUSE */

/*
 * The watermarks of a system of that many pages by those formulas, to be put
 * into vm_options.watermarks as they are or changed.  -EINVAL: unknown
 * formulas, fewer than 16 pages, more than 2^28 - 1; -ERANGE: too small a
 * system for them.
 */
int vm_watermarks_compute(int ladder, uint64_t pages,
    struct vm_watermarks *out);

/* -- waiting --------------------------------------------------------------- */

/* Behind all who do not say this (FreeBSD's vm_waitpfault). */
#define VM_WAIT_AS_FAULT 0x1u

/*
 * Sleeps until at least min pages are available, or a page has been written;
 * the caller tries again then, and may find that another was faster (FreeBSD's
 * vm_wait, NetBSD's uvm_wait).  Returns at once while memory is plenty.
 * -ETIMEDOUT; -ENOMEM: nothing could be freed, or the system ends; -ECANCELED:
 * vm_wait_cancel; -EINVAL: unknown flags.  Hold no page.
 */
int vm_wait(struct vm *vm, uint64_t timeout_ns, unsigned flags);

/* Everybody who waits for memory now, anywhere, gets -ECANCELED. */
void vm_wait_cancel(struct vm *vm);

/*
 * Asks the daemon to free pages now, up to target; where there is a budget,
 * only above its mark (uvm_kick_pdaemon).  Never sleeps.
 */
void vm_kick(struct vm *vm);

/*
 * For pagers: count pages are on their way, or there.  When some are there,
 * those who wait look again (uvm_pageout_start, uvm_pageout_done).  More done
 * than started stops the program.
 */
void vm_pageout_start(struct vm *vm, uint32_t count);
void vm_pageout_done(struct vm *vm, uint32_t count);

/* -- pressure -------------------------------------------------------------- */

/*
 * How much time is lost to waits for memory, after Linux's pressure stall
 * information: of vm_options.pressure and vm_stat.  Within a second
 */
#define VM_PRESSURE_NONE	0
#define VM_PRESSURE_SOME	1	/* some thread waited for 1 % of it */
#define VM_PRESSURE_MEDIUM	2	/* for 10 % */
#define VM_PRESSURE_CRITICAL	3	/* as many as use the system did for
					 * 10 %, or nothing could be freed:
					 * at once where there is no room to
					 * write dirty pages */

/* -- cleaning in the background -------------------------------------------- */

/*
 * Dirty pages are written before their memory is needed, when they have been
 * dirty for long or are many; see docs/pageout.md.  Not anonymous ones, which
 * nobody would find after a crash, nor those marked with vm_page_set_nosync.
 * (Linux's dirty_expire and dirty_background_ratio, FreeBSD's syncer.)
 */
struct vm_cleaning {
	size_t size_bytes;	/* of this: VM_CLEANING_INIT */
	unsigned flags;		/* VM_CLEANING_OFF */
	/* A page that is dirty is written when it has been so for half of
	 * this, at least, and all of it, at most, as far as the rate allows
	 * for it.  ms; 0: 30,000. */
	uint32_t age_ms;
	/* Above that share of the limit the oldest ones are written at once,
	 * but for those of the last second.  Percent, 100 at most; 0: 10. */
	uint32_t share_percent;
	/* Bytes a second, at most; while somebody waits for a page to be read,
	 * or memory is short, a quarter of them.  0: 32 MiB. */
	uint64_t rate_bytes;
};

#define VM_CLEANING_OFF 0x1u	/* none is */

#ifdef __cplusplus
#define VM_CLEANING_INIT { sizeof(struct vm_cleaning) }
#else
#define VM_CLEANING_INIT { .size_bytes = sizeof(struct vm_cleaning) }
#endif

/*
 * From now on; a write that is under way ends.  The first time starts a thread,
 * which then lasts as long as the system, and sleeps while nothing is dirty.
 * -EINVAL: without VM_CLEANING_INIT, unknown flags, more than 100 percent;
 * -ENOMEM, or what starting the thread gave: then it is off.
 */
int vm_set_cleaning(struct vm *vm, const struct vm_cleaning *how);
/* As it is, nothing left to be 0; VM_CLEANING_OFF alone where it was never on.
 * -EINVAL: without VM_CLEANING_INIT. */
int vm_get_cleaning(struct vm *vm, struct vm_cleaning *out);

/* -- figures --------------------------------------------------------------- */

/* Pages that are free, with_cached != 0: or could be at once
 * (uvm_availmem). */
uint64_t vm_available(struct vm *vm, int with_cached);

/* Pages that were used not long ago, and those that go next
 * (uvm_estimatepageable): by the lists of the policy, cached ones with the
 * latter.  NULL where it does not matter. */
void vm_estimate(struct vm *vm, uint64_t *active, uint64_t *inactive);

/* Bytes of the budget in use; without one, of pages and vm_bytes_take. */
uint64_t vm_used_bytes(struct vm *vm);

/* -- the limit changes ----------------------------------------------------- */

/*
 * The limit becomes bytes, rounded down to whole pages: at least 16, at most
 * what vm_options.grow_max_bytes reserved.  Smaller: the daemon frees what is
 * in use above it, *above of them (pages; NULL: not wanted), and until then
 * nobody takes an ordinary page.  Computed watermarks follow.  -EINVAL: out of
 * these bounds, or given watermarks, or what objects keep at least
 * (vm_object_set_limits), would be above half of it.  Never sleeps.
 */
int vm_set_limit(struct vm *vm, uint64_t bytes, uint64_t *above);

/* -- a budget of bytes ----------------------------------------------------- */

struct vm_memlimit {
	uint64_t given;		/* bytes, as in the text */
	uint64_t limit;		/* for everybody but the daemon */
	uint64_t reserve;	/* given - limit: the daemon's */
	uint64_t mark;		/* above it the daemon is needed: 9/10 */
	uint64_t free_target;	/* pages: limit - mark */
	const char *warning;	/* NULL, or why that may be too little; never
				 * freed */
};

/* As the rump kernel reads RUMP_MEMLIMIT: strtoul(3) and at most one of k, m,
 * g; "" and "m" are 0, "-1" is 2^64 - 1. */
#define VM_MEMLIMIT_RUMP 0x1u

/*
 * Reads a limit: as vm_size_parse, or as flags say.  -EINVAL: no such text,
 * not more than the reserve of 128 KiB, unknown flags; -ERANGE: does not fit
 * 64 bits.
 */
int vm_memlimit_parse(const char *text, unsigned flags,
    struct vm_memlimit *out);

/*
 * Sets memlimit_bytes from a variable of the environment, RESIDENT_MEMLIMIT
 * when name is NULL; nothing when it is not set.  -EINVAL: longer than 63
 * characters; else as vm_memlimit_parse.  On failure nothing is changed.
 */
int vm_options_from_env(struct vm_options *options, const char *name);

/*
 * Counts memory that is no page against the budget; without a budget, counts
 * it only.  Over: sleeps up to timeout_ns; 0: does not.  -ENOMEM, -ECANCELED.
 */
int vm_bytes_take(struct vm *vm, uint64_t bytes, uint64_t timeout_ns);
/* At most what was taken, or the program is stopped. */
void vm_bytes_give(struct vm *vm, uint64_t bytes);

/* -- accounts -------------------------------------------------------------- */

struct vm_account_options {
	size_t size_bytes;	/* of this structure: VM_ACCOUNT_INIT */
	const char *name;	/* at most 31 characters; NULL: "" */
	uint64_t wired_max;	/* pages; 0: none */
	uint64_t bytes_max;	/* 0: none */
	struct vm_account *parent;	/* charged the same; NULL: none */
};

#ifdef __cplusplus
#define VM_ACCOUNT_INIT { sizeof(struct vm_account_options) }
#else
#define VM_ACCOUNT_INIT { .size_bytes = sizeof(struct vm_account_options) }
#endif

struct vm_account_stat {
	char name[32];
	uint64_t wired_pages;
	uint64_t wired_max;	/* UINT64_MAX: none */
	uint64_t bytes;
	uint64_t bytes_max;
	uint64_t refused;	/* charges that would have exceeded a maximum */
	uint32_t children;
};

/*
 * -EINVAL: options without VM_ACCOUNT_INIT, a parent of another system;
 * -ENAMETOOLONG; -ELOOP: more than 8 above each other; -ENOMEM.  A system is
 * not destroyed while it has accounts.
 */
int vm_account_create(struct vm *vm, const struct vm_account_options *options,
    struct vm_account **out);
/* -EBUSY while something is charged, or another has it for its parent. */
int vm_account_destroy(struct vm_account *account);
void vm_account_stat(const struct vm_account *account,
    struct vm_account_stat *out);

/*
 * Bytes that the caller holds for the owner.  -ENOMEM: an account has its
 * maximum; nothing was charged.  More given back than charged stops the
 * program.
 */
int vm_account_take(struct vm_account *account, uint64_t bytes);
void vm_account_give(struct vm_account *account, uint64_t bytes);

/* -- limits of an object --------------------------------------------------- */

/*
 * Resident pages; min <= low <= high where they are given.
 *
 *	min	no more than that leave when memory is short
 *	low	nor these, as long as other objects have pages that can leave
 *		(cgroup v2's memory.low)
 *	high	above it the object's own pages leave for those that come
 *		(memory.high); what is wired, held, or on its way to a pager may
 *		bring it above, and so may pages that come together
 *
 * What its user frees, caches, advises away or cuts off leaves all the same.
 */
struct vm_object_limits {
	size_t size_bytes;	/* of this: VM_OBJECT_LIMITS_INIT */
	uint64_t min_pages;
	uint64_t low_pages;
	uint64_t high_pages;	/* 0: none */
	uint64_t wired_max;	/* pages; 0: none but the system's */
};

#ifdef __cplusplus
#define VM_OBJECT_LIMITS_INIT { sizeof(struct vm_object_limits) }
#else
#define VM_OBJECT_LIMITS_INIT \
	{ .size_bytes = sizeof(struct vm_object_limits) }
#endif

struct vm_object;

/*
 * From now on, in place of those it had.  Pages above a high leave soon; wires
 * above a maximum stay.  -EINVAL: limits without VM_OBJECT_LIMITS_INIT, out of
 * order; -ENOMEM: what is min of all objects together would be above half of
 * the limit.  Then nothing has changed.
 */
int vm_object_set_limits(struct vm_object *object,
    const struct vm_object_limits *limits);
/* -EINVAL: without VM_OBJECT_LIMITS_INIT. */
int vm_object_get_limits(struct vm_object *object,
    struct vm_object_limits *out);

/* -- shrinkers ------------------------------------------------------------- */

/*
 * A cache of the program that can give memory back.  Called by the daemon in
 * its thread, under no lock, when it could free no page: the highest priority
 * first, until one says that it freed something.  May release and free pages;
 * must not wait for memory.
 */
struct vm_shrinker {
	const char *name;
	int priority;
	/* Pages it could free; 0: scan is not called. */
	uint64_t (*count)(void *arg);
	/* Frees up to wanted pages; how many it did. */
	uint64_t (*scan)(void *arg, uint64_t wanted);
	void *arg;
};

/* The structure is copied, its address says which one is meant.  -EINVAL,
 * -EEXIST, -ENOMEM. */
int vm_shrinker_add(struct vm *vm, const struct vm_shrinker *shrinker);
/* Afterwards it is not called any more.  Sleeps while it runs.  -ENOENT;
 * -EDEADLK: called by itself. */
int vm_shrinker_remove(struct vm *vm, const struct vm_shrinker *shrinker);

#ifdef __cplusplus
}
#endif

#endif
