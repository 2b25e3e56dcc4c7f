/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/floors/fault.h - the least that a self-resolved fault costs.
 *
 * A file is seen through anonymous memory that a userfaultfd with the SIGBUS
 * feature watches.  Who touches a page that is not there gets SIGBUS; the
 * handler reads the page into a buffer of its thread and copies it there
 * (UFFDIO_COPY).  Each thread remembers the pages it brought, and drops the
 * oldest of them, FLOOR_BATCH by one process_madvise, when it has its share of
 * the memory.  No page is looked up, locked, marked or counted: nobody who
 * does these system calls can be faster.  The same with runs of pages is the
 * floor of who goes through the file.
 *
 *	open --> enter --> touch ... (any thread) --> leave --> close
 *
 * One floor is entered at a time: the handler is the process's.
 */
#ifndef BENCH_FLOORS_FAULT_H
#define BENCH_FLOORS_FAULT_H

#include <stddef.h>
#include <stdint.h>

/* Where mechanisms stop getting cheaper: one call costs as much as the work
 * for some ten pages, and is 5 % of 64 of them and 1 % of 512. */
#define FLOOR_BATCH 512u

struct fault_floor;

struct fault_floor_config {
	int fd;			/* of the file */
	uint64_t file_pages;
	uint64_t memory_pages;	/* that may be there, of all threads */
	unsigned threads;
	/* Pages that come and go together, 16 at most, from a multiple of
	 * themselves on; 0: one. */
	unsigned run_pages;
};

/* 0, or a negative errno and *why a sentence. */
int fault_floor_open(const struct fault_floor_config *config,
    struct fault_floor **out, const char **why);
/* NULL: nothing. */
void fault_floor_close(struct fault_floor *floor);

/* The process's SIGBUS handler is the floor's from enter to leave, and then
 * what it was before. */
void fault_floor_enter(struct fault_floor *floor);
void fault_floor_leave(struct fault_floor *floor);

/* Said by each thread before it touches anything: which one it is. */
void fault_floor_thread(unsigned thread);

/* The first page's address. */
const char *fault_floor_base(const struct fault_floor *floor);

/* Since open; nobody touches it meanwhile. */
uint64_t fault_floor_faults(const struct fault_floor *floor);

/* ns a page of UFFDIO_COPY, 64 KiB at a time from a warm buffer into pages
 * that are not there; pages: how many, all dropped afterwards. */
double fault_floor_copy_ns(struct fault_floor *floor, uint64_t pages);

#endif
