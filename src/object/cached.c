/* SPDX-License-Identifier: BSD-2-Clause */
/* object/cached.c - cached.h has the theory. */
#include "object/cached.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/early.h"
#include "object/home.h"
#include "object/life.h"
#include "object/quota.h"
#include "object/retire.h"

static bool
has_flag(const struct vm_page *page, unsigned flags)
{
	return (atomic_load_explicit(&page->flags, memory_order_relaxed) &
	    flags) != 0;
}

static struct vm_slot *
slot_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->slot, memory_order_relaxed);
}

/* A queued page keeps its object. */
static bool
is_external(const struct vm_page *page)
{
	return !page->object->anonymous;
}

static unsigned
part_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->object->part,
	    memory_order_relaxed);
}

static void
count_cached(struct vm_queue *queue, int change)
{
	struct vm *vm = VM_CONTAINER(queue, struct vm, queue);

	vm_limit_cached(&vm->limit, change);
}

/*
 * A page of the pool or a window that could leave just now, as it is: clean and
 * idle.  What is looked at first may change until the slot is ours, so it is
 * looked at again; by then it needs the slot to change.
 */
static enum vm_verdict
claim(struct vm_queue *queue, struct vm_page *page)
{
	uint32_t number;

	(void)queue;
	if (atomic_load(&page->wires) != 0 ||
	    atomic_load(&page->holds) != 0 || atomic_load(&page->loans) != 0)
		return VM_VERDICT_BUSY;
	if (page->object->home == VM_HOME_STORE || page->dirty != 0 ||
	    has_flag(page, VM_PGA_PRECIOUS))
		return VM_VERDICT_STAYS;
	if (!vm_quota_claim(page->object))
		return VM_VERDICT_BUSY;
	if (vm_slot_try_excl_if(slot_of(page), true, &number)) {
		vm_assert(number == vm_number_of(page));
		if (VM_LIKELY(vm_page_may_leave(page)))
			return VM_VERDICT_TAKEN;
		vm_object_unlock_page(page->object, page);
	}
	vm_quota_left(page->object, 1);
	return VM_VERDICT_BUSY;
}

/* A queued page has a slot: it leaves the queue before it loses it. */
static bool
referenced(struct vm_page *page)
{
	bool used = vm_slot_test_clear_referenced(slot_of(page));

	if (used && vm_page_early(page))
		(void)vm_early_use(page);
	return used;
}

static const struct vm_queue_hooks hooks = {
	.referenced = referenced,
	.external = is_external,
	.part = part_of,
	.cached = count_cached,
	.claim = claim,
};

void
vm_cached_init(struct vm *vm)
{
	vm_queue_connect(&vm->queue, &hooks);
}

bool
vm_page_try_lock(struct vm *vm, struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_acquire);
	uint32_t number;

	if (slot == NULL || vm_slot_number(slot) != vm_number_of(page) ||
	    !vm_slot_try_excl(slot, &number))
		return false;
	if (number == vm_number_of(page))
		return true;
	vm_slot_release_excl(slot, number);
	vm_limit_notify(&vm->limit);
	return false;
}

bool
vm_page_may_leave(const struct vm_page *page)
{
	return page->dirty == 0 && atomic_load(&page->wires) == 0 &&
	    atomic_load(&page->holds) == 0 &&
	    atomic_load(&page->loans) == 0 &&
	    !has_flag(page, VM_PGA_PRECIOUS | VM_PGA_UNMANAGED);
}

/* Out of every mapping, out of the queue, identity gone, slot absent, free. */
void
vm_page_let_go(struct vm_page *page, enum vm_leave how)
{
	struct vm_object *object = page->object;
	struct vm_slot *slot = slot_of(page);
	struct vm *vm = object->vm;

	vm_assert(vm_slot_busy_excl(slot));
	vm_assert(page->dirty == 0 && atomic_load(&page->wires) == 0);
	vm_home_drop(object, page->pindex, 1);
	vm_queue_remove(&vm->queue, &page, 1, how);
	vm_object_remove_page(object, page);
	if (how == VM_LEAVE_EVICTED)
		vm_quota_left(object, 1);
	vm_index_release_excl(&object->index, slot, VM_SLOT_ABSENT);
	vm_page_put_back(vm, &page, 1);
	vm_limit_notify(&vm->limit);
}

int
vm_cached_refuse(struct vm_page *page)
{
	int error = vm_error(EIO, "page %llu: its pager could not bring it",
	    (unsigned long long)page->pindex);
	struct vm_slot *slot = slot_of(page);

	vm_assert(has_flag(page, VM_PGA_ERROR));
	if ((vm_slot_busy_excl(slot) || vm_slot_try_upgrade(slot)) &&
	    vm_page_may_leave(page))
		vm_page_let_go(page, VM_LEAVE_FREED);
	else
		vm_life_release(page);
	return error;
}

/* A use from now on is news. */
static bool
put(struct vm_page *page)
{
	(void)vm_slot_test_clear_referenced(slot_of(page));
	return vm_queue_cache(&page->object->vm->queue, page);
}

bool
vm_cached_put(struct vm_page *page)
{
	vm_assert(vm_slot_busy_excl(slot_of(page)));
	vm_assert(page->dirty == 0);
	if (has_flag(page, VM_PGA_PRECIOUS))
		return false;
	if (!vm_home_is_seen(page->object)) {
		VM_TRACE(page->object->vm->trace, cache, page->object->id,
		    page->pindex, page->number);
		return put(page);
	}
	vm_queue_deactivate(&page->object->vm->queue, page, true);
	return false;
}

/* The page, exclusive, if it is idle in every way; else NULL. */
static struct vm_page *
take_idle(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_page *page = vm_object_try_lock_page(object, pindex);

	if (page == NULL || vm_page_may_leave(page))
		return page;
	vm_object_unlock_page(object, page);
	return NULL;
}

bool
vm_cached_try_put(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_page *page = take_idle(object, pindex);
	bool cached;

	if (page == NULL)
		return false;
	cached = !vm_home_is_seen(object) && put(page);
	vm_object_unlock_page(object, page);
	return cached;
}

bool
vm_cached_try_free(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_page *page = take_idle(object, pindex);

	if (page == NULL)
		return false;
	vm_page_let_go(page, VM_LEAVE_FREED);
	return true;
}

/* A candidate: taken, or back among those that stay. */
static bool
take_or_keep(struct vm *vm, struct vm_page *page)
{
	if (!vm_page_try_lock(vm, page)) {
		vm_queue_deactivate(&vm->queue, page, false);
		return false;
	}
	if (!has_flag(page, VM_PGA_CACHED)) {
		/* It came back since we looked. */
	} else if (!vm_page_may_leave(page)) {
		vm_queue_deactivate(&vm->queue, page, false);
	} else if (vm_slot_test_clear_referenced(slot_of(page))) {
		vm_queue_activate(&vm->queue, page);
	} else {
		vm_page_let_go(page, VM_LEAVE_FREED);
		return true;
	}
	vm_object_unlock_page(page->object, page);
	return false;
}

bool
vm_cached_take(struct vm *vm)
{
	/* As many looks as there are pages now: others may cache new ones. */
	for (uint32_t n = vm_queue_cached(&vm->queue); n > 0; n--) {
		struct vm_page *page = vm_queue_oldest_cached(&vm->queue);

		if (page == NULL)
			return false;
		if (take_or_keep(vm, page))
			return true;
	}
	return false;
}
