/* SPDX-License-Identifier: BSD-2-Clause */
/* window/purge.c - our own look at a store ends; window.h has the contract. */
#include <errno.h>

#include "base/error.h"
#include "window/window.h"

/* In ascending order, behind the barrier: none comes besides (rule 16). */
static void
hold_pages(struct vm_object *object)
{
	vm_pindex_t at = 0;
	struct vm_slot *slot;

	for (; vm_index_next(&object->index, false, &at, UINT64_MAX, &slot);
	    at++)
		(void)vm_object_lock_page(object, at);
}

static void
release_pages(struct vm_object *object)
{
	vm_pindex_t at = 0;
	struct vm_slot *slot;

	for (; vm_index_next(&object->index, false, &at, UINT64_MAX, &slot);
	    at++) {
		uint32_t number = vm_slot_number(slot);

		/* Held and absent: somebody is about to see the barrier. */
		if (number != VM_SLOT_ABSENT)
			vm_object_unlock_page(object,
			    vm_page_of(object->vm, number));
	}
}

int64_t
vm_window_purge(struct vm_object *object)
{
	struct vm_barrier barrier = { .end = UINT64_MAX };
	uint64_t bytes;

	if (vm_windows_show(object->vm->windows, object))
		return vm_error(EBUSY, "purge: a window shows a page of the "
		    "object");
	if (object->home != VM_HOME_STORE)
		return 0;
	vm_object_bar(object, &barrier);
	hold_pages(object);
	bytes = vm_store_unview(&object->store);
	release_pages(object);
	vm_object_unbar(object, &barrier);
	return (int64_t)bytes;
}
