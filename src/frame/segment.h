/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame/segment.h - where the frames are: named ranges of memory.
 *
 * Descriptors are numbered from 0 without a gap, segment after segment: first
 * the system's own, which lie in the arena one behind the other, in the order
 * they were asked for; then those over memory of the caller (lent), in the
 * order of their addresses.  So both ways between frame and address are one
 * multiplication in the arena and a search over the few segments elsewhere.
 *
 * A lent segment has memory behind every frame, always: its frames are never
 * hollow, and so serve pool pages only.
 *
 * A range is rounded inward to whole pages, and may end up with no frame: it
 * keeps its index, since callers select segments by index.
 */
#ifndef FRAME_SEGMENT_H
#define FRAME_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "frame/buddy.h"

/* 16 segments: more than a machine has kinds of memory; a mask has 32 bits. */
#define VM_SEGMENTS_MAX 16u
/* 32 bytes of name with the end. */
#define VM_SEGMENT_NAME_BYTES 32u

/* What a segment is to be. */
struct vm_segment_options {
	const char *name;	/* NULL: none */
	uint64_t bytes;
	void *base;		/* the caller's memory, NULL: the arena */
	int priority;		/* ordinary takers: highest first */
	bool huge;		/* wants large pages behind it */
};

/* (C) all but buddy and retired, which are (F). */
struct vm_frame_segment {
	char name[VM_SEGMENT_NAME_BYTES];
	int priority;
	bool huge;
	bool lent;
	char *base;		/* of frame first */
	uint32_t first;		/* frames [first, end) */
	uint32_t end;
	uint32_t stolen;	/* reserved at creation (F) */
	uint32_t retired;	/* taken out since (F) */
	struct vm_buddy buddy;	/* (F) */
};

struct vm_segments {
	struct vm_frame_segment *array;	/* by index (C) */
	unsigned count;			/* (C) */
	uint32_t own_frames;		/* in the arena (C) */
	uint32_t frames;		/* in all (C) */
	uint8_t by_number[VM_SEGMENTS_MAX];	/* indices (C) */
	uint8_t by_priority[VM_SEGMENTS_MAX];	/* indices (C) */
};

/* Whole pages in it. */
uint64_t vm_segment_frames(const struct vm_segment_options *options,
    uint32_t page_bytes);
/*
 * Lays the segments out in array, which has room for count.  0, or -EINVAL
 * with a sentence: two ranges overlap, too many frames.
 */
VM_MUST_CHECK int vm_segments_plan(struct vm_segments *segments,
    const struct vm_segment_options *options, unsigned count,
    uint32_t page_bytes);
/* The arena is there now. */
void vm_segments_place(struct vm_segments *segments, char *arena,
    uint32_t page_bytes);

/* The segment of a frame. */
struct vm_frame_segment *vm_segment_of(const struct vm_segments *segments,
    uint32_t number);
/* The frame that an address is in; false when it is in none. */
VM_MUST_CHECK bool vm_segment_find(const struct vm_segments *segments,
    const void *address, uint32_t page_bytes, uint32_t *number);

#endif
