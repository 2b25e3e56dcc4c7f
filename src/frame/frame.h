/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame/frame.h - descriptors as tokens, and the arena frames behind them.
 *
 * Mechanism only: which descriptor is free, and whether its arena frame has
 * memory (warm) or not (hollow).  Who may take one is limit's business; nobody
 * but limit calls vm_frame_take.  Never sleeps.
 *
 *	fresh --take--> taken --give--> warm or hollow --take--> taken
 *	warm --another home needs it: drop--> hollow
 *
 * A descriptor for the pool home comes warm or becomes warm by being touched;
 * one for another home must be hollow, or the arena and that home together
 * would exceed the limit.  Free lists are kept apart so that each taker finds
 * its kind; when only the other kind is left, hollowing costs one drop call,
 * made for a batch of VM_FRAME_HOLLOW_BATCH neighbours where possible.
 *
 * Fresh descriptors, never taken so far, are on no list: they are the tail of
 * the array from number fresh on, not even written to, so that a large system
 * costs nothing to create.  They are hollow.
 */
#ifndef FRAME_FRAME_H
#define FRAME_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "page/page.h"

struct vm_os;

/* 64 pages: 256 KiB of 4 KiB pages for one drop call. */
#define VM_FRAME_HOLLOW_BATCH 64u

struct vm_frames {
	const struct vm_os *os;	/* (C) */
	struct vm_page *pages;	/* the array (C) */
	char *arena;		/* frame i at arena + i * page_bytes (C) */
	uint32_t count;		/* descriptors (C) */
	uint32_t page_bytes;	/* (C) */
	struct vm_lock lock;	/* rank FRAME: the lists below (F) */
	struct vm_list warm;	/* free, memory behind the frame (F) */
	struct vm_list hollow;	/* free, none, taken before (F) */
	uint32_t warm_count;	/* (F) */
	uint32_t hollow_count;	/* (F) */
	uint32_t fresh;		/* first descriptor never taken (F) */
};

/* Maps the arena and the array.  0, or -ENOMEM with a sentence. */
VM_MUST_CHECK int vm_frames_init(struct vm_frames *frames,
    const struct vm_os *os, uint32_t count, uint32_t page_bytes);
/* Every descriptor must be free. */
void vm_frames_fini(struct vm_frames *frames);

/*
 * Takes up to want descriptors for a home into pages[]; returns how many:
 * fewer only when fewer are free, or when the system refused to drop memory.
 * They have no identity, valid, dirty and flags but WARM are 0.
 */
unsigned vm_frame_take(struct vm_frames *frames, enum vm_home home,
    struct vm_page **pages, unsigned want);
/* Back to the free lists; no identity, no wires, not on a queue. */
void vm_frame_give(struct vm_frames *frames, struct vm_page **pages,
    unsigned count);

static inline void *
vm_frame_data(const struct vm_frames *frames, const struct vm_page *page)
{
	return frames->arena + (size_t)page->number * frames->page_bytes;
}

#endif
