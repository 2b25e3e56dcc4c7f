/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/sim/labour.h - many simulations, in as many threads as processors, with
 * a bar on stderr where that is a terminal.
 */
#ifndef CLI_SIM_LABOUR_H
#define CLI_SIM_LABOUR_H

#include "run.h"

/* hits[i] of sims[i], whose progress it sets.  0, or -1 after one sentence.
 * One at a time in a process. */
int vm_sim_labour(struct vm_sim *sims, uint64_t *hits, unsigned count);

#endif
