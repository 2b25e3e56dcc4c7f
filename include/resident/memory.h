/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/memory.h - memory for the program itself, within the limit.
 *
 * Every byte here is in a page of the system, so that the program's own memory
 * and the pages of objects have one limit: what is taken here drives pages of
 * objects out, and is refused, or waited for, when there are none to drive out.
 * The services are those of the rump kernel (rump_hypermalloc, uvm_km_alloc,
 * pool_cache, uvm_map), with the limit kept:
 *
 *	vm_memory_alloc		any size up to 1024 pages
 *	vm_cache_create		things of one kind, which stay constructed
 *	vm_region_create	ranges of addresses, page by page
 *	vm_user_wire		memory of the process that stays where it is
 *
 * What was freed is kept for the next one and counts until the daemon takes it
 * back, which it does before it evicts any page.  A system is not destroyed
 * while something is out: -EBUSY.
 */
#ifndef RESIDENT_MEMORY_H
#define RESIDENT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_account;

/* Sleep for memory, within the system's bound (vm_options.wait_max_ns), as
 * vm_wait does; otherwise nothing here sleeps. */
#define VM_MEMORY_WAIT		0x1u
#define VM_MEMORY_ZERO		0x2u
/* May take of the reserve (VM_ALLOC_SYSTEM).  Threads that free pages may
 * without it. */
#define VM_MEMORY_SYSTEM	0x4u

/* ---- any size ------------------------------------------------------------ */

struct vm_memory_request {
	size_t size_bytes;	/* of this: VM_MEMORY_REQUEST_INIT */
	uint64_t bytes;		/* 1 to 1024 pages */
	uint64_t align_bytes;	/* a power of two, 1024 pages at most; 0: 16 */
	unsigned flags;		/* VM_MEMORY_* */
	/* Charged for what is handed out; NULL: nobody. */
	struct vm_account *account;
};

#ifdef __cplusplus
#define VM_MEMORY_REQUEST_INIT { sizeof(struct vm_memory_request) }
#else	/* named, so that -Wextra finds nothing missing */
#define VM_MEMORY_REQUEST_INIT \
	{ .size_bytes = sizeof(struct vm_memory_request) }
#endif

/*
 * Memory that lies in a row: up to half a page rounded up to one of two sizes
 * for each power of two, above that to whole pages; the account is charged as
 * much.  -EINVAL; -E2BIG: more than 1024 pages; -ENOMEM: the limit, the
 * account, or not so many free pages together; -ECANCELED: vm_wait_cancel.
 * Then nothing is charged.  (rump_hypermalloc, uvm_km_kmem_alloc.)
 */
int vm_memory_alloc(struct vm *vm, const struct vm_memory_request *request,
    void **out);
/*
 * With bytes and account as they were asked with.  Memory that is not out, or
 * of another size, stops the program.  NULL: nothing.  Never sleeps.
 */
void vm_memory_free(struct vm *vm, void *memory, uint64_t bytes,
    struct vm_account *account);

struct vm_memory_stat {
	size_t size_bytes;	/* set by the caller: VM_MEMORY_STAT_INIT */
	uint64_t used_bytes;	/* out of vm_memory_alloc, as charged */
	uint64_t kept_pages;	/* freed runs that are kept */
	uint64_t allocs;
	uint64_t frees;
	uint64_t hits;		/* allocs that took no page of the limit */
	uint64_t failures;	/* allocs that were refused */
	uint64_t reclaimed_pages;	/* kept ones that the daemon took */
	uint64_t region_pages;	/* out of regions */
	uint32_t regions;
	uint32_t caches;	/* of vm_cache_create */
};

#ifdef __cplusplus
#define VM_MEMORY_STAT_INIT { sizeof(struct vm_memory_stat) }
#else
#define VM_MEMORY_STAT_INIT { .size_bytes = sizeof(struct vm_memory_stat) }
#endif

/* -EINVAL: size_bytes is not set.  Each figure is true at some moment. */
int vm_memory_stat(struct vm *vm, struct vm_memory_stat *out);
/* Gives about so many bytes of what is kept back, of caches too; how many. */
uint64_t vm_memory_reclaim(struct vm *vm, uint64_t bytes);

/* ---- things of one kind -------------------------------------------------- */

struct vm_cache;

struct vm_cache_options {
	size_t size_bytes;	/* of this: VM_CACHE_INIT */
	const char *name;	/* at most 31 characters; NULL: "" */
	uint64_t bytes;		/* of a thing: 1 to 8 pages */
	uint64_t align_bytes;	/* a power of two, a page at most; 0: 16 */
	/* Makes a thing of memory: 0, or a negative errno, which the one who
	 * wanted it gets.  Runs in his thread, under no lock.  NULL: nothing
	 * to do. */
	int (*ctor)(void *thing, void *arg);
	/* Before its memory goes; in any thread that reclaims, the daemon's
	 * too, under no lock; must not wait for memory. */
	void (*dtor)(void *thing, void *arg);
	void *arg;
	/* Charged for the memory of the cache, used or not, and not destroyed
	 * before it; NULL: nobody. */
	struct vm_account *account;
};

#ifdef __cplusplus
#define VM_CACHE_INIT { sizeof(struct vm_cache_options) }
#else
#define VM_CACHE_INIT { .size_bytes = sizeof(struct vm_cache_options) }
#endif

/* -EINVAL, -ENAMETOOLONG, -ENOMEM.  (pool_cache_init.) */
int vm_cache_create(struct vm *vm, const struct vm_cache_options *options,
    struct vm_cache **out);
/* Destructs what is free.  -EBUSY while something is out, -EDEADLK in a
 * destructor.  Sleeps while the daemon looks at the cache. */
int vm_cache_destroy(struct vm_cache *cache);

/* A constructed thing: new, or as it was freed.  flags: VM_MEMORY_WAIT and
 * VM_MEMORY_SYSTEM.  -EINVAL, -ENOMEM, -ECANCELED, or what ctor said. */
int vm_cache_alloc(struct vm_cache *cache, unsigned flags, void **out);
/* It stays constructed.  One that is not out, or of another cache, stops the
 * program.  Never sleeps, but may call dtor while others wait for memory. */
void vm_cache_free(struct vm_cache *cache, void *thing);
/* Destructs free things until about so many bytes are given back; how many
 * were. */
uint64_t vm_cache_reclaim(struct vm_cache *cache, uint64_t bytes);

struct vm_cache_stat {
	size_t size_bytes;	/* set by the caller: VM_CACHE_STAT_INIT */
	char name[32];
	uint64_t bytes;		/* of a thing, rounded up */
	uint64_t out;		/* things */
	uint64_t free;		/* constructed ones */
	uint64_t memory_bytes;	/* of the limit */
	uint64_t allocs;
	uint64_t constructed;
	uint64_t destructed;
	uint64_t failures;	/* allocs that were refused */
};

#ifdef __cplusplus
#define VM_CACHE_STAT_INIT { sizeof(struct vm_cache_stat) }
#else
#define VM_CACHE_STAT_INIT { .size_bytes = sizeof(struct vm_cache_stat) }
#endif

/* -EINVAL: size_bytes is not set. */
int vm_cache_stat(struct vm_cache *cache, struct vm_cache_stat *out);

/* ---- ranges of addresses ------------------------------------------------- */

struct vm_region;

/* Of a request, with VM_MEMORY_WAIT and VM_MEMORY_SYSTEM. */
#define VM_REGION_FIXED		0x10u	/* at the hint, or -EEXIST */
#define VM_REGION_GUARD		0x20u	/* a page before and one after that
					 * nobody can touch */
#define VM_REGION_EXEC		0x40u
#define VM_REGION_RANDOM	0x80u	/* from a random address on */

/* How pages may be used; 0: not at all. */
#define VM_PROT_READ	0x1u
#define VM_PROT_WRITE	0x2u
#define VM_PROT_EXEC	0x4u

struct vm_region_request {
	size_t size_bytes;	/* of this: VM_REGION_REQUEST_INIT */
	uint64_t bytes;		/* rounded up to whole pages */
	/* The first free place from there on, if there is one.  NULL: from
	 * the region's beginning. */
	void *hint;
	uint64_t align_bytes;	/* a power of two; 0: a page */
	unsigned flags;
};

#ifdef __cplusplus
#define VM_REGION_REQUEST_INIT { sizeof(struct vm_region_request) }
#else
#define VM_REGION_REQUEST_INIT \
	{ .size_bytes = sizeof(struct vm_region_request) }
#endif

/*
 * Sets bytes of addresses aside, which cost nothing and can be touched only
 * where they are handed out; each page that is, is charged to the account
 * (NULL: nobody), which is not destroyed before the region, and counts against
 * the limit.  One reference is the caller's.
 * -EINVAL, -ENOMEM.  (uvm_map_create.)
 */
int vm_region_create(struct vm *vm, uint64_t bytes,
    struct vm_account *account, struct vm_region **out);
/* A region within a range of another one, which stays as long; account NULL:
 * the same.  Errors as vm_region_alloc.  (uvm_km_suballoc.) */
int vm_region_suballoc(struct vm_region *parent,
    const struct vm_region_request *request, struct vm_account *account,
    struct vm_region **out);
/* One reference more. */
void vm_region_ref(struct vm_region *region);
/*
 * One less; the last one ends the region with all that is in it.  Then -EBUSY
 * while something in it is wired (vm_user_wire), or what the machine said:
 * then the reference is the caller's still.  (uvmspace_free.)
 */
int vm_region_unref(struct vm_region *region);

/*
 * Pages of zeros.  -EINVAL; -EEXIST (FIXED); -ENOSPC: no such place; -ENOMEM:
 * the limit, the account, the machine; -ECANCELED.  Then nothing has changed.
 * (uvm_map, uvm_km_alloc, mmap of anonymous memory.)
 */
int vm_region_alloc(struct vm_region *region,
    const struct vm_region_request *request, void **out);
/*
 * Any pages that are handed out, whole allocations or not; guards go with the
 * end that they guard.  -EINVAL: some are not handed out; -EBUSY: some are
 * wired; -ENOMEM: no memory to note the pieces; then nothing has changed.  What
 * the machine said: the pages are handed out still, their bytes perhaps lost.
 * (uvm_unmap.)
 */
int vm_region_free(struct vm_region *region, void *address, uint64_t bytes);
/* Pages that are handed out may be used so from now on.  -EINVAL, -ENOMEM, or
 * what the machine said.  (uvm_map_protect.) */
int vm_region_protect(struct vm_region *region, void *address,
    uint64_t bytes, unsigned prot);
/* Frees all that is neither wired nor a region within; -EBUSY when something
 * was. */
int vm_region_purge(struct vm_region *region);

struct vm_region_stat {
	size_t size_bytes;	/* set by the caller: VM_REGION_STAT_INIT */
	void *base;
	uint64_t bytes;
	uint64_t used_bytes;	/* handed out */
	uint64_t peak_bytes;	/* most of these */
	uint64_t longest_bytes;	/* the longest gap */
	uint32_t ranges;	/* pieces; an allocation is one or more */
	uint32_t regions;	/* within */
	uint32_t refs;
};

#ifdef __cplusplus
#define VM_REGION_STAT_INIT { sizeof(struct vm_region_stat) }
#else
#define VM_REGION_STAT_INIT { .size_bytes = sizeof(struct vm_region_stat) }
#endif

/* -EINVAL: size_bytes is not set. */
int vm_region_stat(struct vm_region *region, struct vm_region_stat *out);

/* ---- wired memory of the process ----------------------------------------- */

/*
 * Keeps any range of this process in memory, rounded outward to whole pages of
 * the machine; the account (NULL: none) is charged for the pages, wired.
 * Wires add up, and each is ended by itself.  -EINVAL; -ENOMEM: the account,
 * RLIMIT_MEMLOCK, or not all of it is mapped; or what else mlock(2) said.
 * (uvm_vslock, uvm_map_pageable.)
 */
int vm_user_wire(struct vm *vm, struct vm_account *account, void *address,
    uint64_t bytes);
/* With the same range and account; -EINVAL: there is no such wire.
 * (uvm_vsunlock.) */
int vm_user_unwire(struct vm *vm, struct vm_account *account, void *address,
    uint64_t bytes);

#ifdef __cplusplus
}
#endif

#endif
