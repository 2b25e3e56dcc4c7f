/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/limbo.h - which mapped pages are used, where no bit says so.
 *
 * Policies live on reference marks, and a page that clients map gets none: a
 * hit is the processor's own.  The ancestors' way where the machine kept no
 * such bit was to unmap a page without freeing it, and to see whether it is
 * touched again; so is ours, by clusters as large as a mapping:
 *
 *	     the client drops its page-table entries
 *	mapped ------------------------------------> in limbo: in the store,
 *	  ^                                          in no table
 *	  '---- touched: the kernel makes an entry, no event ----'
 *
 * The entries of a page in limbo are made again by the kernel alone, from the
 * memory file, so that a touch costs a minor fault (about 1 us) and no message
 * to us.  Later we look which entries are there (the kernel's pagemap says so
 * of another process), and have them dropped again.  Nothing is lost by it: the
 * bytes are the store's, and a page's write protection stays when its entry
 * goes, so that a clean page traps as before and a dirty one does not.
 *
 * What is told here is one look: these pages had entries.  A page is first told
 * of after it came, and that touch was its arrival, which policies know of; it
 * is noted, and the next time it has been used again: then it is marked, as a
 * grab would.  The note is in the store's presence bytes and goes with the
 * page.
 *
 * Who looks when, and has entries dropped, is the server's (server/limbo.h).
 *
 * Not for windows: there the page-table entry is all that holds the page, and
 * to unmap it means to move its bytes out and in (docs/design-notes.md).
 */
#ifndef PAGEOUT_LIMBO_H
#define PAGEOUT_LIMBO_H

#include <stdint.h>

struct vm_space;

/* The pages of [address, address + length) had entries in the client: how many
 * were used again, and are marked now.  Never sleeps. */
uint64_t vm_limbo_touched(struct vm_space *space, uint64_t address,
    uint64_t length);

#endif
