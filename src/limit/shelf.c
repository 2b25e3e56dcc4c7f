/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/shelf.c - shelf.h has the theory. */
#include "limit/shelf.h"

#include "base/assert.h"
#include "limit/hand.h"
#include "limit/limit_private.h"
#include "os/os.h"

void
vm_shelves_init(struct vm_shelves *shelves, uint32_t pages)
{
	uint32_t size = pages / VM_SHELF_SHARE;

	shelves->size = size < VM_SHELF_MAX ? size : VM_SHELF_MAX;
}

uint32_t
vm_shelf_wants(const struct vm_limit *limit)
{
	return vm_shelf_calm(limit) ? limit->shelves.size / 2 : 0;
}

void
vm_shelf_fill(struct vm_limit *limit, struct vm_page **pages, uint32_t count)
{
	struct vm_shelf *shelf = vm_shelf_mine(limit);

	while (shelf != NULL && count > 0 &&
	    vm_shelf_pages(shelf) < limit->shelves.size)
		vm_shelf_push(shelf, pages[--count]);
	if (shelf != NULL)
		vm_shelf_leave(shelf);
	vm_limit_give_back(limit, pages, count);
}

/* The older half, which is given. */
static uint32_t
take_half(struct vm_shelf *shelf, struct vm_page **pages)
{
	uint32_t count = vm_shelf_pages(shelf), half = (count + 1) / 2;

	for (uint32_t i = 0; i < count; i++)
		if (i < half)
			pages[i] = shelf->page[i];
		else
			shelf->page[i - half] = shelf->page[i];
	atomic_store_explicit(&shelf->count, count - half,
	    memory_order_relaxed);
	return half;
}

void
vm_shelf_push_full(struct vm_limit *limit, struct vm_shelf *shelf,
    struct vm_page *page)
{
	struct vm_page *out[VM_SHELF_MAX];
	uint32_t count = take_half(shelf, out);

	vm_shelf_push(shelf, page);
	vm_shelf_leave(shelf);
	vm_limit_give_back(limit, out, count);
}

/* -- all of them ----------------------------------------------------------- */

static uint32_t
empty(struct vm_limit *limit, struct vm_shelf *shelf)
{
	struct vm_page *out[VM_SHELF_MAX];
	uint32_t count = 0;

	while (atomic_exchange(&shelf->busy, true))
		limit->frames->os->yield();
	for (; vm_shelf_pages(shelf) != 0; count++)
		out[count] = vm_shelf_pop(shelf);
	vm_shelf_leave(shelf);
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
		count += vm_shelf_pages(&limit->shelves.shelf[i]);
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
