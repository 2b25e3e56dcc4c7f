/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/change.c - change.h has the theory. */
#include "pageout/change.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/home.h"
#include "object/loan.h"
#include "os/os.h"
#include "page/bits.h"
#include "pageout/evict.h"

/* The barrier of a write_begin, found again by its end. */
static struct vm_barrier *
find_barrier(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	struct vm_barrier *found = NULL;
	struct vm_node *node;

	vm_lock(&object->lock);
	for (node = vm_list_first(&object->barriers); node != NULL;
	    node = vm_list_next(&object->barriers, node)) {
		struct vm_barrier *barrier = VM_ENTRY(node,
		    struct vm_barrier, link);

		if (barrier->first == first && barrier->end == end)
			found = barrier;
	}
	vm_unlock(&object->lock);
	return found;
}

static void
pages_of(const struct vm_object *object, uint64_t offset, uint64_t length,
    struct vm_barrier *barrier)
{
	uint32_t bytes = object->vm->page_bytes;
	uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX :
	    offset + length;

	barrier->first = offset / bytes;
	barrier->end = end / bytes + (end % bytes != 0);
}

/* Slots of resident pages of the range become ours, in ascending order.
 * Whether one of the pages is lent. */
static bool
hold_pages(struct vm_object *object, const struct vm_barrier *barrier)
{
	vm_pindex_t at = barrier->first;
	struct vm_slot *slot;
	bool lent = false;

	while (vm_index_next(&object->index, false, &at, barrier->end,
	    &slot)) {
		struct vm_page *page = vm_object_lock_page(object, at);

		lent = lent || (page != NULL && vm_page_lent(page));
		at++;
	}
	return lent;
}

/* As they are. */
static void
let_go(struct vm_object *object, const struct vm_barrier *barrier)
{
	vm_pindex_t at = barrier->first;
	struct vm_slot *slot;

	for (; vm_index_next(&object->index, false, &at, barrier->end, &slot);
	    at++) {
		uint32_t number = vm_slot_number(slot);

		if (number != VM_SLOT_ABSENT)
			vm_object_unlock_page(object,
			    vm_page_of(object->vm, number));
	}
}

/* Held and lent to nobody: behind the barrier none is lent any more. */
static int
hold_unlent(struct vm_object *object, const struct vm_barrier *barrier)
{
	int error;

	while (hold_pages(object, barrier)) {
		let_go(object, barrier);
		error = vm_loan_break_pages(object, barrier->first,
		    barrier->end);
		if (error != 0)
			return error;
	}
	return 0;
}

int
vm_change_begin(struct vm_object *object, uint64_t offset, uint64_t length)
{
	struct vm_barrier *barrier = object->vm->os->alloc(sizeof(*barrier));
	int error;

	if (barrier == NULL)
		return vm_error(ENOMEM, "object: no memory for a barrier");
	pages_of(object, offset, length, barrier);
	vm_object_bar(object, barrier);
	error = hold_unlent(object, barrier);
	if (error != 0) {
		vm_object_unbar(object, barrier);
		object->vm->os->free(barrier);
	}
	return error;
}

/* 4 KiB at a time: stack, and the smallest page. */
#define PIECE 4096

/* The pager's bytes [from, to) of a held page come over. */
static int
copy_in(struct vm_object *object, struct vm_page *page, uint64_t from,
    uint64_t to)
{
	struct vm *vm = object->vm;
	char bytes[PIECE];

	while (from < to) {
		size_t n = to - from < PIECE ? (size_t)(to - from) : PIECE;
		int error = object->pager->ops->peek(object->pager, from,
		    bytes, n);

		if (error != 0)
			return error;
		error = vm_home_write(page, (uint32_t)(from % vm->page_bytes),
		    bytes, (uint32_t)n);
		if (error != 0)
			return error;
		from += n;
	}
	return 0;
}

/* What of [offset, end) lies in one held page, and in the object. */
static int
refresh(struct vm_object *object, struct vm_page *page, uint64_t offset,
    uint64_t end)
{
	uint32_t bytes = object->vm->page_bytes;
	uint64_t from = page->pindex * bytes, to = from + bytes;
	uint64_t length = atomic_load(&object->length);

	if (from < offset)
		from = offset;
	if (to > end)
		to = end;
	if (to > length)
		to = length;
	/* A placeholder gets its bytes when somebody wants them. */
	if (vm_home_is_pool(object) && vm_page_memory(page) == NULL)
		return 0;
	return from < to ? copy_in(object, page, from, to) : 0;
}

/*
 * Held pages of the barrier are refreshed and released.  A slot that is held
 * but absent is somebody's who is about to see the barrier.
 */
static int
release_pages(struct vm_object *object, const struct vm_barrier *barrier,
    uint64_t offset, uint64_t end)
{
	vm_pindex_t at = barrier->first;
	struct vm_slot *slot;
	int error = 0;

	for (; vm_index_next(&object->index, false, &at, barrier->end, &slot);
	    at++) {
		uint32_t number = vm_slot_number(slot);
		struct vm_page *page;
		int failed;

		if (number == VM_SLOT_ABSENT)
			continue;
		vm_assert(vm_slot_busy_excl(slot));
		page = vm_page_of(object->vm, number);
		failed = refresh(object, page, offset, end);
		if (error == 0)
			error = failed;
		vm_object_unlock_page(object, page);
	}
	return error;
}

/*
 * Before an object grows: pages behind its end are left from a time when the
 * file was cut under them; nothing is in the memory file there.
 */
static int
drop_ghosts(struct vm_object *object, const struct vm_barrier *held)
{
	vm_pindex_t end = vm_object_pages(object);
	int error = 0;

	if (held->first > end)
		error = vm_evict_range(object, end, held->first,
		    VM_EVICT_DIRTY);
	if (error == 0)
		error = vm_evict_range(object, held->end > end ? held->end :
		    end, UINT64_MAX, VM_EVICT_DIRTY);
	return error;
}

static int
follow_growth(struct vm_object *object, const struct vm_barrier *held,
    uint64_t end)
{
	uint64_t length;
	int error = object->pager->ops->length(object->pager, &length);

	if (error != 0)
		return error;
	/* Not further than this write: the object may show a part. */
	if (length > end)
		length = end;
	if (length <= atomic_load(&object->length))
		return 0;
	error = drop_ghosts(object, held);
	return error != 0 ? error : vm_object_grow(object, length);
}

int
vm_change_end(struct vm_object *object, uint64_t offset, uint64_t length,
    uint64_t written)
{
	struct vm_barrier place, *barrier;
	uint64_t end = written > UINT64_MAX - offset ? UINT64_MAX :
	    offset + written;
	int error, failed;

	pages_of(object, offset, length, &place);
	barrier = find_barrier(object, place.first, place.end);
	if (barrier == NULL)
		return vm_error(EINVAL, "object: write_end without its "
		    "write_begin");
	error = follow_growth(object, barrier, end);
	failed = release_pages(object, barrier, offset, end);
	vm_object_unbar(object, barrier);
	object->vm->os->free(barrier);
	return error != 0 ? error : failed;
}

/* The last page of the old length: the file has more bytes in it now. */
static int
refresh_last(struct vm_object *object, struct vm_page *page, uint64_t old)
{
	int error;

	if (page == NULL)
		return 0;
	error = refresh(object, page, old, UINT64_MAX);
	return error == -ENOTSUP ? 0 : error;
}

/* The page in which the object ends from now on: what it has behind the end
 * must not show when the object grows again. */
static void
clear_tail(struct vm_object *object, struct vm_page *page, uint64_t length)
{
	struct vm *vm = object->vm;
	uint64_t from = length % vm->page_bytes;

	if (page == NULL || (vm_home_is_pool(object) &&
	    vm_page_memory(page) == NULL))
		return;
	vm_assert(!vm_page_lent(page));
	if (vm_home_write(page, (uint32_t)from, NULL,
	    vm->page_bytes - (uint32_t)from) != 0)
		return;		/* a store's, which its end clears itself */
	/* Zeros behind the end are valid: object/content.h. */
	page->valid |= vm_bits_behind(vm->page_bytes, (uint32_t)from);
}

static void
wait_for_fills(struct vm_object *object, const struct vm_barrier *barrier)
{
	vm_pindex_t at = barrier->first;
	struct vm_slot *slot;

	for (; vm_index_next(&object->index, false, &at, barrier->end, &slot);
	    at++) {
		struct vm_page *page = vm_object_lock_page(object, at);

		if (page != NULL)
			vm_object_unlock_page(object, page);
	}
}

/*
 * The page that the shorter of the two lengths ends in, held until the pager
 * has heard of the new one: a write that began with the old one would make a
 * file long again that its owner cuts next.
 */
static struct vm_page *
lock_edge(struct vm_object *object, uint64_t low)
{
	uint32_t bytes = object->vm->page_bytes;

	return low % bytes == 0 ? NULL :
	    vm_object_lock_page(object, low / bytes);
}

/* That page is to change, and is not lent any more from now on. */
static int
unlend_edge(struct vm_object *object, uint64_t low)
{
	uint32_t bytes = object->vm->page_bytes;

	return low % bytes == 0 ? 0 : vm_loan_break_page(object, low / bytes);
}

/* The barrier is entered: nobody fills from the shorter length on. */
static int
change_length(struct vm_object *object, uint64_t old, uint64_t length)
{
	uint32_t bytes = object->vm->page_bytes;
	uint64_t low = old < length ? old : length;
	struct vm_page *edge;
	int error = vm_evict_range(object, low / bytes + (low % bytes != 0),
	    UINT64_MAX, VM_EVICT_DIRTY);

	if (error != 0)
		return error;
	edge = lock_edge(object, low);
	error = vm_object_set_length(object, length);
	if (error == 0 && length < old)
		clear_tail(object, edge, length);
	if (error == 0 && length > old)
		error = refresh_last(object, edge, old);
	if (edge != NULL)
		vm_object_unlock_page(object, edge);
	return error;
}

int
vm_change_length(struct vm_object *object, uint64_t length)
{
	struct vm_barrier barrier = { .end = UINT64_MAX };
	uint64_t old;
	int error;

	for (;;) {	/* again when another changed it before we could */
		old = atomic_load(&object->length);
		barrier.first = (old < length ? old : length) /
		    object->vm->page_bytes;
		vm_object_bar(object, &barrier);
		if (atomic_load(&object->length) == old)
			break;
		vm_object_unbar(object, &barrier);
	}
	wait_for_fills(object, &barrier);
	error = unlend_edge(object, old < length ? old : length);
	if (error == 0)
		error = change_length(object, old, length);
	vm_object_unbar(object, &barrier);
	return error;
}
