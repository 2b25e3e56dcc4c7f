/* SPDX-License-Identifier: BSD-2-Clause */
/* api/map.c - objects at addresses of this process: resident/map.h. */
#include <errno.h>
#include <resident/map.h>
#include <resident/object.h>
#include <resident/resident.h>

#include "api/map_private.h"
#include "base/assert.h"
#include "base/error.h"
#include "fault/self.h"
#include "fault/trap.h"
#include "os/os.h"
#include "pageout/evict.h"
#include "pageout/rehome.h"
#include "pager/shadow.h"
#include "pmap/view.h"

#define READ_WRITE (VM_PROT_READ | VM_PROT_WRITE)

/* ---- faults -------------------------------------------------------------- */

static void
hold(void *arg)
{
	vm_area_hold(arg);
}

static int
resolve(void *arg, uintptr_t address, bool write)
{
	struct vm_area *area = arg;
	uintptr_t within = address % area->object->vm->page_bytes;
	struct vm_self_fault fault = {
		.object = area->object,
		.pindex = vm_area_pindex(area, address),
		.address = address - within, .write = write,
	};
	int error = vm_fault_self(&fault);

	vm_area_unhold(area);
	return error;
}

static const struct vm_trap_ops traps = { hold, resolve };

static int
watch(struct vm *vm, struct vm_area *area)
{
	struct vm_trap_range range = {
		area->start, area->start + area->pages * vm->page_bytes,
		&traps, area,
	};

	return vm_trap_add(vm->os, &range);
}

/* ---- arguments ----------------------------------------------------------- */

int
vm_stretch_of(struct vm *vm, const char *call, const void *address,
    size_t length, struct vm_stretch *out)
{
	uintptr_t start = (uintptr_t)address;
	uintptr_t rest = UINTPTR_MAX - start;

	if (start % vm->page_bytes != 0)
		return vm_error(EINVAL, "%s: address %p is not a multiple of "
		    "%u", call, address, vm->page_bytes);
	if (length > rest || rest - length < vm->page_bytes)
		return vm_error(EINVAL, "%s: %zu bytes at %p are beyond all "
		    "addresses", call, length, address);
	length += vm->page_bytes - 1;
	*out = (struct vm_stretch){
		call, start, start + (length - length % vm->page_bytes),
	};
	return 0;
}

int
vm_stretch_covered(struct vm *vm, const struct vm_stretch *s)
{
	if (vm_areas_cover(vm->areas, s->start, s->end))
		return 0;
	return vm_error(ENOMEM, "%s: not all of %#llx to %#llx is mapped",
	    s->call, (unsigned long long)s->start,
	    (unsigned long long)s->end);
}

static int
check_prot(const char *call, unsigned *prot)
{
	if (*prot & ~READ_WRITE)
		return vm_error(EINVAL, "%s: rights 0x%x are more than to "
		    "read and to write", call, *prot);
	if (*prot & VM_PROT_WRITE)	/* no machine can do one alone */
		*prot |= VM_PROT_READ;
	return 0;
}

static int
check_options(struct vm *vm, const struct vm_map_options *o, void **out)
{
	if (o == NULL || o->size_bytes != sizeof(*o) || out == NULL)
		return vm_error(EINVAL, "map: options without "
		    "VM_MAP_OPTIONS_INIT, or nowhere to put the address");
	if (o->object == NULL || o->object->vm != vm)
		return vm_error(EINVAL, "map: no object, or another "
		    "system's");
	if (o->flags & ~(VM_MAP_PRIVATE | VM_MAP_FIXED))
		return vm_error(EINVAL, "map: unknown flags 0x%x", o->flags);
	if ((uintptr_t)o->address % vm->page_bytes != 0 ||
	    o->offset % vm->page_bytes != 0)
		return vm_error(EINVAL, "map: address %p or offset %llu is "
		    "not a multiple of %u", o->address,
		    (unsigned long long)o->offset, vm->page_bytes);
	if ((o->flags & VM_MAP_FIXED) != 0 && o->address == NULL)
		return vm_error(EINVAL, "map: FIXED without an address");
	return 0;
}

static int
check_system(struct vm *vm, const struct vm_object *object)
{
	if (vm->page_bytes != vm_page_bytes())
		return vm_error(ENOTSUP, "map: pages of %u bytes, the "
		    "machine's have %u", vm->page_bytes, vm_page_bytes());
	if (vm->frames.segments.own_frames != vm->frames.count)
		return vm_error(ENOTSUP, "map: the system has memory of its "
		    "caller, which cannot stand for maps");
	if (object->memory != NULL)
		return vm_error(ENOTSUP, "map: a device's memory is there "
		    "already");
	return 0;
}

/* The pages to map: 0, -EINVAL, -ERANGE. */
static int
pages_of(const struct vm_map_options *o, uint64_t *pages)
{
	uint32_t bytes = o->object->vm->page_bytes;
	uint64_t first = o->offset / bytes;
	uint64_t all = vm_object_pages(o->object);

	*pages = o->length / bytes + (o->length % bytes != 0);
	if (o->length == 0 || o->length == VM_LENGTH_ALL)
		*pages = all > first ? all - first : 0;
	if (first > all || *pages > all - first)
		return vm_error(ERANGE, "map: %llu bytes at %llu are beyond "
		    "the object's end", (unsigned long long)o->length,
		    (unsigned long long)o->offset);
	if (*pages == 0)
		return vm_error(EINVAL, "map: there is nothing to map");
	return 0;
}

static int
check_rights(const char *call, const struct vm_object *object, unsigned prot)
{
	if ((prot & VM_PROT_WRITE) == 0 || atomic_load(&object->writable))
		return 0;
	return vm_error(EACCES, "%s: the object is not writable", call);
}

/* ---- where it is --------------------------------------------------------- */

static char *
pointer(uintptr_t address)
{
	return (char *)address;
}

static int
set_rights(struct vm *vm, uintptr_t start, uintptr_t end, unsigned prot)
{
	int error = vm->os->protect(pointer(start), end - start, prot);

	return error == 0 ? 0 : vm_error(-error, "map: the rights of %#llx to "
	    "%#llx: %s", (unsigned long long)start, (unsigned long long)end,
	    vm_errno_text(-error));
}

/* All of the object with all its rights, and nobody else has a map of it. */
static bool
fits_window(const struct vm_area *area, unsigned prot)
{
	const struct vm_object *object = area->object;
	bool writable = atomic_load(&object->writable);

	if (atomic_load(&object->home) == VM_HOME_STORE)
		return false;
	if (area->private)
		return prot != 0;
	return prot == (writable ? READ_WRITE : VM_PROT_READ) &&
	    area->pindex == 0 && area->pages == vm_object_pages(object) &&
	    atomic_load(&object->maps) == 0;
}

/* 1: its window is in pieces, since it was there before. */
static int
show_window(struct vm_area *area, void *hint)
{
	struct vm_object *object = area->object;
	int error = vm_rehome_window(object, hint, area->pages);

	if (error != 0)
		return error;
	if (vm_view_run(object->view, 0) < area->pages)
		return 1;
	area->view = true;
	area->start = (uintptr_t)vm_view_at(object->view, 0);
	return 0;
}

/* As map/space.c does it: what a leaf of the index covers, resident or busy. */
static void
protect_present(const struct vm_area *area)
{
	struct vm_object *object = area->object;
	vm_pindex_t at = area->pindex, end = at + area->pages;
	struct vm_slot *slot;

	atomic_thread_fence(memory_order_seq_cst);
	while (vm_index_next(&object->index, false, &at, end, &slot)) {
		vm_pindex_t first = at;

		do
			at++;
		while (at < end && vm_index_covers(&object->index, at));
		vm_store_protect(&object->store, first, at - first);
	}
}

static int
show_store(struct vm_areas *areas, struct vm_area *area, void *hint)
{
	struct vm_object *object = area->object;
	struct vm_views *views;
	int error = vm_areas_to_store(areas, object);

	if (error == 0)
		error = vm_rehome_views(areas->vm, &views);
	if (error != 0)
		return error;
	area->mapping = (struct vm_mapping){
		.address = (uintptr_t)hint, .pindex = area->pindex,
		.pages = area->pages,
	};
	error = vm_views_show(views, &object->store, &area->mapping, false);
	if (error != 0)
		return error;
	area->start = (uintptr_t)area->mapping.address;
	protect_present(area);
	return 0;
}

static int
show(struct vm_areas *areas, struct vm_area *area, void *hint, unsigned prot)
{
	int error = 1;

	if (fits_window(area, prot))
		error = show_window(area, hint);
	return error == 1 ? show_store(areas, area, hint) : error;
}

/* Its window goes; where it cannot, nobody can touch it. */
static void
close_window(struct vm_areas *areas, struct vm_area *area)
{
	struct vm_object *object = area->object;
	uintptr_t bytes = area->pages * areas->vm->page_bytes;

	if (vm_rehome_pool(object) != 0 &&
	    vm_areas_to_store(areas, object) == 0)
		(void)!set_rights(areas->vm, area->start, area->start + bytes,
		    0);
}

static void
hide(struct vm_areas *areas, struct vm_area *area)
{
	struct vm_object *object = area->object;
	struct vm_views *views = atomic_load(&areas->vm->views);

	if (!area->view)
		vm_views_hide(views, &object->store, &area->mapping);
	else if (!area->private)
		close_window(areas, area);
}

/* Rights that are not all are the machine's to set again: the memory file is
 * mapped anew where the window was. */
static int
restore_rights(struct vm_areas *areas, struct vm_object *object)
{
	struct vm_piece piece;
	uintptr_t at = 0;
	int error = 0;

	while (error == 0 && vm_areas_next(areas, at, UINTPTR_MAX, &piece)) {
		at = piece.end;
		if (piece.area->object == object && piece.area->view &&
		    piece.part->prot != READ_WRITE)
			error = set_rights(areas->vm, piece.start, piece.end,
			    piece.part->prot);
	}
	return error;
}

struct turned {
	struct vm_areas *areas;
	struct vm_object *object;
	int error;
};

static void
turned(void *arg)
{
	struct turned *t = arg;

	t->error = restore_rights(t->areas, t->object);
}

int
vm_areas_to_store(struct vm_areas *areas, struct vm_object *object)
{
	struct turned t = { areas, object, 0 };
	const struct vm_rehome_turn turn = { turned, &t };
	int error = vm_rehome_store(object, &turn);

	return error == 0 ? t.error : error;
}

/* ---- map ----------------------------------------------------------------- */

static int
not_there(const struct vm_map_options *o)
{
	return vm_error(EEXIST, "map: address %p is in use", o->address);
}

/* The area is complete but for its place. */
static int
place(struct vm_areas *areas, struct vm_area *area,
    const struct vm_map_options *o, unsigned prot)
{
	struct vm *vm = areas->vm;
	int error = show(areas, area, o->address, prot);

	if (error != 0)
		return error;
	if ((o->flags & VM_MAP_FIXED) != 0 &&
	    area->start != (uintptr_t)o->address)
		error = not_there(o);
	if (error == 0 && prot != READ_WRITE)
		error = set_rights(vm, area->start, area->start +
		    area->pages * vm->page_bytes, prot);
	if (error == 0)
		error = watch(vm, area);
	if (error != 0) {
		hide(areas, area);
		return error;
	}
	vm_areas_insert(areas, area, prot);
	atomic_fetch_add(&area->object->maps, 1);
	return 0;
}

static int
no_memory(void)
{
	return vm_error(ENOMEM, "map: %s", vm_errno_text(ENOMEM));
}

/* The object that is shown: the one that was given, or a private one over it;
 * which ends with the area. */
static int
choose_object(const struct vm_map_options *o, uint64_t pages,
    struct vm_object **out)
{
	uint32_t bytes = o->object->vm->page_bytes;

	*out = o->object;
	if ((o->flags & VM_MAP_PRIVATE) == 0)
		return 0;
	return vm_shadow_new(o->object, o->offset / bytes, pages * bytes, out);
}

static int
map(struct vm_areas *areas, const struct vm_map_options *o, unsigned prot,
    void **out)
{
	struct vm_object *object = NULL;
	struct vm_area *area = NULL;
	uint64_t pages;
	int error = pages_of(o, &pages);

	if (error == 0)
		error = vm_fault_self_ready(areas->vm);
	if (error == 0)
		error = vm_trap_install(areas->vm->os);
	if (error == 0)
		error = choose_object(o, pages, &object);
	if (error != 0)
		return error;
	area = vm_area_new(areas, object, pages);
	if (area != NULL) {
		area->private = object != o->object;
		area->pindex = area->private ? 0 : o->offset /
		    areas->vm->page_bytes;
		error = place(areas, area, o, prot);
	} else
		error = no_memory();
	if (error == 0) {
		*out = pointer(area->start);
		return 0;
	}
	if (area != NULL)
		vm_area_free(areas, area);
	if (object != o->object)
		vm_object_free(object);
	return error;
}

VM_EXPORT int
vm_map(struct vm *vm, const struct vm_map_options *options, void **out)
{
	int error = check_options(vm, options, out);
	unsigned prot;

	if (error != 0)
		return error;
	prot = options->prot;
	error = check_prot("map", &prot);
	if (error == 0)
		error = check_system(vm, options->object);
	if (error == 0 && (options->flags & VM_MAP_PRIVATE) == 0)
		error = check_rights("map", options->object, prot);
	if (error != 0)
		return error;
	vm_areas_enter(vm->areas);
	error = map(vm->areas, options, prot, out);
	vm_areas_leave(vm->areas);
	return error;
}

/* ---- unmap --------------------------------------------------------------- */

/* No part of it is left. */
static void
end_area(struct vm_areas *areas, struct vm_area *area)
{
	struct vm_object *object = area->object;
	int error = 0;

	vm_area_await(areas, area);
	vm_areas_remove(area);
	hide(areas, area);
	atomic_fetch_sub(&object->maps, 1);
	if (area->private)
		error = vm_object_destroy(object);
	/* Its pages are not wired, nobody else has it, nothing is written. */
	vm_assert(error == 0);
	vm_area_free(areas, area);
}

/* What only a private map had is nobody's now. */
static void
give_up_pages(const struct vm_piece *piece)
{
	const struct vm_area *area = piece->area;

	if (area->private)
		(void)!vm_evict_range(area->object, vm_area_pindex(area,
		    piece->start), vm_area_pindex(area, piece->end),
		    VM_EVICT_DIRTY);
}

/* A whole part, whose addresses are nobody's any more. */
static void
unmap_part(struct vm_areas *areas, const struct vm_piece *piece, bool last)
{
	struct vm_area *area = piece->area;

	vm_piece_unwire(piece);
	vm_area_drop(areas, piece->part);
	if (vm_list_empty(&area->parts))
		end_area(areas, area);
	else if (!last)
		give_up_pages(piece);
}

/* All parts of the area are in [start, end). */
static bool
goes_whole(const struct vm_area *area, const struct vm_stretch *s)
{
	uint32_t bytes = area->object->vm->page_bytes;
	const struct vm_part *first = VM_ENTRY(vm_list_first(&area->parts),
	    struct vm_part, link);
	const struct vm_part *last = VM_ENTRY(vm_list_last(&area->parts),
	    struct vm_part, link);

	return area->start + first->first * bytes >= s->start &&
	    area->start + (last->first + last->pages) * bytes <= s->end;
}

/* Who would have a hole must not be in a window: its pages are to be read and
 * written there, whatever the program may do. */
static int
prepare_holes(struct vm_areas *areas, const struct vm_stretch *s)
{
	struct vm_piece piece;
	uintptr_t at = s->start;
	int error = 0;

	while (error == 0 && vm_areas_next(areas, at, s->end, &piece)) {
		at = piece.end;
		if (!goes_whole(piece.area, s))
			error = vm_areas_to_store(areas, piece.area->object);
	}
	return error;
}

/* What will be a hole has its rights again. */
static void
open_holes(struct vm_areas *areas, const struct vm_stretch *s, uintptr_t end)
{
	struct vm_piece piece;
	uintptr_t at = s->start;

	while (at < end && vm_areas_next(areas, at, end, &piece)) {
		at = piece.end;
		if (!goes_whole(piece.area, s))
			(void)!set_rights(areas->vm, piece.start, piece.end,
			    piece.part->prot);
	}
}

/* Nobody can touch what will be a hole: first of all, since that may fail.
 * Not where all of an area goes: that may be a window, which is read then. */
static int
close_holes(struct vm_areas *areas, const struct vm_stretch *s)
{
	struct vm_piece piece;
	uintptr_t at = s->start;
	int error = 0;

	while (error == 0 && vm_areas_next(areas, at, s->end, &piece)) {
		if (!goes_whole(piece.area, s))
			error = set_rights(areas->vm, piece.start, piece.end,
			    0);
		if (error != 0)
			open_holes(areas, s, piece.start);
		at = piece.end;
	}
	return error;
}

static int
unmap(struct vm_areas *areas, const struct vm_stretch *s)
{
	struct vm_piece piece;
	int error = prepare_holes(areas, s);

	if (error == 0)
		error = vm_areas_isolate(areas, s->start, s->end);
	if (error == 0)
		error = close_holes(areas, s);
	if (error == 0) {
		error = vm_trap_cut(areas->vm->os, s->start, s->end);
		if (error != 0)
			open_holes(areas, s, s->end);
	}
	if (error != 0)
		vm_areas_join(areas, s->start, s->end);
	while (error == 0 && vm_areas_next(areas, s->start, s->end, &piece))
		unmap_part(areas, &piece, goes_whole(piece.area, s));
	return error;
}

VM_EXPORT int
vm_unmap(struct vm *vm, void *address, size_t length)
{
	struct vm_stretch stretch;
	int error = vm_stretch_of(vm, "unmap", address, length, &stretch);

	if (error == 0 && length == 0)
		error = vm_error(EINVAL, "unmap: a length of 0");
	if (error != 0)
		return error;
	vm_areas_enter(vm->areas);
	error = unmap(vm->areas, &stretch);
	vm_areas_leave(vm->areas);
	return error;
}

/* ---- protect ------------------------------------------------------------- */

static int
check_pieces(struct vm_areas *areas, const struct vm_stretch *s,
    unsigned prot)
{
	struct vm_piece piece;
	uintptr_t at = s->start;
	int error = vm_stretch_covered(areas->vm, s);

	while (error == 0 && at < s->end &&
	    vm_areas_next(areas, at, s->end, &piece)) {
		at = piece.end;
		error = check_rights("protect", piece.area->object, prot);
	}
	return error;
}

/* The library must be able to use a window as it likes: to read dirty pages of
 * any, and to write where others than the map do. */
static bool
is_too_little(const struct vm_area *area, unsigned prot)
{
	return prot == 0 || (!area->private && prot != READ_WRITE &&
	    atomic_load(&area->object->writable));
}

static int
protect_piece(struct vm_areas *areas, const struct vm_piece *piece,
    unsigned prot)
{
	struct vm_object *object = piece->area->object;
	int error = 0;

	if (piece->part->prot == prot)
		return 0;
	if (is_too_little(piece->area, prot))
		error = vm_areas_to_store(areas, object);
	if (error == 0)
		error = set_rights(areas->vm, piece->start, piece->end, prot);
	if (error == 0)
		piece->part->prot = prot;
	return error;
}

static int
protect(struct vm_areas *areas, const struct vm_stretch *s, unsigned prot)
{
	struct vm_piece piece;
	uintptr_t at = s->start;
	int error = check_pieces(areas, s, prot);

	if (error == 0)
		error = vm_areas_isolate(areas, s->start, s->end);
	while (error == 0 && at < s->end &&
	    vm_areas_next(areas, at, s->end, &piece)) {
		at = piece.end;
		error = protect_piece(areas, &piece, prot);
	}
	vm_areas_join(areas, s->start, s->end);
	return error;
}

VM_EXPORT int
vm_protect(struct vm *vm, void *address, size_t length, unsigned prot)
{
	struct vm_stretch stretch;
	int error = vm_stretch_of(vm, "protect", address, length, &stretch);

	if (error == 0)
		error = check_prot("protect", &prot);
	if (error != 0)
		return error;
	vm_areas_enter(vm->areas);
	error = protect(vm->areas, &stretch, prot);
	vm_areas_leave(vm->areas);
	return error;
}
