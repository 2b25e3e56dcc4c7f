/* SPDX-License-Identifier: BSD-2-Clause */
/* object/life.c - life.h has the theory. */
#include "object/life.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "limit/hand.h"
#include "object/cached.h"
#include "object/home.h"
#include "object/retire.h"
#include "object/wire.h"

/* What stays with a page when it changes identity: what it is, and what its
 * pager and its user said of it; not where it is on its way. */
#define CARRIED	(VM_PGA_WARM | VM_PGA_FICTITIOUS | VM_PGA_PRIVATE | \
    VM_PGA_PRECIOUS | VM_PGA_UNMANAGED | VM_PGA_NOSYNC | VM_PGA_NO_WRITE | \
    VM_PGA_NO_ACCESS)

static struct vm_slot *
slot_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->slot, memory_order_relaxed);
}

static uint16_t
flags_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->flags, memory_order_relaxed);
}

static void
set_flag(struct vm_page *page, uint16_t flag)
{
	atomic_fetch_or_explicit(&page->flags, flag, memory_order_relaxed);
}

enum vm_class
vm_life_class(unsigned flags)
{
	if (flags & VM_LIFE_INTERRUPT)
		return VM_CLASS_INTERRUPT;
	return flags & VM_LIFE_SYSTEM ? VM_CLASS_SYSTEM : VM_CLASS_NORMAL;
}

/* ---- taking -------------------------------------------------------------- */

unsigned
vm_life_get(struct vm *vm, struct vm_take *take, struct vm_page **pages)
{
	unsigned got;

	if (VM_UNLIKELY(vm_limit_wants_help(&vm->limit)) &&
	    take->class != VM_CLASS_INTERRUPT && vm->reclaim != NULL)
		vm->reclaim(vm);
	do
		got = vm_limit_take_for(&vm->limit, take, pages);
	while (got == 0 && take->why == VM_TAKE_CACHED_FIRST &&
	    vm_cached_take(vm));
	return got;
}

static int
take_page(struct vm *vm, unsigned flags, struct vm_page **out)
{
	struct vm_take take = {
		.home = VM_HOME_POOL, .class = vm_life_class(flags),
		.flags = VM_TAKE_KERNEL |
		    (flags & VM_LIFE_ZERO ? VM_TAKE_ZERO : 0),
		.want = 1,
	};
	struct vm_wait_for how = {
		.home = VM_HOME_POOL, .class = take.class,
		.line = VM_LINE_KERNEL, .timeout_ns = vm->wait_max_ns,
	};

	if (vm_life_get(vm, &take, out) == 1)
		return 0;
	if ((flags & VM_LIFE_WAIT) == 0)
		return vm_error(ENOMEM, "alloc: no page is free for this "
		    "class");
	return vm_limit_wait_for(&vm->limit, &how, out);
}

/* From now on its bytes are its owner's, and not known to be zeros. */
static void
clear_if_asked(struct vm *vm, struct vm_page *page, unsigned flags)
{
	if ((flags & VM_LIFE_ZERO) != 0 && (flags_of(page) &
	    VM_PGA_ZERO) == 0)
		memset(vm_frame_data(&vm->frames, page), 0, vm->page_bytes);
	atomic_fetch_and_explicit(&page->flags, (uint16_t)~VM_PGA_ZERO,
	    memory_order_relaxed);
}

static void
make_loose(struct vm *vm, struct vm_page *page)
{
	page->object = vm->nowhere;
	atomic_store_explicit(&page->slot, NULL, memory_order_relaxed);
	atomic_fetch_add_explicit(&vm->loose, 1, memory_order_relaxed);
}

static void
loose_no_more(struct vm *vm)
{
	/* May be less than 0: shelves count some that came from them. */
	atomic_fetch_sub_explicit(&vm->loose, 1, memory_order_relaxed);
}

uint32_t
vm_life_loose_pages(struct vm *vm)
{
	return atomic_load_explicit(&vm->loose, memory_order_relaxed) +
	    vm_shelves_loose(&vm->limit);
}

int
vm_life_take(struct vm *vm, unsigned flags, struct vm_page **out)
{
	struct vm_page *page;
	int error;

	if (VM_LIKELY(flags == 0) &&
	    (page = vm_hand_take(&vm->limit)) != NULL) {
		page->object = vm->nowhere;
		*out = page;
		return 0;
	}
	error = take_page(vm, flags, &page);
	if (error != 0)
		return error;
	vm_assert(page->dirty == 0 && page->valid == 0);
	vm_assert(atomic_load(&page->holds) == 0);
	vm_assert(atomic_load(&page->loans) == 0);
	clear_if_asked(vm, page, flags);
	make_loose(vm, page);
	error = (flags & VM_LIFE_WIRED) != 0 ? vm_wire_add(page, NULL) : 0;
	if (error != 0) {
		vm_life_free(page, 0);
		return error;
	}
	*out = page;
	return 0;
}

/* ---- a place for it ------------------------------------------------------ */

/* One attempt to have an identity's slot, and how it is meant. */
struct claim {
	struct vm_object *object;
	vm_pindex_t pindex;
	bool replace;		/* what is there may stay there for now */
	bool wait_held;		/* sleep until it is let go */
	bool wait_barred;
	struct vm_slot *slot;
	uint32_t number;
};

static int
out_of_range(const struct claim *claim)
{
	return vm_error(ERANGE, "page %llu is beyond the object's end (%llu "
	    "pages)", (unsigned long long)claim->pindex,
	    (unsigned long long)vm_object_pages(claim->object));
}

static int
exists(const struct claim *claim)
{
	return vm_error(EEXIST, "page %llu is there already, or on its way",
	    (unsigned long long)claim->pindex);
}

/* Somebody is in the slot. */
static int
claim_later(const struct claim *claim)
{
	struct vm_object *object = claim->object;

	if (claim->wait_held) {
		vm_index_wait(&object->index, claim->pindex, claim->slot,
		    false);
		return 1;
	}
	return claim->replace ? vm_error(EBUSY, "page %llu is held",
	    (unsigned long long)claim->pindex) : exists(claim);
}

static int
claim_barred(const struct claim *claim)
{
	if (!claim->wait_barred)
		return vm_error(EBUSY, "page %llu is being changed behind a "
		    "barrier", (unsigned long long)claim->pindex);
	vm_object_bar_wait(claim->object, claim->pindex);
	return 1;
}

static void
give_slot_back(const struct claim *claim)
{
	struct vm *vm = claim->object->vm;

	vm_index_release_excl(&claim->object->index, claim->slot,
	    claim->number);
	vm_limit_notify(&vm->limit);
}

/* 1: once more; 0: the slot is ours; a negative errno. */
static int
claim_once(struct claim *claim)
{
	struct vm_object *object = claim->object;
	int got;

	if (claim->pindex >= vm_object_pages(object))
		return out_of_range(claim);
	got = vm_index_try_excl(&object->index, claim->pindex, &claim->slot,
	    &claim->number);
	if (got < 0)
		return got;
	if (got == 0)
		return claim_later(claim);
	if (claim->number != VM_SLOT_ABSENT) {
		if (claim->replace)
			return 0;
		give_slot_back(claim);
		return exists(claim);
	}
	if (vm_object_barred(object, claim->pindex)) {
		give_slot_back(claim);
		return claim_barred(claim);
	}
	/* Who shortens an object waits for the slot from now on. */
	if (claim->pindex < vm_object_pages(object))
		return 0;
	give_slot_back(claim);
	return out_of_range(claim);
}

static int
keeps_its_own(const struct vm_object *object, const char *what)
{
	return vm_error(ENOTSUP, "%s: a %s keeps the bytes of its pages "
	    "itself", what, vm_home_name(object));
}

static int
claim_slot(struct claim *claim)
{
	int error;

	if (!vm_home_is_pool(claim->object))
		return keeps_its_own(claim->object, "insert");
	do
		error = claim_once(claim);
	while (error == 1);
	/* Once more, now that it stays. */
	if (error == 0 && !vm_home_is_pool(claim->object)) {
		give_slot_back(claim);
		return keeps_its_own(claim->object, "insert");
	}
	return error;
}

/*
 * Behind the object's end are zeros, whatever a page brings from elsewhere; but
 * a caller's own memory is not written to.  The end may come nearer meanwhile:
 * who moves it waits for the slot.
 */
static void
zero_tail(struct vm_page *page)
{
	uint32_t bytes = page->object->vm->page_bytes;
	uint64_t at = page->pindex * bytes;
	uint64_t length = atomic_load(&page->object->length);
	uint32_t rest = length > at ? (uint32_t)(length - at) : 0;

	if (page->valid == 0 || length >= at + bytes ||
	    (flags_of(page) & VM_PGA_FICTITIOUS) != 0)
		return;
	memset((char *)vm_page_memory(page) + rest, 0, bytes - rest);
}

/* The loose page gets the identity; the slot stays exclusive, and says so. */
static void
place(struct vm_page *page, const struct claim *claim)
{
	struct vm_object *object = claim->object;

	vm_assert(page->list == 0);
	loose_no_more(object->vm);
	set_flag(page, VM_PGA_NEW);
	vm_object_enter_page(object, page, claim->pindex, claim->slot);
	zero_tail(page);
	vm_slot_exchange(claim->slot, vm_number_of(page));
	vm_object_note_entered(object, claim->pindex, 1);
}

int
vm_life_enter_new(struct vm_object *object, vm_pindex_t pindex,
    unsigned flags, struct vm_page **out)
{
	struct claim claim = {
		.object = object, .pindex = pindex,
		.wait_barred = (flags & VM_LIFE_WAIT) != 0,
	};
	struct vm_page *page;
	/* The page first: it may have to be waited for. */
	int error = vm_life_take(object->vm, flags, &page);

	if (error != 0)
		return error;
	error = claim_slot(&claim);
	if (error != 0) {
		vm_life_free(page, VM_FREED_WIRED);
		return error;
	}
	place(page, &claim);
	*out = page;
	return 0;
}

static int
check_insert(const struct vm_page *page, const struct vm_object *object)
{
	vm_assert(page->object != NULL && vm_life_loose(page));
	if (page->object->vm == object->vm)
		return 0;
	return vm_error(EINVAL, "insert: the page is another system's");
}

int
vm_life_insert(struct vm_page *page, struct vm_object *object,
    vm_pindex_t pindex)
{
	struct claim claim = { .object = object, .pindex = pindex };
	int error = check_insert(page, object);

	if (error == 0)
		error = claim_slot(&claim);
	if (error == 0)
		place(page, &claim);
	return error;
}

/* ---- losing it ----------------------------------------------------------- */

/* The page is loose; its slot is still held, and its number still there. */
static void
detach(struct vm_page *page)
{
	struct vm_object *object = page->object;
	struct vm *vm = object->vm;
	uint32_t valid = page->valid;
	uint32_t dirty = page->dirty;
	uint16_t flags = flags_of(page) & CARRIED;

	vm_queue_remove(&vm->queue, &page, 1, VM_LEAVE_FREED);
	vm_object_remove_page(object, page);
	make_loose(vm, page);
	page->valid = valid;
	page->dirty = dirty;
	set_flag(page, flags);
}

static void
assert_exclusive(const struct vm_page *page)
{
	vm_assert(page->object != NULL && !vm_life_loose(page));
	vm_assert(vm_slot_busy_excl(slot_of(page)));
}

static void
release_absent(struct vm_object *object, struct vm_slot *slot)
{
	struct vm *vm = object->vm;	/* the object may go with the hold */

	vm_index_release_excl(&object->index, slot, VM_SLOT_ABSENT);
	vm_limit_notify(&vm->limit);
}

int
vm_life_remove(struct vm_page *page)
{
	struct vm_object *object = page->object;
	struct vm_slot *slot = slot_of(page);

	assert_exclusive(page);
	if (!vm_home_is_pool(object))
		return keeps_its_own(object, "remove");
	detach(page);
	release_absent(object, slot);
	return 0;
}

/* A page without a frame may be wired: nobody counted it. */
static void
check_free(const struct vm_page *page, unsigned flags)
{
	vm_assert(page->object != NULL);	/* it is not free already */
	vm_assert(atomic_load(&page->wires) == 0 ||
	    (flags & VM_FREED_WIRED) != 0 ||
	    (flags_of(page) & VM_PGA_FICTITIOUS) != 0);
	vm_assert((flags_of(page) & (VM_PGA_FREE | VM_PGA_LAUNDRY)) == 0);
}

/*
 * A loose page that nobody has an eye on, and that nothing was said of: to the
 * shelf.  No hold and no loan of it can begin (rule 40).
 */
static bool
free_at_once(struct vm_page *page)
{
	struct vm_object *nowhere = page->object;

	if (flags_of(page) != VM_PGA_WARM ||
	    atomic_load_explicit(&page->wires, memory_order_relaxed) != 0 ||
	    atomic_load_explicit(&page->holds, memory_order_acquire) != 0 ||
	    atomic_load_explicit(&page->loans, memory_order_acquire) != 0)
		return false;
	vm_assert(page->list == 0);
	page->object = NULL;
	page->pindex = 0;
	page->valid = 0;
	atomic_store_explicit(&page->dirty, 0, memory_order_relaxed);
	page->weight = 0;
	if (VM_LIKELY(vm_hand_give(&nowhere->vm->limit, page)))
		return true;
	page->object = nowhere;
	return false;
}

void
vm_life_free(struct vm_page *page, unsigned flags)
{
	struct vm_object *object = page->object;
	struct vm_slot *slot = slot_of(page);
	struct vm *vm;

	check_free(page, flags);
	if (VM_LIKELY(slot == NULL && flags == 0) && free_at_once(page))
		return;
	vm = object->vm;
	if (slot != NULL) {
		assert_exclusive(page);
		/* Out of every mapping first (rule 22). */
		vm_home_drop(object, page->pindex, 1);
		detach(page);
		release_absent(object, slot);
	}
	vm_wire_clear(page);
	loose_no_more(vm);
	page->dirty = 0;
	if ((flags & VM_FREED_ZERO) != 0)
		set_flag(page, VM_PGA_ZERO);
	vm_page_put_back(vm, &page, 1);
}

/* ---- one for another ----------------------------------------------------- */

/*
 * The new one is entered before the old one goes, so that the object is not
 * empty in between; the slot is exclusive all the time.  The old page, loose.
 */
static struct vm_page *
swap_pages(struct vm_page *page, const struct claim *claim)
{
	struct vm_page *old = claim->number == VM_SLOT_ABSENT ? NULL :
	    vm_page_of(claim->object->vm, claim->number);

	vm_assert(old != page);
	place(page, claim);
	if (old != NULL)
		detach(old);
	return old;
}

/* A loose page is written to as its owner likes, so nobody may borrow it. */
static int
check_unlent(const struct claim *claim)
{
	if (claim->number == VM_SLOT_ABSENT || !vm_page_lent(
	    vm_page_of(claim->object->vm, claim->number)))
		return 0;
	give_slot_back(claim);
	return vm_error(EBUSY, "replace: page %llu is lent, and not to be had "
	    "back", (unsigned long long)claim->pindex);
}

int
vm_life_replace(struct vm_page *page, struct vm_object *object,
    vm_pindex_t pindex, struct vm_page **old)
{
	struct claim claim = {
		.object = object, .pindex = pindex, .replace = true,
		.wait_held = true, .wait_barred = true,
	};
	struct vm_page *before;
	int error = check_insert(page, object);

	if (error == 0)
		error = claim_slot(&claim);
	if (error == 0 && old != NULL)
		error = check_unlent(&claim);
	if (error != 0)
		return error;
	before = swap_pages(page, &claim);
	if (old != NULL)
		*old = before;
	else if (before != NULL)
		vm_life_free(before, VM_FREED_WIRED);
	return 0;
}

/* The bytes are nowhere but in the page now. */
static void
make_dirty(struct vm_page *page)
{
	struct vm_object *object = page->object;

	if (page->valid != 0)
		vm_object_mark_dirty(object, page, page->valid);
}

static int
check_rename(const struct vm_page *page, const struct vm_object *object,
    unsigned flags)
{
	assert_exclusive(page);
	if (page->object->vm != object->vm)
		return vm_error(EINVAL, "rename: the object is another "
		    "system's");
	if (!vm_home_is_pool(page->object))
		return keeps_its_own(page->object, "rename");
	if ((flags & VM_RENAMED_DIRTY) != 0 &&
	    !atomic_load(&object->writable))
		return vm_error(EACCES, "rename: to a read-only object, as "
		    "dirty");
	return 0;
}

static int
move_page(struct vm_page *page, struct claim *claim, bool forget)
{
	struct vm_object *from = page->object;
	vm_pindex_t pindex = page->pindex;
	struct vm_slot *slot = slot_of(page);
	struct vm_page *before;
	int error = claim_slot(claim);

	if (error != 0)
		return error;
	detach(page);
	before = swap_pages(page, claim);
	if (forget)
		from->pager->ops->forget(from->pager, pindex, 1);
	VM_TRACE(from->vm->trace, rename, from->id, pindex, page->number);
	release_absent(from, slot);
	if (before != NULL)
		vm_life_free(before, VM_FREED_WIRED);
	return 0;
}

int
vm_life_rename(struct vm_page *page, struct vm_object *object,
    vm_pindex_t pindex, unsigned flags)
{
	struct claim claim = {
		.object = object, .pindex = pindex,
		.replace = (flags & VM_RENAMED_REPLACE) != 0,
	};
	bool dirty = (flags & VM_RENAMED_DIRTY) != 0;
	int error = check_rename(page, object, flags);

	if (error == 0 && (page->object != object || page->pindex != pindex))
		error = move_page(page, &claim, dirty &&
		    page->object->anonymous);
	if (error != 0)
		return error;
	if (dirty)
		make_dirty(page);
	if ((flags & VM_RENAMED_UNBUSY) != 0)
		vm_life_release(page);
	return 0;
}

/* ---- letting go ---------------------------------------------------------- */

/* Its first holder is about to share it. */
static void
settle(struct vm_page *page)
{
	if (VM_LIKELY((flags_of(page) & VM_PGA_NEW) == 0))
		return;
	atomic_fetch_and_explicit(&page->flags, (uint16_t)~VM_PGA_NEW,
	    memory_order_relaxed);
	vm_queue_enter(&page->object->vm->queue, page);
}

void
vm_life_unlock(struct vm_page *page)
{
	struct vm *vm = page->object->vm;	/* may go with the hold */
	uint32_t number = vm_number_of(page);

	if (vm_life_ready(page))
		vm_slot_release_ready(slot_of(page), number);
	else
		vm_slot_release_excl(slot_of(page), number);
	vm_limit_notify(&vm->limit);
}

void
vm_life_learn(const struct vm_page *page)
{
	struct vm_slot *slot = slot_of(page);

	if ((vm_slot_load(slot) & VM_SLOT_READY) == 0 && vm_life_ready(page))
		vm_slot_set_ready(slot);
}

void
vm_life_release(struct vm_page *page)
{
	struct vm_slot *slot = slot_of(page);
	struct vm *vm;

	/* A free page has neither; a loose one is freed. */
	vm_assert(page->object != NULL && slot != NULL);
	vm = page->object->vm;	/* the object may go with the hold */
	if (vm_slot_busy_excl(slot)) {
		settle(page);
		vm_life_unlock(page);
		return;
	}
	vm_slot_release_shared(slot);
	vm_limit_notify(&vm->limit);
}

void
vm_life_downgrade(struct vm_page *page)
{
	struct vm *vm = page->object->vm;

	assert_exclusive(page);
	settle(page);
	if (vm_life_ready(page))
		vm_slot_publish_ready(slot_of(page), vm_number_of(page));
	else
		vm_slot_publish_shared(slot_of(page), vm_number_of(page));
	vm_limit_notify(&vm->limit);
}
