/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api/limits.h - what vm_options say of memory, for who makes a system.
 */
#ifndef API_LIMITS_H
#define API_LIMITS_H

#include <stdint.h>

#include "base/compiler.h"

struct vm;
struct vm_options;

/* The limit that a system begins with, bytes. */
uint64_t vm_limits_bytes(const struct vm_options *options);
/* What it may grow to, bytes: what is reserved. */
uint64_t vm_limits_most_bytes(const struct vm_options *options);

/* Once limit is there, and before the first page is taken: watermarks, budget,
 * pause, oom, limit.  0, -EINVAL. */
VM_MUST_CHECK int vm_limits_set_up(struct vm *vm,
    const struct vm_options *options);
/* -EBUSY while accounts, shrinkers or bytes are left, though all objects are
 * gone. */
VM_MUST_CHECK int vm_limits_idle(struct vm *vm);

#endif
