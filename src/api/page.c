/* SPDX-License-Identifier: BSD-2-Clause */
/* api/page.c - taking, using and releasing pages: resident/page.h. */
#include <errno.h>
#include <resident/page.h>

#include "api/check.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "fault/grab.h"
#include "fault/hit.h"
#include "object/home.h"
#include "object/life.h"
#include "object/look.h"
#include "object/object.h"
#include "object/retire.h"

_Static_assert(VM_GRAB_WRITE == VM_HOW_WRITE, "same bits");
_Static_assert(VM_GRAB_ZERO == VM_HOW_ZERO, "same bits");
_Static_assert(VM_GRAB_NOWAIT == VM_HOW_NOWAIT, "same bits");
_Static_assert(VM_GRAB_WIRED == VM_HOW_WIRED, "same bits");
_Static_assert(VM_GRAB_NOREAD == VM_HOW_NOREAD, "same bits");
_Static_assert(VM_GRAB_SYSTEM == VM_HOW_SYSTEM, "same bits");
_Static_assert(VM_GRAB_INTERRUPT == VM_HOW_INTERRUPT, "same bits");
_Static_assert(VM_GRAB_ONCE == VM_HOW_ONCE, "same bits");
_Static_assert(VM_GRAB_OVERWRITE == VM_HOW_OVERWRITE, "same bits");
_Static_assert(VM_GRAB_MANY_MAX == VM_GRAB_PAGES_MAX, "same bound");
_Static_assert(VM_WAIT_FOREVER == VM_FUTEX_FOREVER, "same time");

/* Flags that make no difference where the page is there. */
#define HIT_FLAGS (VM_GRAB_NOWAIT | VM_GRAB_ONCE)

static int
grab(struct vm_object *object, uint64_t pindex, unsigned flags,
    struct vm_page **out)
{
	int error = vm_check_grab(object, pindex, flags);

	if (error == 0)
		error = vm_check_end(object, pindex, 1);
	return error != 0 ? error : vm_grab(object, pindex, flags, out);
}

/* A hit needs no check: nothing is found where nothing can be. */
VM_EXPORT int
vm_page_grab(struct vm_object *object, uint64_t pindex, unsigned flags,
    struct vm_page **out)
{
	if (VM_UNLIKELY((flags & ~HIT_FLAGS) != 0) ||
	    !vm_hit_try(object, pindex, out))
		return grab(object, pindex, flags, out);
	vm_count(object->vm->counters, VM_COUNTER_grabs, 1);
	return 0;
}

static int
check_run(const struct vm_grab_run *run, struct vm_page **pages)
{
	int error;

	if (pages == NULL)
		return vm_error(EINVAL, "grab: nowhere to put the pages");
	if (run->count == 0 || run->count > VM_GRAB_MANY_MAX)
		return vm_error(EINVAL, "grab: %u pages at once, of 1 to %u",
		    run->count, VM_GRAB_MANY_MAX);
	if (run->how & VM_GRAB_ONCE)
		return vm_error(EINVAL, "grab: ONCE of many");
	error = vm_check_grab(run->object, run->pindex, run->how);
	return error != 0 ? error : vm_check_end(run->object, run->pindex,
	    run->count);
}

/* 32 pages, 4 leaves: some 5 ns a page hide a line that no cache has. */
#define HIT_AHEAD 32u
_Static_assert(HIT_AHEAD % VM_LEAF_SLOTS == 0, "whole leaves");

/* Nothing is asked for of the first leaf, which is read at once. */
static void
approach_first(const struct vm_grab_run *run)
{
	for (unsigned at = VM_LEAF_SLOTS; at < HIT_AHEAD && at < run->count;
	    at += VM_LEAF_SLOTS)
		vm_hit_approach(run->object, run->pindex + at);
}

/*
 * All of them are there: no filler, no lock.  Their descriptors and bytes are
 * on their way together when the first one is used, and leaves before they are
 * looked at.
 */
static bool
hit_all(const struct vm_grab_run *run, struct vm_page **pages)
{
	unsigned n;

	approach_first(run);
	for (n = 0; n < run->count; n++) {
		if (n % VM_LEAF_SLOTS == 0 && n + HIT_AHEAD < run->count)
			vm_hit_approach(run->object, run->pindex + n +
			    HIT_AHEAD);
		if (!vm_hit_try(run->object, run->pindex + n, &pages[n]))
			break;
	}
	if (n == run->count) {
		vm_count(run->object->vm->counters, VM_COUNTER_grabs, n);
		return true;
	}
	vm_ungrab_many(pages, n);
	return false;
}

/* Rule 3: public; which pages, how, and the result. */
VM_EXPORT int
vm_page_grab_many(struct vm_object *object, uint64_t pindex, unsigned count,
    unsigned flags, struct vm_page **pages, unsigned *got)
{
	struct vm_grab_run run = {
		.object = object, .pindex = pindex, .count = count,
		.how = flags,
	};
	int error;

	if (got == NULL)
		return vm_error(EINVAL, "grab: nowhere to put the number");
	*got = 0;
	error = check_run(&run, pages);
	if (error != 0)
		return error;
	if ((flags & ~HIT_FLAGS) != 0 || !hit_all(&run, pages))
		return vm_grab_many(&run, pages, got);
	*got = count;
	return 0;
}

VM_EXPORT int
vm_page_grab_contig(struct vm_object *object, uint64_t pindex,
    unsigned count, unsigned flags, struct vm_page **pages)
{
	struct vm_grab_run run = {
		.object = object, .pindex = pindex, .count = count,
		.how = flags,
	};
	int error = check_run(&run, pages);

	return error != 0 ? error : vm_grab_contig(&run, pages);
}

/* 8 pages: a descriptor, which says where the slot is, comes while those of so
 * many are left. */
#define LEAVE_AHEAD 8u

VM_EXPORT void
vm_page_release_many(struct vm_page **pages, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (i + LEAVE_AHEAD < count)
			VM_PREFETCH(pages[i + LEAVE_AHEAD]);
		if (pages[i] != NULL)
			vm_page_release(pages[i]);
	}
}

/* The order of rule 4. */
static unsigned
first_of(const struct vm_page_pair *pair)
{
	uint64_t a = pair->object[0]->id, b = pair->object[1]->id;

	return a != b ? a > b : pair->pindex[0] > pair->pindex[1];
}

static int
check_pair(const struct vm_page_pair *pair)
{
	int error = 0;

	for (unsigned i = 0; i < 2 && error == 0; i++) {
		error = vm_check_grab(pair->object[i], pair->pindex[i],
		    pair->flags);
		if (error == 0)
			error = vm_check_end(pair->object[i], pair->pindex[i],
			    1);
	}
	return error;
}

VM_EXPORT int
vm_page_grab_pair(struct vm_page_pair *pair)
{
	unsigned one = first_of(pair), other = 1 - one;
	struct vm_grab_run run[2];
	struct vm_page *page[2];
	int error = check_pair(pair);

	if (error != 0)
		return error;
	if (pair->object[0] == pair->object[1] &&
	    pair->pindex[0] == pair->pindex[1]) {
		error = vm_grab(pair->object[0], pair->pindex[0], pair->flags,
		    &pair->page[0]);
		pair->page[1] = pair->page[0];
		return error;
	}
	for (unsigned i = 0; i < 2; i++)
		run[i != one] = (struct vm_grab_run){
			.object = pair->object[i], .pindex = pair->pindex[i],
			.count = 1, .how = pair->flags,
		};
	error = vm_grab_pair(run, page);
	if (error == 0) {
		pair->page[one] = page[0];
		pair->page[other] = page[1];
	}
	return error;
}

VM_EXPORT void
vm_page_release_pair(struct vm_page_pair *pair)
{
	vm_page_release(pair->page[0]);
	if (pair->page[1] != pair->page[0])
		vm_page_release(pair->page[1]);
}

VM_EXPORT void *
vm_page_data(struct vm_page *page)
{
	return vm_page_memory(page);
}

VM_EXPORT void
vm_page_dirty(struct vm_page *page, uint32_t offset, uint32_t length)
{
	struct vm_object *object = page->object;
	uint32_t bytes = object->vm->page_bytes;

	vm_assert(vm_life_loose(page) ||
	    vm_slot_busy_excl(atomic_load(&page->slot)));
	vm_assert(offset <= bytes && length <= bytes - offset);
	vm_assert(atomic_load(&object->writable));
	vm_assert((atomic_load_explicit(&page->flags, memory_order_relaxed) &
	    VM_PGA_CACHED) == 0);
	if (length != 0)
		vm_object_mark_dirty(object, page,
		    vm_page_blocks_outer(bytes, offset, length));
}

VM_EXPORT void
vm_page_release(struct vm_page *page)
{
	if (!vm_hit_try_end(page))
		vm_ungrab(page);
}

VM_EXPORT uint64_t
vm_page_pindex(const struct vm_page *page)
{
	return page->pindex;
}

VM_EXPORT struct vm_object *
vm_page_object(const struct vm_page *page)
{
	return vm_life_loose(page) ? NULL : page->object;
}

/* ---- busy ---------------------------------------------------------------- */

static struct vm_slot *
slot_of(const struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	vm_assert(slot != NULL);	/* a loose page has nobody else */
	return slot;
}

VM_EXPORT void
vm_page_downgrade(struct vm_page *page)
{
	vm_life_downgrade(page);
}

/* Who borrows it has the bytes as they are. */
static int
keep_unlent(struct vm_page *page)
{
	if (!vm_page_lent(page)) {
		vm_home_open(page);
		return 0;
	}
	vm_life_downgrade(page);
	return vm_error(EBUSY, "upgrade: page %llu is lent, release it and "
	    "grab it to write", (unsigned long long)page->pindex);
}

VM_EXPORT int
vm_page_try_upgrade(struct vm_page *page)
{
	if (!atomic_load(&page->object->writable))
		return vm_error(EACCES, "upgrade: page %llu is a read-only "
		    "object's", (unsigned long long)page->pindex);
	if (vm_slot_try_upgrade(slot_of(page)))
		return keep_unlent(page);
	return vm_error(EAGAIN, "upgrade: page %llu is shared with others",
	    (unsigned long long)page->pindex);
}

VM_EXPORT int
vm_page_share(struct vm_page *page)
{
	if (vm_slot_share(slot_of(page)))
		return 0;
	return vm_error(EAGAIN, "share: page %llu is shared %u times",
	    (unsigned long long)page->pindex,
	    vm_slot_sharers(slot_of(page)));
}

VM_EXPORT int
vm_page_busied(const struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	/* A loose page is its owner's alone. */
	if (slot == NULL || vm_slot_busy_excl(slot))
		return -1;
	return (int)vm_slot_sharers(slot);
}

VM_EXPORT void
vm_page_flash(struct vm_page *page)
{
	vm_slot_flash(slot_of(page));
}

VM_EXPORT int
vm_page_wait(struct vm_object *object, uint64_t pindex, unsigned flags,
    uint64_t timeout_ns)
{
	if (flags != VM_WAIT_EXCL && flags != (VM_WAIT_EXCL | VM_WAIT_SHARED))
		return vm_error(EINVAL, "wait: flags 0x%x, neither EXCL nor "
		    "EXCL and SHARED", flags);
	return vm_look_wait(object, pindex, flags == VM_WAIT_EXCL,
	    timeout_ns);
}
