/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/workloads/mapped_ways.h - a file seen through maps of the library.
 *
 *	SHOWN_WINDOW	vm_map of all of it: the thread that touches resolves
 *	SHOWN_STORE	the same by way of a memory file: a second map
 *	SHOWN_SERVED	a range of this process given to the library as if it
 *			were another's: a thread of its own resolves
 *	SHOWN_PRIVATE	vm_map, private: what is read is a copy
 */
#ifndef BENCH_WORKLOADS_MAPPED_WAYS_H
#define BENCH_WORKLOADS_MAPPED_WAYS_H

#include <stdint.h>

#include "bench/bench.h"

enum shown_how {
	SHOWN_WINDOW,
	SHOWN_STORE,
	SHOWN_SERVED,
	SHOWN_PRIVATE
};

struct shown {
	const struct bench_file *file;
	struct vm *vm;
	struct vm_object *object;
	struct vm_space *space;		/* SERVED */
	int uffd;			/* SERVED */
	void *second;			/* STORE: the map that made it one */
	void *base;
};

struct shown_options {
	enum shown_how how;
	uint64_t limit_bytes;
	uint64_t readahead_bytes;
	int sequential;
};

/* 0, or a negative errno with the library's sentence: not permitted here. */
int shown_open(struct shown *shown, const struct bench_file *file,
    const struct shown_options *options);
void shown_close(struct shown *shown);

#endif
