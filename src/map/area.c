/* SPDX-License-Identifier: BSD-2-Clause */
/* map/area.c - area.h has the theory. */
#include "map/area.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "object/vm.h"
#include "os/os.h"

int
vm_areas_init(struct vm *vm)
{
	struct vm_areas *areas = vm->os->alloc(sizeof(*areas));

	if (areas == NULL)
		return vm_error(ENOMEM, "create: no memory for maps");
	areas->vm = vm;
	vm_lock_init(&areas->lock, VM_RANK_MAP, "areas");
	vm_cond_init(&areas->left);
	vm_list_init(&areas->list);
	vm->areas = areas;
	return 0;
}

void
vm_areas_fini(struct vm *vm)
{
	struct vm_areas *areas = vm->areas;

	if (areas == NULL)
		return;
	vm_assert(vm_list_empty(&areas->list) && !areas->entered);
	vm_cond_fini(&areas->left);
	vm_lock_fini(&areas->lock);
	vm->os->free(areas);
	vm->areas = NULL;
}

void
vm_areas_enter(struct vm_areas *areas)
{
	vm_lock(&areas->lock);
	while (areas->entered)
		vm_cond_wait(&areas->left, &areas->lock, VM_FUTEX_FOREVER);
	areas->entered = true;
	vm_unlock(&areas->lock);
}

void
vm_areas_leave(struct vm_areas *areas)
{
	vm_lock(&areas->lock);
	vm_assert(areas->entered);
	areas->entered = false;
	vm_cond_wake_one(&areas->left);
	vm_unlock(&areas->lock);
}

/* ---- areas and parts ----------------------------------------------------- */

static struct vm_area *
area_of(struct vm_node *node)
{
	return VM_ENTRY(node, struct vm_area, link);
}

static struct vm_part *
part_of(struct vm_node *node)
{
	return VM_ENTRY(node, struct vm_part, link);
}

static uint32_t
page_bytes(const struct vm_area *area)
{
	return area->object->vm->page_bytes;
}

static uintptr_t
end_of(const struct vm_area *area)
{
	return area->start + area->pages * page_bytes(area);
}

static uintptr_t
address_of(const struct vm_area *area, uint64_t page)
{
	return area->start + page * page_bytes(area);
}

vm_pindex_t
vm_area_pindex(const struct vm_area *area, uintptr_t address)
{
	return area->pindex + (address - area->start) / page_bytes(area);
}

struct vm_area *
vm_area_new(struct vm_areas *areas, struct vm_object *object, uint64_t pages)
{
	const struct vm_os *os = areas->vm->os;
	struct vm_area *area = os->alloc(sizeof(*area));
	struct vm_part *part = os->alloc(sizeof(*part));

	if (area == NULL || part == NULL) {
		os->free(part);
		os->free(area);
		return NULL;
	}
	area->object = object;
	area->pages = pages;
	part->pages = pages;
	vm_list_init(&area->parts);
	vm_list_add_tail(&area->parts, &part->link);
	return area;
}

void
vm_area_free(struct vm_areas *areas, struct vm_area *area)
{
	struct vm_node *node;

	vm_assert(atomic_load(&area->users) == 0);
	while ((node = vm_list_first(&area->parts)) != NULL)
		vm_area_drop(areas, part_of(node));
	areas->vm->os->free(area);
}

void
vm_areas_insert(struct vm_areas *areas, struct vm_area *area, unsigned prot)
{
	struct vm_node *node = vm_list_first(&areas->list);

	part_of(vm_list_first(&area->parts))->prot = prot;
	while (node != NULL && area_of(node)->start < area->start) {
		vm_assert(end_of(area_of(node)) <= area->start);
		node = vm_list_next(&areas->list, node);
	}
	vm_assert(node == NULL || area_of(node)->start >= end_of(area));
	if (node == NULL)
		vm_list_add_tail(&areas->list, &area->link);
	else
		vm_node_insert_before(&area->link, node);
}

void
vm_areas_remove(struct vm_area *area)
{
	vm_node_remove(&area->link);
}

void
vm_area_drop(struct vm_areas *areas, struct vm_part *part)
{
	vm_node_remove(&part->link);
	areas->vm->os->free(part);
}

/* The first part that ends behind the address; NULL: none. */
static struct vm_part *
part_from(struct vm_area *area, uintptr_t address)
{
	struct vm_node *node;

	for (node = vm_list_first(&area->parts); node != NULL;
	    node = vm_list_next(&area->parts, node)) {
		struct vm_part *part = part_of(node);

		if (address_of(area, part->first + part->pages) > address)
			return part;
	}
	return NULL;
}

bool
vm_areas_next(struct vm_areas *areas, uintptr_t start, uintptr_t end,
    struct vm_piece *out)
{
	struct vm_node *node;

	for (node = vm_list_first(&areas->list); node != NULL;
	    node = vm_list_next(&areas->list, node)) {
		struct vm_area *area = area_of(node);
		struct vm_part *part = part_from(area, start);
		uintptr_t from, to;

		if (part == NULL)
			continue;
		from = address_of(area, part->first);
		to = address_of(area, part->first + part->pages);
		*out = (struct vm_piece){
			area, part, from < start ? start : from,
			to > end ? end : to,
		};
		return out->start < out->end;
	}
	return false;
}

bool
vm_areas_cover(struct vm_areas *areas, uintptr_t start, uintptr_t end)
{
	struct vm_piece piece;

	while (start < end && vm_areas_next(areas, start, end, &piece) &&
	    piece.start == start)
		start = piece.end;
	return start >= end;
}

/* A part that goes on across the address ends there, and another begins. */
static int
split(struct vm_areas *areas, uintptr_t address)
{
	struct vm_piece piece;
	struct vm_part *rest;
	uint64_t page;

	if (!vm_areas_next(areas, address, UINTPTR_MAX, &piece) ||
	    piece.start != address)
		return 0;
	page = (address - piece.area->start) / page_bytes(piece.area);
	if (page == piece.part->first)
		return 0;
	rest = areas->vm->os->alloc(sizeof(*rest));
	if (rest == NULL)
		return vm_error(ENOMEM, "map: no memory for a part more");
	*rest = *piece.part;
	rest->link = (struct vm_node){ NULL, NULL };
	rest->first = page;
	rest->pages -= page - piece.part->first;
	piece.part->pages = page - piece.part->first;
	vm_node_insert_before(&rest->link, piece.part->link.next);
	return 0;
}

int
vm_areas_isolate(struct vm_areas *areas, uintptr_t start, uintptr_t end)
{
	int error = split(areas, start);

	return error == 0 ? split(areas, end) : error;
}

static bool
alike(const struct vm_part *a, const struct vm_part *b)
{
	return a->first + a->pages == b->first && a->prot == b->prot &&
	    a->wired == b->wired;
}

static void
join(struct vm_areas *areas, struct vm_area *area)
{
	struct vm_node *node = vm_list_first(&area->parts), *next;

	while (node != NULL &&
	    (next = vm_list_next(&area->parts, node)) != NULL) {
		if (!alike(part_of(node), part_of(next))) {
			node = next;
			continue;
		}
		part_of(node)->pages += part_of(next)->pages;
		vm_area_drop(areas, part_of(next));
	}
}

void
vm_areas_join(struct vm_areas *areas, uintptr_t start, uintptr_t end)
{
	struct vm_piece piece;

	while (start < end && vm_areas_next(areas, start, end, &piece)) {
		struct vm_area *area = piece.area;

		join(areas, area);
		start = area->start + area->pages * page_bytes(area);
	}
}

void
vm_area_await(struct vm_areas *areas, struct vm_area *area)
{
	while (atomic_load_explicit(&area->users, memory_order_acquire) != 0)
		areas->vm->os->yield();
}
