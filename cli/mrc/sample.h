/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/mrc/sample.h - a part of a trace's pages, with all touches of these.
 *
 * A page is in the sample by its hash alone, so one that is has all its
 * touches there (Waldspurger, Park, Garthwaite, Ahmad: Efficient MRC
 * Construction with SHARDS, FAST 2015).  What a memory of n pages makes of the
 * trace, one of n x rate pages makes of the sample, for LRU by its distances
 * and for any policy in miniature (the same and others: Cache Modeling and
 * Optimization using Miniature Simulations, ATC 2017).
 *
 * A few pages that are touched all the time may be in the sample or not, which
 * moves the ratio; they would be hits, so touches above or below the expected
 * number are taken for hits (SHARDS-adj in the first of them).
 */
#ifndef CLI_MRC_SAMPLE_H
#define CLI_MRC_SAMPLE_H

#include "../sim/trace.h"

struct vm_sample {
	struct vm_sim_trace trace;	/* of the sample (owned, but for its
					 * name, which is the whole's) */
	double rate;			/* 1: all of it */
	uint64_t requests;		/* of the whole */
	uint32_t distinct;
};

/* About most pages of the trace, at least one; 0, or -1 after one sentence. */
int vm_sample_take(struct vm_sample *sample, const struct vm_sim_trace *trace,
    uint32_t most);
void vm_sample_fini(struct vm_sample *sample);

/* The size of memory in the sample that stands for pages, at least 1. */
uint32_t vm_sample_scaled(const struct vm_sample *sample, uint32_t pages);
/* The whole's hit ratio, from the hits of its sample. */
double vm_sample_ratio(const struct vm_sample *sample, uint64_t hits);

#endif
