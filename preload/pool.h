/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/pool.h - blocks of one size side by side in a map, for heap.c.
 *
 * A map of its own for each block is right for megabytes; for a few KiB it is a
 * round trip, an object and two descriptors each.  So blocks up to POOL_MAX are
 * cut from slabs: a slab is one map, all blocks of which have the same size,
 * one of eight between a power of two and the next.
 *
 * What is known of a slab is not in it: nothing here touches managed memory,
 * nor maps or unmaps, with the lock held.  So nobody who waits for a page, or
 * for the other library, is waited for by others here, and fork can take the
 * lock.
 *
 *	none --map--> in its class, some blocks free <--take, give--> full
 *	in its class, all free, others there --unmap--> none
 *
 * Each block has its head before it, which is heap.c's.
 */
#ifndef PRELOAD_POOL_H
#define PRELOAD_POOL_H

#include <stdbool.h>
#include <stddef.h>

/* 256 KiB, 8 of which are a slab. */
#define VM_POOL_MAX ((size_t)256 << 10)

/* 64: blocks begin at a multiple, as their heads take as much. */
#define VM_POOL_HEAD 64u

struct vm_slab;

/* Memory for slabs' own figures, which is not managed. */
struct vm_pool_heap {
	void *(*calloc)(size_t count, size_t size);
	void (*free)(void *block);
};

/* Once, before all others. */
void vm_pool_init(const struct vm_pool_heap *heap);

/* A block with its head, of at least size bytes behind that, size at most
 * POOL_MAX: where it begins, and its slab.  *fresh: zeros.  NULL: no memory. */
char *vm_pool_take(size_t size, struct vm_slab **slab, bool *fresh);

/* The block that begins there is free. */
void vm_pool_give(struct vm_slab *slab, char *block);

/* Bytes of a block behind its head. */
size_t vm_pool_bytes(const struct vm_slab *slab);

#endif
