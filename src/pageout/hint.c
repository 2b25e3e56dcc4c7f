/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/hint.c - hint.h has the theory. */
#include "pageout/hint.h"

#include "object/content.h"
#include "pageout/launder.h"

static void
hint_page(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm *vm = object->vm;
	struct vm_slot *slot;
	struct vm_page *page;
	uint32_t number;

	if (!vm_index_try_shared(&object->index, pindex, &slot, &number))
		return;
	page = vm_page_of(vm, number);
	if (vm_content_owed(page) == 0)
		vm_queue_deactivate(&vm->queue, page, false);
	vm_slot_release_shared(slot);
	vm_limit_notify(&vm->limit);
}

int
vm_clean_hint(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	vm_pindex_t at = first;
	struct vm_slot *slot;

	/* Before the dirty ones are clean too. */
	if (atomic_load_explicit(&object->vm->clean_hint,
	    memory_order_relaxed))
		for (; vm_index_next(&object->index, false, &at, end, &slot);
		    at++)
			hint_page(object, at);
	return vm_launder_range(object, first, end, 0);
}
