/* SPDX-License-Identifier: BSD-2-Clause */
/* object/foreign.c - foreign.h has the theory. */
#include "object/foreign.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/early.h"
#include "object/life.h"
#include "object/retire.h"
#include "object/wire.h"

/* What a page with a frame is not. */
#define FOREIGN	(VM_PGA_FICTITIOUS | VM_PGA_PRIVATE | VM_PGA_UNMANAGED)

static uint16_t
flags_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->flags, memory_order_relaxed);
}

static void
set_flags(struct vm_page *page, uint16_t flags)
{
	atomic_store_explicit(&page->flags, flags, memory_order_relaxed);
}

int
vm_foreign_take(struct vm *vm, struct vm_page **out)
{
	struct vm_page *page = vm_fictitious_take(&vm->frames.fictitious);

	if (page == NULL)
		return vm_error(ENOMEM, "fictitious: every descriptor is in "
		    "use");
	page->object = vm->nowhere;
	atomic_fetch_add_explicit(&vm->loose, 1, memory_order_relaxed);
	*out = page;
	return 0;
}

void
vm_foreign_make_private(struct vm_page *page, void *memory)
{
	vm_assert((flags_of(page) & FOREIGN) ==
	    (VM_PGA_FICTITIOUS | VM_PGA_UNMANAGED));
	vm_assert(memory != NULL);
	page->foreign.memory = memory;
	page->valid = vm_page_all_blocks(page->object->vm->page_bytes);
	atomic_fetch_or_explicit(&page->flags, VM_PGA_PRIVATE,
	    memory_order_relaxed);
}

/* The dirty count and the wires of the object stay as they are: it is the same
 * page to all but its frame. */
void
vm_foreign_move(struct vm_page *old, struct vm_page *new)
{
	struct vm_slot *slot = atomic_load_explicit(&old->slot,
	    memory_order_relaxed);
	struct vm_object *object = old->object;
	/* First: a policy may find the mark of a use just now. */
	bool early = vm_early_stop(old);
	uint16_t kept = flags_of(old) & (uint16_t)~(VM_PGA_WARM | VM_PGA_ZERO);

	vm_assert(vm_life_loose(new) && new->list == 0);
	new->object = object;
	new->pindex = old->pindex;
	atomic_store_explicit(&new->slot, slot, memory_order_release);
	new->valid = old->valid;
	new->dirty = old->dirty;
	atomic_store(&new->wires, atomic_load(&old->wires));
	set_flags(new, (uint16_t)((flags_of(new) & VM_PGA_WARM) | kept));
	if (early)
		vm_early_enter(&new, 1);
	/* While both have the slot: a policy asks it of what is queued. */
	if (slot != NULL)
		vm_queue_exchange(&object->vm->queue, old, new);
	old->object = object->vm->nowhere;
	atomic_store_explicit(&old->slot, NULL, memory_order_relaxed);
	old->valid = 0;
	old->dirty = 0;
	atomic_store(&old->wires, 0);
	set_flags(old, flags_of(old) & (FOREIGN | VM_PGA_WARM));
	if (slot == NULL)
		return;
	vm_slot_exchange(slot, vm_number_of(new));
	atomic_fetch_add_explicit(&object->generation, 1,
	    memory_order_relaxed);
}

/* The wires of a page without a frame were not counted; now they are, beyond
 * the bound if need be: whoever wired it was promised that. */
static void
count_wires(struct vm_page *page)
{
	if (atomic_load(&page->wires) == 0)
		return;
	atomic_fetch_add(&page->object->wired, 1);
	atomic_fetch_add(&page->object->vm->wired, 1);
}

bool
vm_foreign_convert(struct vm_page **page)
{
	struct vm_page *old = *page, *new;
	struct vm *vm = old->object->vm;
	struct vm_slot *slot = atomic_load_explicit(&old->slot,
	    memory_order_relaxed);

	vm_assert((flags_of(old) & (VM_PGA_FICTITIOUS | VM_PGA_PRIVATE)) ==
	    VM_PGA_FICTITIOUS);
	vm_assert(slot == NULL || vm_slot_busy_excl(slot));
	if (vm_life_take(vm, 0, &new) != 0)
		return false;
	vm_foreign_move(old, new);
	atomic_fetch_and_explicit(&new->flags, (uint16_t)~FOREIGN,
	    memory_order_relaxed);
	atomic_fetch_or_explicit(&new->flags, slot == NULL ? 0 : VM_PGA_NEW,
	    memory_order_relaxed);
	count_wires(new);
	vm_life_free(old, 0);
	*page = new;
	return true;
}

int
vm_foreign_enter_device(struct vm_object *object, vm_pindex_t pindex,
    struct vm_slot *slot, struct vm_page **out)
{
	struct vm *vm = object->vm;
	struct vm_page *page = NULL;

	vm_assert(object->memory != NULL);
	/* Others may take all that were made meanwhile. */
	while (vm_foreign_take(vm, &page) != 0)
		if (vm_fictitious_more(&vm->frames.fictitious, 0) < 0)
			return -ENOMEM;
	vm_foreign_make_private(page, object->memory +
	    pindex * vm->page_bytes);
	atomic_fetch_sub_explicit(&vm->loose, 1, memory_order_relaxed);
	vm_object_enter_page(object, page, pindex, slot);
	vm_slot_exchange(slot, vm_number_of(page));
	*out = page;
	return 0;
}
