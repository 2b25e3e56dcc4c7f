/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory/pin.h - memory of the process that stays where it is.
 *
 * Any range of addresses of this process, ours or not, is kept in memory by the
 * machine (mlock), and an account is charged for its pages.  The machine does
 * not count: one munlock ends any number of mlocks.  So each wire is written
 * down, and only what no other wire covers is let go:
 *
 *	wire   [0, 4)	pins 0 to 3
 *	wire   [2, 6)	pins 2 to 5
 *	unwire [0, 4)	lets go of 0 and 1
 *
 * The lock (P) is held across the machine's calls, so that what is written down
 * and what is pinned agree; it is outside the order, and nothing is waited for
 * under it.
 */
#ifndef MEMORY_PIN_H
#define MEMORY_PIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "limit/account.h"
#include "object/vm.h"

struct vm_pin {
	struct vm_node link;	/* in memory->pinned (P) */
	uintptr_t from;		/* whole pages of the machine (C) */
	uintptr_t end;		/* (C) */
	struct vm_account *account;	/* (C) */
};

/* Rounded to whole pages, outward.  0; -EINVAL (0 bytes, or beyond the end of
 * addresses), -ENOMEM (the account, the machine, or not all of it is mapped),
 * or what else the machine says: then nothing has changed. */
VM_MUST_CHECK int vm_pin(struct vm *vm, struct vm_account *account,
    void *address, uint64_t bytes);
/* Ends one such wire: the same range and account.  0, -EINVAL. */
VM_MUST_CHECK int vm_unpin(struct vm *vm, struct vm_account *account,
    void *address, uint64_t bytes);
/* Whether a page of [from, end) is wired. */
bool vm_pinned(struct vm *vm, uintptr_t from, uintptr_t end);

#endif
