/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/mrc/wish.h - the command line of `resident mrc`.
 */
#ifndef CLI_MRC_WISH_H
#define CLI_MRC_WISH_H

#include "../sim/wish.h"

/* 16 ratios, 256 points of a curve: more than one reads. */
#define VM_MRC_RATIOS 16u
#define VM_MRC_POINTS 256u

struct vm_mrc_wish {
	struct vm_sim_wish sim;	/* trace[0], policies, tsv, plot, marks */
	double ratio[VM_MRC_RATIOS];	/* 0 .. 1 */
	unsigned ratios;
	unsigned points;
	uint32_t sample;	/* pages */
	char **program;		/* what to run, NULL: a trace is read */
	char **run;		/* options for it, from argv (owned) */
	int run_count;
};

/* 0, or -1 after one sentence on stderr; fini in both cases. */
int vm_mrc_wish_read(struct vm_mrc_wish *wish, int argc, char **argv);
void vm_mrc_wish_fini(struct vm_mrc_wish *wish);

#endif
