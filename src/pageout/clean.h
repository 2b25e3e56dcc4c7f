/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/clean.h - dirty pages are written before anybody needs their memory.
 *
 * One thread, the cleaner, writes what has been dirty for long, so that what a
 * crash can take is bounded, and that who needs memory finds pages that can
 * leave without a write.  Anonymous pages, which nobody would find after a
 * crash, and pages marked NOSYNC are not its business.
 *
 * How long a page has been dirty nobody writes down.  The cleaner goes over all
 * descriptors, half of the age apart, and remembers in a bit for each which
 * page was dirty: one that was so the last time, too, is old.  So a page is
 * written when it has been dirty for between half of the age and all of it, and
 * one that is written to again and again is written once in that time, however
 * often.  (Linux has a time in each file: a file that is written to once is
 * written back as a whole.)
 *
 *	dirty > share of the limit	looks are 1 s apart at most: oldest
 *					pages first, those of the last second
 *					never
 *	a write of n bytes		the next one n / rate later
 *	somebody reads			32 pages at a time, a quarter of the
 *					rate
 *	memory is short			the same, and the share does not
 *					matter: the daemon writes what it needs
 *	a write failed			nothing for 1 s, doubled up to 64 s
 *	nothing is dirty		asleep until something is
 *
 * One write at a time, of a run of dirty neighbours.  A page that is dirty for
 * less long goes with the run: the disk takes 64 pages in about the time of
 * one.
 *
 * How much is dirty is told by two counters (stat/stat.h) of pages that became
 * dirty and that are so no more; what is between the two is exact when nobody
 * works.  Mapped pages are counted from the first write on, which traps
 * (pmap/store.h); there is nothing to harvest.
 *
 * A look costs a few ns for each page of the limit, in steps of 4096 pages.
 */
#ifndef PAGEOUT_CLEAN_H
#define PAGEOUT_CLEAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "object/vm.h"

struct vm_clean_how {
	bool off;
	uint64_t age_ns;
	uint32_t share;		/* percent of the limit */
	uint64_t rate_bytes;	/* a second, not 0 */
};

/* From now on; the first time that it is not off a thread is started.  0,
 * -ENOMEM, or what the thread gave: then it is off. */
VM_MUST_CHECK int vm_cleaner_set(struct vm *vm,
    const struct vm_clean_how *how);
/* As it was set; off where it never was. */
void vm_cleaner_get(struct vm *vm, struct vm_clean_how *how);
/* The daemon has been stopped. */
void vm_cleaner_stop(struct vm *vm);

/* Dirty pages that are not anonymous. */
uint64_t vm_dirty_pages(const struct vm *vm);

/* Of the cleaner's thread, or of who plays it: up to one write, or 4096
 * descriptors.  How long until the next; *rests: until a page is dirty. */
uint64_t vm_cleaner_step(struct vm_cleaner *cleaner, bool *rests);
/* One without a thread.  0, -ENOMEM. */
VM_MUST_CHECK int vm_cleaner_new(struct vm *vm, struct vm_cleaner **out);
void vm_cleaner_free(struct vm_cleaner *cleaner);
void vm_cleaner_tell(struct vm_cleaner *cleaner,
    const struct vm_clean_how *how);

#endif
