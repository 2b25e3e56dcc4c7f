/* SPDX-License-Identifier: BSD-2-Clause */
/* object/runs.c - loose pages in a row; runs.h has the contracts. */
#include "object/runs.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "limit/run.h"
#include "object/life.h"
#include "object/retire.h"
#include "object/wire.h"

static int
take(struct vm *vm, const struct vm_run_take *how, struct vm_page **first)
{
	int error = vm_limit_take_run(&vm->limit, how->class, &how->options,
	    first);

	if (error != -EAGAIN)
		return error;
	if (how->wait)
		return vm_limit_wait_run(&vm->limit, &how->options,
		    vm->wait_max_ns, first);
	return vm_error(ENOMEM, "frames: no %u pages are free for this class",
	    how->options.count);
}

/* Nobody's page becomes its taker's. */
static void
make_loose(struct vm *vm, struct vm_page *page, bool zero)
{
	uint16_t flags = atomic_fetch_and_explicit(&page->flags,
	    (uint16_t)~VM_PGA_ZERO, memory_order_relaxed);

	vm_assert((flags & VM_PGA_WARM) != 0);
	if (zero && (flags & VM_PGA_ZERO) == 0)
		memset(vm_frame_data(&vm->frames, page), 0, vm->page_bytes);
	page->object = vm->nowhere;
	atomic_store_explicit(&page->slot, NULL, memory_order_relaxed);
}

/* All of them, or none. */
static int
wire(struct vm_page *first, uint32_t count)
{
	int error = 0;
	uint32_t i = 0;

	while (i < count && error == 0)
		error = vm_wire_add(&first[i++], NULL);
	for (i = 0; error != 0 && i < count; i++)
		vm_wire_clear(&first[i]);
	return error;
}

int
vm_runs_take(struct vm *vm, const struct vm_run_take *how,
    struct vm_page **out)
{
	uint32_t count = how->options.count;
	struct vm_page *first;
	int error = take(vm, how, &first);

	if (error != 0)
		return error;
	for (uint32_t i = 0; i < count; i++)
		make_loose(vm, &first[i], how->options.zero);
	atomic_fetch_add_explicit(&vm->loose, count, memory_order_relaxed);
	error = how->wired ? wire(first, count) : 0;
	if (error != 0)
		vm_runs_free(vm, first, count);
	else
		*out = first;
	return error;
}

static bool
watched(const struct vm_page *page)
{
	return atomic_load(&page->holds) != 0 ||
	    atomic_load(&page->loans) != 0;
}

static void
forget(struct vm *vm, struct vm_page *page)
{
	atomic_fetch_sub_explicit(&vm->loose, 1, memory_order_relaxed);
	vm_wire_clear(page);
	vm_page_reset(page, VM_PGA_WARM);
}

void
vm_runs_free(struct vm *vm, struct vm_page *first, uint32_t count)
{
	bool whole = true;

	for (uint32_t i = 0; i < count; i++) {
		vm_assert(first[i].object == vm->nowhere);
		vm_assert(vm_life_loose(&first[i]));
		whole = whole && !watched(&first[i]);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (whole)
			forget(vm, &first[i]);
		else
			vm_life_free(&first[i], VM_FREED_WIRED);
	}
	if (whole)
		vm_limit_give_run(&vm->limit, first, count);
}

int
vm_runs_retire(struct vm *vm, struct vm_page *page)
{
	vm_assert(page->object == vm->nowhere && vm_life_loose(page));
	if (watched(page))
		return vm_error(EBUSY, "retire: somebody holds or borrows "
		    "page %u", page->number);
	if (atomic_load(&vm->limit.total) <= VM_LIMIT_PAGES_MIN)
		return vm_error(EINVAL, "retire: the limit is %u pages, the "
		    "least there is", VM_LIMIT_PAGES_MIN);
	forget(vm, page);
	vm_limit_retire(&vm->limit, page);
	return 0;
}
