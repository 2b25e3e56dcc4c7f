/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/patience.h - how long to wait for a pager that has no room.
 *
 * A pager may answer AGAIN: no room just now, and no error.  It cannot tell
 * when there is room, so it is asked again and again, ever more rarely (1, 2,
 * 4 ... 128 ms), and once more when the bound on waiting is over.  Only then
 * AGAIN is an error.
 */
#ifndef FAULT_PATIENCE_H
#define FAULT_PATIENCE_H

#include <stdint.h>

/* Of one who waits; zeros: the pager has not said AGAIN yet. */
struct vm_patience {
	uint64_t until_ns;	/* the bound; 0: not begun */
	unsigned pauses;	/* so far */
};

/*
 * The pager has said AGAIN at now_ns: how many ns to wait before it is asked
 * again; 0: that went on for max_ns.
 */
uint64_t vm_patience_pause(struct vm_patience *patience, uint64_t now_ns,
    uint64_t max_ns);

#endif
