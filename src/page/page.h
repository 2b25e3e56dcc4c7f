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
 *	window	private memory of this process where the object is mapped, page
 *		i at page i of its view (pmap/view.h)
 * A descriptor whose bytes are not in the arena has a hollow arena frame
 * (no memory behind it); WARM says that there is memory.
 *
 * A page without an identity belongs to the caller who took it.  Its object is
 * then the system's `nowhere`, which is in no list and has no index, so that
 * page->object->vm is the system of every page that is not free.
 *
 * Behind the frames' descriptors in the array are those without a frame.  They
 * count nothing against the limit, for they have no bytes of ours:
 *
 *	fictitious	a placeholder, no bytes at all
 *	private		somebody else's memory (a device's, the caller's)
 *
 * Both are unmanaged: on no queue, hence foreign in place of the queue node.
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
	VM_HOME_WINDOW,
};

/*
 * (C) constant, (Q) queue lock, (B) the slot held exclusively, (F) frame list
 * lock while free, (A) atomic.
 */
struct vm_page {
	union {
		struct vm_node queue;	/* policy's list (Q), free list (F) */
		struct {
			struct vm_page *next;	/* free ones (F) */
			void *memory;	/* PRIVATE: the bytes (B) */
		} foreign;
	};
	struct vm_object *object;	/* identity; NULL while free (B) */
	vm_pindex_t pindex;	/* identity (B) */
	_Atomic(struct vm_slot *) slot;	/* identity (B); the daemon reads it
				 * without, and checks (A) */
	uint32_t valid;		/* blocks with contents (B) */
	_Atomic uint32_t dirty;	/* blocks the pager has not got (B); policies
				 * look without the slot (A) */
	uint32_t number;	/* index in the array (C) */
	uint32_t weight;	/* the policy's: frequency or stamp (Q) */
	_Atomic uint16_t wires;	/* pins; the policy never picks it (A) */
	_Atomic uint16_t holds;	/* the frame is not to be reused; with
				 * VM_HOLDS_GONE (A) */
	_Atomic uint16_t flags;	/* VM_PGA_* (A) */
	_Atomic uint8_t loans;	/* borrowers who read its bytes; with
				 * VM_LOANS_ORPHAN (A) */
	uint8_t list;		/* the policy's: which list, 0 = none (Q) */
};

_Static_assert(sizeof(struct vm_page) <= 64, "a descriptor is a cache line");

/*
 * In the count itself, so that the last one to leave and the one who frees the
 * page agree in one step who gives the frame back: the page is free but for
 * those who are counted.  object/life.h.
 */
#define VM_HOLDS_GONE		0x8000u
#define VM_LOANS_ORPHAN		0x80u

/* There is memory behind the arena frame. */
#define VM_PGA_WARM		0x0001u
/* Fetched ahead of need, not asked for yet. */
#define VM_PGA_SPECULATIVE	0x0002u
/* On its way to the pager. */
#define VM_PGA_LAUNDRY		0x0004u
/* FREE above: on a free list.  Frame's own (F). */
#define VM_PGA_FREE		0x0008u
/* The frame's bytes are known to be zeros (F while free). */
#define VM_PGA_ZERO		0x0010u
/* Goes to the pager even when it is clean (Mach's precious). */
#define VM_PGA_PRECIOUS		0x0020u
/* On no queue, whatever is asked: the daemon leaves it alone. */
#define VM_PGA_UNMANAGED	0x0040u
/* No frame. */
#define VM_PGA_FICTITIOUS	0x0080u
/* The bytes are somebody else's; with FICTITIOUS. */
#define VM_PGA_PRIVATE		0x0100u
/* Clean, idle, and the first to be taken when memory is short. */
#define VM_PGA_CACHED		0x0200u
/* Freed while holds was not 0: free with the last unhold. */
#define VM_PGA_GONE		0x0400u
/* The same bit of a page that has an identity: its pager failed, its bytes are
 * not to be used. */
#define VM_PGA_ERROR		0x0400u
/* Lost its identity while on loan: free with the last unloan. */
#define VM_PGA_ORPHAN		0x0800u
/* The same bit of a page that has an identity: its first holder has not
 * released it yet, and only then is it queued. */
#define VM_PGA_NEW		0x0800u
/* Not collected by syncs that are not asked for by name. */
#define VM_PGA_NOSYNC		0x1000u
/* The pager forbids writing, or any use, until it is asked (Mach's
 * page_lock). */
#define VM_PGA_NO_WRITE		0x2000u
#define VM_PGA_NO_ACCESS	0x4000u
/* Taken for good: stolen at creation, or retired. */
#define VM_PGA_RESERVED		0x8000u

/*
 * The body as it is before a page has any life: all fields but the number, of
 * the flags those in keep.  Whatever was there before: on no list, nobody's.
 */
void vm_page_reset(struct vm_page *page, uint16_t keep);

/* All blocks of a page of page_bytes. */
uint32_t vm_page_all_blocks(uint32_t page_bytes);

/* 512, or a 32nd of the page. */
uint32_t vm_page_block_bytes(uint32_t page_bytes);

/*
 * The blocks that [offset, offset + length) touches (outer) or covers wholly
 * (inner); offset + length <= page_bytes.  length 0: none.
 */
uint32_t vm_page_blocks_outer(uint32_t page_bytes, uint32_t offset,
    uint32_t length);
uint32_t vm_page_blocks_inner(uint32_t page_bytes, uint32_t offset,
    uint32_t length);

#endif
