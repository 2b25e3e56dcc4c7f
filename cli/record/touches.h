/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/record/touches.h - which pages a running program touches, as it does.
 *
 * The pager sees a touch only where the page is not in memory, or is written
 * for the first time since it was clean.  So the program runs under a small
 * limit, with fifo, and one page at a time is brought in: what is seen then are
 * all touches of pages that are not among the last N brought in, N being the
 * limit in pages.  Touches of one page in between, N others not having come
 * meanwhile, are one.  That is the granularity: what a memory of many times N
 * pages makes of the rest does not depend on what is missing, for those would
 * be hits in it anyway.
 *
 * A thread reads the system's ring of events a hundred times a second.
 */
#ifndef CLI_RECORD_TOUCHES_H
#define CLI_RECORD_TOUCHES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../run.h"

struct vm_touch {
	uint64_t object;	/* numbers of the system, the first is 1 */
	uint64_t pindex;
	bool write;
};

struct vm_touches {
	struct vm_watcher watcher;
	/* From the thread; 0, or -1 after one sentence: no more are told. */
	int (*take)(void *arg, const struct vm_touch *touch);
	/* When all are told, -1 if not all of them were, from who runs the
	 * program.  -1 after one sentence: the exit status will say so. */
	int (*done)(void *arg, int result);
	void *arg;
	struct vm_server *server;
	pthread_t thread;
	_Atomic bool stop;
	int result;		/* of take; the thread's until it is joined */
	uint64_t next, lost;	/* the thread's */
};

/* Runs the command of argv as `resident run` does, under the limit and the
 * other settings above where its options do not say otherwise.  The exit
 * status; like vm_command_run it may not return. */
int vm_touches_run(struct vm_touches *touches, int argc, char **argv);

#endif
