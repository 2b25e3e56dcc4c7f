/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame/frame_private.h - what the files of this room share.
 *
 * A frame is handed from one place to another in two steps: its number comes
 * out of a buddy or goes into one, under the frames' lock; its descriptor is
 * made ready by hand_out, or checked and cleared by take_back.
 */
#ifndef FRAME_FRAME_PRIVATE_H
#define FRAME_FRAME_PRIVATE_H

#include "frame/frame.h"

static inline uint16_t
vm_frame_flags(const struct vm_page *page)
{
	return atomic_load_explicit(&page->flags, memory_order_relaxed);
}

static inline void
vm_frame_set_flags(struct vm_page *page, uint16_t flags)
{
	atomic_store_explicit(&page->flags, flags, memory_order_relaxed);
}

/* What a free frame of that kind has in its flags, but for FREE. */
uint16_t vm_frame_kind_flags(enum vm_kind kind);

/* A frame out of a buddy becomes a descriptor in somebody's hands. */
struct vm_page *vm_frame_hand_out(struct vm_frames *frames, uint32_t number,
    uint16_t flags);
/* Stops the program when somebody still uses it. */
void vm_frame_check_unused(const struct vm_frames *frames,
    const struct vm_page *page);
/* One frame into its buddy, of the kind that its flags say. */
void vm_frame_put_locked(struct vm_frames *frames, struct vm_page *page);

/* A single frame of that kind from the segments in order of priority. */
VM_MUST_CHECK bool vm_frame_pick_locked(struct vm_frames *frames,
    enum vm_kind kind, uint32_t *number);

/* Turns a batch of free frames with memory hollow; how many, 0 when there is
 * none or the system would not drop the memory. */
uint32_t vm_frame_hollow_locked(struct vm_frames *frames);

#endif
