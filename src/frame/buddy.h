/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame/buddy.h - the free frames of one segment: a binary buddy.
 *
 * Free frames are kept in blocks of 2^order neighbours, order 0 to 10, that
 * are aligned to their size *in addresses*: a block of 16 pages lies at a
 * multiple of 16 pages, wherever the segment begins.  Two free halves of the
 * same kind become one block; a block is halved when only that has frames.
 *
 *	kind	hollow	no memory behind the frames; zeros when touched
 *		warm	memory, contents unknown
 *		zeroed	memory, known to be zeros
 *
 * Only frames of one kind merge, since a taker wants one kind, and turning one
 * into another costs something: hollow to warm nothing (a touch), warm to
 * hollow a system call, warm to zeroed the zeroing.
 *
 * A block is written down in the descriptor of its first frame alone: FREE and
 * the kind in its flags, order + 1 in its weight, the list in its queue node.
 * Others of the block have weight 0.  So a free block of 4 MiB costs one cache
 * line, and frames never taken, the fresh ones, cost none: they are a range
 * that is not on any list, and one block at a time is fed from it, from its
 * low end or from its high end.
 *
 * Colours: free single frames are kept apart by the low bits of their page
 * address, so that a taker can ask for one; 1 colour is no colouring.  What is
 * preferred when the colour asked for is not there is FreeBSD's order:
 * half the colours away first, nearest last, above before below.
 *
 * The caller has the frames' lock throughout.  Every call is O(orders), but for
 * the audit and for unify.
 */
#ifndef FRAME_BUDDY_H
#define FRAME_BUDDY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "page/page.h"

enum vm_kind {
	VM_KIND_HOLLOW,
	VM_KIND_WARM,
	VM_KIND_ZEROED,
	VM_KINDS,
};

/* 11 orders, 1 to 1024 pages: 4 MiB of 4 KiB pages, as in Mach and Linux. */
#define VM_ORDERS 11u
#define VM_ORDER_PAGES_MAX (1u << (VM_ORDERS - 1))
/* 64 colours: the bits of one word; more than any cache of today has. */
#define VM_COLOURS_MAX 64u

/* What vm_buddy_init is told; frames [first, end). */
struct vm_buddy_options {
	struct vm_page *pages;	/* the system's array */
	uint32_t first;
	uint32_t end;
	uint64_t address_pages;	/* address of the first frame / page size */
	enum vm_kind fresh_kind;
	bool high_first;	/* fresh frames from the high end */
	uint32_t colours;	/* a power of two, at most VM_COLOURS_MAX */
};

/* Everything is (F), the frames' lock, or constant (C). */
struct vm_buddy {
	struct vm_page *pages;	/* (C) */
	uint32_t first;		/* (C) */
	uint32_t end;		/* (C) */
	uint64_t shift;		/* number + shift = address / page size,
				 * modulo 2^64 (C) */
	enum vm_kind fresh_kind;	/* (C) */
	bool high_first;	/* (C) */
	uint32_t colours;	/* (C) */
	uint32_t fresh_first;	/* never taken: [fresh_first, */
	uint32_t fresh_end;	/* fresh_end) */
	uint32_t free[VM_KINDS];	/* frames on the lists */
	uint32_t blocks[VM_ORDERS];	/* free blocks, of any kind */
	uint16_t orders[VM_KINDS];	/* bit i: a list of order i has one */
	uint64_t tints[VM_KINDS];	/* the same for colours of order 0 */
	struct vm_list list[VM_KINDS][VM_ORDERS];	/* [0] is not used */
	struct vm_list tint[VM_KINDS][VM_COLOURS_MAX];	/* order 0 */
};

void vm_buddy_init(struct vm_buddy *buddy,
    const struct vm_buddy_options *options);

/*
 * A block of 2^order frames of a kind: the number of its first frame in
 * *number.  Feeds fresh frames when the lists have none.  False: there is none.
 * The frames are the caller's; their descriptors say nothing of it yet.
 */
VM_MUST_CHECK bool vm_buddy_take(struct vm_buddy *buddy, enum vm_kind kind,
    unsigned order, uint32_t *number);
/* One frame, of that colour if one can be had cheaply, else of another. */
VM_MUST_CHECK bool vm_buddy_take_colour(struct vm_buddy *buddy,
    enum vm_kind kind, uint32_t colour, uint32_t *number);
/* Takes this very block, which is free. */
void vm_buddy_take_block(struct vm_buddy *buddy, uint32_t number);

/* Gives frames back: neighbours [first, end), of one kind. */
void vm_buddy_give(struct vm_buddy *buddy, uint32_t first, uint32_t end,
    enum vm_kind kind);

/* Moves up to count fresh frames from the low end out of it, for good or to be
 * given back; the first of them.  count <= vm_buddy_fresh. */
uint32_t vm_buddy_take_fresh(struct vm_buddy *buddy, uint32_t count);

/* Whether a free block covers the frame; which and how large. */
VM_MUST_CHECK bool vm_buddy_find(const struct vm_buddy *buddy,
    uint32_t number, uint32_t *head, unsigned *order);
enum vm_kind vm_buddy_kind(const struct vm_buddy *buddy, uint32_t head);

/* Calls every frame on the lists warm, so that all neighbours merge. */
void vm_buddy_unify(struct vm_buddy *buddy);

uint32_t vm_buddy_fresh(const struct vm_buddy *buddy);
/* All free frames, fresh ones included. */
uint32_t vm_buddy_free(const struct vm_buddy *buddy);
/* Of a frame. */
uint32_t vm_buddy_colour(const struct vm_buddy *buddy, uint32_t number);

/* NULL, or which of the counts and lists do not fit together.  O(frames). */
const char *vm_buddy_audit(const struct vm_buddy *buddy);

#endif
