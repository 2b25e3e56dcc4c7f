/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/hint.h - what its user knows of a range of pages better than the
 * policy.
 *
 *	clean	"clean it, but keep it": who asks for that while it is clean
 *		already says that he is done with it: GNU Mach takes a lock
 *		request of that kind for a hint and deactivates the pages
 *		(vm_page_deactivate_hint)
 *	cold	the first to go when memory is short (Linux's MADV_COLD)
 *	drop	clean pages leave now, dirty ones are cold (MADV_DONTNEED of
 *		a shared map, POSIX_FADV_DONTNEED)
 *	out	all leave, dirty ones when they are written (MADV_PAGEOUT)
 *	free	the bytes are given up, in memory and in the swap file: zeros
 *		from now on
 *	waive	the bytes may be given up, page by page, without being written
 *		(Linux's MADV_FREE, Mach's volatile objects): a page that
 *		leaves is zeros from then on, one that is written again before
 *		that is as any other
 *
 * The last two are for who alone has the bytes: objects with swap behind them.
 * Who has a page just now uses it: cold, drop and out pass over it, free and
 * waive wait for it, for a page that is on its way to or from the swap file
 * would come out of their hands.
 */
#ifndef PAGEOUT_HINT_H
#define PAGEOUT_HINT_H

#include "base/compiler.h"
#include "object/object.h"

/*
 * Pages of [first, end) that are clean become inactive, unless the system's
 * knob clean_hint is off; the dirty ones are written and stay where they are.
 * Pages that somebody holds exclusively are passed over by the first half.
 * Sleeps.
 */
VM_MUST_CHECK int vm_clean_hint(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end);

/* Never sleeps. */
void vm_hint_cold(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end);

/* Never sleeps. */
void vm_hint_drop(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end);

/* 0, or what writing met; what is clean has left all the same.  Sleeps. */
VM_MUST_CHECK int vm_hint_out(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end);

/* Of an object whose bytes nobody else has.  0; -EBUSY: some page is wired,
 * and nothing has changed.  Sleeps; hold no page of the range. */
VM_MUST_CHECK int vm_hint_free(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end);

/* Of such an object too.  Wired pages stay as long as they are wired.  Sleeps;
 * hold no page of the range. */
void vm_hint_waive(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end);

#endif
