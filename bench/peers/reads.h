/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/reads.h - counts what threads read, for programs run by caged.h.
 *
 * Each thread calls read until the time is over; a fifth of it goes by before
 * the count.  One line of JSON on standard output: reads, seconds, cpu_s (user
 * and system, of the process), faults (major ones).
 */
#ifndef BENCH_PEERS_READS_H
#define BENCH_PEERS_READS_H

#include <stdbool.h>

#define READS_THREADS_MAX 64u

struct reads {
	unsigned threads;	/* 1 to READS_THREADS_MAX */
	double seconds;
	void *self;
	/* In the thread itself; NULL: it cannot begin. */
	void *(*begin)(void *self, unsigned thread);
	/* One, checked; false: it is wrong. */
	bool (*read)(void *reader);
	void (*end)(void *reader);
};

/* The program enters the cgroup with this cgroup.procs; ends it where it may
 * not. */
void reads_enter(const char *procs);

/* The program's exit status: 0, or 1 after a line on standard error. */
int reads_measure(const struct reads *reads);

#endif
