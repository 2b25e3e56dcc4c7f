/* SPDX-License-Identifier: BSD-2-Clause */
/* frame/magazine.c - frames at hand; magazine.h has the protocol. */
#include "frame/magazine.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "frame/frame_private.h"
#include "os/os.h"

/* -- the lock -------------------------------------------------------------- */

bool
vm_magazine_try(_Atomic bool *busy)
{
	return !atomic_exchange_explicit(busy, true, memory_order_acquire);
}

void
vm_magazine_enter(struct vm_frames *frames, _Atomic bool *busy)
{
	while (!vm_magazine_try(busy))
		frames->os->yield();
}

void
vm_magazine_leave(_Atomic bool *busy)
{
	atomic_store_explicit(busy, false, memory_order_release);
}

/* -- making ---------------------------------------------------------------- */

/* One block: the magazines, then the arrays of their stacks. */
int
vm_magazines_init(struct vm_frames *frames, uint32_t size)
{
	struct vm_magazines *magazines = &frames->magazines;
	size_t heads = VM_MAGAZINES * sizeof(struct vm_magazine);
	struct vm_page **room;

	if (size == 0)
		return 0;
	magazines->array = frames->os->alloc(heads +
	    (size_t)VM_MAGAZINES * 2 * size * sizeof(*room));
	if (magazines->array == NULL)
		return vm_error(ENOMEM, "memory: none for magazines");
	magazines->size = size;
	room = (struct vm_page **)(void *)(magazines->array + VM_MAGAZINES);
	for (unsigned i = 0; i < VM_MAGAZINES; i++) {
		magazines->array[i].pool.page = room;
		magazines->array[i].other.page = room + size;
		room += (size_t)2 * size;
	}
	return 0;
}

void
vm_magazines_fini(struct vm_frames *frames)
{
	struct vm_magazines *magazines = &frames->magazines;

	vm_assert(atomic_load(&magazines->draining) == 0);
	for (unsigned i = 0; magazines->array != NULL && i < VM_MAGAZINES;
	    i++) {
		vm_assert(!atomic_load(&magazines->array[i].busy));
		vm_assert(magazines->array[i].pool.count == 0);
		vm_assert(magazines->array[i].other.count == 0);
	}
}

/* This processor's, locked; NULL: there is none, or somebody has it, or all
 * free frames must go to the buddies. */
static struct vm_magazine *
mine(struct vm_frames *frames)
{
	struct vm_magazines *magazines = &frames->magazines;
	struct vm_magazine *magazine;

	if (magazines->array == NULL)
		return NULL;
	magazine = &magazines->array[frames->os->cpu() % VM_MAGAZINES];
	if (!vm_magazine_try(&magazine->busy))
		return NULL;
	if (VM_LIKELY(atomic_load_explicit(&magazines->draining,
	    memory_order_acquire) == 0))
		return magazine;
	vm_magazine_leave(&magazine->busy);
	return NULL;
}

/* -- frames in and out ----------------------------------------------------- */

static void
push(struct vm_stack *stack, struct vm_page *page)
{
	page->pindex = VM_PINDEX_MAGAZINE;
	stack->page[stack->count++] = page;
}

static struct vm_page *
pop(struct vm_stack *stack)
{
	struct vm_page *page = stack->page[--stack->count];

	vm_assert(page->pindex == VM_PINDEX_MAGAZINE);
	page->pindex = 0;
	return page;
}

/* The oldest count frames of a stack into their buddies. */
static void
empty(struct vm_frames *frames, struct vm_stack *stack, uint32_t count)
{
	vm_lock(&frames->lock);
	for (uint32_t i = 0; i < count; i++) {
		vm_assert(stack->page[i]->pindex == VM_PINDEX_MAGAZINE);
		stack->page[i]->pindex = 0;
		vm_frame_put_locked(frames, stack->page[i]);
	}
	vm_zeroer_hint_locked(frames);
	vm_unlock(&frames->lock);
	stack->count -= count;
	memmove(stack->page, stack->page + count,
	    stack->count * sizeof(stack->page[0]));
}

/* Zeroed ones stay where who wants zeros looks for them. */
static bool
pick_locked(struct vm_frames *frames, enum vm_home home, uint32_t *number,
    enum vm_kind *kind)
{
	*kind = VM_KIND_WARM;
	if (home == VM_HOME_POOL &&
	    vm_frame_pick_locked(frames, VM_KIND_WARM, number))
		return true;
	*kind = VM_KIND_HOLLOW;
	return vm_frame_pick_locked(frames, VM_KIND_HOLLOW, number);
}

/* Half of the stack's size into an empty one; the first that came is the first
 * to go, so that addresses rise where the buddies' do. */
static void
fill(struct vm_frames *frames, struct vm_stack *stack, enum vm_home home)
{
	uint32_t want = (frames->magazines.size + 1) / 2, got = 0, number;
	enum vm_kind kind;

	vm_assert(stack->count == 0);
	vm_lock(&frames->lock);
	while (got < want && pick_locked(frames, home, &number, &kind))
		stack->page[want - ++got] = vm_frame_hand_out(frames, number,
		    vm_frame_kind_flags(kind));
	vm_unlock(&frames->lock);
	memmove(stack->page, stack->page + want - got,
	    got * sizeof(stack->page[0]));
	stack->count = got;
	for (uint32_t i = 0; i < got; i++)
		stack->page[i]->pindex = VM_PINDEX_MAGAZINE;
}

static struct vm_stack *
stack_of(struct vm_magazine *magazine, enum vm_home home)
{
	return home == VM_HOME_POOL ? &magazine->pool : &magazine->other;
}

unsigned
vm_magazine_take(struct vm_frames *frames, enum vm_home home,
    struct vm_page **pages, unsigned want)
{
	struct vm_magazine *magazine;
	struct vm_stack *stack;
	unsigned got = 0;

	if (want > frames->magazines.size)
		return 0;
	magazine = mine(frames);
	if (magazine == NULL)
		return 0;
	stack = stack_of(magazine, home);
	if (stack->count == 0)
		fill(frames, stack, home);
	while (got < want && stack->count != 0) {
		struct vm_page *page = pop(stack);

		vm_frame_check_unused(frames, page);
		page->pindex = 0;
		page->valid = 0;
		atomic_store_explicit(&page->dirty, 0,
		    memory_order_relaxed);
		page->weight = 0;
		vm_frame_set_flags(page, home == VM_HOME_POOL ? VM_PGA_WARM :
		    0);
		pages[got++] = page;
	}
	vm_magazine_leave(&magazine->busy);
	return got;
}

/* Where a frame is to go: NULL is the buddies. */
static struct vm_stack *
stack_for(struct vm_magazine *magazine, const struct vm_page *page)
{
	uint16_t flags = vm_frame_flags(page);

	if ((flags & VM_PGA_ZERO) != 0)
		return NULL;
	return (flags & VM_PGA_WARM) != 0 ? &magazine->pool :
	    &magazine->other;
}

static void
give_one(struct vm_frames *frames, struct vm_magazine *magazine,
    struct vm_page *page)
{
	struct vm_stack *stack = stack_for(magazine, page);

	if (stack == NULL) {
		vm_lock(&frames->lock);
		vm_frame_put_locked(frames, page);
		vm_unlock(&frames->lock);
		return;
	}
	if (stack->count == frames->magazines.size)
		empty(frames, stack, (frames->magazines.size + 1) / 2);
	push(stack, page);
}

bool
vm_magazine_give(struct vm_frames *frames, struct vm_page **pages,
    unsigned count)
{
	struct vm_magazine *magazine;

	if (count > frames->magazines.size)
		return false;
	magazine = mine(frames);
	if (magazine == NULL)
		return false;
	for (unsigned i = 0; i < count; i++)
		give_one(frames, magazine, pages[i]);
	vm_magazine_leave(&magazine->busy);
	return true;
}

/* -- all of them ----------------------------------------------------------- */

static void
drain_one(struct vm_frames *frames, struct vm_magazine *magazine)
{
	vm_magazine_enter(frames, &magazine->busy);
	if (magazine->pool.count != 0)
		empty(frames, &magazine->pool, magazine->pool.count);
	if (magazine->other.count != 0)
		empty(frames, &magazine->other, magazine->other.count);
	vm_magazine_leave(&magazine->busy);
}

void
vm_magazines_drain_begin(struct vm_frames *frames)
{
	struct vm_magazines *magazines = &frames->magazines;

	atomic_fetch_add_explicit(&magazines->draining, 1,
	    memory_order_acq_rel);
	for (unsigned i = 0; magazines->array != NULL && i < VM_MAGAZINES;
	    i++)
		drain_one(frames, &magazines->array[i]);
	vm_magazine_enter(frames, &frames->zeroer.hand);
	vm_magazine_leave(&frames->zeroer.hand);
}

void
vm_magazines_drain_end(struct vm_frames *frames)
{
	atomic_fetch_sub_explicit(&frames->magazines.draining, 1,
	    memory_order_release);
}

void
vm_frames_drain(struct vm_frames *frames)
{
	vm_magazines_drain_begin(frames);
	vm_magazines_drain_end(frames);
}

static uint32_t
count_between(const struct vm_stack *stack, uint32_t first, uint32_t end)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < stack->count; i++)
		count += stack->page[i]->number >= first &&
		    stack->page[i]->number < end;
	return count;
}

uint32_t
vm_magazines_count(struct vm_frames *frames, uint32_t first, uint32_t end)
{
	struct vm_magazines *magazines = &frames->magazines;
	uint32_t count = 0;

	for (unsigned i = 0; magazines->array != NULL && i < VM_MAGAZINES;
	    i++) {
		struct vm_magazine *magazine = &magazines->array[i];

		vm_magazine_enter(frames, &magazine->busy);
		count += count_between(&magazine->pool, first, end) +
		    count_between(&magazine->other, first, end);
		vm_magazine_leave(&magazine->busy);
	}
	return count;
}
