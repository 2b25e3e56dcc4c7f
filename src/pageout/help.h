/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/help.h - who needs a page frees some.
 *
 * Below limit's mark `help`, above `low`, a thread that is about to take a page
 * first lets a batch of the policy's victims leave: those of the pool and of
 * windows that are clean and that nobody is in.  A page costs no wait, no wake
 * and no other processor then, its descriptor is in the cache of who will use
 * it, and the work grows with the number of those who cause it.
 *
 * What is left to the daemon (daemon.h): dirty pages and those of stores,
 * a system where takers are faster than that, and who waits.  Where a batch
 * finds hardly anything that could leave, the daemon is kicked, and nobody
 * helps until its pass is over.
 *
 * Mach's and FreeBSD's takers only ever wake the daemon; Linux calls the same
 * thing direct reclaim, but does it when memory has run out.
 */
#ifndef PAGEOUT_HELP_H
#define PAGEOUT_HELP_H

#include "object/vm.h"

/* From now on. */
void vm_help_init(struct vm *vm);

#endif
