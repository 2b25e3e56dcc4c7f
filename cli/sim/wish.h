/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/sim/wish.h - the command line of `resident sim`.
 */
#ifndef CLI_SIM_WISH_H
#define CLI_SIM_WISH_H

#include <stdbool.h>
#include <stdint.h>

struct vm_policy_ops;

/* 256 traces, 16 policies and 64 sizes: more than one looks at. */
#define VM_WISH_TRACES	 256u
#define VM_WISH_POLICIES 16u
#define VM_WISH_SIZES	 64u

struct vm_sim_size {
	double percent;		/* of the trace's pages; 0: see pages */
	uint32_t pages;
};

struct vm_sim_wish {
	const char *trace[VM_WISH_TRACES];
	const struct vm_policy_ops *policy[VM_WISH_POLICIES];
	struct vm_sim_size size[VM_WISH_SIZES];
	unsigned traces, policies, sizes;
	const char *tsv, *plot;	/* NULL: none */
	bool marks;
	bool help;
};

/* 0, or -1 after one sentence on stderr. */
int vm_sim_wish_read(struct vm_sim_wish *wish, int argc, char **argv);

/* The parts of it, for other commands that take the same: 0, or -1 after one
 * sentence.  Each item of a list with commas; a policy's name, 'default' or
 * 'all'; the name of a plot; that of any file. */
int vm_sim_wish_list(struct vm_sim_wish *wish, const char *text,
    int (*take)(struct vm_sim_wish *wish, const char *item));
int vm_sim_wish_policy(struct vm_sim_wish *wish, const char *name);
int vm_sim_wish_plot(struct vm_sim_wish *wish, const char *name);
int vm_sim_wish_file(const char **to, const char *name, const char *option);

/* Pages of memory for a trace of so many, at least 1. */
uint32_t vm_sim_size_pages(const struct vm_sim_size *size, uint32_t distinct);

#endif
