/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/hand.h - the short way to a page and back: shelf.h's fast half.
 *
 * All that is done where nothing is the matter, without a call but the one that
 * asks for the processor's number.
 */
#ifndef LIMIT_HAND_H
#define LIMIT_HAND_H

#include "limit/limit.h"
#include "os/os.h"
#include "stat/stat.h"
#include "stat/trace.h"

static inline uint32_t
vm_shelf_pages(const struct vm_shelf *shelf)
{
	return atomic_load_explicit(&shelf->count, memory_order_relaxed);
}

/* Sequentially consistent, under the shelf's lock: whoever raises one of these
 * empties the shelves afterwards, or gives what he has himself. */
static inline bool
vm_shelf_calm(const struct vm_limit *limit)
{
	return atomic_load(&limit->shelves.shut) == 0 &&
	    atomic_load(&limit->waiting) == 0 &&
	    atomic_load(&limit->debt) == 0;
}

static inline void
vm_shelf_leave(struct vm_shelf *shelf)
{
	atomic_store_explicit(&shelf->busy, false, memory_order_release);
}

/* This processor's, locked; NULL: there is none, or somebody has it, or not
 * now. */
static inline struct vm_shelf *
vm_shelf_mine(struct vm_limit *limit)
{
	struct vm_shelves *shelves = &limit->shelves;
	struct vm_shelf *shelf;

	if (VM_UNLIKELY(shelves->size == 0))
		return NULL;
	shelf = &shelves->shelf[limit->frames->os->cpu() % VM_SHELVES];
	/* Sequentially consistent: see vm_shelf_calm. */
	if (VM_UNLIKELY(atomic_exchange(&shelf->busy, true)))
		return NULL;
	if (VM_LIKELY(vm_shelf_calm(limit)))
		return shelf;
	vm_shelf_leave(shelf);
	return NULL;
}

static inline void
vm_shelf_count_loose(struct vm_shelf *shelf, uint32_t change)
{
	atomic_store_explicit(&shelf->loose, atomic_load_explicit(
	    &shelf->loose, memory_order_relaxed) + change,
	    memory_order_relaxed);
}

/* The newest one: its descriptor is in the cache. */
static inline struct vm_page *
vm_shelf_pop(struct vm_shelf *shelf)
{
	uint32_t count = vm_shelf_pages(shelf);

	if (VM_UNLIKELY(count == 0))
		return NULL;
	atomic_store_explicit(&shelf->count, count - 1, memory_order_relaxed);
	return shelf->page[count - 1];
}

static inline void
vm_shelf_push(struct vm_shelf *shelf, struct vm_page *page)
{
	uint32_t count = vm_shelf_pages(shelf);

	shelf->page[count] = page;
	atomic_store_explicit(&shelf->count, count + 1, memory_order_relaxed);
}

/* A page of this processor's shelf; NULL: there is none, or not now. */
static inline struct vm_page *
vm_shelf_take(struct vm_limit *limit, bool loose)
{
	struct vm_shelf *shelf = vm_shelf_mine(limit);
	struct vm_page *page;

	if (VM_UNLIKELY(shelf == NULL))
		return NULL;
	page = vm_shelf_pop(shelf);
	if (loose && page != NULL)
		vm_shelf_count_loose(shelf, 1);
	vm_shelf_leave(shelf);
	return page;
}

/* As vm_frame_take leaves them, warm: what a shelf has. */
static inline bool
vm_shelf_fits(const struct vm_page *page)
{
	return page->object == NULL && atomic_load_explicit(&page->flags,
	    memory_order_relaxed) == VM_PGA_WARM;
}

/* False: it is to be given.  What was half of a full shelf is given. */
VM_MUST_CHECK static inline bool
vm_shelf_give(struct vm_limit *limit, struct vm_page *page, bool loose)
{
	struct vm_shelf *shelf;

	/* A giver ends a streak of vain passes, and rings. */
	if (!vm_shelf_fits(page) ||
	    atomic_load_explicit(&limit->idle, memory_order_relaxed) != 0 ||
	    !atomic_load_explicit(&limit->gave, memory_order_relaxed) ||
	    atomic_load(&limit->armed) != 0)
		return false;
	shelf = vm_shelf_mine(limit);
	if (VM_UNLIKELY(shelf == NULL))
		return false;
	if (loose)
		vm_shelf_count_loose(shelf, UINT32_MAX);
	if (VM_UNLIKELY(vm_shelf_pages(shelf) == limit->shelves.size)) {
		vm_shelf_push_full(limit, shelf, page);
		return true;
	}
	vm_shelf_push(shelf, page);
	vm_shelf_leave(shelf);
	return true;
}

/*
 * One page of an ordinary taker, which is counted among the loose ones; NULL:
 * there is none at hand, ask for one.  And back: false, then it is to be given.
 */
static inline struct vm_page *
vm_hand_take(struct vm_limit *limit)
{
	struct vm_page *page;

	if (VM_UNLIKELY(limit->pauses || vm_limit_reclaims(limit) ||
	    vm_budget_limited(&limit->budget)))
		return NULL;
	page = vm_shelf_take(limit, true);
	if (VM_UNLIKELY(page == NULL))
		return NULL;
	VM_TRACE(limit->trace, take, 0, 0, 1);
	if (limit->counters != NULL)
		vm_count(limit->counters, VM_COUNTER_pages_taken, 1);
	return page;
}

VM_MUST_CHECK static inline bool
vm_hand_give(struct vm_limit *limit, struct vm_page *page)
{
	if (!vm_shelf_give(limit, page, true))
		return false;
	VM_TRACE(limit->trace, give, 0, 0, 1);
	if (limit->counters != NULL)
		vm_count(limit->counters, VM_COUNTER_pages_freed, 1);
	return true;
}

#endif
