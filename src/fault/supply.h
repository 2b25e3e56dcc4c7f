/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/supply.h - pages that a pager gives without being asked.
 *
 *	absent slot --exclusive, bytes go home, entered, released--> resident
 *
 * Never waits, neither for a slot nor for memory: a pager may supply the
 * neighbours of a page from within the request for it.
 */
#ifndef FAULT_SUPPLY_H
#define FAULT_SUPPLY_H

#include "base/compiler.h"
#include "object/object.h"

/* One page of bytes at pindex, with these marks.  0; -EEXIST: resident or on
 * its way, -ENOMEM, -ERANGE, -EBUSY: barred just now; with its sentence. */
VM_MUST_CHECK int vm_supply(struct vm_object *object, vm_pindex_t pindex,
    const void *bytes, unsigned marks);

#endif
