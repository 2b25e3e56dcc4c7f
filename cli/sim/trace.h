/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/sim/trace.h - which pages were touched, in order.
 *
 * A trace is text, one touch a line, plain or compressed by zstd(1):
 *
 *	PAGE [r|w] [OBJECT]
 *
 * PAGE and OBJECT are decimal numbers below 2^64, OBJECT 0 where it is not
 * given; "w" is a write, a line without is a read.  Blank lines and lines that
 * begin with # say nothing.
 *
 * In memory a page is a small number, given in the order of first touches.
 */
#ifndef CLI_SIM_TRACE_H
#define CLI_SIM_TRACE_H

#include <stdbool.h>
#include <stdint.h>

/* In a request beside the page's number. */
#define VM_SIM_WRITE UINT32_C(0x80000000)

struct vm_sim_trace {
	uint32_t *requests;	/* page | VM_SIM_WRITE (owned) */
	uint64_t count;
	uint32_t distinct;	/* pages: 0 .. distinct - 1 */
	char *name;		/* file name without .zst and .txt (owned) */
};

/* 0, or -1 after one sentence on stderr; nothing to free then. */
int vm_sim_trace_read(struct vm_sim_trace *trace, const char *path);
void vm_sim_trace_fini(struct vm_sim_trace *trace);

/* A trace that is made touch by touch; path names it, in sentences too, and
 * stays the caller's. */
struct vm_sim_maker;

/* NULL after one sentence. */
struct vm_sim_maker *vm_sim_maker_new(const char *path);
void vm_sim_maker_drop(struct vm_sim_maker *maker);
/* 0, or -1 after one sentence. */
int vm_sim_maker_add(struct vm_sim_maker *maker, uint64_t object,
    uint64_t page, bool write);
/* Ends the maker; the same, nothing to free then. */
int vm_sim_maker_end(struct vm_sim_maker *maker, struct vm_sim_trace *trace);

#endif
