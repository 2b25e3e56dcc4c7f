/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/anon.h - memory with no file: zeros at first, in swap later.
 *
 * A page that goes out is stored by the first of these that will have it:
 *
 *	nothing		it repeats 8 bytes all over: these are all there is
 *	the tier	it shrinks by a quarter, and there is memory for
 *			compressed pages; the oldest there go to a file when
 *			that is full
 *	a file		of the highest priority that has room
 *
 * One swap serves all anonymous objects of a system.  Each page that comes
 * back is compared with the checksum it had when it went out; one that differs
 * is an error, and not given.  docs/swap.md has the whole of it.
 */
#ifndef PAGER_ANON_H
#define PAGER_ANON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "object/pager_ops.h"

struct vm_os;
struct vm_counters;
struct vm_swap;

/* A file: see pager/swapfile.h. */
struct vm_swap_place_options {
	const char *directory;	/* NULL: TMPDIR, else /var/tmp */
	uint64_t max_bytes;	/* 0: no bound but the disk's */
	int priority;		/* the highest first, equal ones in turn */
};

struct vm_swap_options {
	const struct vm_os *os;
	struct vm_counters *counters;
	uint32_t page_bytes;
	const struct vm_swap_place_options *files;
	unsigned file_count;	/* 0: one, of all zeros */
	uint64_t max_bytes;	/* of all files, 0: no bound but theirs */
	void *tier;		/* memory for compressed pages, or NULL */
	uint64_t tier_bytes;
	bool encipher;
};

struct vm_swap_figures {
	uint64_t file_pages;	/* taken, of all files */
	uint64_t disk_bytes;	/* allocated for these */
	uint64_t filled_pages;	/* that repeat 8 bytes */
	uint64_t packed_pages;	/* in the tier */
	uint64_t packed_bytes;	/* what these are long */
	uint64_t tier_bytes;	/* all of the tier */
	uint64_t tier_used_bytes;
	uint64_t lost_pages;	/* whose contents are gone */
	/* since the beginning */
	uint64_t filled;	/* pages stored as nothing */
	uint64_t packed;	/* into the tier */
	uint64_t left_tier;	/* from there to a file */
	uint64_t refused_tier;	/* too large, or no room */
	uint64_t sum_errors;	/* that came back as something else */
	uint64_t packed_in_bytes;	/* what all that were packed were */
	uint64_t unpacked;	/* came back from the tier */
	uint64_t written;	/* to files */
	uint64_t read;		/* and back */
	uint64_t disk_peak_bytes;	/* most each file ever had, summed */
};

/* Of a system; no file is opened until it is needed.  0, -ENOMEM, and what
 * pager/cipher.h has. */
VM_MUST_CHECK int vm_swap_create(const struct vm_swap_options *options,
    struct vm_swap **out);
void vm_swap_destroy(struct vm_swap *swap);	/* no pager uses it */

void vm_swap_look(struct vm_swap *swap, struct vm_swap_figures *out);

VM_MUST_CHECK int vm_pager_anon_create(struct vm_swap *swap, uint64_t length,
    struct vm_pager **out);

#endif
