/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory/region.h - ranges of addresses, handed out page by page.
 *
 * What kernels call a map: here of addresses of this process that were set
 * aside, and can be touched only where they were handed out.  Each page that
 * is handed out has a token of the limit (pages.h) and is charged to the
 * region's account; the others cost nothing.
 *
 *	|.....|g|#########|g|......|###|///////|........|
 *	 free  ^ a range  ^ guards      submap
 *
 *	free --add--> handed out, zeros --protect--> as it may be used
 *	handed out --drop, in any part--> free, its memory the machine's again
 *
 * Where: the first gap that fits, from a hint on if there is one, or exactly
 * there, or from a random place on.  Guards are pages before and after that
 * nobody gets and nobody can touch.
 *
 * A submap is a region within a range of another one, which it keeps.  The last
 * reference that goes ends a region with all that is in it.
 *
 * The lock (R) is held across the machine's calls that make memory as the list
 * says.  It is outside the order; pages are taken before.  A submap's comes
 * before its parent's.
 */
#ifndef MEMORY_REGION_H
#define MEMORY_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/rng.h"
#include "limit/account.h"
#include "object/vm.h"

/* The bits of resident/memory.h, behind those of VM_MEM_*. */
#define VM_RANGE_FIXED	0x10u	/* at the hint or nowhere */
#define VM_RANGE_GUARD	0x20u
#define VM_RANGE_EXEC	0x40u
#define VM_RANGE_RANDOM	0x80u

/* Pages, from the region's first.  Pieces of one are ranges themselves. */
struct vm_range {
	struct vm_node link;	/* in order of addresses (R) */
	uint64_t first;		/* (R) */
	uint64_t end;		/* (R) */
	uint8_t before;		/* guards (R) */
	uint8_t after;		/* (R) */
	bool submap;		/* (C) */
	unsigned prot;		/* VM_OS_* (R) */
};

struct vm_region {
	struct vm *vm;			/* (C) */
	struct vm_region *parent;	/* NULL: addresses of its own (C) */
	struct vm_account *account;	/* (C) */
	char *base;			/* (C) */
	uint64_t pages;			/* (C) */
	void *mapped;			/* base before it was aligned (C) */
	uint64_t mapped_bytes;		/* (C) */
	struct vm_lock lock;		/* rank NONE (R) */
	uint32_t refs;			/* (R) */
	struct vm_list ranges;		/* (R) */
	struct vm_list tokens;		/* one a page that is out (R) */
	uint64_t out;			/* pages (R) */
	uint64_t peak;			/* most of these (R) */
	uint32_t range_count;		/* (R) */
	uint32_t submaps;		/* (R) */
	struct vm_rng rng;		/* (R) */
};

struct vm_range_request {
	void *hint;		/* NULL: none */
	uint64_t bytes;		/* rounded up to pages */
	uint64_t align_bytes;	/* 0, or a power of two */
	unsigned flags;		/* VM_MEM_WAIT, VM_MEM_SYSTEM, VM_RANGE_* */
};

/* With one reference.  0; -EINVAL, -ENOMEM. */
VM_MUST_CHECK int vm_region_new(struct vm *vm, uint64_t bytes,
    struct vm_account *account, struct vm_region **out);
/* In a range of parent; account NULL: the parent's. */
VM_MUST_CHECK int vm_region_new_in(struct vm_region *parent,
    const struct vm_range_request *request, struct vm_account *account,
    struct vm_region **out);
void vm_region_get(struct vm_region *region);
/* 0; of the last reference: -EBUSY while something in it is wired, or what the
 * machine said; then it is still there, some of it perhaps freed. */
VM_MUST_CHECK int vm_region_put(struct vm_region *region);

/* 0; -EINVAL, -EEXIST (FIXED, and something is there), -ENOSPC (no gap),
 * -ENOMEM, -ECANCELED: then nothing has changed. */
VM_MUST_CHECK int vm_range_add(struct vm_region *region,
    const struct vm_range_request *request, void **out);
/* Pages of any ranges, wholly handed out: else -EINVAL.  -EBUSY: wired; what
 * the machine said: they are handed out still, their bytes perhaps lost. */
VM_MUST_CHECK int vm_range_drop(struct vm_region *region, void *address,
    uint64_t bytes);
/* prot: VM_OS_*.  -EINVAL, -ENOMEM, what the machine said. */
VM_MUST_CHECK int vm_range_protect(struct vm_region *region, void *address,
    uint64_t bytes, unsigned prot);
/* Drops all that is neither wired nor a submap; the first error, after the
 * rest. */
VM_MUST_CHECK int vm_ranges_purge(struct vm_region *region);
/* Pages of the longest gap. */
uint64_t vm_region_longest(struct vm_region *region);

#endif
