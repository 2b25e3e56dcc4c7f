/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/trim.h - objects that have more than they may.
 *
 * An object with a high (object/quota.h) that has reached it pays for what
 * comes with its own pages, by a clock of its own: a hand goes round its index
 * and takes those that were not used since it came by last.  The policy of the
 * system is not asked; of one object's pages it may have none to offer.
 *
 * Of an object that is gone through in a loop (VM_ADVICE_CYCLIC) the newest
 * used ones go: it comes back to the oldest first, and a clock would always
 * have let go what is wanted next.  With a high of h pages a longer loop finds
 * about 15/16 of h less a window of read-ahead each time (Chou and DeWitt,
 * 1985: most recently used, where a loop does not fit).
 *
 * Who brings pages in takes clean ones of the pool and of windows himself,
 * some more than he brought, so that not each miss does it.  The rest is the
 * daemon's: stores, dirty pages, and objects whose high was lowered.  What is
 * wired, held or lent stays, above high if need be.
 */
#ifndef PAGEOUT_TRIM_H
#define PAGEOUT_TRIM_H

#include "object/vm.h"

/* From now on. */
void vm_trim_init(struct vm *vm);

/*
 * Up to want pages of an object that has too many, as far as it has; they may
 * change identity at once, as with vm_queue_victims.  0: no object has.
 */
unsigned vm_trim_victims(struct vm *vm, struct vm_page **pages,
    unsigned want);

#endif
