/* SPDX-License-Identifier: BSD-2-Clause */
/* frame/zero.c - the zeroer; zero.h has the theory. */
#include "frame/zero.h"

#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "frame/frame_private.h"
#include "os/os.h"

/* No bound on how long it waits for a hint. */
#define FOREVER_NS UINT64_MAX

uint32_t
vm_frames_zeroed(struct vm_frames *frames)
{
	uint32_t zeroed = 0;

	vm_lock(&frames->lock);
	for (unsigned i = 0; i < frames->segments.count; i++)
		zeroed += frames->segments.array[i].buddy.free[
		    VM_KIND_ZEROED];
	vm_unlock(&frames->lock);
	return zeroed;
}

/* Whether zeroed frames are fewer than that share of those with memory. */
static bool
below(const struct vm_frames *frames, unsigned percent)
{
	uint64_t zeroed = 0, warm = 0;

	for (unsigned i = 0; i < frames->segments.count; i++) {
		const struct vm_buddy *buddy =
		    &frames->segments.array[i].buddy;

		zeroed += buddy->free[VM_KIND_ZEROED];
		warm += buddy->free[VM_KIND_WARM];
	}
	/* One more would be above it: so a share of few frames ends, too. */
	return warm != 0 && (zeroed + 1) * 100 <= (zeroed + warm) * percent;
}

static bool
wanted_locked(struct vm_frames *frames)
{
	struct vm_zeroer *zeroer = &frames->zeroer;

	vm_lock_assert_held(&frames->lock);
	zeroer->running = below(frames, zeroer->running ?
	    zeroer->high_percent : zeroer->low_percent);
	return zeroer->running;
}

void
vm_zeroer_hint_locked(struct vm_frames *frames)
{
	struct vm_zeroer *zeroer = &frames->zeroer;

	if (VM_LIKELY(zeroer->thread == NULL) || zeroer->running ||
	    !below(frames, zeroer->low_percent))
		return;
	vm_cond_wake_one(&zeroer->hint);
}

static bool
pick(struct vm_frames *frames, uint32_t *number)
{
	bool any;

	vm_lock(&frames->lock);
	any = vm_frame_pick_locked(frames, VM_KIND_WARM, number);
	if (any)	/* it is in no block for the moment */
		vm_frame_set_flags(&frames->pages[*number], VM_PGA_WARM);
	vm_unlock(&frames->lock);
	return any;
}

static void
put(struct vm_frames *frames, uint32_t number)
{
	vm_lock(&frames->lock);
	vm_buddy_give(&vm_segment_of(&frames->segments, number)->buddy,
	    number, number + 1, VM_KIND_ZEROED);
	frames->zeroer.zeroed++;
	vm_unlock(&frames->lock);
}

/* The frame is free all the while, and in nobody's list: hence the hand. */
static void
zero_one(struct vm_frames *frames)
{
	uint32_t number;

	vm_magazine_enter(frames, &frames->zeroer.hand);
	if (atomic_load_explicit(&frames->magazines.draining,
	    memory_order_acquire) == 0 && pick(frames, &number)) {
		const struct vm_frame_segment *segment = vm_segment_of(
		    &frames->segments, number);

		memset(segment->base + (size_t)(number - segment->first) *
		    frames->page_bytes, 0, frames->page_bytes);
		put(frames, number);
	}
	vm_magazine_leave(&frames->zeroer.hand);
	frames->os->yield();
}

static void
run(void *arg)
{
	struct vm_frames *frames = arg;
	struct vm_zeroer *zeroer = &frames->zeroer;

	vm_lock(&frames->lock);
	while (!zeroer->stopping) {
		if (!wanted_locked(frames)) {
			(void)vm_cond_wait(&zeroer->hint, &frames->lock,
			    FOREVER_NS);
			continue;
		}
		vm_unlock(&frames->lock);
		zero_one(frames);
		vm_lock(&frames->lock);
	}
	vm_unlock(&frames->lock);
}

int
vm_zeroer_start(struct vm_frames *frames, unsigned low_percent,
    unsigned high_percent)
{
	struct vm_zeroer *zeroer = &frames->zeroer;
	struct vm_thread *thread;
	int error;

	vm_assert(low_percent <= high_percent && high_percent <= 100);
	zeroer->low_percent = low_percent;
	zeroer->high_percent = high_percent;
	vm_cond_init(&zeroer->hint);
	error = frames->os->thread_start("resident-zeroer", run, frames,
	    &thread);
	if (error != 0) {
		vm_cond_fini(&zeroer->hint);
		return vm_error(-error, "create: the zeroer's thread: %s",
		    vm_errno_text(-error));
	}
	vm_lock(&frames->lock);
	zeroer->thread = thread;
	vm_unlock(&frames->lock);
	return 0;
}

void
vm_zeroer_stop(struct vm_frames *frames)
{
	struct vm_zeroer *zeroer = &frames->zeroer;

	if (zeroer->thread == NULL)
		return;
	vm_lock(&frames->lock);
	zeroer->stopping = true;
	vm_cond_wake_all(&zeroer->hint);
	vm_unlock(&frames->lock);
	frames->os->thread_join(zeroer->thread);
	vm_cond_fini(&zeroer->hint);
	zeroer->thread = NULL;
}
