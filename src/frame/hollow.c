/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame/hollow.c - memory behind free frames goes back to the system.
 *
 * The one system call under a lock besides pmap's: while it ran unlocked, pages
 * that limit counts as free would be on no list.
 */
#include "base/assert.h"
#include "frame/frame_private.h"
#include "os/os.h"

#define BATCH_ORDER 6u

_Static_assert(1u << BATCH_ORDER == VM_FRAME_HOLLOW_BATCH, "one number");

/* The largest block of up to a batch. */
static bool
take_largest(struct vm_buddy *buddy, enum vm_kind kind, uint32_t *first,
    uint32_t *end)
{
	for (unsigned order = BATCH_ORDER + 1; order-- > 0;)
		if (vm_buddy_take(buddy, kind, order, first)) {
			*end = *first + (1u << order);
			return true;
		}
	return false;
}

/* The block that covers number, when it is of that kind and the run stays
 * within a batch with it. */
static bool
take_neighbour(struct vm_buddy *buddy, enum vm_kind kind, uint32_t number,
    uint32_t *first, uint32_t *end)
{
	uint32_t head;
	unsigned order;

	if (!vm_buddy_find(buddy, number, &head, &order) ||
	    vm_buddy_kind(buddy, head) != kind ||
	    *end - *first + (1u << order) > VM_FRAME_HOLLOW_BATCH)
		return false;
	vm_buddy_take_block(buddy, head);
	if (head < *first)
		*first = head;
	else
		*end = head + (1u << order);
	return true;
}

/* The run [*first, *end) grows by free neighbours on both sides. */
static void
widen(struct vm_buddy *buddy, enum vm_kind kind, uint32_t *first,
    uint32_t *end)
{
	while (take_neighbour(buddy, kind, *end, first, end))
		continue;
	while (*first > buddy->first &&
	    take_neighbour(buddy, kind, *first - 1, first, end))
		continue;
}

static uint32_t
hollow_kind_locked(struct vm_frames *frames, struct vm_frame_segment *segment,
    enum vm_kind kind)
{
	struct vm_buddy *buddy = &segment->buddy;
	uint32_t first, end;

	if (!take_largest(buddy, kind, &first, &end))
		return 0;
	widen(buddy, kind, &first, &end);
	if (frames->os->drop(segment->base +
	    (size_t)(first - segment->first) * frames->page_bytes,
	    (size_t)(end - first) * frames->page_bytes) != 0) {
		vm_buddy_give(buddy, first, end, kind);
		return 0;
	}
	vm_buddy_give(buddy, first, end, VM_KIND_HOLLOW);
	return end - first;
}

uint32_t
vm_frame_hollow_locked(struct vm_frames *frames)
{
	const struct vm_segments *segments = &frames->segments;
	uint32_t done = 0;

	vm_lock_assert_held(&frames->lock);
	for (unsigned i = 0; i < segments->count && done == 0; i++) {
		struct vm_frame_segment *segment = &segments->array[
		    segments->by_priority[i]];

		if (segment->lent)
			continue;
		done = hollow_kind_locked(frames, segment, VM_KIND_WARM);
		if (done == 0)
			done = hollow_kind_locked(frames, segment,
			    VM_KIND_ZEROED);
	}
	return done;
}

uint32_t
vm_frames_trim(struct vm_frames *frames, uint32_t want)
{
	uint32_t done = 0, some = 1;

	vm_frames_drain(frames);
	while (done < want && some != 0) {
		vm_lock(&frames->lock);
		some = vm_frame_hollow_locked(frames);
		vm_unlock(&frames->lock);
		done += some;
	}
	return done;
}
