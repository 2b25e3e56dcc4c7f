/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory/cache.h - things of one kind, which stay constructed while free.
 *
 * After SunOS' slabs (Bonwick 1994) and NetBSD's pool caches.  A slab is a run
 * of pages, aligned to its size, which begins with its own description:
 *
 *	| struct vm_slab | in bits | raw bits | 0 | 1 | 2 | ...
 *
 *	raw --get, constructor says yes--> out --put--> in --get--> out
 *	raw --get, constructor says no---> raw
 *	in  --reclaim, destructor--------> the slab's pages are free
 *
 * A thing that is in is constructed, with whatever its user left in it, and
 * still counts against the limit and the cache's account.  Its slab goes when
 * none of its things is out and reclaim asks: whole slabs stand behind the
 * others in the list, so that the others are used first.
 *
 * Constructor and destructor run in the thread that gets or reclaims, under no
 * lock.
 */
#ifndef MEMORY_CACHE_H
#define MEMORY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "limit/account.h"
#include "object/vm.h"

/* 31 characters and the end, as accounts have. */
#define VM_CACHE_NAME_BYTES 32u

/* A slab has 16 pages at most, so that it can be had when memory is short; a
 * thing is half of that at most. */
#define VM_SLAB_PAGES_MAX 16u

struct vm_cache_request {
	const char *name;	/* NULL: "" */
	uint64_t bytes;		/* of a thing */
	uint64_t align_bytes;	/* 0: 16; a power of two, a page at most */
	/* NULL: nothing to do. */
	int (*construct)(void *thing, void *arg);
	void (*destruct)(void *thing, void *arg);
	void *arg;
	struct vm_account *account;	/* charged for slabs; NULL: nobody */
};

/* (M) the room's lock, (K) the cache's. */
struct vm_cache {
	struct vm *vm;			/* (C) */
	struct vm_node link;		/* in memory->caches (M) */
	uint64_t number;		/* of creation (C) */
	bool looked_at;			/* by a reclaim (M) */
	char name[VM_CACHE_NAME_BYTES];	/* (C) */
	struct vm_cache_request how;	/* bytes and alignment rounded (C) */
	uint32_t slab_pages;		/* a power of two (C) */
	uint32_t first;			/* offset of thing 0 (C) */
	uint32_t per_slab;		/* (C) */
	struct vm_lock lock;		/* rank LEAF (K) */
	struct vm_list open;		/* slabs that have something; whole ones
					 * behind (K) */
	uint32_t slabs;			/* (K) */
	uint64_t out;			/* things (K) */
	uint64_t in;			/* constructed, not out (K) */
	uint64_t gets;			/* (K) */
	uint64_t constructed;		/* (K) */
	uint64_t destructed;		/* (K) */
	uint64_t failures;		/* of gets (K) */
};

/* Sets up a cache in memory of the caller's.  0; -EINVAL, -ENAMETOOLONG. */
VM_MUST_CHECK int vm_cache_init(struct vm_cache *cache, struct vm *vm,
    const struct vm_cache_request *request);
/* Nothing is out; destructs what is in. */
void vm_cache_fini(struct vm_cache *cache);

/* The same for users: in memory of its own, and known to the system. */
VM_MUST_CHECK int vm_cache_new(struct vm *vm,
    const struct vm_cache_request *request, struct vm_cache **out);
/* 0; -EBUSY while something is out, -EDEADLK from a callback of a cache.
 * Sleeps while a reclaim looks at it. */
VM_MUST_CHECK int vm_cache_end(struct vm_cache *cache);

/*
 * A constructed thing.  0; -ENOMEM, or what the constructor said: then nothing
 * was taken.  Sleeps with VM_MEM_WAIT.  *fresh (may be NULL): pages had to be
 * taken.
 */
VM_MUST_CHECK int vm_cache_get(struct vm_cache *cache, unsigned flags,
    void **thing, bool *fresh);
/* One that is not out, or of another cache, stops the program. */
void vm_cache_put(struct vm_cache *cache, void *thing);
/* The cache of a thing that is out. */
struct vm_cache *vm_cache_of(struct vm *vm, const void *thing);

/* Gives whole slabs back, about want pages; how many it was. */
uint32_t vm_cache_shrink(struct vm_cache *cache, uint32_t want);

#endif
