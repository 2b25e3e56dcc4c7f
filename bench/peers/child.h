/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/child.h - a program run to its end, its output kept.
 *
 * For peers that are programs of their own.  Standard output and error are read
 * into one text, standard input is empty.  Who runs longer than he may is
 * killed and is a failure.
 */
#ifndef BENCH_PEERS_CHILD_H
#define BENCH_PEERS_CHILD_H

#include <stddef.h>

struct child {
	char *output;		/* ends with a 0 byte; to be freed */
	size_t length;
	int status;		/* as a shell says it: 128 + signal */
	double cpu_s;		/* user and system, the whole child */
};

/* 64 KiB: fio's JSON of a job takes 12. */
#define CHILD_OUTPUT_MAX_BYTES ((size_t)64 << 10)

/*
 * argv ends with NULL; setting is "NAME=value" for its environment, besides
 * ours, or NULL; the program is looked for in PATH when it has no slash.
 * 0, whatever the status; -ENOENT: no such program; -ETIMEDOUT; -EOVERFLOW: too
 * much output; another negative errno.  On failure there is nothing to free.
 */
int child_run(char *const argv[], const char *setting, double limit_s,
    struct child *child);

/* For a handler of a signal that ends us: the one that runs, if any, is killed
 * and waited for, and child_run returns no more. */
void child_abandon(void);

#endif
