/* SPDX-License-Identifier: BSD-2-Clause */
/* object/retire.c - retire.h has the theory. */
#include "object/retire.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/object.h"

static uint16_t
flags_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->flags, memory_order_relaxed);
}

/*
 * Release: the last one to leave reads the object that was stored before.
 * False: nobody holds it.
 */
static bool
wait_for_holds(struct vm_page *page)
{
	uint16_t holds = atomic_load_explicit(&page->holds,
	    memory_order_acquire);

	do {
		if (holds == 0)
			return false;
		vm_assert((holds & VM_HOLDS_GONE) == 0);
	} while (!atomic_compare_exchange_weak_explicit(&page->holds, &holds,
	    (uint16_t)(holds | VM_HOLDS_GONE), memory_order_acq_rel,
	    memory_order_acquire));
	return true;
}

static bool
wait_for_loans(struct vm_page *page)
{
	uint8_t loans = atomic_load_explicit(&page->loans,
	    memory_order_acquire);

	do {
		if (loans == 0)
			return false;
		vm_assert((loans & VM_LOANS_ORPHAN) == 0);
	} while (!atomic_compare_exchange_weak_explicit(&page->loans, &loans,
	    (uint8_t)(loans | VM_LOANS_ORPHAN), memory_order_acq_rel,
	    memory_order_acquire));
	return true;
}

/*
 * False: it is GONE or an ORPHAN now.  The flag and the gauge come first: as
 * soon as the count says so the page may be anybody's.
 */
static bool
nobody_looks(struct vm *vm, struct vm_page *page)
{
	/* Whoever ends the last hold wants to know the system. */
	page->object = vm->nowhere;
	if (atomic_load_explicit(&page->holds, memory_order_acquire) != 0) {
		atomic_fetch_or_explicit(&page->flags, VM_PGA_GONE,
		    memory_order_relaxed);
		atomic_fetch_add(&vm->gone, 1);
		if (wait_for_holds(page))
			return false;
		atomic_fetch_sub(&vm->gone, 1);
	}
	if (atomic_load_explicit(&page->loans, memory_order_acquire) != 0) {
		atomic_fetch_or_explicit(&page->flags, VM_PGA_ORPHAN,
		    memory_order_relaxed);
		atomic_fetch_add(&vm->orphans, 1);
		if (wait_for_loans(page))
			return false;
		atomic_fetch_sub(&vm->orphans, 1);
	}
	return true;
}

/* Its frame may go back; else that has been seen to. */
static bool
retire(struct vm *vm, struct vm_page *page)
{
	uint16_t flags = flags_of(page);

	vm_assert(page->dirty == 0 && page->list == 0);
	vm_assert(atomic_load_explicit(&page->slot,
	    memory_order_relaxed) == NULL);
	vm_assert(atomic_load_explicit(&page->wires,
	    memory_order_relaxed) == 0);
	if ((flags & VM_PGA_FICTITIOUS) != 0) {
		vm_page_reset(page, VM_PGA_FICTITIOUS | VM_PGA_UNMANAGED);
		vm_fictitious_give(&vm->frames.fictitious, page);
		return false;
	}
	if (!nobody_looks(vm, page))
		return false;
	vm_page_reset(page, VM_PGA_WARM | VM_PGA_ZERO | VM_PGA_LAUNDRY);
	return true;
}

void
vm_page_put_back(struct vm *vm, struct vm_page **pages, unsigned count)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		struct vm_page *page = pages[i];

		if (retire(vm, page))
			pages[n++] = page;
	}
	vm_limit_give(&vm->limit, pages, n);
}

static int
check_frame(const struct vm_page *page, const char *what)
{
	if ((flags_of(page) & VM_PGA_FICTITIOUS) != 0)
		return vm_error(ENOTSUP, "%s: the page has no frame", what);
	if (page->object->home != VM_HOME_POOL)
		return vm_error(ENOTSUP, "%s: the page's bytes are in a "
		    "store, not in its frame", what);
	return 0;
}

int
vm_page_add_hold(struct vm_page *page)
{
	uint16_t holds = atomic_load_explicit(&page->holds,
	    memory_order_relaxed);
	int error = check_frame(page, "hold");

	if (error != 0)
		return error;
	do {
		vm_assert((holds & VM_HOLDS_GONE) == 0);
		if (holds == VM_HOLDS_MAX)
			return vm_error(EAGAIN, "hold: the page is held %u "
			    "times", VM_HOLDS_MAX);
	} while (!atomic_compare_exchange_weak_explicit(&page->holds, &holds,
	    (uint16_t)(holds + 1), memory_order_acquire,
	    memory_order_relaxed));
	VM_TRACE(page->object->vm->trace, hold, page->object->id,
	    page->pindex, holds + 1u);
	return 0;
}

/* What was put off.  The page is ours alone. */
static void
put_back_again(struct vm_page *page)
{
	struct vm *vm = page->object->vm;

	vm_page_put_back(vm, &page, 1);
}

void
vm_page_drop_hold(struct vm_page *page)
{
	uint16_t holds = atomic_load_explicit(&page->holds,
	    memory_order_relaxed), rest;

	do {
		vm_assert((holds & ~VM_HOLDS_GONE) != 0);
		rest = (uint16_t)(holds - 1);
		if (rest == VM_HOLDS_GONE)
			rest = 0;
	} while (!atomic_compare_exchange_weak_explicit(&page->holds, &holds,
	    rest, memory_order_acq_rel, memory_order_relaxed));
	if (holds != VM_HOLDS_GONE + 1)
		return;
	atomic_fetch_and_explicit(&page->flags, (uint16_t)~VM_PGA_GONE,
	    memory_order_relaxed);
	atomic_fetch_sub(&page->object->vm->gone, 1);
	VM_TRACE(page->object->vm->trace, unhold, 0, 0, page->number);
	put_back_again(page);
}

int
vm_page_add_loan(struct vm_page *page)
{
	uint8_t loans = atomic_load_explicit(&page->loans,
	    memory_order_relaxed);
	int error = check_frame(page, "loan");

	if (error != 0)
		return error;
	do {
		vm_assert((loans & VM_LOANS_ORPHAN) == 0);
		if (loans == VM_LOANS_MAX)
			return vm_error(EAGAIN, "loan: the page is lent %u "
			    "times", VM_LOANS_MAX);
		/* Sequentially consistent: against vm_wire_add. */
	} while (!atomic_compare_exchange_weak(&page->loans, &loans,
	    (uint8_t)(loans + 1)));
	atomic_fetch_add_explicit(&page->object->vm->loans, 1,
	    memory_order_relaxed);
	VM_TRACE(page->object->vm->trace, loan, page->object->id,
	    page->pindex, loans + 1u);
	return 0;
}

void
vm_page_drop_loan(struct vm *vm, struct vm_page *page)
{
	uint8_t loans = atomic_load_explicit(&page->loans,
	    memory_order_relaxed), rest;

	do {
		vm_assert((loans & ~VM_LOANS_ORPHAN) != 0);
		rest = (uint8_t)(loans - 1);
		if (rest == VM_LOANS_ORPHAN)
			rest = 0;
	} while (!atomic_compare_exchange_weak_explicit(&page->loans, &loans,
	    rest, memory_order_acq_rel, memory_order_relaxed));
	atomic_fetch_sub_explicit(&vm->loans, 1, memory_order_relaxed);
	if (loans != VM_LOANS_ORPHAN + 1)
		return;
	atomic_fetch_and_explicit(&page->flags, (uint16_t)~VM_PGA_ORPHAN,
	    memory_order_relaxed);
	atomic_fetch_sub(&vm->orphans, 1);
	VM_TRACE(vm->trace, unloan, 0, 0, page->number);
	put_back_again(page);
}
