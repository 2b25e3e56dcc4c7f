/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/lend.h - pages are brought in and lent: object/loan.h.
 */
#ifndef FAULT_LEND_H
#define FAULT_LEND_H

#include <stdbool.h>

#include "base/compiler.h"
#include "object/object.h"

/* 0; -EBUSY (object/loan.h), or as a grab to read, with NOWAIT if so. */
VM_MUST_CHECK int vm_lend(struct vm_object *object, vm_pindex_t pindex,
    bool nowait, struct vm_page **out);
/* All of them, or none and the error of one. */
VM_MUST_CHECK int vm_lend_range(struct vm_object *object, vm_pindex_t first,
    unsigned count, struct vm_page **pages);

#endif
