/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/patience.c - patience.h has the theory. */
#include "fault/patience.h"

/* 1 ms: a few reads of a disk; who makes room may do it by writing. */
#define FIRST_NS UINT64_C(1000000)
/* 7 times twice as long, to 128 ms: 8 questions a second of each who waits. */
#define DOUBLINGS_MAX 7u

uint64_t
vm_patience_pause(struct vm_patience *patience, uint64_t now_ns,
    uint64_t max_ns)
{
	uint64_t pause, left;

	if (patience->until_ns == 0)
		patience->until_ns = max_ns > UINT64_MAX - now_ns ?
		    UINT64_MAX : now_ns + max_ns;
	if (now_ns >= patience->until_ns)
		return 0;
	pause = FIRST_NS << (patience->pauses < DOUBLINGS_MAX ?
	    patience->pauses : DOUBLINGS_MAX);
	patience->pauses++;
	left = patience->until_ns - now_ns;
	return pause < left ? pause : left;
}
