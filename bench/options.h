/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/options.h - the command line of resident-bench.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "bench/bench.h"

/* What is asked for besides measuring. */
enum bench_wish {
	BENCH_RUN,
	BENCH_LIST,
	BENCH_HELP
};

/* Fills options; *first is the index of the first workload's name in argv.
 * What is wrong is said, and ends the program with status 1. */
enum bench_wish bench_options_parse(struct bench_options *options, int argc,
    char **argv, int *first);

void bench_help_print(void);

#endif
