/* SPDX-License-Identifier: BSD-2-Clause */
/* audit.c - audit.h has the theory. */
#include "audit.h"

#include <sched.h>
#include <stdio.h>

#include "check.h"
#include "object/object.h"

/* 1,000,000 turns of the processor: seconds, where the daemon needs ms. */
#define TRIES 1000000

struct sums {
	uint64_t resident;
	uint64_t dirty;
	uint64_t wired;
	uint32_t leaves;
	const char *wrong;	/* NULL: nothing so far */
};

static bool
expect(struct sums *sums, bool truth, const char *what)
{
	if (!truth && sums->wrong == NULL)
		sums->wrong = what;
	return truth;
}

/* The page in a slot, seen as one of its sharers. */
static void
look_at_page(struct vm_object *object, vm_pindex_t pindex, struct sums *sums,
    uint32_t *leaf_dirty)
{
	const struct vm_page *page;
	struct vm_slot *slot;
	uint32_t number;

	if (!expect(sums, vm_index_try_shared(&object->index, pindex, &slot,
	    &number), "a slot is busy"))
		return;
	page = vm_page_of(object->vm, number);
	expect(sums, page->object == object, "a page's object");
	expect(sums, page->pindex == pindex, "a page's index");
	expect(sums, atomic_load(&page->slot) == slot, "a page's slot");
	expect(sums, (atomic_load(&page->flags) & VM_PGA_LAUNDRY) == 0,
	    "a page is in the laundry");
	sums->resident++;
	sums->dirty += page->dirty != 0;
	sums->wired += atomic_load(&page->wires) != 0;
	*leaf_dirty += page->dirty != 0;
	vm_slot_release_shared(slot);
}

static struct vm_leaf *
leaf_of(struct vm_slot *slot, vm_pindex_t pindex)
{
	return VM_CONTAINER(slot - pindex % VM_LEAF_SLOTS, struct vm_leaf,
	    slot);
}

static void
look_at_leaf(struct vm_object *object, vm_pindex_t *at, struct vm_slot *slot,
    struct sums *sums)
{
	struct vm_leaf *leaf = leaf_of(slot, *at);
	vm_pindex_t end = *at - *at % VM_LEAF_SLOTS + VM_LEAF_SLOTS;
	uint32_t used = 0, dirty = 0;

	while (vm_index_next(&object->index, false, at, end, &slot)) {
		look_at_page(object, *at, sums, &dirty);
		used++;
		++*at;
	}
	expect(sums, atomic_load(&leaf->used) == used, "a leaf's use count");
	expect(sums, atomic_load(&leaf->dirty) == dirty,
	    "a leaf's dirty count");
	sums->leaves++;
	*at = end;
}

static void
look_at_object(struct vm_object *object, struct sums *sums)
{
	struct sums own = { .wrong = NULL };
	struct vm_slot *slot;
	vm_pindex_t at = 0;

	while (vm_index_next(&object->index, false, &at, UINT64_MAX, &slot))
		look_at_leaf(object, &at, slot, &own);
	expect(&own, atomic_load(&object->resident) == own.resident,
	    "an object's resident count");
	expect(&own, atomic_load(&object->dirty) == own.dirty,
	    "an object's dirty count");
	expect(&own, atomic_load(&object->wired) == own.wired,
	    "an object's wired count");
	sums->resident += own.resident;
	sums->wired += own.wired;
	sums->leaves += own.leaves;
	expect(sums, own.wrong == NULL, own.wrong);
}

static void
look_at_all(struct vm *vm, struct sums *sums)
{
	struct vm_node *node;

	/* The caller makes and ends no object meanwhile. */
	for (node = vm_list_first(&vm->objects); node != NULL;
	    node = vm_list_next(&vm->objects, node))
		look_at_object(VM_ENTRY(node, struct vm_object, link), sums);
	expect(sums, atomic_load(&vm->limit.free) + sums->resident ==
	    vm->limit.total, "free and resident pages are not all");
	expect(sums, atomic_load(&vm->wired) == sums->wired,
	    "the system's wired count");
	expect(sums, vm_queue_count(&vm->queue) == sums->resident,
	    "resident pages are not queued, or others are");
	expect(sums, atomic_load(&vm->limit.peak) <= vm->limit.total,
	    "more pages than the limit were in use");
	vm_lock(&vm->leaves.lock);
	expect(sums, vm->leaves.live == sums->leaves, "the leaves in use");
	vm_unlock(&vm->leaves.lock);
}

void
audit(struct vm *vm)
{
	struct sums sums;

	for (int i = 0; i < TRIES; i++) {
		sums = (struct sums){ .wrong = NULL };
		look_at_all(vm, &sums);
		if (sums.wrong == NULL)
			return;
		sched_yield();
	}
	fprintf(stderr, "audit: %s\n", sums.wrong);
	CHECK(sums.wrong == NULL);
}
