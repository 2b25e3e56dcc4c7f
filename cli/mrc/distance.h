/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/mrc/distance.h - LRU with every size of memory, in one pass.
 *
 * A touch is a hit in a memory of at least as many pages as were touched since
 * the last touch of its page, itself included: its stack distance (Mattson,
 * Gecsei, Slutz, Traiger: Evaluation techniques for storage hierarchies, IBM
 * Systems Journal 9(2), 1970).
 */
#ifndef CLI_MRC_DISTANCE_H
#define CLI_MRC_DISTANCE_H

#include "../sim/trace.h"

/* hits[n], n = 0 .. distinct: touches that hit in n pages; to be freed.  NULL
 * after one sentence. */
uint64_t *vm_distance_hits(const struct vm_sim_trace *trace);

#endif
