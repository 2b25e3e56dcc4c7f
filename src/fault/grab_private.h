/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/grab_private.h - what grab.c and many.c share. */
#ifndef FAULT_GRAB_PRIVATE_H
#define FAULT_GRAB_PRIVATE_H

#include <stdbool.h>

#include "fault/grab.h"
#include "fault/patience.h"

/* One grab, while it goes on. */
struct miss {
	struct vm_object *object;
	vm_pindex_t pindex;
	unsigned how;
	struct vm_page *page;	/* taken for it, not used yet */
	bool alone;		/* its neighbours cannot be read: without */
	bool done;		/* the fill has ended */
	bool slept;
	unsigned count;		/* pages of the fill */
	int error;		/* positive errno: how */
	struct vm_patience patience;	/* with a pager without room */
	struct vm_page *got;	/* held */
	bool open;		/* ... and came open (a window) */
};

/* Whose memory it is. */
enum vm_class vm_grab_class(unsigned how);
/* Resident, and now held as how says: true.  Else *slot is where to wait, or
 * NULL. */
bool vm_grab_hit(struct vm_object *object, vm_pindex_t pindex, unsigned how,
    struct vm_page **out, struct vm_slot **slot);
/* The page is good for what it was grabbed for, as it is: there as far as that
 * needs it, and not lent where it must not be. */
bool vm_grab_usable(const struct vm_page *page, unsigned how);
/* Whether a page that is absent is made without a read. */
bool vm_grab_makes(const struct vm_object *object, unsigned how);
/* Makes it, exclusive: 0, *page NULL or a page that was taken for it.  1: it
 * has to be waited for, which was not done.  A negative errno. */
int vm_grab_make(struct miss *miss);
/* Zeroes and dirties what was grabbed with ZERO, wires what was with WIRED;
 * where that fails the page is let go. */
int vm_grab_finish(struct vm_page *page, unsigned how);

#endif
