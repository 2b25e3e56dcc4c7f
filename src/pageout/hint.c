/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/hint.c - hint.h has the theory. */
#include "pageout/hint.h"

#include "object/content.h"
#include "object/home.h"
#include "pageout/evict.h"
#include "pageout/launder.h"

static void
hint_page(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm *vm = object->vm;
	struct vm_slot *slot;
	struct vm_page *page;
	uint32_t number;

	if (!vm_index_try_shared(&object->index, pindex, &slot, &number))
		return;
	page = vm_page_of(vm, number);
	if (vm_content_owed(page) == 0)
		vm_queue_deactivate(&vm->queue, page, false);
	vm_slot_release_shared(slot);
	vm_limit_notify(&vm->limit);
}

int
vm_clean_hint(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	vm_pindex_t at = first;
	struct vm_slot *slot;

	/* Before the dirty ones are clean too. */
	if (atomic_load_explicit(&object->vm->clean_hint,
	    memory_order_relaxed))
		for (; vm_index_next(&object->index, false, &at, end, &slot);
		    at++)
			hint_page(object, at);
	return vm_launder_range(object, first, end, 0);
}

/* A page that was used lately is cold all the same, says who should know. */
static void
cool(struct vm_page *page)
{
	(void)vm_slot_test_clear_referenced(atomic_load_explicit(&page->slot,
	    memory_order_relaxed));
	vm_queue_place(&page->object->vm->queue, page,
	    VM_PLACE_INACTIVE_HEAD);
}

void
vm_hint_cold(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	struct vm_slot *slot;

	for (; vm_index_next(&object->index, false, &first, end, &slot);
	    first++) {
		struct vm_page *page = vm_object_try_lock_page(object, first);

		if (page == NULL)
			continue;
		cool(page);
		vm_object_unlock_page(object, page);
	}
}

/* Wired pages are no error for who waits for none. */
void
vm_hint_drop(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	int error = vm_evict_range(object, first, end, VM_EVICT_IDLE);

	vm_assert(error == 0);
	vm_hint_cold(object, first, end);
}

int
vm_hint_out(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	int error = vm_launder_range(object, first, end, 0);

	vm_hint_drop(object, first, end);
	return error;
}

/* 2^30 pages: what a count of pages has room for. */
#define FORGET_PAGES (UINT32_C(1) << 30)

/* In the pager too. */
static void
forget(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	struct vm_pager *pager = object->pager;

	while (first < end) {
		unsigned n = end - first < FORGET_PAGES ?
		    (unsigned)(end - first) : FORGET_PAGES;

		pager->ops->forget(pager, first, n);
		first += n;
	}
}

int
vm_hint_free(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	struct vm_barrier barrier = { .first = first, .end = end };
	int error;

	vm_object_bar(object, &barrier);
	error = vm_evict_range(object, first, end, VM_EVICT_DIRTY);
	if (error == 0)
		forget(object, first, end);
	vm_object_unbar(object, &barrier);
	return error;
}

/* 64 neighbours: write-protected by one call. */
#define WAIVE_PAGES 64u

/*
 * From first on, as many as can be had without waiting; at least one if waiting
 * for it can bring it, and that is done while nothing else is held.
 */
static unsigned
lock_run(struct vm_object *object, vm_pindex_t first, vm_pindex_t end,
    struct vm_page **run)
{
	unsigned n = 1;

	run[0] = vm_object_lock_page(object, first);
	if (run[0] == NULL)
		return 0;
	for (; n < WAIVE_PAGES && first + n < end; n++) {
		run[n] = vm_object_try_lock_page(object, first + n);
		if (run[n] == NULL)
			break;
	}
	return n;
}

/* A page of which the pager has blocks that are not here would come out of it
 * half one, half zeros: it stays as it is. */
static bool
is_whole(const struct vm_page *page)
{
	return page->valid == page->object->vm->all_blocks;
}

/* Rule 55: what is clean traps before it is written.  In the pager, too, while
 * nobody can have written the page again and have had it written back. */
static void
waive_run(struct vm_object *object, struct vm_page **run, unsigned n)
{
	if (n != 0 && !vm_home_is_pool(object))
		vm_home_protect(object, run[0]->pindex, n);
	for (unsigned i = 0; i < n; i++) {
		struct vm_page *page = run[i];

		if (is_whole(page)) {
			forget(object, page->pindex, page->pindex + 1);
			vm_object_mark_clean(object, page);
			atomic_fetch_and_explicit(&page->flags,
			    (uint16_t)~VM_PGA_PRECIOUS, memory_order_relaxed);
			cool(page);
		}
		vm_object_unlock_page(object, page);
	}
}

/* What is absent stays so behind the barrier. */
void
vm_hint_waive(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	struct vm_barrier barrier = { .first = first, .end = end };
	struct vm_page *run[WAIVE_PAGES];
	struct vm_slot *slot;

	vm_object_bar(object, &barrier);
	while (first < end) {
		vm_pindex_t at = first;
		unsigned n;

		if (!vm_index_next(&object->index, false, &at, end, &slot))
			at = end;
		forget(object, first, at);
		if (at == end)
			break;
		n = lock_run(object, at, end, run);
		waive_run(object, run, n);
		/* None: it is absent by now, as the next look will show. */
		first = at + n;
	}
	vm_object_unbar(object, &barrier);
}
