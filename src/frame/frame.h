/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame/frame.h - descriptors as tokens, and the frames behind them.
 *
 * Mechanism only: which descriptor is free, and whether its frame has memory
 * (warm) or not (hollow).  Who may take one is limit's business; nobody but
 * limit takes frames.  Never sleeps.
 *
 *	fresh --take--> taken --give--> warm, zeroed or hollow --take--> taken
 *	warm --another home needs it: drop--> hollow
 *	taken --retire--> retired (never again)
 *
 * A descriptor for the pool home comes warm or becomes warm by being touched;
 * one for another home must be hollow, or the arena and that home together
 * would exceed the limit.  When only warm ones are left, hollowing costs one
 * drop call, made for VM_FRAME_HOLLOW_BATCH neighbours where possible.
 *
 * Who keeps what: a buddy for each segment (buddy.h, segment.h), in front of
 * them a magazine for each processor (magazine.h).  Fresh descriptors, never
 * taken so far, are not even written to, so that a large system costs nothing
 * to create.
 *
 *	take	magazine, else the buddies: highest priority first, in each
 *		warm, hollow, zeroed; who wants zeros: zeroed, hollow, warm
 *	give	magazine, else the buddy; zeroed ones always to the buddy
 *
 * ZERO says that a frame's bytes are zeros.  A taker who asked for zeros finds
 * it set when they are; a giver who leaves it set vouches for them.  Others
 * never see it.
 */
#ifndef FRAME_FRAME_H
#define FRAME_FRAME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/lock.h"
#include "frame/boot.h"
#include "frame/buddy.h"
#include "frame/fictitious.h"
#include "frame/magazine.h"
#include "frame/segment.h"
#include "frame/zero.h"
#include "page/page.h"

struct vm_os;

/* 64 pages: 256 KiB of 4 KiB pages for one drop call. */
#define VM_FRAME_HOLLOW_BATCH 64u
/* 8 frames: 32 KiB of 4 KiB pages in one piece.  Below that a piece is hardly
 * larger than what it costs a disk to be told of it. */
#define VM_FRAME_ROW_ORDER 3u
#define VM_FRAME_ROW (1u << VM_FRAME_ROW_ORDER)
/* 2 MiB: a large page of x86-64 and arm64. */
#define VM_HUGE_BYTES (UINT64_C(2) << 20)

/* Zero in every field but the first two is a sensible set of frames. */
struct vm_frames_options {
	uint32_t page_bytes;	/* a power of two */
	const struct vm_segment_options *segments;
	unsigned segment_count;	/* at least 1 */
	bool huge;		/* large pages behind all of the arena */
	bool high_first;	/* fresh frames from the high end */
	unsigned colours;	/* 0 and 1: none; then no magazines */
	uint32_t fictitious;	/* most descriptors without a frame */
	uint32_t fictitious_quantum;	/* 0: VM_FICTITIOUS_QUANTUM */
	unsigned zero_low_percent;	/* zero.h; high 0: no zeroer */
	unsigned zero_high_percent;
};

/* (F): lock. */
struct vm_frames {
	const struct vm_os *os;	/* (C) */
	struct vm_page *pages;	/* the array (C) */
	char *arena;		/* frame i at arena + i * page_bytes (C) */
	uint32_t count;		/* descriptors with a frame (C) */
	uint32_t page_bytes;	/* (C) */
	struct vm_segments segments;
	struct vm_magazines magazines;
	struct vm_fictitious fictitious;
	struct vm_zeroer zeroer;
	struct vm_boot boot;
	struct vm_lock lock;	/* rank FRAME: the buddies */
	_Atomic uint32_t stolen;	/* frames taken at creation (A) */
	_Atomic uint32_t retired;	/* frames taken out since (A) */
	void *mapped;		/* the arena with what aligns it (C) */
	size_t mapped_bytes;	/* (C) */
};

/* Maps the arena and the array.  0, or a negative errno with a sentence:
 * -ENOMEM, -EINVAL (segments), or why the zeroer's thread was refused. */
VM_MUST_CHECK int vm_frames_init_with(struct vm_frames *frames,
    const struct vm_os *os, const struct vm_frames_options *options);
/* One segment of count frames, and nothing else. */
VM_MUST_CHECK int vm_frames_init(struct vm_frames *frames,
    const struct vm_os *os, uint32_t count, uint32_t page_bytes);
/* Every descriptor must be free, stolen or retired. */
void vm_frames_fini(struct vm_frames *frames);

/* Frames that can ever be taken: all but the stolen and the retired. */
uint32_t vm_frames_usable(const struct vm_frames *frames);

/*
 * Takes up to want descriptors for a home into pages[]; returns how many:
 * fewer only when fewer are free, or when the system refused to drop memory,
 * or when those free are lent ones and the home is not the pool.  They have no
 * identity, valid, dirty and flags but WARM are 0.
 */
unsigned vm_frame_take(struct vm_frames *frames, enum vm_home home,
    struct vm_page **pages, unsigned want);
/* The same for the pool by who wants zeros: ZERO is set where they are. */
unsigned vm_frame_take_zero(struct vm_frames *frames, struct vm_page **pages,
    unsigned want);
/* The same for the pool by who moves the bytes of all of them at once: rows of
 * neighbours as far as there are some, then any; rows of no less than
 * VM_FRAME_ROW. */
unsigned vm_frame_take_rows(struct vm_frames *frames, struct vm_page **pages,
    unsigned want);
/* Back to the free lists; no identity, no pins, not on a queue. */
void vm_frame_give(struct vm_frames *frames, struct vm_page **pages,
    unsigned count);

/* Neighbours; zero in every field but count is any run. */
struct vm_run_options {
	uint32_t count;		/* frames; 1 to VM_ORDER_PAGES_MAX */
	uint64_t align_bytes;	/* of the first; 0 or a power of two */
	uint64_t boundary_bytes;	/* not across a multiple of it; 0 or a
					 * power of two */
	uint32_t segments;	/* bit i: segment i may serve; 0: all */
	bool zero;
	bool coloured;		/* count 1: of that colour, if possible */
	uint32_t colour;
};

/* 0, or -EINVAL with a sentence: no run can be as asked for. */
VM_MUST_CHECK int vm_run_check(const struct vm_frames *frames,
    const struct vm_run_options *options);
/*
 * Exactly count frames in a row for the pool home, whose descriptors are
 * neighbours too; the first.  NULL: there are not so many together.
 */
struct vm_page *vm_frame_take_run(struct vm_frames *frames,
    const struct vm_run_options *options);
/* The smallest block that has count frames, beginning where it must. */
unsigned vm_run_order(const struct vm_frames *frames,
    const struct vm_run_options *options);
/* Whether that segment may serve. */
bool vm_run_selects(const struct vm_run_options *options, unsigned segment);
/* This very frame, for the pool home; false: it is not in a buddy. */
VM_MUST_CHECK bool vm_frame_take_at(struct vm_frames *frames,
    uint32_t number);
/* Frames [first, end) of one segment that are in its buddy, but for fresh
 * ones. */
uint32_t vm_frames_count_free(struct vm_frames *frames, uint32_t first,
    uint32_t end);
void vm_frame_give_run(struct vm_frames *frames, struct vm_page *first,
    uint32_t count);

/* Takes a taken frame out of use for good: it is RESERVED from now on. */
void vm_frames_retire(struct vm_frames *frames, struct vm_page *page);

/* Gives the magazines' frames to the buddies. */
void vm_frames_drain(struct vm_frames *frames);
/* Gives memory behind free frames back to the system, about want pages of it;
 * how many. */
uint32_t vm_frames_trim(struct vm_frames *frames, uint32_t want);

/* What a segment has now; frames. */
struct vm_segment_count {
	uint32_t frames;
	uint32_t free;		/* all that can be taken */
	uint32_t fresh;		/* of these, never taken so far */
	uint32_t zeroed;	/* of these, known to be zeros */
	uint32_t hollow;	/* of these, on lists, without memory */
	uint32_t magazines;	/* of these, in magazines */
	uint32_t stolen;
	uint32_t retired;
	uint32_t blocks[VM_ORDERS];	/* free blocks of 2^i frames */
};

void vm_frames_count(struct vm_frames *frames, unsigned segment,
    struct vm_segment_count *out);
/* Zeroed frames of all segments. */
uint32_t vm_frames_zeroed(struct vm_frames *frames);
/* NULL, or what is wrong.  O(frames); nobody else takes or gives. */
const char *vm_frames_audit(struct vm_frames *frames);

void *vm_frame_data_lent(const struct vm_frames *frames, uint32_t number);

/* The bytes of a descriptor with a frame. */
static inline void *
vm_frame_data(const struct vm_frames *frames, const struct vm_page *page)
{
	if (VM_LIKELY(page->number < frames->segments.own_frames))
		return frames->arena +
		    (size_t)page->number * frames->page_bytes;
	return vm_frame_data_lent(frames, page->number);
}

/* The descriptor of the frame that an address is in, NULL: it is in none. */
struct vm_page *vm_frame_of_address(const struct vm_frames *frames,
    const void *address);

#endif
