/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/compact.c - compact.h has the theory. */
#include "pageout/compact.h"

#include <string.h>

#include "base/assert.h"
#include "object/quota.h"
#include "limit/run.h"
#include "object/cached.h"
#include "object/foreign.h"
#include "object/object.h"
#include "stat/stat.h"

#define WORD_BITS 64u

/* One block that is being emptied. */
struct block {
	struct vm *vm;
	uint32_t first;		/* of the run, which begins the block */
	uint32_t count;		/* pages of the run */
	uint32_t owned;		/* of these, in our hands */
	uint64_t own[VM_ORDER_PAGES_MAX / WORD_BITS];	/* which */
};

/* ---- choosing ------------------------------------------------------------ */

/* What is in a block; it may be otherwise at once. */
struct look {
	uint32_t first;
	uint32_t stuck;		/* pages that cannot move */
	uint32_t moves;		/* pages that can */
};

static bool
in_use(const struct vm_page *page)
{
	return atomic_load(&page->wires) != 0 ||
	    atomic_load(&page->holds) != 0 || atomic_load(&page->loans) != 0;
}

/* The slot says whose the number is: that of a free page may be stale. */
static bool
is_resident(const struct vm_page *page, uint32_t number)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_acquire);

	return slot != NULL && vm_slot_number(slot) == number + 1;
}

static bool
is_idle(const struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_acquire);

	return slot != NULL && vm_slot_idle(slot) && !in_use(page);
}

static void
look_at(struct vm_frames *frames, uint32_t count, struct look *look)
{
	uint32_t others = 0;

	look->stuck = look->moves = 0;
	for (uint32_t i = look->first; i < look->first + count; i++) {
		if (!is_resident(&frames->pages[i], i))
			others++;
		else if (is_idle(&frames->pages[i]))
			look->moves++;
		else
			look->stuck++;
	}
	/* All that is neither resident nor free is somebody's. */
	if (others != 0)
		look->stuck += others - vm_frames_count_free(frames,
		    look->first, look->first + count);
}

static bool
is_better(const struct look *a, const struct look *b)
{
	return a->stuck != b->stuck ? a->stuck < b->stuck :
	    a->moves < b->moves;
}

/* False: there is no block that could be emptied. */
static bool
choose(struct vm_frames *frames, const struct vm_frame_segment *segment,
    const struct vm_run_options *o, uint32_t *first)
{
	uint64_t size = UINT64_C(1) << vm_run_order(frames, o);
	/* Aligned by address: frame/buddy.h. */
	uint64_t odd = (segment->first + segment->buddy.shift) & (size - 1);
	uint64_t at = segment->first + (odd == 0 ? 0 : size - odd);
	struct look best = { .stuck = UINT32_MAX }, look;

	for (; at + size <= segment->end; at += size) {
		look.first = (uint32_t)at;
		look_at(frames, o->count, &look);
		if (is_better(&look, &best))
			best = look;
	}
	*first = best.first;
	return best.stuck == 0;
}

/* ---- emptying ------------------------------------------------------------ */

static bool
is_owned(const struct block *block, uint32_t i)
{
	return (block->own[i / WORD_BITS] >> i % WORD_BITS & 1) != 0;
}

/* A frame of the block, out of everybody's hands.  Whoever gets the run may
 * write there at once: it is for the pool, hollow as it may be. */
static void
own(struct block *block, uint32_t i)
{
	vm_assert(i < block->count && !is_owned(block, i));
	atomic_store_explicit(&block->vm->frames.pages[block->first + i].flags,
	    VM_PGA_WARM, memory_order_relaxed);
	block->own[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
	block->owned++;
}

static bool
claim(struct block *block, uint32_t i)
{
	if (!is_owned(block, i) && vm_limit_run_take_at(&block->vm->limit,
	    block->first + i))
		own(block, i);
	return is_owned(block, i);
}

/* A frame elsewhere.  One of the block's own, which somebody has just freed,
 * is kept: so this ends. */
static struct vm_page *
take_elsewhere(struct block *block, enum vm_home home)
{
	struct vm_page *page;

	while ((page = vm_limit_run_take_any(&block->vm->limit, home)) !=
	    NULL) {
		if (page->number - block->first >= block->count)
			return page;
		own(block, page->number - block->first);
	}
	return NULL;
}

/* The page's frame is the block's, as if it had been taken. */
static void
move(struct block *block, struct vm_page *old, struct vm_page *new)
{
	struct vm_object *object = old->object;
	struct vm *vm = block->vm;

	if (object->home == VM_HOME_POOL)
		memcpy(vm_frame_data(&vm->frames, new),
		    vm_frame_data(&vm->frames, old), vm->page_bytes);
	new->object = vm->nowhere;
	atomic_store_explicit(&new->slot, NULL, memory_order_relaxed);
	vm_foreign_move(old, new);
	vm_object_unlock_page(object, new);
	vm_page_reset(old, 0);
	own(block, old->number - block->first);
	vm_count(vm->counters, VM_COUNTER_compact_moves, 1);
}

/* There is no frame for it. */
static void
evict_or_leave(struct block *block, struct vm_page *page)
{
	if (!vm_page_may_leave(page) || !vm_quota_claim(page->object)) {
		vm_object_unlock_page(page->object, page);
		return;
	}
	vm_page_let_go(page, VM_LEAVE_EVICTED);
	vm_count(block->vm->counters, VM_COUNTER_evicted_clean, 1);
}

static void
vacate(struct block *block, uint32_t i)
{
	struct vm *vm = block->vm;
	struct vm_page *page = &vm->frames.pages[block->first + i], *new;

	if (!is_resident(page, block->first + i) ||
	    !vm_page_try_lock(vm, page))
		return;
	if (in_use(page)) {
		vm_object_unlock_page(page->object, page);
		return;
	}
	new = take_elsewhere(block, page->object->home);
	if (new != NULL)
		move(block, page, new);
	else
		evict_or_leave(block, page);
}

/* The free frames first: they are not to be where the others move to. */
static bool
empty(struct block *block)
{
	for (uint32_t i = 0; i < block->count; i++)
		(void)claim(block, i);
	for (uint32_t i = 0; i < block->count; i++) {
		if (is_owned(block, i))
			continue;
		vacate(block, i);
		if (!claim(block, i))
			return false;
	}
	vm_assert(block->owned == block->count);
	return true;
}

static void
give_back(struct block *block)
{
	for (uint32_t i = 0; i < block->count; i++)
		if (is_owned(block, i))
			vm_limit_run_give(&block->vm->limit,
			    &block->vm->frames.pages[block->first + i]);
}

static struct vm_page *
compact_segment(struct vm *vm, const struct vm_frame_segment *segment,
    const struct vm_run_options *o)
{
	for (unsigned i = 0; i < VM_COMPACT_TRIES; i++) {
		struct block block = { .vm = vm, .count = o->count };

		if (!choose(&vm->frames, segment, o, &block.first))
			return NULL;
		if (empty(&block))
			return &vm->frames.pages[block.first];
		give_back(&block);
	}
	return NULL;
}

/* Meanwhile no free frame is in a magazine, where it could not be claimed. */
static struct vm_page *
compact(struct vm_limit *limit, const struct vm_run_options *o)
{
	struct vm *vm = VM_CONTAINER(limit, struct vm, limit);
	const struct vm_segments *segments = &vm->frames.segments;
	struct vm_page *first = NULL;

	vm_magazines_drain_begin(&vm->frames);
	for (unsigned i = 0; i < segments->count && first == NULL; i++) {
		unsigned index = segments->by_priority[i];

		if (vm_run_selects(o, index))
			first = compact_segment(vm, &segments->array[index],
			    o);
	}
	vm_magazines_drain_end(&vm->frames);
	if (first == NULL)
		vm_count(vm->counters, VM_COUNTER_compact_failures, 1);
	return first;
}

void
vm_compact_init(struct vm *vm)
{
	vm_assert(vm->limit.compact == NULL);
	vm->limit.compact = compact;
}
