/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/shelf.c - shelf.h has the theory. */
#include "limit/shelf.h"

#include "base/assert.h"
#include "limit/limit.h"
#include "limit/limit_private.h"
#include "os/os.h"

void
vm_shelves_init(struct vm_shelves *shelves, uint32_t pages)
{
	uint32_t size = pages / VM_SHELF_SHARE;

	shelves->size = size < VM_SHELF_MAX ? size : VM_SHELF_MAX;
}

static uint32_t
count_of(const struct vm_shelf *shelf)
{
	return atomic_load_explicit(&shelf->count, memory_order_relaxed);
}

/* Something is the matter: see shelf.h.  Sequentially consistent, under the
 * lock: whoever raises one of these empties the shelves afterwards, or gives
 * what he has himself. */
static bool
is_calm(const struct vm_limit *limit)
{
	return atomic_load(&limit->shelves.shut) == 0 &&
	    atomic_load(&limit->waiting) == 0 &&
	    atomic_load(&limit->debt) == 0;
}

static struct vm_shelf *
mine(struct vm_limit *limit)
{
	struct vm_shelves *shelves = &limit->shelves;
	struct vm_shelf *shelf;

	if (shelves->size == 0)
		return NULL;
	shelf = &shelves->shelf[limit->frames->os->cpu() % VM_SHELVES];
	/* Sequentially consistent: see is_calm. */
	if (atomic_exchange(&shelf->busy, true))
		return NULL;
	if (VM_LIKELY(is_calm(limit)))
		return shelf;
	atomic_store_explicit(&shelf->busy, false, memory_order_release);
	return NULL;
}

static void
leave(struct vm_shelf *shelf)
{
	atomic_store_explicit(&shelf->busy, false, memory_order_release);
}

static void
count_loose(struct vm_shelf *shelf, uint32_t change)
{
	atomic_store_explicit(&shelf->loose, atomic_load_explicit(
	    &shelf->loose, memory_order_relaxed) + change,
	    memory_order_relaxed);
}

/* The newest one: its descriptor is in the cache. */
static struct vm_page *
pop(struct vm_shelf *shelf)
{
	uint32_t count = count_of(shelf);

	if (count == 0)
		return NULL;
	atomic_store_explicit(&shelf->count, count - 1, memory_order_relaxed);
	return shelf->page[count - 1];
}

static void
push(struct vm_shelf *shelf, struct vm_page *page)
{
	uint32_t count = count_of(shelf);

	shelf->page[count] = page;
	atomic_store_explicit(&shelf->count, count + 1, memory_order_relaxed);
}

struct vm_page *
vm_shelf_take(struct vm_limit *limit, bool loose)
{
	struct vm_shelf *shelf = mine(limit);
	struct vm_page *page;

	if (shelf == NULL)
		return NULL;
	page = pop(shelf);
	if (loose && page != NULL)
		count_loose(shelf, 1);
	leave(shelf);
	return page;
}

uint32_t
vm_shelf_wants(const struct vm_limit *limit)
{
	return is_calm(limit) ? limit->shelves.size / 2 : 0;
}

void
vm_shelf_fill(struct vm_limit *limit, struct vm_page **pages, uint32_t count)
{
	struct vm_shelf *shelf = mine(limit);

	while (shelf != NULL && count > 0 &&
	    count_of(shelf) < limit->shelves.size)
		push(shelf, pages[--count]);
	if (shelf != NULL)
		leave(shelf);
	vm_limit_give_back(limit, pages, count);
}

/* As vm_frame_take leaves them, warm: what a shelf has. */
static bool
fits(const struct vm_page *page)
{
	return page->object == NULL && atomic_load_explicit(&page->flags,
	    memory_order_relaxed) == VM_PGA_WARM;
}

/* The older half, which is given. */
static uint32_t
take_half(struct vm_shelf *shelf, struct vm_page **pages)
{
	uint32_t count = count_of(shelf), half = (count + 1) / 2;

	for (uint32_t i = 0; i < count; i++)
		if (i < half)
			pages[i] = shelf->page[i];
		else
			shelf->page[i - half] = shelf->page[i];
	atomic_store_explicit(&shelf->count, count - half,
	    memory_order_relaxed);
	return half;
}

bool
vm_shelf_give(struct vm_limit *limit, struct vm_page *page, bool loose)
{
	struct vm_page *out[VM_SHELF_MAX];
	struct vm_shelf *shelf;
	uint32_t count = 0;

	if (limit->shelves.size == 0 || !fits(page))
		return false;
	/* A giver ends a streak of vain passes, and rings. */
	if (atomic_load_explicit(&limit->idle, memory_order_relaxed) != 0 ||
	    !atomic_load_explicit(&limit->gave, memory_order_relaxed) ||
	    atomic_load(&limit->armed) != 0)
		return false;
	shelf = mine(limit);
	if (shelf == NULL)
		return false;
	if (VM_UNLIKELY(count_of(shelf) == limit->shelves.size))
		count = take_half(shelf, out);
	push(shelf, page);
	if (loose)
		count_loose(shelf, UINT32_MAX);
	leave(shelf);
	vm_limit_give_back(limit, out, count);
	return true;
}

/* -- all of them ----------------------------------------------------------- */

static uint32_t
empty(struct vm_limit *limit, struct vm_shelf *shelf)
{
	struct vm_page *out[VM_SHELF_MAX];
	uint32_t count = 0;

	while (atomic_exchange(&shelf->busy, true))
		limit->frames->os->yield();
	for (; count_of(shelf) != 0; count++)
		out[count] = pop(shelf);
	leave(shelf);
	vm_limit_give_back(limit, out, count);
	return count;
}

uint32_t
vm_shelves_shut(struct vm_limit *limit)
{
	uint32_t count = 0;

	atomic_fetch_add(&limit->shelves.shut, 1);
	for (unsigned i = 0; limit->shelves.size != 0 && i < VM_SHELVES; i++)
		count += empty(limit, &limit->shelves.shelf[i]);
	return count;
}

void
vm_shelves_open(struct vm_limit *limit)
{
	uint32_t before = atomic_fetch_sub(&limit->shelves.shut, 1);

	vm_assert(before != 0);
}

uint32_t
vm_shelves_count(const struct vm_limit *limit)
{
	uint32_t count = 0;

	for (unsigned i = 0; limit->shelves.size != 0 && i < VM_SHELVES; i++)
		count += count_of(&limit->shelves.shelf[i]);
	return count;
}

uint32_t
vm_shelves_loose(const struct vm_limit *limit)
{
	uint32_t loose = 0;

	for (unsigned i = 0; limit->shelves.size != 0 && i < VM_SHELVES; i++)
		loose += atomic_load_explicit(
		    &limit->shelves.shelf[i].loose, memory_order_relaxed);
	return loose;
}
