/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/tier.h - compressed pages in memory.
 *
 * The memory is given once and cut into chunks of 128 bytes.  A record is a
 * compressed page in as many chunks as it takes, one pointing at the next, so
 * that no order of coming and going leaves room that is of no use; on average
 * half a chunk of a record is lost, and 4 bytes of each chunk.  The first chunk
 * also says whose page it is: all that a record needs is in the memory that
 * was given.
 *
 *	chunk		next:4  bytes:124
 *	first chunk	next:4  older:4  newer:4  size:4  table:8  pindex:8
 *			bytes:96
 *
 * Records are in a line from the oldest to the newest.  A record is named by
 * the number of its first chunk.
 *
 *	none --put--> in line --drop--> none
 *	in line --begin--> leaving --end--> none, true
 *	leaving --drop--> gone --end--> none, false
 *
 * Who writes a record to a file lets go of the lock meanwhile; leaving, its
 * chunks stay whatever happens, and it can be read.  Nothing here waits or
 * allocates; all of it belongs to the lock of the owner (S).
 */
#ifndef PAGER_TIER_H
#define PAGER_TIER_H

#include <stdbool.h>
#include <stdint.h>

#include "page/page.h"

struct vm_swaptable;

/* No record. */
#define VM_TIER_NONE UINT32_MAX
/* 128 bytes: a page that shrinks to a third of 4 KiB takes 12, of which half a
 * one is lost. */
#define VM_TIER_CHUNK_BYTES 128u

/* (S) the owner's lock, (C) constant. */
struct vm_tier {
	char *memory;		/* (C) */
	uint32_t chunks;	/* (C) */
	uint32_t used_chunks;	/* (S) */
	uint32_t free;		/* first of those given back (S) */
	uint32_t fresh;		/* those from here on never were used (S) */
	uint32_t oldest;	/* (S) */
	uint32_t newest;	/* (S) */
	uint64_t records;	/* in line or leaving (S) */
	uint64_t packed_bytes;	/* what these are long (S) */
};

/* Whose page a record is. */
struct vm_tier_page {
	struct vm_swaptable *table;
	vm_pindex_t pindex;
};

/* memory is aligned to 16 and stays the caller's. */
void vm_tier_init(struct vm_tier *tier, void *memory, uint64_t bytes);
/* No record is left. */
void vm_tier_fini(struct vm_tier *tier);

/* Chunks of a record of so many bytes. */
uint32_t vm_tier_chunks(uint32_t bytes);
uint32_t vm_tier_free_chunks(const struct vm_tier *tier);

/* The newest record; VM_TIER_NONE: there is no room. */
uint32_t vm_tier_put(struct vm_tier *tier, struct vm_tier_page page,
    const void *packed, uint32_t bytes);
/* Copies the bytes out; returns how many. */
uint32_t vm_tier_get(const struct vm_tier *tier, uint32_t record,
    void *packed);
struct vm_tier_page vm_tier_page_of(const struct vm_tier *tier,
    uint32_t record);
void vm_tier_drop(struct vm_tier *tier, uint32_t record);

/* The oldest in line, which is leaving from now on; VM_TIER_NONE: none. */
uint32_t vm_tier_begin(struct vm_tier *tier);
/* Whether it is still wanted; its chunks are free. */
bool vm_tier_end(struct vm_tier *tier, uint32_t record);
/* It stays after all, as the oldest; or is gone. */
void vm_tier_cancel(struct vm_tier *tier, uint32_t record);

#endif
