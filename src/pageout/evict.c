/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/evict.c - evict.h has the theory. */
#include "pageout/evict.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/content.h"
#include "object/home.h"
#include "object/quota.h"
#include "object/retire.h"

_Static_assert(VM_EVICT_MAX <= VM_HOME_DROP_MAX &&
    VM_QUEUE_CLAIM_MAX <= VM_HOME_DROP_MAX, "they go at once");

static int
compare(const void *left, const void *right)
{
	const struct vm_page *a = *(struct vm_page *const *)left;
	const struct vm_page *b = *(struct vm_page *const *)right;

	if (a->object != b->object)
		return a->object->id < b->object->id ? -1 : 1;
	return a->pindex < b->pindex ? -1 : a->pindex > b->pindex;
}

void
vm_evict_sort(struct vm_page **pages, unsigned count)
{
	qsort(pages, count, sizeof(pages[0]), compare);
}

static void
leave(struct vm_page *page, enum vm_leave how)
{
	struct vm_object *object = page->object;
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	vm_assert(page->dirty == 0);
	vm_debug_assert(vm_slot_busy_excl(slot));
	VM_TRACE(object->vm->trace, evict, object->id, page->pindex,
	    page->number);
	vm_object_remove_page(object, page);
	if (how == VM_LEAVE_EVICTED)
		vm_quota_left(object, 1);
	vm_index_release_excl(&object->index, slot, VM_SLOT_ABSENT);
}

void
vm_evict(struct vm *vm, struct vm_page **pages, unsigned count,
    enum vm_leave how)
{
	if (count == 0)
		return;
	vm_evict_sort(pages, count);
	vm_home_drop_pages(pages, count);
	vm_queue_remove(&vm->queue, pages, count, how);
	for (unsigned at = 0; at < count; at++)
		leave(pages[at], how);
	vm_page_put_back(vm, pages, count);
	vm_limit_notify(&vm->limit);
}

/* Of one object.  It may go with the last slot. */
static void
leave_together(struct vm_object *object, struct vm_page **pages,
    unsigned count)
{
	struct vm_slot *slot[VM_QUEUE_CLAIM_MAX];

	for (unsigned i = 0; i < count; i++) {
		slot[i] = atomic_load_explicit(&pages[i]->slot,
		    memory_order_relaxed);
		vm_assert(pages[i]->dirty == 0);
		vm_index_expect(&object->index, slot[i]);
		VM_TRACE(object->vm->trace, evict, object->id,
		    pages[i]->pindex, pages[i]->number);
	}
	vm_object_remove_pages(object, pages, count);
	vm_quota_left(object, count);
	for (unsigned i = 0; i < count; i++)
		vm_index_release_excl(&object->index, slot[i],
		    VM_SLOT_ABSENT);
}

void
vm_evict_claimed(struct vm *vm, struct vm_page **pages, unsigned count)
{
	unsigned n;

	vm_assert(count <= VM_QUEUE_CLAIM_MAX);
	vm_home_drop_pages(pages, count);
	for (unsigned at = 0; at < count; at += n) {
		struct vm_object *object = pages[at]->object;

		for (n = 1; at + n < count &&
		    pages[at + n]->object == object; n++)
			continue;
		leave_together(object, &pages[at], n);
	}
	vm_page_put_back(vm, pages, count);
	vm_limit_notify(&vm->limit);
}

struct batch {
	struct vm_page *page[VM_EVICT_MAX];
	unsigned count;
	unsigned wired;
	unsigned flags;
};

static void
flush(struct vm_object *object, struct batch *batch)
{
	vm_evict(object->vm, batch->page, batch->count, VM_LEAVE_FREED);
	batch->count = 0;
}

/* The page exclusive, NULL when it is not resident, or is held and may stay.
 * We hold nothing while we wait: its holder might want what we hold. */
static struct vm_page *
lock_page(struct vm_object *object, vm_pindex_t pindex, struct batch *batch)
{
	struct vm_page *page = vm_object_try_lock_page(object, pindex);

	if (page != NULL || (batch->flags & VM_EVICT_IDLE) != 0)
		return page;
	flush(object, batch);
	return vm_object_lock_page(object, pindex);
}

static void
take_or_leave(struct vm_object *object, struct vm_page *page,
    struct batch *batch)
{
	bool wired = atomic_load(&page->wires) != 0;

	if (wired || (vm_content_owed(page) != 0 &&
	    (batch->flags & VM_EVICT_DIRTY) == 0)) {
		batch->wired += wired;
		vm_object_unlock_page(object, page);
		return;
	}
	vm_object_mark_clean(object, page);
	batch->page[batch->count++] = page;
	if (batch->count == VM_EVICT_MAX)
		flush(object, batch);
}

static int
refuse_wired(unsigned count)
{
	return vm_error(EBUSY, "object: %u pages are wired", count);
}

/* Wired pages of a range, as they are now. */
static unsigned
count_wired(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	struct vm_slot *slot;
	unsigned wired = 0;

	if (atomic_load(&object->wired) == 0)
		return 0;
	for (; vm_index_next(&object->index, false, &first, end, &slot);
	    first++) {
		uint32_t number = vm_slot_number(slot);

		/* A page that is not held may be another's by now: then it is
		 * counted too much, and the caller may try again. */
		if (number != VM_SLOT_ABSENT && atomic_load(
		    &vm_page_of(object->vm, number)->wires) != 0)
			wired++;
	}
	return wired;
}

int
vm_evict_range(struct vm_object *object, vm_pindex_t first, vm_pindex_t end,
    unsigned flags)
{
	struct batch batch = { .flags = flags };
	struct vm_slot *slot;

	if ((flags & VM_EVICT_IDLE) == 0)
		batch.wired = count_wired(object, first, end);
	if (batch.wired != 0)	/* before any bytes are given up */
		return refuse_wired(batch.wired);
	while (vm_index_next(&object->index, false, &first, end, &slot)) {
		struct vm_page *page = lock_page(object, first, &batch);

		first++;
		if (page != NULL)
			take_or_leave(object, page, &batch);
	}
	flush(object, &batch);
	if (batch.wired != 0 && (flags & VM_EVICT_IDLE) == 0)
		return refuse_wired(batch.wired);
	return 0;
}
