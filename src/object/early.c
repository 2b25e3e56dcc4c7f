/* SPDX-License-Identifier: BSD-2-Clause */
/* object/early.c - early.h has the theory. */
#include "object/early.h"

#include "base/assert.h"

void
vm_early_enter(struct vm_page **pages, unsigned count)
{
	if (count == 0)
		return;
	for (unsigned i = 0; i < count; i++)
		atomic_fetch_or_explicit(&pages[i]->flags,
		    VM_PGA_SPECULATIVE, memory_order_relaxed);
	atomic_fetch_add_explicit(&pages[0]->object->vm->early, count,
	    memory_order_relaxed);
}

/* Whoever takes the flag away is the one who counts. */
bool
vm_early_stop(struct vm_page *page)
{
	uint16_t old = atomic_fetch_and_explicit(&page->flags,
	    (uint16_t)~VM_PGA_SPECULATIVE, memory_order_relaxed);
	uint32_t early;

	if ((old & VM_PGA_SPECULATIVE) == 0)
		return false;
	early = atomic_fetch_sub_explicit(&page->object->vm->early, 1,
	    memory_order_relaxed);
	vm_assert(early != 0);
	return true;
}

bool
vm_early_use(struct vm_page *page)
{
	struct vm_object *object = page->object;

	if (!vm_early_stop(page))
		return false;
	atomic_fetch_add_explicit(&object->early_used, 1,
	    memory_order_relaxed);
	vm_count(object->vm->counters, VM_COUNTER_readahead_used, 1);
	return true;
}

/* A mark that no policy has seen is a use all the same. */
void
vm_early_leave(struct vm_page *page)
{
	struct vm_object *object = page->object;
	const struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	if (slot != NULL && vm_slot_referenced(slot)) {
		(void)vm_early_use(page);
		return;
	}
	if (!vm_early_stop(page))
		return;
	atomic_fetch_add_explicit(&object->early_unused, 1,
	    memory_order_relaxed);
	vm_count(object->vm->counters, VM_COUNTER_readahead_unused, 1);
}

uint32_t
vm_early_room(const struct vm *vm)
{
	uint32_t most = atomic_load_explicit(&vm->limit.total,
	    memory_order_relaxed) / VM_EARLY_SHARE;
	uint32_t early = atomic_load_explicit(&vm->early,
	    memory_order_relaxed);

	return early < most ? most - early : 0;
}
