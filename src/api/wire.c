/* SPDX-License-Identifier: BSD-2-Clause */
/* api/wire.c - pinning ranges of an object: resident/object.h. */
#include <errno.h>
#include <resident/object.h>

#include "api/check.h"
#include "base/assert.h"
#include "base/error.h"
#include "fault/grab.h"
#include "object/object.h"

static void
unwire(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	struct vm_slot *slot;

	for (; vm_index_next(&object->index, false, &first, end, &slot);
	    first++) {
		struct vm_page *page = vm_object_lock_page(object, first);

		if (page == NULL)
			continue;
		if (atomic_load(&page->wires) != 0 &&
		    atomic_fetch_sub(&page->wires, 1) == 1) {
			atomic_fetch_sub(&object->wired, 1);
			atomic_fetch_sub(&object->vm->wired, 1);
		}
		vm_object_unlock_page(object, page);
	}
}

/* Half of the limit at most: the other half keeps the system moving. */
static int
wire_page(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm *vm = object->vm;
	struct vm_page *page;
	int error = vm_grab(object, pindex, 0, &page);

	if (error != 0)
		return error;
	if (atomic_load(&page->wires) == UINT16_MAX)
		error = vm_error(EAGAIN, "wire: page %llu is wired %u times",
		    (unsigned long long)pindex, UINT16_MAX);
	else if (atomic_fetch_add(&page->wires, 1) == 0) {
		atomic_fetch_add(&object->wired, 1);
		if (atomic_fetch_add(&vm->wired, 1) >= vm->limit.total / 2)
			error = vm_error(ENOMEM, "wire: half of the limit "
			    "(%u pages) is wired", vm->limit.total / 2);
	}
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
			/* ENOMEM was counted before it was refused. */
			unwire(object, first, error == -ENOMEM ? at + 1 : at);
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
