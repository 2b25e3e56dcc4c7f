/* SPDX-License-Identifier: BSD-2-Clause */
/* frame/fictitious.c - a stack of descriptors; fictitious.h has the rules. */
#include "frame/fictitious.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"

#define TAKEN_FLAGS	(VM_PGA_FICTITIOUS | VM_PGA_UNMANAGED)

void
vm_fictitious_init(struct vm_fictitious *fictitious, struct vm_page *pages,
    uint32_t base, uint32_t most)
{
	*fictitious = (struct vm_fictitious){ .pages = pages, .base = base,
		.most = most, .quantum = VM_FICTITIOUS_QUANTUM };
	vm_lock_init(&fictitious->lock, VM_RANK_FRAME, "fictitious");
}

void
vm_fictitious_fini(struct vm_fictitious *fictitious)
{
	vm_assert(fictitious->count == fictitious->made);
	vm_lock_fini(&fictitious->lock);
}

static void
push_locked(struct vm_fictitious *fictitious, struct vm_page *page)
{
	vm_lock_assert_held(&fictitious->lock);
	atomic_store_explicit(&page->flags, VM_PGA_FICTITIOUS | VM_PGA_FREE,
	    memory_order_relaxed);
	page->foreign.next = fictitious->free;
	page->foreign.memory = NULL;
	fictitious->free = page;
	fictitious->count++;
}

struct vm_page *
vm_fictitious_take(struct vm_fictitious *fictitious)
{
	struct vm_page *page;

	vm_lock(&fictitious->lock);
	page = fictitious->free;
	if (page != NULL) {
		vm_assert((atomic_load_explicit(&page->flags,
		    memory_order_relaxed) & VM_PGA_FICTITIOUS) != 0);
		fictitious->free = page->foreign.next;
		fictitious->count--;
		page->foreign.next = NULL;
		page->pindex = 0;
		page->valid = page->weight = 0;
		atomic_store_explicit(&page->dirty, 0, memory_order_relaxed);
		atomic_store_explicit(&page->flags, TAKEN_FLAGS,
		    memory_order_relaxed);
	}
	vm_unlock(&fictitious->lock);
	return page;
}

void
vm_fictitious_give(struct vm_fictitious *fictitious, struct vm_page *page)
{
	uint16_t flags = atomic_load_explicit(&page->flags,
	    memory_order_relaxed);

	vm_assert(page->number >= fictitious->base);
	vm_assert(page == &fictitious->pages[page->number -
	    fictitious->base]);
	vm_assert((flags & VM_PGA_FICTITIOUS) != 0);
	vm_assert((flags & VM_PGA_FREE) == 0);
	vm_assert(page->object == NULL && page->list == 0);
	vm_assert(atomic_load(&page->wires) == 0);
	vm_assert(atomic_load(&page->holds) == 0);
	vm_lock(&fictitious->lock);
	push_locked(fictitious, page);
	vm_unlock(&fictitious->lock);
}

int
vm_fictitious_more(struct vm_fictitious *fictitious, uint32_t n)
{
	uint32_t room;

	if (n == 0)
		n = fictitious->quantum;
	vm_lock(&fictitious->lock);
	room = fictitious->most - fictitious->made;
	n = n < room ? n : room;
	for (uint32_t i = 0; i < n; i++) {
		struct vm_page *page = &fictitious->pages[fictitious->made];

		page->number = fictitious->base + fictitious->made++;
		push_locked(fictitious, page);
	}
	vm_unlock(&fictitious->lock);
	if (n == 0)
		return vm_error(ENOMEM, "pages: all %u descriptors without a "
		    "frame are made", fictitious->most);
	return (int)n;
}

uint32_t
vm_fictitious_free(struct vm_fictitious *fictitious)
{
	uint32_t count;

	vm_lock(&fictitious->lock);
	count = fictitious->count;
	vm_unlock(&fictitious->lock);
	return count;
}
