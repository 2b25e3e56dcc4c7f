/* SPDX-License-Identifier: BSD-2-Clause */
/* api/wire.c - pinning ranges of an object: resident/object.h. */
#include <resident/object.h>

#include "api/check.h"
#include "fault/grab.h"
#include "object/object.h"
#include "object/wire.h"

/* The page shared; NULL when it is not resident. */
static struct vm_page *
share_page(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_slot *slot;
	uint32_t number;

	while (!vm_index_try_shared(&object->index, pindex, &slot, &number)) {
		if (slot == NULL || (vm_slot_idle(slot) &&
		    vm_slot_number(slot) == VM_SLOT_ABSENT))
			return NULL;
		vm_index_wait(&object->index, pindex, slot, true);
	}
	return vm_page_of(object->vm, number);
}

static void
unwire(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	struct vm_slot *slot;

	for (; vm_index_next(&object->index, false, &first, end, &slot);
	    first++) {
		struct vm_page *page = share_page(object, first);

		if (page == NULL)
			continue;
		(void)!vm_wire_try_drop(page);
		vm_ungrab(page);
	}
}

static int
wire_page(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_page *page;
	int error = vm_grab(object, pindex, VM_HOW_WIRED, &page);

	if (error == 0)
		vm_ungrab(page);
	return error;
}

VM_EXPORT int
vm_object_wire(struct vm_object *object, uint64_t offset, uint64_t length)
{
	vm_pindex_t first, end;
	int error = vm_check_range("wire", offset, length);

	if (error != 0)
		return error;
	vm_check_pages(object, offset, length, &first, &end);
	for (vm_pindex_t at = first; at < end; at++) {
		error = wire_page(object, at);
		if (error != 0) {
			unwire(object, first, at);
			return error;
		}
	}
	return 0;
}

VM_EXPORT int
vm_object_unwire(struct vm_object *object, uint64_t offset, uint64_t length)
{
	vm_pindex_t first, end;
	int error = vm_check_range("unwire", offset, length);

	if (error != 0)
		return error;
	vm_check_pages(object, offset, length, &first, &end);
	unwire(object, first, end);
	return 0;
}
