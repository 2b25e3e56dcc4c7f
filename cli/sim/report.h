/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/sim/report.h - results as a table, as TSV, and as a plot by gnuplot(1).
 */
#ifndef CLI_SIM_REPORT_H
#define CLI_SIM_REPORT_H

#include <stdint.h>

/* One policy with one size of memory over one trace. */
struct vm_sim_row {
	const char *trace;
	const char *policy;	/* "opt": the optimum */
	double fraction;	/* of the trace's pages */
	uint32_t pages;
	uint64_t requests;
	uint64_t hits;
};

/* Rows come by trace, in it by policy, in that by size: sizes of each. */
struct vm_sim_rows {
	struct vm_sim_row *row;	/* (owned) */
	unsigned count;
	unsigned policies;	/* with the optimum, which is the last */
	unsigned sizes;
};

/* On stdout. */
void vm_sim_print(const struct vm_sim_rows *rows);
/* 0, or -1 after one sentence on stderr; a file is there as a whole or not. */
int vm_sim_write_tsv(const struct vm_sim_rows *rows, const char *path);
int vm_sim_plot(const struct vm_sim_rows *rows, const char *path);

#endif
