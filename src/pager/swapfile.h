/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/swapfile.h - one swap file.
 *
 * It is made when the first page goes out: unnamed (O_TMPFILE, or unlinked at
 * once), mode 0600, in the given directory.  So nobody finds it, and it is gone
 * with its process however that ends.
 *
 * The file is handed out in runs of pages (pager/swapmap.h) and is on the disk
 * in grains of GRAIN_BYTES: each is allocated before its pages are handed out,
 * where the file system can do that, so that a full disk is an error of taking
 * and not of the write.  A grain none of whose pages is taken any more is given
 * back to the disk, but for a few that are kept for those who come next:
 *
 *	absent --need_disk--> on the disk --last page given--> idle
 *	idle --page taken--> on the disk      idle --trim--> absent
 *
 * A grain that is being given back has all its pages taken meanwhile.
 *
 * The lock (S) is the system's, given at init; it is taken for memory accesses
 * only.
 */
#ifndef PAGER_SWAPFILE_H
#define PAGER_SWAPFILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "pager/backing_private.h"
#include "pager/swapmap.h"

struct vm_swapfile_options {
	const struct vm_os *os;
	struct vm_counters *counters;
	const char *directory;
	uint32_t page_bytes;
	uint64_t max_bytes;	/* 0: no bound but the disk's */
	int priority;
	struct vm_lock *lock;	/* (S) */
};

struct vm_swap_grain {
	uint16_t taken;		/* pages (S) */
	uint16_t on_disk;	/* pages from its first on (S) */
};

/* (C) constant, (S) lock, (A) atomic. */
struct vm_swapfile {
	struct vm_backing backing;	/* opened once, see open */
	struct vm_lock *lock;		/* (C) */
	int priority;			/* (C) */
	struct vm_swapmap map;		/* (S) */
	struct vm_swap_grain *grains;	/* (S) */
	uint64_t grain_count;		/* (S) */
	uint64_t grains_used;		/* some page is taken (S) */
	uint64_t grains_idle;		/* on the disk, none is (S) */
	uint64_t on_disk_pages;		/* (S) */
	uint64_t on_disk_peak;		/* most of these (S) */
	/* Nobody has to allocate, or can give back: the file system cannot. */
	_Atomic bool sparse;		/* (A) */
	_Atomic bool unpunched;		/* (A) */
	_Atomic bool open;		/* backing may be used (A) */
	_Atomic uint32_t failures;	/* writes in a row that failed (A) */
	bool opening;			/* somebody opens it now (S) */
	struct vm_cond opened;		/* that is over (S) */
	char *name;			/* "swap file in /tmp" (C) */
	const char *directory;		/* the end of name (C) */
};

/* Not opened until needed.  0, -ENOMEM. */
VM_MUST_CHECK int vm_swapfile_init(struct vm_swapfile *file,
    const struct vm_swapfile_options *options);
/* No page is taken. */
void vm_swapfile_fini(struct vm_swapfile *file);

/*
 * Takes a run of up to want pages: returns its length, at least 1, or a
 * negative errno with its sentence.  The lock is not held.  Sleeps.
 */
VM_MUST_CHECK int vm_swapfile_take(struct vm_swapfile *file, unsigned want,
    uint64_t *first);

/* Exactly these, if that is possible and costs no wait. */
VM_MUST_CHECK bool vm_swapfile_try_locked(struct vm_swapfile *file,
    uint64_t first, unsigned count);

/* Gives back pages nobody uses.  The lock is held. */
void vm_swapfile_give_locked(struct vm_swapfile *file, uint64_t first,
    unsigned count);

/* Gives the disk back what is not used, a piece at a time.  The lock is not
 * held.  Sleeps. */
void vm_swapfile_trim(struct vm_swapfile *file);

/* Whether one write after the other fails: others are asked first. */
bool vm_swapfile_fails(const struct vm_swapfile *file);
/* How a write ended. */
void vm_swapfile_note(struct vm_swapfile *file, bool failed);

/* Count pages at memory, which is aligned to a page, at once.  0, -errno with
 * its sentence.  Sleep. */
VM_MUST_CHECK int vm_swapfile_write(struct vm_swapfile *file,
    const void *memory, uint64_t first, unsigned count);
VM_MUST_CHECK int vm_swapfile_read(struct vm_swapfile *file, void *memory,
    uint64_t first, unsigned count);

#endif
