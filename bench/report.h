/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/report.h - rows as text while they are made, and as JSON at the end.
 *
 * A row's verdict: "pass" and "short" where there is a target and both ways
 * were measured, "-" without a target, "not here" where one could not be.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "bench/bench.h"

/* A row that was said, with all its samples; owns them. */
struct bench_result {
	const char *workload;
	char variant[64];
	char unit[16];
	char ours[64];
	char against[64];	/* "": nothing */
	char missing[200];	/* "": measured */
	enum bench_sense sense;
	double target;
	unsigned runs;
	double *samples;
	double *against_samples;	/* NULL: nothing */
	double *ratios;		/* of each round; NULL */
	double value;		/* median */
	double ratio;		/* median; 0 without */
};

/* "pass", "short", "not here" or "-". */
const char *bench_verdict(const struct bench_result *result);

/* The names of the columns. */
void bench_head_print(const struct bench *bench);
/* How many passed, and so on. */
void bench_summary_print(const struct bench *bench);

/* All that was said, with the machine; 0 or a negative errno. */
int bench_json_write(const struct bench *bench, const char *path);

/* The machine as the inside of a JSON object, and as a line. */
void bench_machine_json(FILE *out);
void bench_machine_print(FILE *out);

/* A string with quotes, escaped. */
void bench_json_string(FILE *out, const char *text);

void bench_results_fini(struct bench *bench);

/* What the program was built of; "unknown". */
extern const char bench_commit[];
/* With which options. */
extern const char bench_build[];

/* Removes the stores. */
void bench_files_fini(void);

#endif
