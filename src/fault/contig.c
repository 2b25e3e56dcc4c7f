/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/contig.c - pages whose frames are neighbours; grab.h has the theory. */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "fault/grab.h"
#include "limit/run.h"
#include "object/foreign.h"
#include "object/home.h"
#include "object/life.h"
#include "object/wire.h"

static bool
together(struct vm_page **pages, unsigned count)
{
	for (unsigned i = 1; i < count; i++)
		if (pages[i]->number != pages[0]->number + i)
			return false;
	return true;
}

/* Before anything is moved: it must be all of them or none. */
static int
check_movable(struct vm_page **pages, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct vm_page *page = pages[i];

		if ((atomic_load(&page->flags) & VM_PGA_FICTITIOUS) != 0)
			return vm_error(ENOTSUP, "grab: page %llu has no "
			    "frame", (unsigned long long)page->pindex);
		if (atomic_load(&page->wires) != 0 ||
		    atomic_load(&page->holds) != 0 ||
		    atomic_load(&page->loans) != 0)
			return vm_error(EBUSY, "grab: page %llu is wired, "
			    "held or lent, and must stay where it is",
			    (unsigned long long)page->pindex);
	}
	return 0;
}

/* The page, exclusive, goes into the frame of a taken one. */
static void
move_page(struct vm_page **page, struct vm_page *new)
{
	struct vm_page *old = *page;
	struct vm *vm = old->object->vm;

	memcpy(vm_frame_data(&vm->frames, new),
	    vm_frame_data(&vm->frames, old), vm->page_bytes);
	new->object = vm->nowhere;
	atomic_fetch_add_explicit(&vm->loose, 1, memory_order_relaxed);
	vm_queue_remove(&vm->queue, &old, 1, VM_LEAVE_FREED);
	vm_foreign_move(old, new);
	atomic_fetch_or_explicit(&new->flags, VM_PGA_NEW,
	    memory_order_relaxed);
	vm_life_free(old, 0);
	*page = new;
}

static int
take_run(const struct vm_grab_run *run, struct vm_page **first)
{
	struct vm *vm = run->object->vm;
	struct vm_run_options options = { .count = run->count };
	int error = vm_run_check(&vm->frames, &options);

	if (error == 0)
		error = vm_limit_take_run(&vm->limit, VM_CLASS_NORMAL,
		    &options, first);
	if (error == -EAGAIN && (run->how & VM_HOW_NOWAIT) == 0)
		return vm_limit_wait_run(&vm->limit, &options,
		    vm->wait_max_ns, first);
	return error == -EAGAIN ? vm_error(EAGAIN, "grab: %u pages are not "
	    "free at once", run->count) : error;
}

static int
move_all(struct vm_page **pages, unsigned count, struct vm_page *first)
{
	struct vm_limit *limit = &pages[0]->object->vm->limit;
	int error = check_movable(pages, count);

	if (error != 0) {
		vm_limit_give_run(limit, first, count);
		return error;
	}
	for (unsigned i = 0; i < count; i++)
		move_page(&pages[i], first + i);
	return 0;
}

/* The rest of what was asked for; where it fails all are let go. */
static int
settle(const struct vm_grab_run *run, struct vm_page **pages)
{
	int error = 0;
	unsigned i;

	for (i = 0; (run->how & VM_HOW_WIRED) != 0 && i < run->count; i++) {
		error = vm_wire_add(pages[i], NULL);
		if (error != 0)
			break;
	}
	if (error != 0) {
		while (i > 0)
			vm_wire_drop(pages[--i], NULL, VM_PLACE_INACTIVE);
		vm_ungrab_many(pages, run->count);
		return error;
	}
	for (i = 0; (run->how & VM_HOW_WRITE) == 0 && i < run->count; i++)
		vm_life_downgrade(pages[i]);
	return 0;
}

static int
elsewhere(void)
{
	return vm_error(ENOTSUP, "grab: the object's pages are not in frames");
}

/* Exclusive, all of them: who only reads shares them again at the end.  What
 * is held stays in the home where it is. */
static int
hold_all(const struct vm_grab_run *run, struct vm_page **pages)
{
	struct vm_grab_run all = *run;
	unsigned got;
	int error;

	all.how = (run->how | VM_HOW_WRITE) & ~VM_HOW_WIRED;
	if ((run->how & (VM_HOW_WRITE | VM_HOW_WIRED)) == 0)
		all.how |= VM_HOW_KEEP_LENT;
	error = vm_grab_many(&all, pages, &got);
	if (error != 0 || (got == run->count &&
	    vm_home_is_pool(run->object)))
		return error;
	vm_ungrab_many(pages, got);
	if (!vm_home_is_pool(run->object))
		return elsewhere();
	return vm_error(EAGAIN, "grab: %u of %u pages are to be had at once",
	    got, run->count);
}

int
vm_grab_contig(const struct vm_grab_run *run, struct vm_page **pages)
{
	struct vm_page *first;
	int error;

	if (!vm_home_is_pool(run->object) || run->object->memory != NULL)
		return elsewhere();
	error = hold_all(run, pages);
	if (error != 0)
		return error;
	if (together(pages, run->count))
		return settle(run, pages);
	/* The frames may have to be waited for: with nothing held. */
	vm_ungrab_many(pages, run->count);
	error = take_run(run, &first);
	if (error != 0)
		return error;
	error = hold_all(run, pages);
	if (error != 0) {
		vm_limit_give_run(&run->object->vm->limit, first,
		    run->count);
		return error;
	}
	error = move_all(pages, run->count, first);
	if (error == 0)
		return settle(run, pages);
	vm_ungrab_many(pages, run->count);
	return error;
}
