/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/ranges.h - which parts of this address space the server fills.
 *
 * A sorted array of ranges that do not overlap.  It is changed around the
 * system call that changes the address space, under the state gate, so that
 * it says what the kernel does whenever the gate is free.
 *
 *	insert	a managed mapping came to be
 *	remove	munmap, or something mapped over it: ranges are cut
 *
 * Room for the entries that a change needs is reserved first (the only step
 * that can fail), then the kernel is asked, then the array changed.
 *
 * low and high bound all entries and are read without the gate: a call on
 * other addresses goes straight to the kernel.  A program that maps and
 * unmaps one address in two threads at once has no order to be kept.
 */
#ifndef RANGES_H
#define RANGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of a range. */
#define VM_RANGE_SHARED		1u	/* the program said MAP_SHARED */
#define VM_RANGE_MAYWRITE	2u	/* mprotect may add PROT_WRITE */
#define VM_RANGE_ANON		4u	/* private anonymous memory: anon.h */

struct vm_shim_range {
	uint64_t start;		/* bytes, page multiples */
	uint64_t end;
	uint64_t offset;	/* in the file, of start */
	uint32_t file;		/* the server's number */
	uint16_t kind;		/* enum vm_range_kind, never ALIAS */
	uint16_t bits;
};

/* All of it under the state gate (S) but for low and high. */
struct vm_ranges {
	struct vm_shim_range *range;	/* sorted by start (S) */
	size_t count;			/* (S) */
	size_t capacity;		/* (S) */
	_Atomic uint64_t low;		/* 0 while there is none (A) */
	_Atomic uint64_t high;		/* (A) */
};

/* Room for `extra` more entries: 0 or -ENOMEM. */
int vm_ranges_reserve(struct vm_ranges *ranges, size_t extra);

/* Whether [start, end) may overlap an entry; needs no gate. */
bool vm_ranges_near(const struct vm_ranges *ranges, uint64_t start,
    uint64_t end);

/* Lowest entry that overlaps [start, end), which may be empty; NULL: none. */
struct vm_shim_range *vm_ranges_first(const struct vm_ranges *ranges,
    uint64_t start, uint64_t end);

/* Whether an entry of that kind overlaps [start, end). */
bool vm_ranges_has_kind(const struct vm_ranges *ranges, uint64_t start,
    uint64_t end, unsigned kind);
bool vm_ranges_has_file(const struct vm_ranges *ranges, uint32_t file);

/* Overlaps no entry; room is reserved. */
void vm_ranges_insert(struct vm_ranges *ranges,
    const struct vm_shim_range *entry);

/* Needs room for one entry more: a hole in the middle makes two of one. */
void vm_ranges_remove(struct vm_ranges *ranges, uint64_t start, uint64_t end);

/* The part of entry within [start, end): it overlaps. */
struct vm_shim_range vm_range_cut(const struct vm_shim_range *entry,
    uint64_t start, uint64_t end);

#endif
