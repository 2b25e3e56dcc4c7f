/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/trim.c - trim.h has the theory. */
#include "pageout/trim.h"

#include "base/assert.h"
#include "object/cached.h"
#include "object/look.h"
#include "object/quota.h"
#include "pageout/evict.h"
#include "stat/stat.h"

/* 32 pages at once, as takers help (pageout/help.c). */
#define BATCH 32u
/* A 16th of high is taken on top, so that the next misses need not. */
#define MORE_SHARE 16u
/* 4 looks for each page that is wanted go to find one that is not in use;
 * then any will do. */
#define LOOKS 4u

/* Fetched ahead, and not used yet. */
static bool
is_to_come(const struct vm_page *page)
{
	const struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	return (atomic_load_explicit(&page->flags, memory_order_relaxed) &
	    VM_PGA_SPECULATIVE) != 0 && slot != NULL &&
	    !vm_slot_referenced(slot);
}

/* Backwards from the one that came last. */
static unsigned
newest(struct vm_object *object, struct vm_page **pages, unsigned want)
{
	vm_pindex_t at = atomic_load_explicit(&object->last_entered,
	    memory_order_relaxed);
	unsigned got = 0;

	while (got < want && at-- != 0) {
		struct vm_page *page = vm_look_prev(object, &at);

		if (page == NULL)
			break;
		if (!is_to_come(page))
			pages[got++] = page;
	}
	return got;
}

/* The hand moves on over want pages; its lap ends at the object's end. */
static unsigned
by_clock(struct vm_object *object, struct vm_page **pages, unsigned want)
{
	vm_pindex_t at = atomic_load_explicit(&object->hand,
	    memory_order_relaxed);
	unsigned got = 0, looks = 0, laps = 0;
	struct vm_slot *slot;

	while (got < want && laps <= 2) {
		uint32_t number;

		if (!vm_index_next(&object->index, false, &at, UINT64_MAX,
		    &slot)) {
			at = 0;
			laps++;
			continue;
		}
		at++;
		number = vm_slot_number(slot);
		if (number == VM_SLOT_ABSENT ||
		    (vm_slot_test_clear_referenced(slot) &&
		    looks++ < want * LOOKS))
			continue;
		pages[got++] = vm_page_of(object->vm, number);
	}
	atomic_store_explicit(&object->hand, at, memory_order_relaxed);
	return got;
}

static unsigned
candidates(struct vm_object *object, struct vm_page **pages, unsigned want)
{
	unsigned got = 0;

	if (atomic_load_explicit(&object->cyclic, memory_order_relaxed))
		got = newest(object, pages, want);
	return got != 0 ? got : by_clock(object, pages, want);
}

/* The page, exclusive and claimed, if it is still the object's and could go. */
static bool
take(struct vm_object *object, struct vm_page *page)
{
	if (!vm_page_try_lock(object->vm, page))
		return false;
	if (page->object == object && vm_page_may_leave(page) &&
	    vm_quota_claim(object))
		return true;
	vm_object_unlock_page(page->object, page);
	return false;
}

static unsigned
trim_batch(struct vm_object *object, unsigned want)
{
	struct vm_page *page[BATCH];
	unsigned n = candidates(object, page, want), got = 0;

	for (unsigned i = 0; i < n; i++)
		if (take(object, page[i]))
			page[got++] = page[i];
	vm_evict(object->vm, page, got, VM_LEAVE_EVICTED);
	vm_count(object->vm->counters, VM_COUNTER_evicted_clean, got);
	return got;
}

static unsigned
smaller(uint64_t a, uint64_t b)
{
	return (unsigned)(a < b ? a : b);
}

static void
trim(struct vm_object *object)
{
	uint64_t more = atomic_load(&object->high) / MORE_SHARE, above;

	/* The ioctls of a store's eviction are not for fault threads. */
	if (atomic_load(&object->home) == VM_HOME_STORE)
		return;
	while ((above = vm_quota_above(object)) != 0)
		if (trim_batch(object, smaller(above + more, BATCH)) == 0)
			break;
}

void
vm_trim_init(struct vm *vm)
{
	vm->trim = trim;
}

/* The system lock keeps the object. */
static unsigned
victims_locked(struct vm *vm, struct vm_page **pages, unsigned want)
{
	struct vm_node *node = vm_list_first(&vm->objects);

	vm_lock_assert_held(&vm->lock);
	for (; node != NULL; node = vm_list_next(&vm->objects, node)) {
		struct vm_object *object = VM_ENTRY(node, struct vm_object,
		    link);
		uint64_t above = vm_quota_above(object);
		unsigned got = above == 0 ? 0 : candidates(object, pages,
		    smaller(above, want));

		if (got != 0)
			return got;
	}
	return 0;
}

unsigned
vm_trim_victims(struct vm *vm, struct vm_page **pages, unsigned want)
{
	unsigned got;

	if (!atomic_load(&vm->above))
		return 0;
	/* Before the look: who grows meanwhile says so again. */
	atomic_store(&vm->above, false);
	vm_lock(&vm->lock);
	got = victims_locked(vm, pages, want);
	vm_unlock(&vm->lock);
	if (got != 0)
		atomic_store(&vm->above, true);
	return got;
}
