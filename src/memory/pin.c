/* SPDX-License-Identifier: BSD-2-Clause */
/* memory/pin.c - pin.h has the theory. */
#include "memory/pin.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "memory/memory.h"
#include "memory/pages.h"
#include "os/os.h"

static struct vm_pin *
pin_of(struct vm_node *node)
{
	return VM_ENTRY(node, struct vm_pin, link);
}

static int
round_outward(const struct vm *vm, const void *address, uint64_t bytes,
    struct vm_pin *out)
{
	uintptr_t at = (uintptr_t)address, mask =
	    vm->memory->machine_page_bytes - 1;

	if (bytes == 0 || bytes > UINTPTR_MAX - mask - at)
		return vm_error(EINVAL, "wire: %llu bytes at %p",
		    (unsigned long long)bytes, address);
	out->from = at & ~mask;
	out->end = (at + bytes + mask) & ~mask;
	return 0;
}

static uint64_t
pages_of(const struct vm *vm, const struct vm_pin *pin)
{
	return (pin->end - pin->from) / vm->memory->machine_page_bytes;
}

/* The end of what a wire covers from at on, at itself when none does; *next is
 * where the next one begins, or stays as it is. */
static uintptr_t
covered(struct vm_memory *memory, uintptr_t at, uintptr_t *next)
{
	uintptr_t end = at;
	struct vm_node *node;

	vm_lock_assert_held(&memory->pin_lock);
	for (node = vm_list_first(&memory->pinned); node != NULL;
	    node = vm_list_next(&memory->pinned, node)) {
		const struct vm_pin *pin = pin_of(node);

		if (pin->from <= at && pin->end > end)
			end = pin->end;
		if (pin->from > at && pin->from < *next)
			*next = pin->from;
	}
	return end;
}

/* Where the range is not mapped any more there is nothing to let go. */
static void
let_go(struct vm_memory *memory, uintptr_t from, uintptr_t end)
{
	while (from < end) {
		uintptr_t next = end, to = covered(memory, from, &next);

		if (to == from) {
			(void)memory->vm->os->unpin((void *)from,
			    next - from);
			to = next;
		}
		from = to;
	}
}

static int
pin_now(struct vm_memory *memory, struct vm_pin *pin)
{
	int error;

	vm_lock(&memory->pin_lock);
	error = memory->vm->os->pin((void *)pin->from, pin->end - pin->from);
	if (error == 0)
		vm_list_add_tail(&memory->pinned, &pin->link);
	else	/* of what is mapped in part, a part is pinned */
		let_go(memory, pin->from, pin->end);
	vm_unlock(&memory->pin_lock);
	if (error != 0)
		vm_error(-error, "wire: %llu bytes at %p: %s",
		    (unsigned long long)(pin->end - pin->from),
		    (void *)pin->from, vm_errno_text(-error));
	return error;
}

int
vm_pin(struct vm *vm, struct vm_account *account, void *address,
    uint64_t bytes)
{
	struct vm_memory *memory = vm->memory;
	struct vm_pin range = { .account = account }, *pin;
	void *thing;
	int error = round_outward(vm, address, bytes, &range);

	if (error != 0)
		return error;
	error = vm_account_charge(account, VM_CHARGE_WIRED,
	    pages_of(vm, &range));
	if (error != 0)
		return error;
	error = vm_cache_get(&memory->pins, VM_MEM_SYSTEM, &thing, NULL);
	if (error == 0) {
		pin = thing;
		*pin = range;
		error = pin_now(memory, pin);
		if (error != 0)
			vm_cache_put(&memory->pins, pin);
	}
	if (error != 0)
		vm_account_uncharge(account, VM_CHARGE_WIRED,
		    pages_of(vm, &range));
	return error;
}

static bool
same(const struct vm_pin *a, const struct vm_pin *b)
{
	return a->from == b->from && a->end == b->end &&
	    a->account == b->account;
}

int
vm_unpin(struct vm *vm, struct vm_account *account, void *address,
    uint64_t bytes)
{
	struct vm_memory *memory = vm->memory;
	struct vm_pin range = { .account = account };
	struct vm_node *node;
	int error = round_outward(vm, address, bytes, &range);

	if (error != 0)
		return error;
	vm_lock(&memory->pin_lock);
	node = vm_list_first(&memory->pinned);
	while (node != NULL && !same(pin_of(node), &range))
		node = vm_list_next(&memory->pinned, node);
	if (node != NULL) {
		vm_node_remove(node);
		let_go(memory, range.from, range.end);
	}
	vm_unlock(&memory->pin_lock);
	if (node == NULL)
		return vm_error(EINVAL, "unwire: %llu bytes at %p are not "
		    "wired for this account", (unsigned long long)bytes,
		    address);
	vm_cache_put(&memory->pins, pin_of(node));
	vm_account_uncharge(account, VM_CHARGE_WIRED, pages_of(vm, &range));
	return 0;
}

bool
vm_pinned(struct vm *vm, uintptr_t from, uintptr_t end)
{
	struct vm_memory *memory = vm->memory;
	struct vm_node *node;

	vm_lock(&memory->pin_lock);
	node = vm_list_first(&memory->pinned);
	while (node != NULL && (pin_of(node)->end <= from ||
	    pin_of(node)->from >= end))
		node = vm_list_next(&memory->pinned, node);
	vm_unlock(&memory->pin_lock);
	return node != NULL;
}
