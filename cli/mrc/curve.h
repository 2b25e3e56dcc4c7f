/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/mrc/curve.h - hit ratio by size of memory, for some policies.
 *
 * Of lru every size is known (cli/mrc/distance.h), of another policy those at
 * the points, which lie evenly by their logarithms; where a size is asked for
 * by its hit ratio, sizes between two points are simulated too.
 */
#ifndef CLI_MRC_CURVE_H
#define CLI_MRC_CURVE_H

#include "../sim/report.h"
#include "../sim/wish.h"
#include "sample.h"

struct vm_curves {
	const struct vm_sample *sample;
	const struct vm_sim_wish *wish;	/* its policies */
	uint64_t *lru;		/* hits by size, NULL: is not wanted (owned) */
	struct vm_sim_rows rows;	/* by policy, then by size (owned) */
};

/* 0, or -1 after one sentence, nothing to free then. */
int vm_curves_make(struct vm_curves *curves, const struct vm_sample *sample,
    const struct vm_sim_wish *wish, unsigned points);
void vm_curves_fini(struct vm_curves *curves);

/* The least memory, in pages, with which a policy has that hit ratio; 0: none
 * suffices, and *best is what the largest has.  -1 after one sentence, else
 * 0. */
int vm_curves_find(const struct vm_curves *curves, unsigned policy,
    double ratio, uint32_t *pages, double *best);

#endif
