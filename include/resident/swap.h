/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/swap.h - where anonymous memory goes when it is not resident.
 *
 * Options of a system (resident/resident.h) say what there is: files, memory
 * for compressed pages, whether files are enciphered.  A page that goes out is
 * stored as nothing if it repeats 8 bytes all over; else compressed, if it
 * shrinks by a quarter and there is memory for that; else in a file.  The
 * oldest compressed pages go to a file when their memory is full.
 *
 * Each page is compared with its checksum when it comes back; one that is not
 * what went out is -EIO for who asks, and is not given.
 */
#ifndef RESIDENT_SWAP_H
#define RESIDENT_SWAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;

/* 8 files at most. */
#define VM_SWAP_FILES 8

/* A swap file of vm_options.swap_files: made when the first page goes there,
 * without a name, mode 0600. */
struct vm_swap_file {
	const char *directory;	/* NULL: TMPDIR, else /var/tmp */
	uint64_t max_bytes;	/* 0: no bound but the disk's */
	/* The highest is filled first; equal ones are used in turn. */
	int priority;
};

/* Pages unless the name says bytes. */
struct vm_swap_stat {
	size_t size_bytes;	/* set by the caller: VM_SWAP_STAT_INIT */
	/* now */
	uint64_t file_pages;	/* places taken, of all files */
	uint64_t disk_bytes;	/* what is allocated on disks for them */
	uint64_t filled_pages;	/* that repeat 8 bytes, stored as nothing */
	uint64_t packed_pages;	/* compressed, in memory */
	uint64_t packed_bytes;	/* what these are long */
	uint64_t tier_bytes;	/* memory for compressed pages */
	uint64_t tier_used_bytes;	/* of it, in use */
	uint64_t lost_pages;	/* whose contents are gone */
	/* since creation */
	uint64_t filled;	/* pages stored as nothing */
	uint64_t packed;	/* compressed */
	uint64_t left_tier;	/* of these, gone to a file */
	uint64_t refused_tier;	/* not worth it, or no room */
	uint64_t sum_errors;	/* came back as something else */
	uint64_t packed_in_bytes;	/* what all of packed were long */
	uint64_t unpacked;	/* came back from compressed memory */
	uint64_t written;	/* pages to files, those of left_tier too */
	uint64_t read;		/* and back */
	uint64_t disk_peak_bytes;	/* most, of each file for itself */
};

#ifdef __cplusplus
#define VM_SWAP_STAT_INIT { sizeof(struct vm_swap_stat) }
#else	/* named, so that -Wextra finds nothing missing */
#define VM_SWAP_STAT_INIT { .size_bytes = sizeof(struct vm_swap_stat) }
#endif

/* Fills out.  -EINVAL: no system, or size_bytes is not set.  Never sleeps. */
int vm_swap_stat(struct vm *vm, struct vm_swap_stat *out);

#ifdef __cplusplus
}
#endif

#endif
