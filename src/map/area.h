/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map/area.h - what objects this process sees where: the list behind vm_map.
 *
 * An area is one map: pages of an object from an address on.  How its addresses
 * may be used can differ along it, so it consists of parts, which cover what of
 * it is still mapped; nothing else of it can be touched:
 *
 *	area	|--------------------------------------------|
 *	parts	|  rw  |  r, wired  |   (unmapped)   |   rw   |
 *
 * Neighbouring parts that are alike are one.  The addresses of an area stay its
 * own until the last part is gone, so a hole in it is taken by nobody else.
 *
 * Where the bytes are is the object's home (object/object.h):
 *
 *	window	one area shows all of the object, with all rights there are
 *	store	any number of areas, each a mapping of the memory file
 *
 * A private map is an area over an object of its own (pager/shadow.h), which
 * ends with it.
 *
 * One operation at a time changes a system's areas.  It may sleep, so it has
 * the gate, which is no lock: entered, and left.  Faults never enter: they find
 * their area in the table of fault/trap.h and count themselves as its users, as
 * do calls that work on an area without the gate; an area ends when it has
 * none.
 */
#ifndef MAP_AREA_H
#define MAP_AREA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "object/object.h"

struct vm_part {
	struct vm_node link;
	uint64_t first;		/* page of the area */
	uint64_t pages;
	unsigned prot;		/* VM_OS_* */
	bool wired;
	bool fresh;		/* by the call that is in the gate */
};

/* (G) whoever is in the gate. */
struct vm_area {
	struct vm_node link;		/* ascending (G) */
	struct vm_object *object;	/* (C) */
	bool private;			/* the object is the area's own (C) */
	bool view;			/* at the object's view (C) */
	struct vm_mapping mapping;	/* of its store, where it is not */
	uintptr_t start;		/* (C) */
	uint64_t pages;			/* (C) */
	vm_pindex_t pindex;		/* at start (C) */
	struct vm_list parts;		/* ascending (G) */
	_Atomic uint32_t users;		/* (A) */
};

struct vm_areas {
	struct vm *vm;			/* (C) */
	struct vm_lock lock;		/* rank MAP (M) */
	struct vm_cond left;		/* the gate is free (M) */
	bool entered;			/* (M) */
	struct vm_list list;		/* struct vm_area (G) */
};

VM_MUST_CHECK int vm_areas_init(struct vm *vm);
void vm_areas_fini(struct vm *vm);	/* no area is left; or none was made */

/* Sleeps until nobody is in the gate. */
void vm_areas_enter(struct vm_areas *areas);
void vm_areas_leave(struct vm_areas *areas);

/* ---- in the gate --------------------------------------------------------- */

/* An area without addresses yet; NULL: no memory. */
struct vm_area *vm_area_new(struct vm_areas *areas, struct vm_object *object,
    uint64_t pages);
void vm_area_free(struct vm_areas *areas, struct vm_area *area);

/* start is set: all of it is mapped, with prot. */
void vm_areas_insert(struct vm_areas *areas, struct vm_area *area,
    unsigned prot);
void vm_areas_remove(struct vm_area *area);

/* What is mapped at an address, as far as it is alike. */
struct vm_piece {
	struct vm_area *area;
	struct vm_part *part;
	uintptr_t start;
	uintptr_t end;
};

/* The first piece of [start, end): false when nothing there is mapped. */
bool vm_areas_next(struct vm_areas *areas, uintptr_t start, uintptr_t end,
    struct vm_piece *out);
/* Whether all of [start, end) is mapped. */
bool vm_areas_cover(struct vm_areas *areas, uintptr_t start, uintptr_t end);

/* Pieces begin and end at start and at end, if there are any: 0, -ENOMEM. */
VM_MUST_CHECK int vm_areas_isolate(struct vm_areas *areas, uintptr_t start,
    uintptr_t end);
/* Neighbours that are alike become one, in all areas that [start, end) touches;
 * not while one goes from piece to piece: a part may reach beyond then. */
void vm_areas_join(struct vm_areas *areas, uintptr_t start, uintptr_t end);
/* The part is mapped no more. */
void vm_area_drop(struct vm_areas *areas, struct vm_part *part);

/* The page of the object that is at an address of the area. */
vm_pindex_t vm_area_pindex(const struct vm_area *area, uintptr_t address);

/* ---- users --------------------------------------------------------------- */

static inline void
vm_area_hold(struct vm_area *area)
{
	atomic_fetch_add_explicit(&area->users, 1, memory_order_relaxed);
}

/* Release: pairs with the load of who ends it. */
static inline void
vm_area_unhold(struct vm_area *area)
{
	atomic_fetch_sub_explicit(&area->users, 1, memory_order_release);
}

/* Sleeps until it has none: no new ones can come. */
void vm_area_await(struct vm_areas *areas, struct vm_area *area);

#endif
