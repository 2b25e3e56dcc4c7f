/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame/magazine.h - a few free frames at hand for each processor.
 *
 * Each magazine has two stacks: one of frames for the pool home (warm ones, or
 * hollow ones that a touch will make warm), one of hollow frames for the other
 * homes.  A taker that finds its stack empty fills half of it from the buddies
 * at once, a giver that finds it full empties the older half, as Mach's
 * per-processor pools do.
 *
 * A magazine has a try-lock: who finds it taken (another thread runs on the
 * same processor, or the number was stale) goes to the buddies, and so nobody
 * ever waits here.  But for one: frames in magazines count as free, and what
 * limit has promised must be found.  So a taker to whom the buddies say "none"
 * drains them:
 *
 *	raise draining; take each magazine's lock, waiting for it, and give its
 *	frames back; look again in the buddies; lower draining
 *
 * Everybody looks at draining after taking the lock, and puts nothing into a
 * magazine while it is raised; so all free frames are in the buddies when the
 * drainer looks.  The zeroer's hand (zero.h) follows the same protocol.
 *
 * Frames in a magazine have pindex == VM_PINDEX_MAGAZINE and not the flag FREE,
 * which is the buddies'; they are in nobody's lists.
 */
#ifndef FRAME_MAGAZINE_H
#define FRAME_MAGAZINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "page/page.h"

struct vm_frames;

/* 16 magazines: as many threads as usually allocate at once, a power of two.
 * Processors beyond share them. */
#define VM_MAGAZINES 16u
/* 1/1024 of the frames for each, at most 128: 512 KiB of 4 KiB pages, twice
 * what one eviction batch gives back; Mach's bounds. */
#define VM_MAGAZINE_SHARE 1024u
#define VM_MAGAZINE_MAX 128u
/* struct vm_page.pindex of a frame in a magazine, which no page has.  Not its
 * list: that is the queues', who look at it of pages that may be free. */
#define VM_PINDEX_MAGAZINE UINT64_MAX

struct vm_stack {
	struct vm_page **page;	/* room for size of them (C) */
	uint32_t count;		/* (M) */
};

/* (M): who has busy. */
struct vm_magazine {
	_Alignas(VM_CACHE_LINE) _Atomic bool busy;	/* the lock (A) */
	struct vm_stack pool;
	struct vm_stack other;
};

struct vm_magazines {
	struct vm_magazine *array;	/* VM_MAGAZINES; NULL: none (C) */
	uint32_t size;			/* of a stack (C) */
	_Atomic uint32_t draining;	/* drainers at work (A) */
};

/* size 0: no magazines.  0, -ENOMEM. */
VM_MUST_CHECK int vm_magazines_init(struct vm_frames *frames, uint32_t size);
void vm_magazines_fini(struct vm_frames *frames);	/* empty */

/* The lock of a magazine, or of anything else that may hold free frames for a
 * moment; enter waits.  Under it, only the frames' lock is taken. */
VM_MUST_CHECK bool vm_magazine_try(_Atomic bool *busy);
void vm_magazine_enter(struct vm_frames *frames, _Atomic bool *busy);
void vm_magazine_leave(_Atomic bool *busy);

/* Frames of this processor's magazine, which may be filled for it; how many:
 * 0 when want is more than a stack holds, or the lock is taken. */
unsigned vm_magazine_take(struct vm_frames *frames, enum vm_home home,
    struct vm_page **pages, unsigned want);
/* False when they are to go to the buddies. */
VM_MUST_CHECK bool vm_magazine_give(struct vm_frames *frames,
    struct vm_page **pages, unsigned count);

/* See above: from begin to end all free frames are in the buddies, but for
 * those that were given since.  Sleeps for as long as somebody else holds a
 * magazine: a refill, or the zeroing of one frame. */
void vm_magazines_drain_begin(struct vm_frames *frames);
void vm_magazines_drain_end(struct vm_frames *frames);

/* Free frames [first, end) in all magazines. */
uint32_t vm_magazines_count(struct vm_frames *frames, uint32_t first,
    uint32_t end);

#endif
