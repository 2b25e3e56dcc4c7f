/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/control.h - how far ahead of need the daemon works.
 *
 * Between the moment when the daemon is woken and that when the first page is
 * free again lies the latency of freeing: nothing where a page is clean, ms
 * where it has to be written.  Meanwhile those who need pages take what is
 * free.  So the daemon is woken at low + margin and works up to target +
 * margin, and the margin is what a controller makes of how far down what is
 * free went:
 *
 *	error		setpoint - lowest level since the last step, if positive
 *	margin		error / 2 + sum of errors / 8, within 0 .. bound
 *	bound		2 x demand x latency, at most 1/16 of memory
 *
 * a PI controller.  Steps are made while the daemon works, of 1 ms at least.
 * Where no error is, the sum leaks, a 128th a step, for it rose in one burst of
 * demand and is there for the next; the same of the bound.  The bound keeps the
 * sum from winding up where more is wanted than the disk writes, and no margin
 * would help: what is under way then is all that can be ahead.  The demand is
 * pages taken a second, the latency by Little's law pages on their way / pages
 * freed a second, both smoothed over about 4 steps.  The setpoint is a little
 * above low, where those who write begin to wait.
 *
 * Arithmetic alone: no clock, no lock, no memory; docs/pageout.md shows its
 * answer to a step.
 */
#ifndef PAGEOUT_CONTROL_H
#define PAGEOUT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

struct vm_control {
	uint64_t step_ns;	/* when the last one was; 0: none */
	uint64_t taken;		/* pages, in all, by then */
	uint64_t freed;		/* likewise */
	uint32_t lowest;	/* level since then */
	uint64_t sum;		/* of errors, pages */
	uint64_t bound;		/* pages */
	uint64_t demand;	/* pages a second */
	uint64_t latency_ns;
	uint32_t margin;	/* pages */
};

struct vm_control_sample {
	uint64_t now_ns;
	uint64_t taken;		/* pages since the start */
	uint64_t freed;
	uint32_t level;		/* free pages */
	uint32_t under_way;	/* to a pager */
	uint32_t setpoint;
	uint32_t pages;		/* of the system */
};

/* So many pages are free; true: it is time for a step. */
bool vm_control_see(struct vm_control *control, uint32_t level,
    uint64_t now_ns);
/* What is so now; the margin to work with from now on. */
uint32_t vm_control_step(struct vm_control *control,
    const struct vm_control_sample *sample);

/* The daemon is needed again: half of the margin is left after each 100 ms
 * without it. */
void vm_control_rested(struct vm_control *control, uint64_t now_ns);

#endif
