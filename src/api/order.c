/* SPDX-License-Identifier: BSD-2-Clause */
/* api/order.c - which pages are to go first: resident/order.h. */
#include <errno.h>
#include <resident/order.h>

#include "api/check.h"
#include "base/assert.h"
#include "base/error.h"
#include "object/cached.h"
#include "pageout/hint.h"

/* A page with an identity, held by somebody, who we trust is the caller. */
static struct vm_queue *
queue_of(const struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	vm_assert(slot != NULL && !vm_slot_idle(slot));
	return &page->object->vm->queue;
}

VM_EXPORT void
vm_page_activate(struct vm_page *page)
{
	VM_TRACE(page->object->vm->trace, activate, page->object->id,
	    page->pindex, page->number);
	vm_queue_place(queue_of(page), page, VM_PLACE_ACTIVE);
}

VM_EXPORT void
vm_page_deactivate(struct vm_page *page, unsigned where)
{
	vm_assert(where == VM_AT_TAIL || where == VM_AT_HEAD);
	VM_TRACE(page->object->vm->trace, deactivate, page->object->id,
	    page->pindex, page->number);
	vm_queue_place(queue_of(page), page, where == VM_AT_HEAD ?
	    VM_PLACE_INACTIVE_HEAD : VM_PLACE_INACTIVE);
}

VM_EXPORT int
vm_page_cache(struct vm_page *page)
{
	(void)queue_of(page);
	return vm_cached_put(page);
}

VM_EXPORT int
vm_page_try_to_cache(struct vm_object *object, uint64_t pindex)
{
	return vm_cached_try_put(object, pindex);
}

VM_EXPORT int
vm_page_try_to_free(struct vm_object *object, uint64_t pindex)
{
	return vm_cached_try_free(object, pindex);
}

VM_EXPORT void
vm_page_dontneed(struct vm_page *page)
{
	struct vm_queue *queue = queue_of(page);
	uint32_t n = atomic_fetch_add_explicit(&page->object->dontneed, 1,
	    memory_order_relaxed) + 1;

	VM_TRACE(page->object->vm->trace, dontneed, page->object->id,
	    page->pindex, page->number);
	vm_queue_dontneed(queue, page, n);
}

VM_EXPORT uint32_t
vm_page_act_count(const struct vm_page *page)
{
	return vm_queue_activity(queue_of(page), page);
}

VM_EXPORT const char *
vm_page_queue_name(const struct vm_page *page)
{
	return vm_queue_name(queue_of(page), page);
}

VM_EXPORT int
vm_object_clean_hint(struct vm_object *object, uint64_t offset,
    uint64_t length)
{
	vm_pindex_t first, end;
	int error = vm_check_range("clean", offset, length);

	if (error != 0)
		return error;
	vm_check_pages(object, offset, length, &first, &end);
	return vm_clean_hint(object, first, end);
}

static _Atomic bool *
switch_of(struct vm *vm, enum vm_knob knob)
{
	switch (knob) {
	case VM_KNOB_DEACTIVATE_BEHIND:
		return &vm->behind;
	case VM_KNOB_DEACTIVATE_HINT:
		return &vm->clean_hint;
	}
	vm_error(EINVAL, "knob: there is none with number %d", (int)knob);
	return NULL;
}

VM_EXPORT int
vm_knob_get(struct vm *vm, enum vm_knob knob)
{
	_Atomic bool *which = switch_of(vm, knob);

	return which == NULL ? -EINVAL : atomic_load(which);
}

VM_EXPORT int
vm_knob_set(struct vm *vm, enum vm_knob knob, int on)
{
	_Atomic bool *which = switch_of(vm, knob);

	if (which == NULL)
		return -EINVAL;
	atomic_store(which, on != 0);
	return 0;
}
