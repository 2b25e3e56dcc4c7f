/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api/swap.h - what vm_options say of swap, for who makes a system.
 */
#ifndef API_SWAP_H
#define API_SWAP_H

#include <stdint.h>

#include "base/compiler.h"

struct vm;
struct vm_boot;
struct vm_options;

/* 0; -EINVAL, -ENOTSUP. */
VM_MUST_CHECK int vm_swaps_check(const struct vm_options *options);
/* Memory for compressed pages, while the system is being made.  0, -ENOMEM. */
VM_MUST_CHECK int vm_swaps_steal(struct vm *vm, struct vm_boot *boot,
    const struct vm_options *options);
/* Of a limit of so many pages, those that compressed pages leave: they are
 * within it, and have theirs for good. */
uint64_t vm_swaps_leave(const struct vm *vm, uint64_t pages);
/* Makes vm->swap.  0, or what was met. */
VM_MUST_CHECK int vm_swaps_set_up(struct vm *vm,
    const struct vm_options *options);

#endif
