/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/supply.c - supply.h has the theory. */
#include "fault/supply.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "fault/rights.h"
#include "object/home.h"
#include "stat/stat.h"

static int
refused(vm_pindex_t pindex, int error, const char *why)
{
	return vm_error(error, "supply: page %llu: %s",
	    (unsigned long long)pindex, why);
}

/* The slot, exclusive and absent, of a page that may come. */
static int
claim(struct vm_object *object, vm_pindex_t pindex, struct vm_slot **slot)
{
	uint32_t number;
	int got, error = 0;

	if (pindex >= vm_object_pages(object))
		return refused(pindex, ERANGE, "it is beyond the object's "
		    "end");
	got = vm_index_try_excl(&object->index, pindex, slot, &number);
	if (got < 0)
		return refused(pindex, ENOMEM, "no index leaf left");
	if (got == 0)
		return refused(pindex, EEXIST, "somebody is in it");
	if (number != VM_SLOT_ABSENT)
		error = refused(pindex, EEXIST, "it is resident");
	else if (vm_object_barred(object, pindex))
		error = refused(pindex, EBUSY, "its bytes are being changed");
	/* Once more: who shortens an object waits for the slot from now on. */
	else if (pindex >= vm_object_pages(object))
		error = refused(pindex, ERANGE, "it is beyond the object's "
		    "end");
	if (error != 0) {
		vm_index_release_excl(&object->index, *slot, number);
		vm_limit_notify(&object->vm->limit);
	}
	return error;
}

static int
bring_home(struct vm_object *object, vm_pindex_t pindex, struct vm_page *page,
    const void *bytes)
{
	struct vm *vm = object->vm;
	int error;

	if (vm_home_is_pool(object)) {
		memcpy(vm_frame_data(&vm->frames, page), bytes,
		    vm->page_bytes);
		return 0;
	}
	vm_home_expect(object, pindex, 1);
	error = vm_home_fill(object, pindex, 1, bytes, true);
	if (error != 0)
		vm_home_drop(object, pindex, 1);
	return error;
}

static void
mark(struct vm_page *page, unsigned marks)
{
	const struct vm_pager_marks all = {
		.precious = (marks & VM_PAGER_PRECIOUS) != 0,
		.no_write = (marks & VM_PAGER_NO_WRITE) != 0,
		.no_access = (marks & VM_PAGER_NO_ACCESS) != 0,
	};

	vm_rights_take(page, &all, 0);
}

int
vm_supply(struct vm_object *object, vm_pindex_t pindex, const void *bytes,
    unsigned marks)
{
	struct vm *vm = object->vm;
	struct vm_slot *slot;
	struct vm_page *page;
	int error = claim(object, pindex, &slot);

	if (error != 0)
		return error;
	if (vm_limit_take(&vm->limit, object->home, VM_CLASS_NORMAL,
	    VM_TAKE_OPTIONAL, &page, 1) == 0) {
		error = refused(pindex, ENOMEM, "memory is short");
	} else {
		error = bring_home(object, pindex, page, bytes);
		if (error != 0)
			vm_limit_give(&vm->limit, &page, 1);
	}
	if (error != 0) {
		vm_index_release_excl(&object->index, slot, VM_SLOT_ABSENT);
		vm_limit_notify(&vm->limit);
		return error;
	}
	page->valid = vm_page_all_blocks(vm->page_bytes);
	vm_object_enter_page(object, page, pindex, slot);
	mark(page, marks);
	vm_queue_add(&vm->queue, &page, 1);
	vm_count(vm->counters, VM_COUNTER_pages_in, 1);
	vm_index_release_excl(&object->index, slot, vm_number_of(page));
	vm_limit_notify(&vm->limit);
	return 0;
}
