/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame/zero.h - a thread that zeroes free frames ahead of need.
 *
 * Off unless asked for: on today's processors a page that was zeroed just
 * before it is used is in the cache, one zeroed long ago is not.  It is worth
 * its while for large pages.
 *
 * The share of zeroed frames among the free ones with memory behind them is
 * kept between low and high percent: below low it begins, at high it stops;
 * FreeBSD's idle loop had 2/3 and 4/5 of all free pages.  Hollow frames are
 * zeros as they are, and not counted on either side.
 *
 * It looks when frames are given to the buddies or zeroed ones are taken from
 * there.  It zeroes one frame at a time, with no lock but its hand, which holds
 * a free frame meanwhile and obeys the rule of magazines (magazine.h), and lets
 * others run after each.
 */
#ifndef FRAME_ZERO_H
#define FRAME_ZERO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/lock.h"

struct vm_frames;
struct vm_thread;

struct vm_zeroer {
	struct vm_thread *thread;	/* NULL: there is none (C) */
	unsigned low_percent;		/* (C) */
	unsigned high_percent;		/* (C) */
	struct vm_cond hint;		/* (F) */
	bool stopping;			/* (F) */
	bool running;			/* from low up to high (F) */
	uint64_t zeroed;		/* frames, since the start (F) */
	_Alignas(VM_CACHE_LINE) _Atomic bool hand;	/* (A) */
};

/* low_percent <= high_percent <= 100.  0, or why the thread was refused. */
VM_MUST_CHECK int vm_zeroer_start(struct vm_frames *frames,
    unsigned low_percent, unsigned high_percent);
void vm_zeroer_stop(struct vm_frames *frames);

/* Looks whether there is something to do; the frames' lock is held. */
void vm_zeroer_hint_locked(struct vm_frames *frames);

#endif
