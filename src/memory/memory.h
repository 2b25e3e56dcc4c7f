/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory/memory.h - memory for whoever the system belongs to, by its limit.
 *
 * The services of the rump kernel's memory management.  Every byte is in a page
 * that the limit gave, so that the limit holds by construction and pages of
 * objects make room for what is wanted here, and the other way round.
 *
 *	alloc.h		any size: size classes, then whole pages
 *	cache.h		things of one kind that stay constructed
 *	region.h	ranges of addresses, handed out page by page
 *	pin.h		memory of the process that stays where it is
 *	pages.h		where the first three get their pages
 *
 * What was freed is kept for the next one who asks for its like, and charged
 * until the daemon takes it back, which it does before it looks at any page of
 * an object: vm_mem_reclaim.  While somebody waits for memory, nothing is kept.
 *
 * Locks: this one (M) for the lists of caches and of kept runs; each cache's
 * own, a leaf; pin.h and region.h have theirs.  No constructor is called and no
 * page is taken under any.
 */
#ifndef MEMORY_MEMORY_H
#define MEMORY_MEMORY_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "memory/cache.h"
#include "object/vm.h"

/* Runs of up to 8 pages are kept: the quantum cache of the rump kernel's
 * kmem_va_arena. */
#define VM_QUANTA 8u

/* Two sizes for each power of two, from 16 to half of 2 MiB, the largest
 * page. */
#define VM_SIZES 34u

struct vm_quantum {
	struct vm_list runs;	/* each in its own first bytes (M) */
	uint32_t count;		/* (M) */
};

struct vm_memory {
	struct vm *vm;			/* (C) */
	uint32_t machine_page_bytes;	/* what it maps and pins in (C) */
	struct vm_lock lock;		/* rank PAGER (M) */
	struct vm_cond reclaimed;	/* a cache is looked at no more (M) */
	struct vm_list caches;		/* oldest first (M) */
	uint64_t cache_next;		/* number of the next one (M) */
	uint32_t user_caches;		/* that are not ours (M) */
	struct vm_quantum quantum[VM_QUANTA];	/* of i + 1 pages */
	struct vm_cache sizes[VM_SIZES];
	unsigned size_count;		/* (C) */
	struct vm_cache ranges;		/* region.h */
	struct vm_cache pins;		/* pin.h */
	struct vm_lock pin_lock;	/* rank NONE: pin.h (P) */
	struct vm_list pinned;		/* (P) */
	_Atomic uint32_t regions;	/* (A) */
	_Atomic uint64_t used;		/* bytes that are out, as counted (A) */
	_Atomic uint64_t region_pages;	/* that are out (A) */
	_Atomic uint64_t kept;		/* pages of kept runs (A) */
	_Atomic uint64_t allocs;	/* (A) */
	_Atomic uint64_t frees;		/* (A) */
	_Atomic uint64_t hits;		/* allocs that needed no page (A) */
	_Atomic uint64_t failures;	/* (A) */
	_Atomic uint64_t reclaimed_pages;	/* by vm_mem_reclaim (A) */
};

/* After limit and nowhere, before the daemon.  0, -ENOMEM. */
VM_MUST_CHECK int vm_mem_init(struct vm *vm, uint32_t machine_page_bytes);
/* Nothing is out; kept things are given back. */
void vm_mem_fini(struct vm *vm);
/* 0, or -EBUSY with a sentence that says what is out. */
VM_MUST_CHECK int vm_mem_idle(struct vm *vm);

/* Gives about want pages of what is kept back; how many it was.  Calls
 * destructors, holding no lock. */
uint32_t vm_mem_reclaim(struct vm *vm, uint32_t want);

#endif
