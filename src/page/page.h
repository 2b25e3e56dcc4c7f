/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page/page.h - struct vm_page, the noun everyone shares.
 *
 * The number of descriptors is limit / page size, and every resident page,
 * wherever its bytes are, holds exactly one: the limit holds by construction.
 * Descriptors are one array, numbered from 0, never unmapped before the
 * system is destroyed.
 *
 *	FREE --vm_limit_take--> TAKEN (no identity) --index--> RESIDENT
 *	RESIDENT --evict--> TAKEN --vm_limit_give--> FREE
 *
 * Where the bytes are (the object's home):
 *	pool	the arena frame with the descriptor's number
 *	store	the object's memory file, page i at offset i
 *	window	(later) a private window of this process
 * A descriptor whose bytes are not in the arena has a hollow arena frame
 * (no memory behind it); WARM says that there is memory.
 *
 * Valid and dirty are bitmaps of 32 blocks per page at most; block size is
 * 512 bytes for pages up to 16 KiB, page size / 32 above.
 */
#ifndef PAGE_PAGE_H
#define PAGE_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/list.h"

struct vm_object;
struct vm_slot;

typedef uint64_t vm_pindex_t;	/* page index within an object */

enum vm_home {
	VM_HOME_POOL,
	VM_HOME_STORE,
	/* VM_HOME_WINDOW: reserved for mapped access in this process. */
};

/*
 * (C) constant, (Q) queue lock, (B) the slot held exclusively, (F) frame list
 * lock while free, (A) atomic.
 */
struct vm_page {
	struct vm_node queue;	/* policy's list (Q), or free list (F) */
	struct vm_object *object;	/* identity; NULL when none (B) */
	vm_pindex_t pindex;	/* identity (B) */
	_Atomic(struct vm_slot *) slot;	/* identity (B); the daemon reads it
				 * without, and checks (A) */
	uint32_t valid;		/* blocks with contents (B) */
	uint32_t dirty;		/* blocks the pager has not got (B) */
	uint32_t number;	/* index in the array (C) */
	_Atomic uint16_t wires;	/* pins; the policy never picks it (A) */
	_Atomic uint8_t flags;	/* VM_PGA_* (A) */
	uint8_t list;		/* the policy's: which list, 0 = none (Q) */
	uint32_t weight;	/* the policy's: frequency or stamp (Q) */
	uint32_t spare;
};

_Static_assert(sizeof(struct vm_page) <= 64, "a descriptor is a cache line");

/* There is memory behind the arena frame. */
#define VM_PGA_WARM		0x01u
/* Fetched ahead of need, not asked for yet. */
#define VM_PGA_SPECULATIVE	0x02u
/* On its way to the pager. */
#define VM_PGA_LAUNDRY		0x04u
/* FREE above: on a free list.  Frame's own (F). */
#define VM_PGA_FREE		0x08u

/* All blocks of a page of page_bytes. */
uint32_t vm_page_all_blocks(uint32_t page_bytes);

/*
 * The blocks that [offset, offset + length) touches (outer) or covers wholly
 * (inner); offset + length <= page_bytes.  length 0: none.
 */
uint32_t vm_page_blocks_outer(uint32_t page_bytes, uint32_t offset,
    uint32_t length);
uint32_t vm_page_blocks_inner(uint32_t page_bytes, uint32_t offset,
    uint32_t length);

#endif
