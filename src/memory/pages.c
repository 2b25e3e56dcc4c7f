/* SPDX-License-Identifier: BSD-2-Clause */
/* memory/pages.c - pages.h has the theory. */
#include "memory/pages.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "memory/memory.h"
#include "object/cached.h"
#include "object/life.h"
#include "object/retire.h"
#include "object/runs.h"

/* 64 tokens at a time: an array on the stack, one call of the limit. */
#define BATCH 64u

static enum vm_class
class_of(const struct vm *vm, unsigned flags)
{
	return (flags & VM_MEM_SYSTEM) != 0 || vm_limit_reclaims(&vm->limit) ?
	    VM_CLASS_SYSTEM : VM_CLASS_NORMAL;
}

/* Nobody waits for what can never be had. */
static int
charge(const struct vm *vm, const struct vm_pages_take *take)
{
	if (take->count > atomic_load(&vm->limit.total))
		return vm_error(ENOMEM, "memory: %u pages are more than the "
		    "limit", take->count);
	return vm_account_charge(take->account, VM_CHARGE_BYTES,
	    (uint64_t)take->count * vm->page_bytes);
}

static void
uncharge(const struct vm *vm, struct vm_account *account, uint32_t count)
{
	vm_account_uncharge(account, VM_CHARGE_BYTES,
	    (uint64_t)count * vm->page_bytes);
}

void
vm_pages_use_account(struct vm_account *account)
{
	if (account != NULL)
		atomic_fetch_add(&account->children, 1);
}

void
vm_pages_leave_account(struct vm_account *account)
{
	uint32_t before;

	if (account == NULL)
		return;
	before = atomic_fetch_sub(&account->children, 1);
	vm_assert(before > 0);
}

bool
vm_pages_short(const struct vm *vm)
{
	return atomic_load(&vm->limit.waiting) != 0;
}

/* ---- runs ---------------------------------------------------------------- */

/* Cached pages go before anybody is refused or waits. */
static int
take_run(struct vm *vm, struct vm_run_take *how, struct vm_page **first)
{
	bool wait = how->wait;
	int error;

	how->wait = false;
	do
		error = vm_runs_take(vm, how, first);
	while (error == -ENOMEM && vm_cached_take(vm));
	if (error != -ENOMEM || !wait)
		return error;
	how->wait = true;
	error = vm_runs_take(vm, how, first);
	/* Enough may be free but not together: what is kept may be between. */
	if (error == -ENOMEM && vm_mem_reclaim(vm, UINT32_MAX) != 0) {
		how->wait = false;
		error = vm_runs_take(vm, how, first);
	}
	return error;
}

int
vm_pages_take(struct vm *vm, const struct vm_pages_take *take, void **out)
{
	struct vm_run_take how = {
		.class = class_of(vm, take->flags),
		.wait = (take->flags & VM_MEM_WAIT) != 0,
		.options = {
			.count = take->count,
			.align_bytes = take->align_bytes,
			.zero = (take->flags & VM_MEM_ZERO) != 0,
		},
	};
	struct vm_page *first;
	int error = vm_run_check(&vm->frames, &how.options);

	if (error == 0)
		error = charge(vm, take);
	if (error != 0)
		return error;
	error = take_run(vm, &how, &first);
	if (error != 0)
		uncharge(vm, take->account, take->count);
	else
		*out = vm_frame_data(&vm->frames, first);
	return error;
}

void
vm_pages_give(struct vm *vm, void *memory, uint32_t count,
    struct vm_account *account)
{
	vm_runs_free(vm, vm_pages_of(vm, memory), count);
	uncharge(vm, account, count);
}

struct vm_page *
vm_pages_of(struct vm *vm, const void *memory)
{
	struct vm_page *page = vm_frame_of_address(&vm->frames, memory);

	vm_assert(page != NULL);
	vm_assert(page->object == vm->nowhere);
	return page;
}

/* ---- tokens -------------------------------------------------------------- */

static struct vm_page *
token_of(struct vm_node *node)
{
	return VM_ENTRY(node, struct vm_page, queue);
}

static void
keep(struct vm *vm, struct vm_page *page, struct vm_list *tokens)
{
	page->object = vm->nowhere;
	atomic_store_explicit(&page->slot, NULL, memory_order_relaxed);
	atomic_fetch_add_explicit(&vm->loose, 1, memory_order_relaxed);
	vm_list_add_tail(tokens, &page->queue);
}

static void
give_tokens(struct vm *vm, struct vm_list *tokens, uint32_t count)
{
	struct vm_page *pages[BATCH];

	while (count != 0) {
		unsigned n = 0;

		for (; n < BATCH && n < count; n++) {
			pages[n] = token_of(vm_list_first(tokens));
			vm_assert(pages[n] != NULL);
			vm_node_remove(&pages[n]->queue);
		}
		atomic_fetch_sub_explicit(&vm->loose, n,
		    memory_order_relaxed);
		vm_page_put_back(vm, pages, n);
		count -= n;
	}
}

/* Up to BATCH of what is missing; below severe it is one at a time. */
static int
take_some(struct vm *vm, unsigned flags, uint32_t missing,
    struct vm_page **pages, unsigned *got)
{
	struct vm_take take = {
		.home = VM_HOME_STORE, .class = class_of(vm, flags),
		.flags = VM_TAKE_KERNEL,
		.want = missing < BATCH ? missing : BATCH,
	};
	struct vm_wait_for how = {
		.home = VM_HOME_STORE, .class = take.class,
		.line = VM_LINE_KERNEL, .timeout_ns = vm->wait_max_ns,
	};

	*got = vm_life_get(vm, &take, pages);
	if (*got != 0)
		return 0;
	if ((flags & VM_MEM_WAIT) == 0)
		return vm_error(ENOMEM, "memory: %u pages more are not free "
		    "for this class", missing);
	*got = 1;
	return vm_limit_wait_for(&vm->limit, &how, pages);
}

int
vm_tokens_take(struct vm *vm, const struct vm_pages_take *take,
    struct vm_list *tokens)
{
	struct vm_page *pages[BATCH];
	uint32_t have = 0;
	unsigned got;
	int error = charge(vm, take);

	if (error != 0)
		return error;
	for (; error == 0 && have < take->count; have += got) {
		error = take_some(vm, take->flags, take->count - have, pages,
		    &got);
		if (error != 0)
			break;
		for (unsigned i = 0; i < got; i++)
			keep(vm, pages[i], tokens);
	}
	if (error != 0)
		vm_tokens_give(vm, tokens, have, NULL);
	if (error != 0)
		uncharge(vm, take->account, take->count);
	return error;
}

void
vm_tokens_give(struct vm *vm, struct vm_list *tokens, uint32_t count,
    struct vm_account *account)
{
	give_tokens(vm, tokens, count);
	uncharge(vm, account, count);
}
