/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api/system.h - a system over other doors to the machine.
 *
 * All effects of a system go through two tables, os and pmap.  vm_create uses
 * the real ones; tests put their own in between, to count, to fail, or to
 * stand for a machine that is not there.
 */
#ifndef API_SYSTEM_H
#define API_SYSTEM_H

#include "base/compiler.h"

struct vm;
struct vm_options;
struct vm_os;
struct vm_pmap_ops;

/* As vm_create (resident/resident.h); the tables outlive the system. */
VM_MUST_CHECK int vm_create_on(const struct vm_options *options,
    const struct vm_os *os, const struct vm_pmap_ops *pmap, struct vm **out);

#endif
