/* SPDX-License-Identifier: BSD-2-Clause */
/* api/audit_page.c - pages and objects, one by one; audit.h has the theory. */
#include <resident/space.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/audit.h"
#include "object/home.h"
#include "object/life.h"
#include "object/object.h"

void
vm_look_expect(struct vm_look *look, bool truth, const char *format, ...)
{
	va_list args;

	if (truth || look->wrong[0] != '\0')
		return;
	va_start(args, format);
	(void)vsnprintf(look->wrong, sizeof(look->wrong), format, args);
	va_end(args);
}

/* ---- a page -------------------------------------------------------------- */

static uint16_t
flags_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->flags, memory_order_relaxed);
}

/* What no page with an identity is.  Mach's VM_PAGE_CHECK. */
static const char *
wrong_flags(const struct vm *vm, const struct vm_page *page)
{
	const uint16_t flags = flags_of(page);
	const bool framed = page->number < vm->frames.count;

	if ((flags & VM_PGA_FREE) != 0)
		return "is called free";
	if ((flags & VM_PGA_RESERVED) != 0)
		return "is called reserved";
	if ((flags & VM_PGA_LAUNDRY) != 0)
		return "is in the laundry and not held";
	if (((flags & VM_PGA_FICTITIOUS) == 0) != framed)
		return "has a frame and is fictitious, or neither";
	if ((flags & VM_PGA_PRIVATE) != 0 && framed)
		return "is private and not fictitious";
	if (!framed && (flags & VM_PGA_UNMANAGED) == 0)
		return "is fictitious and managed";
	if (!framed && (flags & VM_PGA_WARM) != 0)
		return "is fictitious and warm";
	return NULL;
}

static const char *
wrong_counts(const struct vm_page *page)
{
	if ((atomic_load(&page->holds) & VM_HOLDS_GONE) != 0)
		return "is gone, and has an object";
	if ((atomic_load(&page->loans) & VM_LOANS_ORPHAN) != 0)
		return "is an orphan, and has an object";
	if (atomic_load(&page->loans) != 0 && atomic_load(&page->wires) != 0)
		return "is lent and wired";
	return NULL;
}

static const char *
wrong_blocks(const struct vm *vm, const struct vm_page *page)
{
	const uint32_t all = vm_page_all_blocks(vm->page_bytes);

	if ((page->valid & ~all) != 0)
		return "has valid blocks beyond its end";
	if ((atomic_load(&page->dirty) & ~all) != 0)
		return "has dirty blocks beyond its end";
	if ((flags_of(page) & VM_PGA_CACHED) != 0 &&
	    atomic_load(&page->dirty) != 0)
		return "is cached and dirty";
	return NULL;
}

static const char *
wrong_home(const struct vm_object *object, const struct vm_page *page)
{
	const struct vm_store *store = &object->store;
	uint64_t at = VM_FACE_PRESENCE_OFFSET + page->pindex;

	if ((flags_of(page) & VM_PGA_FICTITIOUS) != 0)
		return NULL;
	if (vm_home_is_pool(object))
		return (flags_of(page) & VM_PGA_WARM) == 0 ?
		    "is in the pool and hollow" : NULL;
	if ((flags_of(page) & VM_PGA_WARM) != 0)
		return "is in a store or window and warm";
	if (page->valid != vm_page_all_blocks(object->vm->page_bytes))
		return "is in a store or window, where others see it, and not "
		    "valid";
	if (object->home == VM_HOME_STORE && at < store->face_bytes &&
	    atomic_load_explicit(
	    (_Atomic unsigned char *)store->face + at,
	    memory_order_relaxed) == 0)
		return "is in a store and its presence byte is 0";
	return NULL;
}

void
vm_look_at_page(struct vm_look *look, struct vm_object *object,
    const struct vm_page *page)
{
	const char *wrong = wrong_flags(look->vm, page);

	if (wrong == NULL)
		wrong = wrong_counts(page);
	if (wrong == NULL)
		wrong = wrong_blocks(look->vm, page);
	if (wrong == NULL)
		wrong = wrong_home(object, page);
	vm_look_expect(look, wrong == NULL, "page %llu of object %llu %s",
	    (unsigned long long)page->pindex, (unsigned long long)object->id,
	    wrong == NULL ? "" : wrong);
}

static unsigned
list_locked(const struct vm_queue *queue, const struct vm_page *page)
{
	if (page->list == queue->cached.tag)
		return VM_LOOK_CACHED;
	return page->list == 0 ? 0 : vm_queue_where_locked(queue, page) + 1;
}

/* Queues: the page has an identity, and keeps it while we share it. */
static void
look_at_queue(struct vm_look *look, const struct vm_page *page)
{
	struct vm_queue *queue = &look->vm->queue;
	const struct vm_node *node = &page->queue;
	const char *wrong = NULL;
	uint16_t flags;

	vm_lock(&queue->lock);
	flags = flags_of(page);
	if (page->list != queue->cached.tag &&
	    list_locked(queue, page) >= VM_LOOK_CACHED)
		wrong = "is on a list that is none";
	else if (page->list != 0 && (node->next == NULL ||
	    node->next->prev != node || node->prev->next != node))
		wrong = "is on a list, and its neighbours are not";
	else if (page->list != 0 && (atomic_load(&page->wires) != 0 ||
	    (flags & VM_PGA_UNMANAGED) != 0))
		wrong = "is on a list, and wired or unmanaged";
	else if ((page->list == queue->cached.tag) !=
	    ((flags & VM_PGA_CACHED) != 0))
		wrong = "is called cached and is not, or is and is not called";
	if (wrong == NULL)
		look->listed[list_locked(queue, page)]++;
	vm_unlock(&queue->lock);
	vm_look_expect(look, wrong == NULL, "page %llu %s",
	    (unsigned long long)page->pindex, wrong == NULL ? "" : wrong);
}

/* ---- an object ----------------------------------------------------------- */

/* Looks at a slot's page as its sharer. */
static void
look_at_slot(struct vm_look *look, struct vm_object *object,
    vm_pindex_t pindex, struct vm_slot *slot, struct vm_tally *tally)
{
	const struct vm_page *page;
	uint32_t number;

	if (!vm_slot_sane(slot)) {	/* taking it would repair it */
		vm_look_expect(look, false, "page %llu of object %llu: its "
		    "slot says what cannot be", (unsigned long long)pindex,
		    (unsigned long long)object->id);
		return;
	}
	if (!vm_slot_try_look(slot, &number)) {
		vm_look_expect(look, !look->idle, "page %llu of object %llu "
		    "is busy", (unsigned long long)pindex,
		    (unsigned long long)object->id);
		tally->unsure++;
		return;
	}
	if (vm_index_owns(&object->index, slot, pindex)) {
		page = vm_page_of(look->vm, number);
		vm_look_expect(look, page->number == number - 1 &&
		    page->object == object && page->pindex == pindex &&
		    atomic_load(&page->slot) == slot, "page %llu of object "
		    "%llu: its descriptor says otherwise",
		    (unsigned long long)pindex,
		    (unsigned long long)object->id);
		vm_look_at_page(look, object, page);
		look_at_queue(look, page);
		vm_look_expect(look, (vm_slot_load(slot) & VM_SLOT_READY) ==
		    0 || vm_life_ready(page), "page %llu of object %llu: its "
		    "slot calls it ready, and it is not",
		    (unsigned long long)pindex,
		    (unsigned long long)object->id);
		tally->resident++;
		tally->framed += page->number < look->vm->frames.count;
		tally->dirty += atomic_load(&page->dirty) != 0;
		tally->wired += atomic_load(&page->wires) != 0 &&
		    page->number < look->vm->frames.count;
	} else
		tally->unsure++;
	vm_slot_release_shared(slot);
	vm_limit_notify(&look->vm->limit);
}

static struct vm_leaf *
leaf_of(struct vm_slot *slot, vm_pindex_t pindex)
{
	return VM_CONTAINER(slot - pindex % VM_LEAF_SLOTS, struct vm_leaf,
	    slot);
}

static bool
within(uint64_t value, uint64_t sure, uint64_t unsure)
{
	return value >= sure && value <= sure + unsure;
}

static void
add(struct vm_tally *to, const struct vm_tally *more)
{
	to->resident += more->resident;
	to->framed += more->framed;
	to->dirty += more->dirty;
	to->wired += more->wired;
	to->unsure += more->unsure;
}

/* All of the leaf that *at lies in, slot being *at's; *at is then behind. */
static void
look_at_leaf(struct vm_look *look, struct vm_object *object, vm_pindex_t *at,
    struct vm_slot *slot, struct vm_tally *tally)
{
	struct vm_leaf *leaf = leaf_of(slot, *at);
	vm_pindex_t end = *at - *at % VM_LEAF_SLOTS + VM_LEAF_SLOTS;
	struct vm_tally own = { .resident = 0 };

	for (; vm_index_next(&object->index, false, at, end, &slot); ++*at)
		look_at_slot(look, object, *at, slot, &own);
	vm_look_expect(look, within(atomic_load(&leaf->used), own.resident,
	    own.unsure), "object %llu: the use count of the leaf before page "
	    "%llu", (unsigned long long)object->id, (unsigned long long)end);
	vm_look_expect(look, within(atomic_load(&leaf->dirty), own.dirty,
	    own.unsure), "object %llu: the dirty count of the leaf before "
	    "page %llu", (unsigned long long)object->id,
	    (unsigned long long)end);
	add(tally, &own);
	look->leaves++;
	*at = end;
}

static void
look_at_gauge(struct vm_look *look, const struct vm_object *object,
    uint64_t gauge, uint64_t sure, const char *what)
{
	const uint64_t unsure = look->all.unsure;

	vm_look_expect(look, within(gauge, sure, unsure), "object %llu: it "
	    "says %llu %s pages, and has %llu to %llu",
	    (unsigned long long)object->id, (unsigned long long)gauge, what,
	    (unsigned long long)sure, (unsigned long long)(sure + unsure));
}

static void
look_at_store(struct vm_look *look, struct vm_object *object,
    const struct vm_tally *own)
{
	struct vm_store *store = &object->store;
	uint32_t count = 0, tracked = 0;
	struct vm_node *node;

	vm_lock(&store->lock);
	for (node = vm_list_first(&store->mappings); node != NULL;
	    node = vm_list_next(&store->mappings, node)) {
		count++;
		tracked += VM_ENTRY(node, struct vm_mapping, link)->tracked;
	}
	vm_look_expect(look, atomic_load(&store->count) == count &&
	    atomic_load(&store->tracked) == tracked, "object %llu: its store "
	    "says %u mappings, and lists %u", (unsigned long long)object->id,
	    atomic_load(&store->count), count);
	vm_unlock(&store->lock);
	look_at_gauge(look, object, atomic_load(
	    (_Atomic uint64_t *)&store->face->dirty_pages), own->dirty,
	    "dirty (to its clients)");
}

void
vm_look_at_object(struct vm_look *look, struct vm_object *object)
{
	struct vm_tally own = { .resident = 0 };
	struct vm_slot *slot;
	uint64_t leaves = look->leaves;
	vm_pindex_t at = 0;

	while (vm_index_next(&object->index, false, &at, UINT64_MAX, &slot))
		look_at_leaf(look, object, &at, slot, &own);
	add(&look->all, &own);
	look_at_gauge(look, object, atomic_load(&object->resident),
	    own.resident, "resident");
	look_at_gauge(look, object, atomic_load(&object->dirty), own.dirty,
	    "dirty");
	look_at_gauge(look, object, atomic_load(&object->wired), own.wired,
	    "wired");
	vm_look_expect(look, !look->idle || atomic_load(&object->index.live) ==
	    look->leaves - leaves, "object %llu: its leaves are not as many "
	    "as it says", (unsigned long long)object->id);
	vm_look_expect(look, !look->idle || atomic_load(&object->inflight) ==
	    0, "object %llu: pages are coming, and nobody brings them",
	    (unsigned long long)object->id);
	if (object->home == VM_HOME_STORE)
		look_at_store(look, object, &own);
}
