/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory/pages.h - where this room gets its bytes: whole pages, by the limit.
 *
 * Two kinds.  A run is frames of the arena that are neighbours, loose pages
 * (object/runs.h) whose descriptors say what is in them:
 *
 *	first page of a run that is out		pindex = its pages
 *	page i of a slab			pindex = SLAB | i
 *	a run that is kept for the next one	pindex = 0
 *
 * Tokens are descriptors without memory behind them; who has n of them may have
 * n pages of the process elsewhere.  All are alike, so they are only counted
 * and kept on a list of their owner's, by the node that queues use otherwise.
 *
 * Threads that free pages, and who says SYSTEM, take of the reserve.
 */
#ifndef MEMORY_PAGES_H
#define MEMORY_PAGES_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "limit/account.h"
#include "object/vm.h"

/* The bits of resident/memory.h. */
#define VM_MEM_WAIT	0x1u	/* as long as the system allows */
#define VM_MEM_ZERO	0x2u
#define VM_MEM_SYSTEM	0x4u	/* of the reserve */

/* In pindex; no run has so many pages. */
#define VM_PAGES_SLAB	(UINT64_C(1) << 63)

struct vm_pages_take {
	uint32_t count;
	uint64_t align_bytes;	/* 0, or a power of two */
	unsigned flags;		/* VM_MEM_* */
	struct vm_account *account;	/* charged for it; NULL: nobody */
};

/* 0; -EINVAL (no such run can be), -ENOMEM, -ECANCELED, each with a sentence:
 * then nothing is charged.  Sleeps with WAIT; hold no lock then. */
VM_MUST_CHECK int vm_pages_take(struct vm *vm,
    const struct vm_pages_take *take, void **out);
/* The run, or part of it.  Never sleeps. */
void vm_pages_give(struct vm *vm, void *memory, uint32_t count,
    struct vm_account *account);

/* The descriptor of the page that an address is in, which is a frame of ours:
 * anything else stops the program. */
struct vm_page *vm_pages_of(struct vm *vm, const void *memory);

/* The same for tokens, which are added to a list. */
VM_MUST_CHECK int vm_tokens_take(struct vm *vm,
    const struct vm_pages_take *take, struct vm_list *tokens);
/* The first count of a list. */
void vm_tokens_give(struct vm *vm, struct vm_list *tokens, uint32_t count,
    struct vm_account *account);

/* A region or a cache charges the account from now on, which stays as long as
 * if another account were below it; and not any more.  Of NULL: nothing. */
void vm_pages_use_account(struct vm_account *account);
void vm_pages_leave_account(struct vm_account *account);

/* Somebody waits for memory: nothing is to be kept for later. */
bool vm_pages_short(const struct vm *vm);

#endif
