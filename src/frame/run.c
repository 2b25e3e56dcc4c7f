/* SPDX-License-Identifier: BSD-2-Clause */
/* frame/run.c - neighbours, and frames of a colour; frame.h has contracts. */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "frame/frame_private.h"

static const enum vm_kind plain_order[VM_KINDS] = {
	VM_KIND_WARM, VM_KIND_HOLLOW, VM_KIND_ZEROED,
};
static const enum vm_kind zero_order[VM_KINDS] = {
	VM_KIND_ZEROED, VM_KIND_HOLLOW, VM_KIND_WARM,
};

static bool
power_of_two(uint64_t value)
{
	return (value & (value - 1)) == 0;
}

unsigned
vm_run_order(const struct vm_frames *frames, const struct vm_run_options *o)
{
	uint64_t align_pages = o->align_bytes / frames->page_bytes;
	unsigned order = 0;

	while (UINT64_C(1) << order < o->count ||
	    UINT64_C(1) << order < align_pages)
		order++;
	return order;
}

int
vm_run_check(const struct vm_frames *frames, const struct vm_run_options *o)
{
	uint64_t bytes = (uint64_t)o->count * frames->page_bytes;

	if (o->count == 0 || o->count > VM_ORDER_PAGES_MAX)
		return vm_error(EINVAL, "frames: a run of %u pages, not 1 to "
		    "%u", o->count, VM_ORDER_PAGES_MAX);
	if (!power_of_two(o->align_bytes) || !power_of_two(o->boundary_bytes))
		return vm_error(EINVAL, "frames: alignment %llu and boundary "
		    "%llu must be powers of two",
		    (unsigned long long)o->align_bytes,
		    (unsigned long long)o->boundary_bytes);
	if (o->boundary_bytes != 0 && o->boundary_bytes < bytes)
		return vm_error(EINVAL, "frames: %llu bytes cross every "
		    "boundary of %llu", (unsigned long long)bytes,
		    (unsigned long long)o->boundary_bytes);
	if (o->align_bytes / frames->page_bytes > VM_ORDER_PAGES_MAX)
		return vm_error(EINVAL, "frames: alignment to %llu bytes is "
		    "above %u pages", (unsigned long long)o->align_bytes,
		    VM_ORDER_PAGES_MAX);
	return 0;
}

bool
vm_run_selects(const struct vm_run_options *o, unsigned segment)
{
	return o->segments == 0 || (o->segments >> segment & 1) != 0;
}

static bool
take_block(struct vm_buddy *buddy, const struct vm_run_options *o,
    unsigned order, enum vm_kind kind, uint32_t *number)
{
	if (o->coloured && order == 0)
		return vm_buddy_take_colour(buddy, kind, o->colour, number);
	return vm_buddy_take(buddy, kind, order, number);
}

/*
 * A block lies at a multiple of its size.  So it meets every alignment up to
 * that, and crosses no boundary that is a power of two and not below count.
 * What is beyond count goes back.
 */
static struct vm_page *
take_in(struct vm_frames *frames, struct vm_buddy *buddy,
    const struct vm_run_options *o)
{
	const enum vm_kind *kinds = o->zero ? zero_order : plain_order;
	unsigned order = vm_run_order(frames, o);
	uint32_t number;

	for (unsigned k = 0; k < VM_KINDS; k++) {
		bool zero = o->zero && kinds[k] != VM_KIND_WARM;

		if (!take_block(buddy, o, order, kinds[k], &number))
			continue;
		vm_buddy_give(buddy, number + o->count,
		    number + (1u << order), kinds[k]);
		for (uint32_t i = 0; i < o->count; i++)
			(void)vm_frame_hand_out(frames, number + i, zero ?
			    VM_PGA_WARM | VM_PGA_ZERO : VM_PGA_WARM);
		return &frames->pages[number];
	}
	return NULL;
}

static struct vm_page *
take_locked(struct vm_frames *frames, const struct vm_run_options *o)
{
	const struct vm_segments *segments = &frames->segments;
	struct vm_page *first = NULL;

	for (unsigned i = 0; i < segments->count && first == NULL; i++)
		if (vm_run_selects(o, segments->by_priority[i]))
			first = take_in(frames, &segments->array[
			    segments->by_priority[i]].buddy, o);
	return first;
}

/* Rows of one kind, the longest first; how many frames. */
static unsigned
rows_of_kind(struct vm_frames *frames, struct vm_buddy *buddy,
    enum vm_kind kind, struct vm_page **pages, unsigned want)
{
	unsigned order = VM_ORDERS - 1, got = 0;
	uint32_t number;

	while (order >= VM_FRAME_ROW_ORDER) {
		if (want - got < 1u << order ||
		    !vm_buddy_take(buddy, kind, order, &number)) {
			order--;
			continue;
		}
		for (uint32_t i = 0; i < 1u << order; i++)
			pages[got++] = vm_frame_hand_out(frames, number + i,
			    VM_PGA_WARM);
	}
	return got;
}

static unsigned
take_rows_locked(struct vm_frames *frames, struct vm_page **pages,
    unsigned want)
{
	const struct vm_segments *segments = &frames->segments;
	unsigned got = 0;

	for (unsigned i = 0; i < segments->count; i++)
		for (unsigned k = 0; k < VM_KINDS; k++)
			got += rows_of_kind(frames, &segments->array[
			    segments->by_priority[i]].buddy, plain_order[k],
			    pages + got, want - got);
	return got;
}

unsigned
vm_frame_take_rows(struct vm_frames *frames, struct vm_page **pages,
    unsigned want)
{
	unsigned got = 0;

	if (want >= VM_FRAME_ROW) {
		vm_lock(&frames->lock);
		got = take_rows_locked(frames, pages, want);
		vm_zeroer_hint_locked(frames);
		vm_unlock(&frames->lock);
	}
	if (got < want)
		got += vm_frame_take(frames, VM_HOME_POOL, pages + got,
		    want - got);
	return got;
}

/* Neighbours of different kinds do not merge: calls them all warm. */
static void
unify_locked(struct vm_frames *frames, const struct vm_run_options *o)
{
	for (unsigned i = 0; i < frames->segments.count; i++)
		if (vm_run_selects(o, i))
			vm_buddy_unify(&frames->segments.array[i].buddy);
}

static struct vm_page *
take(struct vm_frames *frames, const struct vm_run_options *o, bool unify)
{
	struct vm_page *first;

	vm_lock(&frames->lock);
	first = take_locked(frames, o);
	if (first == NULL && unify) {
		unify_locked(frames, o);
		first = take_locked(frames, o);
	}
	vm_zeroer_hint_locked(frames);
	vm_unlock(&frames->lock);
	return first;
}

struct vm_page *
vm_frame_take_run(struct vm_frames *frames, const struct vm_run_options *o)
{
	struct vm_page *first;

	vm_assert(o->count > 0 && o->count <= VM_ORDER_PAGES_MAX);
	first = take(frames, o, false);
	if (first != NULL)
		return first;
	vm_magazines_drain_begin(frames);
	first = take(frames, o, true);
	vm_magazines_drain_end(frames);
	return first;
}

/* Out of the block that covers it; the rest goes back. */
static void
cut_out_locked(struct vm_buddy *buddy, uint32_t number, uint32_t head,
    unsigned order)
{
	enum vm_kind kind = vm_buddy_kind(buddy, head);

	vm_buddy_take_block(buddy, head);
	vm_buddy_give(buddy, head, number, kind);
	vm_buddy_give(buddy, number + 1, head + (1u << order), kind);
}

bool
vm_frame_take_at(struct vm_frames *frames, uint32_t number)
{
	struct vm_buddy *buddy = &vm_segment_of(&frames->segments,
	    number)->buddy;
	unsigned order;
	uint32_t head;
	bool free;

	vm_lock(&frames->lock);
	free = vm_buddy_find(buddy, number, &head, &order);
	if (free) {
		cut_out_locked(buddy, number, head, order);
		(void)vm_frame_hand_out(frames, number, VM_PGA_WARM);
	}
	vm_unlock(&frames->lock);
	return free;
}

uint32_t
vm_frames_count_free(struct vm_frames *frames, uint32_t first, uint32_t end)
{
	const struct vm_buddy *buddy = &vm_segment_of(&frames->segments,
	    first)->buddy;
	uint32_t count = 0, head, next;
	unsigned order;

	vm_lock(&frames->lock);
	for (; first < end; first = next) {
		next = first + 1;
		if (!vm_buddy_find(buddy, first, &head, &order))
			continue;
		next = head + (1u << order) < end ? head + (1u << order) :
		    end;
		count += next - first;
	}
	vm_unlock(&frames->lock);
	return count;
}

/* Not through a magazine: the block is to be whole again. */
void
vm_frame_give_run(struct vm_frames *frames, struct vm_page *first,
    uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		vm_frame_check_unused(frames, first + i);
	vm_lock(&frames->lock);
	for (uint32_t i = 0; i < count; i++)
		vm_frame_put_locked(frames, first + i);
	vm_zeroer_hint_locked(frames);
	vm_unlock(&frames->lock);
}
