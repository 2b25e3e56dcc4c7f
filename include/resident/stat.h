/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/stat.h - what a system has done, and is doing.
 */
#ifndef RESIDENT_STAT_H
#define RESIDENT_STAT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;

/* Pages unless the name says bytes or ns.  Counts since creation. */
struct vm_stat {
	size_t size_bytes;	/* set by the caller: VM_STAT_INIT */
	/* the limit and the ladder of watermarks */
	uint64_t limit_pages;
	uint64_t reserved_pages;
	uint64_t min_pages;
	uint64_t low_pages;
	uint64_t target_pages;
	/* now */
	uint64_t resident_pages;
	uint64_t peak_pages;	/* most ever resident at once */
	uint64_t free_pages;
	uint64_t overhead_bytes;	/* descriptors, index leaves */
	/* counts */
	uint64_t faults;	/* served: of spaces and misses of grab */
	uint64_t faults_minor;	/* found resident */
	uint64_t faults_write;	/* first write to a clean page */
	uint64_t pages_in;
	uint64_t pages_out;
	uint64_t readahead_pages;	/* of pages_in: not asked for */
	uint64_t evicted_clean;
	uint64_t evicted_dirty;	/* had to be written first */
	uint64_t read_bytes;
	uint64_t written_bytes;
	uint64_t wait_ns;	/* faulting threads waited, summed up */
	uint64_t memory_waits;	/* grabs that waited for a page to be free */
	uint64_t read_errors;
	uint64_t write_errors;
	uint64_t forks;
};

#ifdef __cplusplus
#define VM_STAT_INIT { sizeof(struct vm_stat) }
#else	/* named, so that -Wextra finds nothing missing */
#define VM_STAT_INIT { .size_bytes = sizeof(struct vm_stat) }
#endif

/* Fills what size_bytes covers.  -EINVAL when size_bytes is not set. */
int vm_stat(struct vm *vm, struct vm_stat *out);

/*
 * Looks at the whole system and compares what it finds with what the system
 * says: pages, queues, gauges.  0: all is as it must be; -EUCLEAN: something is
 * not, the sentence says what; -EAGAIN: it never stood still for long enough to
 * tell; -EINVAL: no system.  Others may work meanwhile: a page that somebody
 * holds exclusively is not looked into.  Takes time for each resident page;
 * pages that are only wanted exclusively for that moment may be refused with
 * NOWAIT.  Hold no lock that the system's callbacks take.  (Mach's
 * VM_PAGE_CHECK, and what FreeBSD asserts under INVARIANTS, of all pages.)
 */
int vm_audit(struct vm *vm);

/* The name of the policy in use. */
const char *vm_policy_name(const struct vm *vm);

#ifdef __cplusplus
}
#endif

#endif
