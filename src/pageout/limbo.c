/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/limbo.c - limbo.h has the theory. */
#include "pageout/limbo.h"

#include "map/space.h"
#include "object/look.h"
#include "object/object.h"
#include "stat/stat.h"

/* The first touch of a page is its arrival, unless it came unasked: then it is
 * what shows that it was fetched for somebody. */
static bool
was_used(struct vm_object *object, const struct vm_page *page,
    vm_pindex_t pindex)
{
	return vm_store_note(&object->store, pindex) ||
	    (atomic_load_explicit(&page->flags, memory_order_relaxed) &
	    VM_PGA_SPECULATIVE) != 0;
}

/* The page may go, or be another's, at any moment: the mark decides nothing
 * but the order in which pages go. */
static bool
mark(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_page *page = vm_look_page(object, pindex);

	if (page == NULL || !was_used(object, page, pindex))
		return false;
	vm_look_touch(page);
	return true;
}

static uint64_t
mark_pages(struct vm_object *object, vm_pindex_t first, uint64_t count)
{
	uint64_t pages = vm_object_pages(object), again = 0;

	for (uint64_t i = 0; i < count && first + i < pages; i++)
		again += mark(object, first + i);
	return again;
}

/* An entry's part of [address, end). */
static uint64_t
mark_part(const struct vm_entry *entry, uint64_t address, uint64_t end)
{
	const uint64_t bytes = entry->object->vm->page_bytes;
	const struct vm_mapping *mapping = &entry->mapping;
	uint64_t first = 0, last = mapping->pages;

	if (address > mapping->address)
		first = (address - mapping->address) / bytes;
	if (end < mapping->address + mapping->pages * bytes)
		last = (end - mapping->address) / bytes;
	return mark_pages(entry->object, mapping->pindex + first,
	    last - first);
}

uint64_t
vm_limbo_touched(struct vm_space *space, uint64_t address, uint64_t length)
{
	struct vm *vm = space->vm;
	uint64_t end = address + length, again = 0;
	struct vm_entry entry;

	vm_count(vm->counters, VM_COUNTER_limbo_touched,
	    length / vm->page_bytes);
	while (address < end && vm_space_look_from(space, address, &entry)) {
		if (entry.mapping.address < end && entry.kind <=
		    VM_ENTRY_TRACKED)
			again += mark_part(&entry, address, end);
		address = entry.mapping.address + entry.mapping.pages *
		    vm->page_bytes;
		vm_object_unpin(entry.object);
	}
	vm_count(vm->counters, VM_COUNTER_limbo_again, again);
	return again;
}
