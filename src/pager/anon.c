/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/anon.c - what of an object is where; anon.h has the theory. */
#include "pager/anon.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pager/anon_private.h"

static uint64_t
pages_of(struct anon_pager *a)
{
	/* Relaxed: a request races with a change of the length as it may. */
	uint64_t bytes = atomic_load_explicit(&a->length,
	    memory_order_relaxed);
	uint32_t page_bytes = a->pager.page_bytes;

	return bytes / page_bytes + (bytes % page_bytes != 0);
}

/* How many of the pages from pindex on the object and one request have. */
static unsigned
clip(struct anon_pager *a, vm_pindex_t pindex, unsigned want)
{
	uint64_t pages = pages_of(a);

	if (pindex >= pages)
		return 0;
	if (want > VM_PAGER_RUN_MAX)
		want = VM_PAGER_RUN_MAX;
	return want < pages - pindex ? want : (unsigned)(pages - pindex);
}

/* Whether b is the place right behind a, or n further on. */
static bool
is_behind(struct vm_swap_place a, struct vm_swap_place b, unsigned n)
{
	return a.file == b.file && b.page == a.page + n;
}

/* Whether the n-th page after one belongs to its run. */
static bool
is_alike(uint64_t first, uint64_t other, unsigned n)
{
	enum vm_swap_kind kind = vm_swap_kind_of(first);
	enum vm_swap_kind another = vm_swap_kind_of(other);

	switch (kind) {
	case VM_SWAP_NONE:
		return another == VM_SWAP_NONE;
	case VM_SWAP_FILLED:
	case VM_SWAP_PACKED:
		return vm_anon_in_memory(another);
	case VM_SWAP_FILE:
		return another == VM_SWAP_FILE && is_behind(vm_swap_place_of(
		    first), vm_swap_place_of(other), n);
	case VM_SWAP_LOST:
		break;
	}
	return false;
}

unsigned
vm_anon_run_locked(struct anon_pager *a, vm_pindex_t pindex, unsigned count,
    uint64_t *where)
{
	unsigned run = 1;

	vm_lock_assert_held(&a->swap->lock);
	*where = vm_swaptable_get(&a->table, pindex).where;
	while (run < count && is_alike(*where, vm_swaptable_get(&a->table,
	    pindex + run).where, run))
		run++;
	return run;
}

static enum vm_pager_result
anon_extent(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    unsigned *count)
{
	struct anon_pager *a = vm_anon_of(pager);
	uint64_t where;

	*count = clip(a, pindex, want);
	if (*count == 0)
		return VM_PAGER_RANGE;
	vm_lock(&a->swap->lock);
	*count = vm_anon_run_locked(a, pindex, *count, &where);
	vm_unlock(&a->swap->lock);
	return vm_swap_kind_of(where) == VM_SWAP_NONE ? VM_PAGER_ABSENT :
	    VM_PAGER_OK;
}

/* Makes the table have place for a page.  0, -ENOMEM. */
static int
grow_table(struct anon_pager *a, vm_pindex_t pindex)
{
	const struct vm_os *os = a->swap->os;
	size_t bytes;
	void *memory;

	/* Two turns, more when others grow the directory meanwhile. */
	for (;;) {
		vm_lock(&a->swap->lock);
		bytes = vm_swaptable_lacks(&a->table, pindex);
		vm_unlock(&a->swap->lock);
		if (bytes == 0)
			return 0;
		memory = bytes == SIZE_MAX ? NULL : os->alloc(bytes);
		if (memory == NULL)
			return vm_error(ENOMEM, "swap: a table of %zu bytes: "
			    "%s", bytes, vm_errno_text(ENOMEM));
		vm_lock(&a->swap->lock);
		memory = vm_swaptable_supply(&a->table, pindex, memory, bytes);
		vm_unlock(&a->swap->lock);
		os->free(memory);
	}
}

/* ---- room for what goes out ---------------------------------------------- */

/* Pages that have a place for their next write already, one behind the other.
 * Places in a file that fails are no such. */
static unsigned
kept_run(struct anon_pager *a, vm_pindex_t pindex, unsigned want)
{
	struct vm_swap *swap = a->swap;
	uint64_t where, first;
	unsigned run = 0;

	vm_lock(&swap->lock);
	first = vm_swaptable_get(&a->table, pindex).where;
	if (vm_swap_has_next(first) && !vm_swapfile_fails(
	    &swap->file[vm_swap_next_of(first).file]))
		for (run = 1; run < want; run++) {
			where = vm_swaptable_get(&a->table, pindex +
			    run).where;
			if (!vm_swap_has_next(where) || !is_behind(
			    vm_swap_next_of(first), vm_swap_next_of(where),
			    run))
				break;
		}
	vm_unlock(&swap->lock);
	return run;
}

/* Pages that are in a file, one behind the other: where there is no other
 * room, what the memory has may be written over them. */
static unsigned
old_run(struct anon_pager *a, vm_pindex_t pindex, unsigned want)
{
	uint64_t where;
	unsigned run;

	vm_lock(&a->swap->lock);
	run = vm_anon_run_locked(a, pindex, want, &where);
	vm_unlock(&a->swap->lock);
	return vm_swap_kind_of(where) == VM_SWAP_FILE ? run : 0;
}

static void
keep_locked(struct anon_pager *a, vm_pindex_t pindex,
    struct vm_swap_place first, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct vm_swap_place place = { first.page + i, first.file };

		vm_swap_unkeep_locked(a->swap, &a->table, pindex + i);
		vm_swap_set_locked(a->swap, &a->table, pindex + i,
		    vm_swap_with_next(vm_swaptable_get(&a->table, pindex +
		    i).where, place));
	}
}

/* The place beside that of a neighbour, if it is free: who comes for one of
 * them gets both with one read. */
static bool
keep_beside(struct anon_pager *a, vm_pindex_t pindex, unsigned count)
{
	uint64_t before, behind;
	bool done = false;

	vm_lock(&a->swap->lock);
	before = pindex == 0 ? 0 : vm_swaptable_get(&a->table,
	    pindex - 1).where;
	behind = vm_swaptable_get(&a->table, pindex + count).where;
	if (vm_swap_kind_of(before) == VM_SWAP_FILE) {
		struct vm_swap_place place = vm_swap_place_of(before);

		place.page++;
		done = vm_swap_try_locked(a->swap, place, count);
		if (done)
			keep_locked(a, pindex, place, count);
	}
	if (!done && vm_swap_kind_of(behind) == VM_SWAP_FILE &&
	    vm_swap_place_of(behind).page >= count) {
		struct vm_swap_place place = vm_swap_place_of(behind);

		place.page -= count;
		done = vm_swap_try_locked(a->swap, place, count);
		if (done)
			keep_locked(a, pindex, place, count);
	}
	vm_unlock(&a->swap->lock);
	return done;
}

/* New places, or else those kept or taken before; 0: *error. */
static unsigned
find_places(struct anon_pager *a, vm_pindex_t pindex, unsigned count,
    int *error)
{
	unsigned run = kept_run(a, pindex, count);
	struct vm_swap_place first;
	int taken;

	if (run == count || keep_beside(a, pindex, count))
		return count;
	taken = vm_swap_take(a->swap, count, &first);
	if (taken > 0 && (unsigned)taken > run) {
		vm_lock(&a->swap->lock);
		keep_locked(a, pindex, first, (unsigned)taken);
		vm_unlock(&a->swap->lock);
		return (unsigned)taken;
	}
	if (taken > 0) {
		vm_lock(&a->swap->lock);
		vm_swap_give_locked(a->swap, first, (unsigned)taken);
		vm_unlock(&a->swap->lock);
	} else if (run == 0) {
		run = old_run(a, pindex, count);
	}
	*error = taken > 0 ? 0 : -taken;
	return run;
}

int
vm_anon_keep_place(struct anon_pager *a, vm_pindex_t pindex)
{
	int error = 0;

	return find_places(a, pindex, 1, &error) == 1 ? 0 : -error;
}

static unsigned
anon_reserve(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    int *error)
{
	struct anon_pager *a = vm_anon_of(pager);
	unsigned count = clip(a, pindex, want);
	int grown;

	if (count == 0) {
		*error = -vm_error(ERANGE, "swap: page %llu is beyond the end",
		    (unsigned long long)pindex);
		return 0;
	}
	grown = grow_table(a, pindex);
	if (grown == 0)		/* a run touches two leaves at most */
		grown = grow_table(a, pindex + count - 1);
	if (grown < 0) {
		*error = -grown;
		return 0;
	}
	vm_swap_make_room(a->swap, count);
	count = find_places(a, pindex, count, error);
	vm_swap_trim(a->swap);
	return count;
}

/* Anonymous memory does not outlive its system: nothing to be safe for. */
static int
anon_sync(struct vm_pager *pager)
{
	(void)pager;
	return 0;
}

/* ---- what is not needed any more ----------------------------------------- */

/* All that a page has, and is kept for it. */
static void
forget_locked(struct anon_pager *a, vm_pindex_t pindex)
{
	if (vm_swaptable_get(&a->table, pindex).where == 0)
		return;
	vm_swap_unkeep_locked(a->swap, &a->table, pindex);
	vm_swap_settle_locked(a->swap, &a->table, pindex, 0);
}

/* Pages [from, end), one leaf at a time. */
static void
forget_range(struct anon_pager *a, vm_pindex_t from, vm_pindex_t end)
{
	vm_pindex_t stop;

	while (from < end) {
		vm_lock(&a->swap->lock);
		from = vm_swaptable_next(&a->table, from);
		stop = from - from % VM_SWAP_LEAF_PAGES + VM_SWAP_LEAF_PAGES;
		if (stop > end || stop < from)
			stop = end;
		for (; from < stop; from++)
			forget_locked(a, from);
		vm_unlock(&a->swap->lock);
	}
}

/* Of most objects nothing ever went out: then this is a load. */
static void
anon_outdated(struct vm_pager *pager, vm_pindex_t pindex)
{
	struct anon_pager *a = vm_anon_of(pager);

	if (atomic_load_explicit(&a->table.entries,
	    memory_order_relaxed) == 0)
		return;
	vm_lock(&a->swap->lock);
	forget_locked(a, pindex);
	vm_unlock(&a->swap->lock);
}

static void
anon_forget(struct vm_pager *pager, vm_pindex_t pindex, unsigned count)
{
	struct anon_pager *a = vm_anon_of(pager);

	forget_range(a, pindex, pindex + count);
	vm_swap_trim(a->swap);
}

/*
 * The object now ends within the page: what is behind must read as zeros when
 * it grows again.  If that cannot be brought about, the page is lost rather
 * than wrong.
 */
static void
cut_page(struct anon_pager *a, vm_pindex_t pindex, uint32_t from_byte)
{
	struct vm_swap_seat *seat = vm_swap_sit(a->swap);
	int result = vm_swap_fetch_now(a->swap, &a->table, pindex, seat);

	if (result > 0) {
		memset(seat->page + from_byte, 0, a->pager.page_bytes -
		    from_byte);
		result = vm_swap_store_now(a->swap, &a->table, pindex, seat);
	}
	vm_swap_stand(a->swap, seat);
	if (result == 0)
		return;
	vm_lock(&a->swap->lock);
	vm_swap_settle_locked(a->swap, &a->table, pindex, vm_swap_at(
	    vm_swaptable_get(&a->table, pindex).where, VM_SWAP_LOST, 0));
	vm_unlock(&a->swap->lock);
}

static void
anon_resized(struct vm_pager *pager, uint64_t bytes)
{
	struct anon_pager *a = vm_anon_of(pager);
	uint64_t old = atomic_exchange_explicit(&a->length, bytes,
	    memory_order_relaxed);
	uint32_t rest = (uint32_t)(bytes % pager->page_bytes);

	if (bytes >= old)
		return;
	forget_range(a, pages_of(a), UINT64_MAX);
	if (rest != 0)
		cut_page(a, bytes / pager->page_bytes, rest);
	vm_swap_trim(a->swap);
}

static int
anon_length(struct vm_pager *pager, uint64_t *bytes)
{
	*bytes = atomic_load_explicit(&vm_anon_of(pager)->length,
	    memory_order_relaxed);
	return 0;
}

static int
anon_peek(struct vm_pager *pager, uint64_t offset, void *bytes, size_t length)
{
	(void)pager;
	(void)offset;
	(void)bytes;
	(void)length;
	return vm_error(ENOTSUP, "swap: nobody else changes it");
}

static void
anon_destroy(struct vm_pager *pager)
{
	struct anon_pager *a = vm_anon_of(pager);
	const struct vm_os *os = a->swap->os;
	void *memory;

	forget_range(a, 0, UINT64_MAX);
	vm_swap_trim(a->swap);
	/* No lock: nobody knows of this pager any more. */
	while ((memory = vm_swaptable_dismantle(&a->table)) != NULL)
		os->free(memory);
	os->free(a);
}

static const struct vm_pager_ops anon_ops = {
	.name = "anon",
	.extent = anon_extent,
	.reserve = anon_reserve,
	.submit = vm_anon_submit,
	.read_now = vm_anon_read_now,
	.sync = anon_sync,
	.resized = anon_resized,
	.forget = anon_forget,
	.outdated = anon_outdated,
	.peek = anon_peek,
	.length = anon_length,
	.destroy = anon_destroy,
};

int
vm_pager_anon_create(struct vm_swap *swap, uint64_t length,
    struct vm_pager **out)
{
	struct anon_pager *a = swap->os->alloc(sizeof(*a));

	if (a == NULL)
		return vm_error(ENOMEM, "anonymous memory: %s",
		    vm_errno_text(ENOMEM));
	a->pager = (struct vm_pager){ .ops = &anon_ops,
	    .page_bytes = swap->page_bytes };
	a->swap = swap;
	a->table.numbered = swap->cipher != NULL;
	a->table.id = vm_swap_numbers(swap, 1);
	atomic_init(&a->length, length);
	*out = &a->pager;
	return 0;
}
