/* SPDX-License-Identifier: BSD-2-Clause */
/* object/wire.c - wire.h has the theory. */
#include "object/wire.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/object.h"

static bool
counts(const struct vm_page *page)
{
	return (atomic_load_explicit(&page->flags, memory_order_relaxed) &
	    VM_PGA_FICTITIOUS) == 0;
}

static void
uncount_page(struct vm_object *object)
{
	uint64_t old = atomic_fetch_sub(&object->wired, 1);

	vm_assert(old != 0);
	atomic_fetch_sub(&object->vm->wired, 1);
}

/* The page is counted before its first wire, and a wire counts as the first
 * only when it was. */
static int
count_page(struct vm_object *object)
{
	struct vm *vm = object->vm;
	uint64_t own = atomic_load(&object->wired_max);
	uint32_t most = vm->limit.total / 2;

	if (atomic_fetch_add(&vm->wired, 1) >= most) {
		atomic_fetch_sub(&vm->wired, 1);
		return vm_error(ENOMEM, "wire: half of the limit (%u pages) "
		    "is wired", most);
	}
	if (atomic_fetch_add(&object->wired, 1) >= own && own != 0) {
		uncount_page(object);
		return vm_error(ENOMEM, "wire: the object's maximum of %llu "
		    "pages is wired", (unsigned long long)own);
	}
	return 0;
}

static bool
has_identity(const struct vm_page *page)
{
	return atomic_load_explicit(&page->slot, memory_order_relaxed) !=
	    NULL;
}

/* *first: the page was not wired before. */
static int
add(struct vm_page *page, bool *first)
{
	struct vm_object *object = page->object;
	uint16_t wires = atomic_load(&page->wires);
	int error;

	do {
		if (wires == UINT16_MAX)
			return vm_error(EAGAIN, "wire: page %llu is wired %u "
			    "times", (unsigned long long)page->pindex,
			    UINT16_MAX);
		*first = wires == 0;
		error = *first && counts(page) ? count_page(object) : 0;
		if (error != 0 || atomic_compare_exchange_strong(
		    &page->wires, &wires, (uint16_t)(wires + 1)))
			return error;
		if (*first && counts(page))
			uncount_page(object);
	} while (true);
}

/*
 * What is wired stays, what is lent goes as soon as its owner writes: never
 * both.  Who lends counts the loan first and looks at the wires then, we the
 * other way round, each in the one order of all such steps: one of the two
 * sees the other.
 */
static int
check_lent(struct vm_page *page)
{
	if (atomic_load(&page->loans) == 0)
		return 0;
	(void)!vm_wire_try_drop(page);
	return vm_error(EBUSY, "wire: page %llu is lent",
	    (unsigned long long)page->pindex);
}

int
vm_wire_add(struct vm_page *page, struct vm_account *account)
{
	int error = vm_account_charge(account, VM_CHARGE_WIRED, 1);
	bool first = false;

	if (error != 0)
		return error;
	error = add(page, &first);
	if (error == 0)
		error = check_lent(page);
	if (error != 0)
		vm_account_uncharge(account, VM_CHARGE_WIRED, 1);
	else if (first && has_identity(page))
		vm_queue_wired(&page->object->vm->queue, page);
	if (error == 0)
		VM_TRACE(page->object->vm->trace, wire, page->object->id,
		    page->pindex, atomic_load(&page->wires));
	return error;
}

/* How many there were. */
static uint16_t
drop(struct vm_page *page)
{
	uint16_t wires = atomic_load(&page->wires);

	while (wires != 0 && !atomic_compare_exchange_weak(&page->wires,
	    &wires, (uint16_t)(wires - 1)))
		continue;
	if (wires == 1 && counts(page))
		uncount_page(page->object);
	VM_TRACE(page->object->vm->trace, unwire, page->object->id,
	    page->pindex, wires - (wires != 0));
	return wires;
}

void
vm_wire_drop(struct vm_page *page, struct vm_account *account,
    enum vm_place place)
{
	uint16_t wires = drop(page);

	vm_assert(wires != 0);
	vm_account_uncharge(account, VM_CHARGE_WIRED, 1);
	if (wires == 1 && has_identity(page))
		vm_queue_place(&page->object->vm->queue, page, place);
}

bool
vm_wire_try_drop(struct vm_page *page)
{
	uint16_t wires = drop(page);

	if (wires == 1 && has_identity(page))
		vm_queue_enter(&page->object->vm->queue, page);
	return wires != 0;
}

void
vm_wire_clear(struct vm_page *page)
{
	if (atomic_exchange(&page->wires, 0) != 0 && counts(page))
		uncount_page(page->object);
}

void
vm_wire_unmanage(struct vm_page *page)
{
	atomic_fetch_or_explicit(&page->flags, VM_PGA_UNMANAGED,
	    memory_order_relaxed);
	if (has_identity(page))
		vm_queue_wired(&page->object->vm->queue, page);
}
