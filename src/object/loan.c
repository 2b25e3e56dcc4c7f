/* SPDX-License-Identifier: BSD-2-Clause */
/* object/loan.c - loan.h has the theory. */
#include "object/loan.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/content.h"
#include "object/foreign.h"
#include "object/life.h"
#include "stat/stat.h"

static int
refused(vm_pindex_t pindex, const char *why)
{
	return vm_error(EBUSY, "loan: page %llu %s: copy it",
	    (unsigned long long)pindex, why);
}

int
vm_loan_allowed(const struct vm_object *object)
{
	if (object->home != VM_HOME_POOL)
		return vm_error(EBUSY, "loan: clients may write to the pages "
		    "of a store: copy them");
	if (object->memory != NULL)
		return vm_error(EBUSY, "loan: the bytes of a device are not "
		    "ours: copy them");
	return 0;
}

int
vm_loan_add(struct vm_page *page)
{
	struct vm_object *object = page->object;
	int error = vm_loan_allowed(object);

	vm_assert(page->slot != NULL);	/* a loose page is its owner's */
	if (error != 0)
		return error;
	if (vm_page_has_flag(page, VM_PGA_FICTITIOUS))
		return refused(page->pindex, "has no frame");
	/* A barrier that comes later waits until the page is let go, and finds
	 * the loan. */
	if (vm_object_barred(object, page->pindex))
		return refused(page->pindex, "is being changed");
	vm_assert(page->valid == object->vm->all_blocks);
	error = vm_page_add_loan(page);
	if (error != 0)
		return refused(page->pindex, "is lent too often");
	if (atomic_load(&page->wires) == 0)	/* after the loan: wire.c */
		return 0;
	vm_page_drop_loan(object->vm, page);
	return refused(page->pindex, "is wired");
}

void
vm_loan_part(struct vm_page **page, struct vm_page *own, bool copy)
{
	struct vm_page *lent = *page;
	struct vm *vm = lent->object->vm;

	vm_assert(vm_page_is_mine(lent) && !vm_life_loose(lent));
	vm_assert(vm_life_loose(own) && own->object == vm->nowhere);
	vm_assert(atomic_load(&lent->wires) == 0);
	if (copy) {
		memcpy(vm_frame_data(&vm->frames, own),
		    vm_frame_data(&vm->frames, lent), vm->page_bytes);
		vm_count(vm->counters, VM_COUNTER_loan_copies, 1);
	}
	vm_queue_remove(&vm->queue, &lent, 1, VM_LEAVE_FREED);
	vm_foreign_move(lent, own);
	vm_page_set_flag(own, VM_PGA_NEW, true);
	vm_life_free(lent, 0);
	*page = own;
}

/* The page, exclusive, lent to nobody; NULL: it is not there.  1: it is lent,
 * and there was no page for it in *own. */
static int
try_break(struct vm_object *object, vm_pindex_t pindex, struct vm_page **own)
{
	struct vm_page *page = vm_object_lock_page(object, pindex);
	int again = 0;

	if (page == NULL)
		return 0;
	if (vm_page_lent(page) && *own != NULL) {
		vm_loan_part(&page, *own, true);
		*own = NULL;
	} else
		again = vm_page_lent(page);
	vm_life_release(page);
	return again;
}

int
vm_loan_break_page(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_page *own = NULL;
	int error = try_break(object, pindex, &own);

	if (error == 1)	/* with nothing held (rule 21) */
		error = vm_life_take(object->vm, VM_LIFE_WAIT, &own);
	if (error == 0 && own != NULL)
		error = try_break(object, pindex, &own);
	if (own != NULL)
		vm_life_free(own, 0);
	return error;
}

int
vm_loan_break_pages(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end)
{
	struct vm_slot *slot;
	int error = 0;

	for (; error == 0 && vm_index_next(&object->index, false, &first, end,
	    &slot); first++)
		error = vm_loan_break_page(object, first);
	return error;
}

/* ---- a page for another -------------------------------------------------- */

static int
check_adoption(const struct vm_page *page, const struct vm_object *object)
{
	const struct vm_frames *frames = &object->vm->frames;

	if (page->number >= frames->count ||
	    page != &frames->pages[page->number])
		return vm_error(EINVAL, "adopt: the page is another system's");
	if (!atomic_load(&object->writable))
		return vm_error(EACCES, "adopt: by a read-only object");
	return 0;
}

/* The borrower is its owner, and it is loose. */
static bool
become_owner(struct vm *vm, struct vm_page *page)
{
	uint8_t sole = VM_LOANS_ORPHAN | 1;

	if (!atomic_compare_exchange_strong(&page->loans, &sole, 0))
		return false;
	/* Nor what its last owner's pager said of it. */
	atomic_fetch_and_explicit(&page->flags, VM_PGA_WARM,
	    memory_order_relaxed);
	atomic_fetch_sub(&vm->loans, 1);
	atomic_fetch_sub(&vm->orphans, 1);
	atomic_fetch_add(&vm->loose, 1);
	vm_assert(page->object == vm->nowhere && page->dirty == 0);
	page->valid = vm->all_blocks;	/* it was when it was lent */
	return true;
}

static void
borrow_again(struct vm *vm, struct vm_page *page)
{
	page->valid = 0;
	vm_page_set_flag(page, VM_PGA_ORPHAN, true);
	atomic_fetch_sub(&vm->loose, 1);
	atomic_fetch_add(&vm->orphans, 1);
	atomic_fetch_add(&vm->loans, 1);
	atomic_store(&page->loans, VM_LOANS_ORPHAN | 1);
}

int
vm_loan_adopt_page(struct vm_page *page, struct vm_object *object,
    vm_pindex_t pindex)
{
	struct vm *vm = object->vm;
	int error = check_adoption(page, object);

	if (error != 0)
		return error;
	if (!become_owner(vm, page))
		return vm_error(EBUSY, "adopt: the page has an owner, or "
		    "somebody else borrows it");
	error = vm_life_insert(page, object, pindex);
	if (error != 0) {
		borrow_again(vm, page);
		return error;
	}
	vm_object_mark_dirty(object, page, vm->all_blocks);
	vm_life_release(page);
	return 0;
}
