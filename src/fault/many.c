/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/many.c - several pages at once; grab.h has the theory. */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "fault/fill.h"
#include "fault/grab.h"
#include "fault/grab_private.h"
#include "fault/prefetch.h"
#include "object/life.h"
#include "object/wire.h"
#include "stat/stat.h"

/*
 * 64 times from the beginning: each time one page more was seen to be there.
 * Where that is not enough, memory goes as fast as it comes, and the caller
 * asks for more at once than there is.
 */
#define STARTS_MAX 64u

/* How the pages are taken; those that are missing are NULL. */
struct many {
	const struct vm_grab_run *run;
	struct vm_page **pages;
	struct vm_filler *filler;
};

static void
run_filled(struct vm_fill *fill)
{
	struct many *many = fill->arg;
	size_t at = fill->first + fill->wanted - many->run->pindex;

	fill->keep = true;
	for (unsigned i = 0; i < fill->span &&
	    fill->wanted + i < fill->good; i++)
		many->pages[at + i] = fill->page[fill->wanted + i];
}

void
vm_ungrab_many(struct vm_page **pages, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (pages[i] != NULL)
			vm_ungrab(pages[i]);
}

/* A page that is there, or is made; false: it stands in the way. */
static bool
take_one(struct many *many, unsigned at, bool *absent)
{
	const struct vm_grab_run *run = many->run;
	struct miss miss = {
		.object = run->object, .pindex = run->pindex + at,
		.how = run->how,
	};
	struct vm_slot *slot;

	*absent = false;
	if (vm_grab_hit(run->object, miss.pindex, run->how, &miss.got,
	    &slot)) {
		if (vm_grab_usable(miss.got, run->how)) {
			many->pages[at] = miss.got;
			return true;
		}
		vm_ungrab(miss.got);
		return false;
	}
	if ((run->how & VM_HOW_NOWAIT) != 0 ||
	    (slot != NULL && !vm_slot_idle(slot)))
		return false;
	*absent = !vm_grab_makes(run->object, run->how);
	if (*absent)
		return false;
	if (vm_grab_make(&miss) == 0)
		many->pages[at] = miss.got;
	if (miss.page != NULL)
		vm_limit_give(&run->object->vm->limit, &miss.page, 1);
	return many->pages[at] != NULL;
}

/* Pages from at on that are absent are on their way: how many. */
static unsigned
start_run(struct many *many, unsigned at)
{
	const struct vm_grab_run *run = many->run;
	unsigned left = run->count - at;
	struct vm_fill_request request = {
		.object = run->object, .pindex = run->pindex + at,
		.done = run_filled, .arg = many,
		.span = left < VM_FILL_USUAL ? left : VM_FILL_USUAL,
		.class = vm_grab_class(run->how),
	};
	struct vm_slot *slot;
	struct vm_fill *fill;
	enum vm_fill_result result;

	while ((result = vm_fill_start(many->filler, &request, &slot,
	    &fill)) == VM_FILL_FULL)
		vm_filler_reap(many->filler, true);
	return result == VM_FILL_STARTED ? fill->span : 0;
}

/* A run that goes on where another one ended: what comes next is on its way
 * with it. */
static void
fetch_ahead(const struct many *many, unsigned first)
{
	const struct vm_grab_run *run = many->run;
	vm_pindex_t end = run->pindex + run->count, stop;
	struct vm_step step = { .ahead = { .first = end, .count = 1 } };

	if (run->count == 1)
		return;
	stop = vm_object_plan_run(run->object, run->pindex + first,
	    run->count - first);
	if (stop <= end)
		return;
	step.ahead.pages = (uint32_t)(stop - end);
	if (!vm_prefetch_worth(&step.ahead) ||
	    !vm_prefetch(run->object, &step, true))
		(void)vm_fill_ahead(many->filler, run->object, end, stop);
}

/* All that can be had; how many from the front that is. */
static unsigned
take_all(struct many *many)
{
	unsigned count = many->run->count, at = 0, missed = count;

	memset(many->pages, 0, count * sizeof(many->pages[0]));
	while (at < count) {
		bool absent;
		unsigned n = take_one(many, at, &absent);

		if (absent) {
			missed = missed < at ? missed : at;
			n = start_run(many, at);
		}
		if (n == 0)
			break;
		at += n;
	}
	if (at == count && missed < count)
		fetch_ahead(many, missed);
	while (!vm_list_empty(&many->filler->busy))
		vm_filler_reap(many->filler, true);
	for (at = 0; at < count && many->pages[at] != NULL; at++)
		continue;
	return at;
}

/* What stood in the way is seen to by itself, with nothing held. */
static int
clear_way(const struct many *many, unsigned at)
{
	const struct vm_grab_run *run = many->run;
	struct vm_page *page;
	unsigned how = run->how & ~(VM_HOW_ZERO | VM_HOW_OVERWRITE);
	int error = vm_grab(run->object, run->pindex + at, how, &page);

	if (error != 0)
		return error;
	/* Wired for a moment, so that it is lent to nobody then. */
	if ((how & VM_HOW_WIRED) != 0)
		vm_wire_drop(page, NULL, VM_PLACE_INACTIVE);
	vm_ungrab(page);
	return 0;
}

/* Those that came by a read are exclusive still. */
static void
share_pages(const struct many *many, unsigned count)
{
	if ((many->run->how & VM_HOW_WRITE) != 0)
		return;
	for (unsigned i = 0; i < count; i++)
		if (vm_slot_busy_excl(atomic_load_explicit(
		    &many->pages[i]->slot, memory_order_relaxed)))
			vm_life_downgrade(many->pages[i]);
}

/* The rest of each grab; where one fails all are let go. */
static int
finish_pages(const struct many *many, unsigned count)
{
	unsigned how = many->run->how;

	for (unsigned i = 0; i < count; i++) {
		int error = vm_grab_finish(many->pages[i], how);

		if (error == 0)
			continue;
		while (i + 1 < count)
			vm_ungrab(many->pages[--count]);
		for (; i > 0; i--) {
			if ((how & VM_HOW_WIRED) != 0)
				vm_wire_drop(many->pages[i - 1], NULL,
				    VM_PLACE_INACTIVE);
			vm_ungrab(many->pages[i - 1]);
		}
		return error;
	}
	return 0;
}

static int
too_many(const struct many *many)
{
	return vm_error(ENOMEM, "pages %llu..%llu cannot be held at the same "
	    "time: memory goes as it comes",
	    (unsigned long long)many->run->pindex,
	    (unsigned long long)many->run->pindex + many->run->count - 1);
}

/* *got of them are held, from the front. */
static int
take_until_enough(struct many *many, unsigned *got)
{
	for (unsigned starts = 0; starts < STARTS_MAX + many->run->count;
	    starts++) {
		int error;

		*got = take_all(many);
		if (*got == many->run->count || (*got != 0 &&
		    (many->run->how & VM_HOW_NOWAIT) != 0)) {
			vm_ungrab_many(&many->pages[*got],
			    many->run->count - *got);
			share_pages(many, *got);
			return 0;
		}
		vm_ungrab_many(many->pages, many->run->count);
		error = clear_way(many, *got);
		if (error != 0)
			return error;
	}
	return too_many(many);
}

int
vm_grab_many(const struct vm_grab_run *run, struct vm_page **pages,
    unsigned *got)
{
	struct many many = { .run = run, .pages = pages };
	unsigned held = 0;
	int error = vm_filler_borrow(run->object->vm, &many.filler);

	*got = 0;
	if (error != 0)
		return error;
	vm_assert(run->count >= 1 && run->count <= VM_GRAB_PAGES_MAX);
	vm_count(run->object->vm->counters, VM_COUNTER_grabs, run->count);
	error = take_until_enough(&many, &held);
	vm_filler_return(many.filler);
	if (error == 0)
		error = finish_pages(&many, held);
	if (error == 0)
		*got = held;
	return error;
}

/* ---- two, anywhere ------------------------------------------------------- */

/* Where others want the same two, each of a few thousand turns is somebody's;
 * memory that is never enough for both ends it. */
#define PAIR_STARTS_MAX 4096u

/* Both, or none and which of them is in the way. */
static bool
take_both(struct many *many, unsigned *in_way)
{
	for (*in_way = 0; *in_way < 2; ++*in_way)
		if (take_all(&many[*in_way]) == 0) {
			if (*in_way == 1)
				vm_ungrab_many(many[0].pages, 1);
			return false;
		}
	return true;
}

static int
take_pair(struct many *many)
{
	bool waits = (many->run->how & (VM_HOW_NOWAIT | VM_HOW_ONCE)) == 0;
	unsigned in_way;

	for (unsigned starts = 0; starts < PAIR_STARTS_MAX; starts++) {
		int error;

		if (take_both(many, &in_way)) {
			share_pages(&many[0], 1);
			share_pages(&many[1], 1);
			return 0;
		}
		if (!waits)
			return vm_error(EAGAIN, "grab: page %llu takes "
			    "waiting", (unsigned long long)
			    many[in_way].run->pindex);
		error = clear_way(&many[in_way], 0);
		if (error != 0)
			return error;
	}
	return too_many(many);
}

static int
finish_pair(const struct many *many)
{
	int error = finish_pages(&many[0], 1);

	if (error != 0) {
		vm_ungrab_many(many[1].pages, 1);
		return error;
	}
	error = finish_pages(&many[1], 1);
	if (error == 0)
		return 0;
	if ((many->run->how & VM_HOW_WIRED) != 0)
		vm_wire_drop(many[0].pages[0], NULL, VM_PLACE_INACTIVE);
	vm_ungrab_many(many[0].pages, 1);
	return error;
}

int
vm_grab_pair(const struct vm_grab_run run[2], struct vm_page *pages[2])
{
	struct many many[2] = {
		{ .run = &run[0], .pages = &pages[0] },
		{ .run = &run[1], .pages = &pages[1] },
	};
	int error = vm_filler_borrow(run->object->vm, &many[0].filler);

	if (error != 0)
		return error;
	many[1].filler = many[0].filler;
	vm_count(run->object->vm->counters, VM_COUNTER_grabs, 2);
	error = take_pair(many);
	vm_filler_return(many[0].filler);
	return error != 0 ? error : finish_pair(many);
}
