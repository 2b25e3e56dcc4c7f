/* SPDX-License-Identifier: BSD-2-Clause */
/* api/mapped.c - what is done to pages by their addresses: resident/map.h. */
#include <errno.h>
#include <resident/map.h>
#include <resident/object.h>

#include "api/map_private.h"
#include "base/error.h"
#include "fault/grab.h"
#include "pageout/evict.h"
#include "pageout/hint.h"
#include "pageout/launder.h"

/* ---- pieces, one after the other ----------------------------------------- */

/* Pages [first, end) of an object. */
struct run {
	struct vm_object *object;
	vm_pindex_t first;
	vm_pindex_t end;
	bool private;
	uintptr_t at;		/* where first is */
};

static struct run
run_of(const struct vm_piece *piece)
{
	return (struct run){
		piece->area->object,
		vm_area_pindex(piece->area, piece->start),
		vm_area_pindex(piece->area, piece->end),
		piece->area->private, piece->start,
	};
}

/* The next piece, whose area is held; false: there is none. */
static bool
hold_next(struct vm *vm, uintptr_t at, uintptr_t end, struct vm_piece *out)
{
	bool found;

	vm_areas_enter(vm->areas);
	found = vm_areas_next(vm->areas, at, end, out) && out->start == at;
	if (found)
		vm_area_hold(out->area);
	vm_areas_leave(vm->areas);
	return found;
}

static int
check_covered(struct vm *vm, const struct vm_stretch *stretch)
{
	int error;

	vm_areas_enter(vm->areas);
	error = vm_stretch_covered(vm, stretch);
	vm_areas_leave(vm->areas);
	return error;
}

/*
 * do_run for all of the stretch, which was found to have no holes; others may
 * change maps meanwhile.  0, or the first error.
 */
static int
for_each(struct vm *vm, const struct vm_stretch *s,
    int (*do_run)(const struct run *run, void *arg), void *arg)
{
	uintptr_t at = s->start;
	int error = check_covered(vm, s);

	while (error == 0 && at < s->end) {
		struct vm_piece piece;
		struct run run;

		if (!hold_next(vm, at, s->end, &piece))
			return vm_error(ENOMEM, "%s: %#llx is mapped no more",
			    s->call, (unsigned long long)at);
		run = run_of(&piece);
		error = do_run(&run, arg);
		vm_area_unhold(piece.area);
		at = piece.end;
	}
	return error;
}

/* ---- wire ---------------------------------------------------------------- */

static int
wire_run(const struct run *run)
{
	uint32_t bytes = run->object->vm->page_bytes;

	if (run->end > vm_object_pages(run->object))
		return vm_error(ERANGE, "wire: the object ends before page "
		    "%llu", (unsigned long long)run->end - 1);
	return vm_object_wire(run->object, run->first * bytes,
	    (run->end - run->first) * bytes);
}

void
vm_piece_unwire(const struct vm_piece *piece)
{
	struct run run = run_of(piece);
	uint32_t bytes = run.object->vm->page_bytes;

	if (!piece->part->wired)
		return;
	/* It can only refuse a range that is none. */
	(void)!vm_object_unwire(run.object, run.first * bytes,
	    (run.end - run.first) * bytes);
	piece->part->wired = false;
}

/* Every piece that is not wired is, and fresh. */
static int
wire_pieces(struct vm_areas *areas, const struct vm_stretch *s)
{
	struct vm_piece piece;
	uintptr_t at = s->start;
	int error = 0;

	while (error == 0 && at < s->end &&
	    vm_areas_next(areas, at, s->end, &piece)) {
		struct run run = run_of(&piece);

		at = piece.end;
		if (piece.part->wired)
			continue;
		error = wire_run(&run);
		if (error == 0)
			piece.part->wired = piece.part->fresh = true;
	}
	return error;
}

/* Fresh wires stay, or go again. */
static void
settle(struct vm_areas *areas, const struct vm_stretch *s, bool stay)
{
	struct vm_piece piece;
	uintptr_t at = s->start;

	while (at < s->end && vm_areas_next(areas, at, s->end, &piece)) {
		at = piece.end;
		if (piece.part->fresh && !stay)
			vm_piece_unwire(&piece);
		piece.part->fresh = false;
	}
	vm_areas_join(areas, s->start, s->end);
}

static int
wire(struct vm_areas *areas, const struct vm_stretch *s)
{
	int error = vm_stretch_covered(areas->vm, s);

	if (error == 0)
		error = vm_areas_isolate(areas, s->start, s->end);
	if (error == 0)
		error = wire_pieces(areas, s);
	settle(areas, s, error == 0);
	return error;
}

VM_EXPORT int
vm_wire(struct vm *vm, void *address, size_t length)
{
	struct vm_stretch stretch;
	int error = vm_stretch_of(vm, "wire", address, length, &stretch);

	if (error != 0)
		return error;
	vm_areas_enter(vm->areas);
	error = wire(vm->areas, &stretch);
	vm_areas_leave(vm->areas);
	return error;
}

static int
unwire(struct vm_areas *areas, const struct vm_stretch *s)
{
	struct vm_piece piece;
	uintptr_t at = s->start;
	int error = vm_stretch_covered(areas->vm, s);

	if (error == 0)
		error = vm_areas_isolate(areas, s->start, s->end);
	while (error == 0 && at < s->end &&
	    vm_areas_next(areas, at, s->end, &piece)) {
		at = piece.end;
		vm_piece_unwire(&piece);
	}
	vm_areas_join(areas, s->start, s->end);
	return error;
}

VM_EXPORT int
vm_unwire(struct vm *vm, void *address, size_t length)
{
	struct vm_stretch stretch;
	int error = vm_stretch_of(vm, "unwire", address, length, &stretch);

	if (error != 0)
		return error;
	vm_areas_enter(vm->areas);
	error = unwire(vm->areas, &stretch);
	vm_areas_leave(vm->areas);
	return error;
}

/* ---- advise -------------------------------------------------------------- */

static int
advise_object(const struct run *run, void *arg)
{
	return vm_object_advise(run->object, *(enum vm_advice *)arg);
}

static int
fetch_run(const struct run *run, void *arg)
{
	(void)arg;
	return vm_grab_ahead(run->object, run->first, run->end);
}

static int
drop_run(const struct run *run, void *arg)
{
	(void)arg;
	if (run->private)
		return vm_hint_free(run->object, run->first, run->end);
	vm_hint_drop(run->object, run->first, run->end);
	return 0;
}

static int
check_own(const struct run *run)
{
	return run->private || run->object->anonymous ? 0 : vm_error(EINVAL,
	    "advise: only what nobody else sees can be given up");
}

static int
free_run(const struct run *run, void *arg)
{
	int error = check_own(run);

	(void)arg;
	return error != 0 ? error : vm_hint_free(run->object, run->first,
	    run->end);
}

static int
waive_run(const struct run *run, void *arg)
{
	int error = check_own(run);

	(void)arg;
	if (error == 0)
		vm_hint_waive(run->object, run->first, run->end);
	return error;
}

static int
cool_run(const struct run *run, void *arg)
{
	(void)arg;
	vm_hint_cold(run->object, run->first, run->end);
	return 0;
}

static int
send_run(const struct run *run, void *arg)
{
	(void)arg;
	return vm_hint_out(run->object, run->first, run->end);
}

static int
advise(struct vm *vm, const struct vm_stretch *s, enum vm_map_advice advice)
{
	enum vm_advice pattern = VM_ADVICE_NORMAL;

	switch (advice) {
	case VM_MADV_RANDOM:
		pattern = VM_ADVICE_RANDOM;
		break;
	case VM_MADV_SEQUENTIAL:
		pattern = VM_ADVICE_SEQUENTIAL;
		break;
	case VM_MADV_CYCLIC:
		pattern = VM_ADVICE_CYCLIC;
		break;
	case VM_MADV_NORMAL:
		break;
	case VM_MADV_WILLNEED:
		return for_each(vm, s, fetch_run, NULL);
	case VM_MADV_DONTNEED:
		return for_each(vm, s, drop_run, NULL);
	case VM_MADV_FREE:
		return for_each(vm, s, free_run, NULL);
	case VM_MADV_COLD:
		return for_each(vm, s, cool_run, NULL);
	case VM_MADV_PAGEOUT:
		return for_each(vm, s, send_run, NULL);
	case VM_MADV_VOLATILE:
		return for_each(vm, s, waive_run, NULL);
	default:
		return vm_error(EINVAL, "advise: unknown advice %d",
		    (int)advice);
	}
	return for_each(vm, s, advise_object, &pattern);
}

VM_EXPORT int
vm_advise(struct vm *vm, void *address, size_t length,
    enum vm_map_advice advice)
{
	struct vm_stretch stretch;
	int error = vm_stretch_of(vm, "advise", address, length, &stretch);

	return error == 0 ? advise(vm, &stretch, advice) : error;
}

/* ---- sync ---------------------------------------------------------------- */

static int
sync_run(const struct run *run, void *arg)
{
	unsigned flags = *(unsigned *)arg;
	int error = 0;

	if (run->private)
		return 0;
	VM_TRACE(run->object->vm->trace, sync, run->object->id, run->first,
	    run->end - run->first);
	if ((flags & (VM_SYNC_WAIT | VM_SYNC_ASYNC)) != 0)
		error = vm_launder_range(run->object, run->first, run->end,
		    (flags & VM_SYNC_WAIT) != 0 ? VM_LAUNDER_SYNC : 0);
	if (error == 0 && (flags & VM_SYNC_INVALIDATE) != 0)
		error = vm_evict_range(run->object, run->first, run->end, 0);
	return error;
}

VM_EXPORT int
vm_sync(struct vm *vm, void *address, size_t length, unsigned flags)
{
	struct vm_stretch stretch;
	int error = vm_stretch_of(vm, "sync", address, length, &stretch);

	if (error != 0)
		return error;
	if (flags == 0 || (flags & ~(VM_SYNC_WAIT | VM_SYNC_ASYNC |
	    VM_SYNC_INVALIDATE)) != 0 || (flags & (VM_SYNC_WAIT |
	    VM_SYNC_ASYNC)) == (VM_SYNC_WAIT | VM_SYNC_ASYNC))
		return vm_error(EINVAL, "sync: flags 0x%x", flags);
	return for_each(vm, &stretch, sync_run, &flags);
}

/* ---- resident ------------------------------------------------------------ */

static unsigned char
state_of(struct vm_object *object, vm_pindex_t pindex)
{
	uint32_t number = vm_index_peek(&object->index, pindex);
	const struct vm_page *page;
	unsigned state = VM_RESIDENT_IN;

	if (number == VM_SLOT_ABSENT)
		return 0;
	page = vm_page_of(object->vm, number);
	if (atomic_load_explicit(&page->dirty, memory_order_relaxed) != 0)
		state |= VM_RESIDENT_DIRTY;
	if (atomic_load_explicit(&page->wires, memory_order_relaxed) != 0)
		state |= VM_RESIDENT_WIRED;
	return (unsigned char)state;
}

struct answer {
	uintptr_t start;
	unsigned char *vector;
};

static int
say_run(const struct run *run, void *arg)
{
	const struct answer *answer = arg;
	uint64_t first = (run->at - answer->start) /
	    run->object->vm->page_bytes;

	for (vm_pindex_t at = run->first; at < run->end; at++)
		answer->vector[first + (at - run->first)] =
		    state_of(run->object, at);
	return 0;
}

VM_EXPORT int
vm_resident(struct vm *vm, void *address, size_t length,
    unsigned char *vector)
{
	struct answer answer = { (uintptr_t)address, vector };
	struct vm_stretch stretch;
	int error = vm_stretch_of(vm, "resident", address, length, &stretch);

	if (error == 0 && vector == NULL)
		error = vm_error(EINVAL, "resident: nowhere to put it");
	return error == 0 ? for_each(vm, &stretch, say_run, &answer) : error;
}
