/* SPDX-License-Identifier: BSD-2-Clause */
/* api/wire.c - pinning ranges of an object: resident/object.h. */
#include <errno.h>
#include <resident/object.h>

#include "api/check.h"
#include "base/assert.h"
#include "base/error.h"
#include "fault/grab.h"
#include "object/object.h"

/*
 * Half of the limit at most: the other half keeps the system moving.  A page
 * is counted before its first wire, and a wire is counted for its first only
 * when it was the first.
 */
static int
count_page(struct vm_object *object)
{
	struct vm *vm = object->vm;

	if (atomic_fetch_add(&vm->wired, 1) >= vm->limit.total / 2) {
		atomic_fetch_sub(&vm->wired, 1);
		return vm_error(ENOMEM, "wire: half of the limit (%u pages) "
		    "is wired", vm->limit.total / 2);
	}
	atomic_fetch_add(&object->wired, 1);
	return 0;
}

static void
uncount_page(struct vm_object *object)
{
	atomic_fetch_sub(&object->wired, 1);
	atomic_fetch_sub(&object->vm->wired, 1);
}

/* One wire more.  The page is held, with others who may do the same. */
static int
add_wire(struct vm_object *object, struct vm_page *page)
{
	uint16_t wires = atomic_load(&page->wires);
	bool first;
	int error;

	do {
		if (wires == UINT16_MAX)
			return vm_error(EAGAIN, "wire: page %llu is wired %u "
			    "times", (unsigned long long)page->pindex,
			    UINT16_MAX);
		first = wires == 0;
		error = first ? count_page(object) : 0;
		if (error != 0 || atomic_compare_exchange_strong(
		    &page->wires, &wires, (uint16_t)(wires + 1)))
			return error;
		if (first)
			uncount_page(object);
	} while (true);
}

static void
drop_wire(struct vm_object *object, struct vm_page *page)
{
	uint16_t wires = atomic_load(&page->wires);

	while (wires != 0 && !atomic_compare_exchange_weak(&page->wires,
	    &wires, (uint16_t)(wires - 1)))
		continue;
	if (wires == 1)
		uncount_page(object);
}

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
		drop_wire(object, page);
		vm_ungrab(page);
	}
}

static int
wire_page(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_page *page;
	int error = vm_grab(object, pindex, 0, &page);

	if (error != 0)
		return error;
	error = add_wire(object, page);
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
