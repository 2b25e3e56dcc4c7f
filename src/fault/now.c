/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/now.c - a miss of one page, read by the thread that misses.
 *
 * No filler, no queue, no request: the pager reads straight into the frame, or
 * into a cell, from which it is copied into a window.  The steps are those of
 * a fill (fill.h), and in the same order.
 */
#include "fault/fill.h"
#include "object/home.h"
#include "object/life.h"
#include "stat/stat.h"

/* It has its bytes; the policy hears of it before others see it (rule 42). */
static void
enter(const struct vm_fill_claim *claim)
{
	struct vm_object *object = claim->object;
	struct vm_page *page = claim->page;
	struct vm *vm = object->vm;

	page->valid = vm->all_blocks;
	vm_object_enter_page(object, page, claim->pindex, claim->slot);
	vm_queue_add(&vm->queue, &page, 1);
	vm_object_note_entered(object, claim->pindex, 1);
	VM_TRACE(vm->trace, fill, object->id, claim->pindex, 1);
	vm_count(vm->counters, VM_COUNTER_pages_in, 1);
}

static void
publish(const struct vm_fill_claim *claim, bool shared)
{
	uint32_t number = vm_number_of(claim->page);

	if (shared)
		vm_slot_publish_shared(claim->slot, number);
	else
		vm_slot_exchange(claim->slot, number);
	if (claim->bounded)
		vm_object_inflight_done(claim->object, 1);
	vm_limit_notify(&claim->object->vm->limit);
}

static enum vm_pager_result
read_pool(const struct vm_fill_claim *claim, int *error)
{
	struct vm_object *object = claim->object;

	return object->pager->ops->read_now(object->pager, claim->pindex,
	    vm_frame_data(&object->vm->frames, claim->page), error);
}

/* Shared: a write traps.  Else it does not, and the page is dirty. */
static enum vm_pager_result
read_window(const struct vm_fill_claim *claim, bool shared, int *error)
{
	struct vm_object *object = claim->object;
	void *cell = vm_cell_take(object->vm);
	enum vm_pager_result result;

	if (cell == NULL)
		return VM_PAGER_PENDING;
	result = object->pager->ops->read_now(object->pager, claim->pindex,
	    cell, error);
	if (result == VM_PAGER_OK)
		*error = -vm_home_fill(object, claim->pindex, 1, cell,
		    shared);
	vm_cell_give(object->vm, cell);
	return result == VM_PAGER_OK && *error != 0 ? VM_PAGER_FAILED :
	    result;
}

enum vm_pager_result
vm_fill_now(const struct vm_fill_claim *claim, bool shared, int *error)
{
	struct vm_object *object = claim->object;
	bool window = object->home == VM_HOME_WINDOW;
	enum vm_pager_result result;

	/* While it is read, by whatever way. */
	vm_queue_expect(&object->vm->queue, object, claim->pindex);
	if (object->home == VM_HOME_STORE ||
	    object->pager->ops->read_now == NULL)
		return VM_PAGER_PENDING;
	result = VM_UNLIKELY(window) ? read_window(claim, shared, error) :
	    read_pool(claim, error);
	if (VM_UNLIKELY(result == VM_PAGER_FAILED))
		VM_TRACE(object->vm->trace, error, object->id, claim->pindex,
		    *error);
	if (result != VM_PAGER_OK)
		return result;
	enter(claim);
	if (VM_UNLIKELY(window) && !shared)
		vm_object_mark_dirty(object, claim->page, claim->page->valid);
	publish(claim, shared);
	return VM_PAGER_OK;
}
