/* SPDX-License-Identifier: BSD-2-Clause */
/* object/look.c - look.h has the theory. */
#include "object/look.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"

struct vm_page *
vm_look_page(struct vm_object *object, vm_pindex_t pindex)
{
	uint32_t number = vm_index_peek(&object->index, pindex);

	return number == VM_SLOT_ABSENT ? NULL :
	    vm_page_of(object->vm, number);
}

void
vm_look_touch(struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	if (slot != NULL)
		vm_slot_mark(slot);
}

struct vm_page *
vm_look_next(struct vm_object *object, vm_pindex_t *pindex)
{
	struct vm_slot *slot;

	for (; vm_index_next(&object->index, false, pindex, UINT64_MAX,
	    &slot); ++*pindex) {
		struct vm_page *page = vm_look_page(object, *pindex);

		if (page != NULL)
			return page;
	}
	return NULL;
}

struct vm_page *
vm_look_prev(struct vm_object *object, vm_pindex_t *pindex)
{
	struct vm_slot *slot;

	while (vm_index_prev(&object->index, pindex, 0, &slot)) {
		struct vm_page *page = vm_look_page(object, *pindex);

		if (page != NULL)
			return page;
		if (*pindex == 0)
			return NULL;
		--*pindex;
	}
	return NULL;
}

unsigned
vm_look_range(struct vm_object *object, vm_pindex_t first, vm_pindex_t end,
    struct vm_page **pages, unsigned max)
{
	struct vm_page *page;
	unsigned n = 0;

	for (; n < max && (page = vm_look_next(object, &first)) != NULL &&
	    first < end; first++)
		pages[n++] = page;
	return n;
}

uint64_t
vm_look_resident(struct vm_object *object, vm_pindex_t first, uint64_t count,
    unsigned char *vec)
{
	vm_pindex_t at = first;
	uint64_t n = 0;

	memset(vec, 0, count);
	for (; vm_look_next(object, &at) != NULL && at - first < count;
	    at++) {
		vec[at - first] = 1;
		n++;
	}
	return n;
}

int
vm_look_wait(struct vm_object *object, vm_pindex_t pindex,
    bool shared_suffices, uint64_t timeout_ns)
{
	struct vm_slot *slot = vm_index_find(&object->index, pindex);
	uint32_t seen;

	vm_lock_assert_none_held();
	if (slot == NULL || !vm_slot_wait_prepare(slot, shared_suffices,
	    &seen) || !vm_index_owns(&object->index, slot, pindex))
		return 0;
	/* Marking changes the low half of the word, on which we sleep. */
	vm_slot_mark(slot);
	if (!vm_slot_wait_prepare(slot, shared_suffices, &seen) ||
	    !vm_index_owns(&object->index, slot, pindex))
		return 1;
	if (vm_slot_wait_bounded(slot, seen, timeout_ns))
		return 1;
	return vm_error(ETIMEDOUT, "page %llu is still held",
	    (unsigned long long)pindex);
}
