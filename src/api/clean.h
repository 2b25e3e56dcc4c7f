/* SPDX-License-Identifier: BSD-2-Clause */
/* api/clean.h - cleaning in the background, from the start. */
#ifndef API_CLEAN_H
#define API_CLEAN_H

#include <resident/limit.h>

#include "base/compiler.h"
#include "object/vm.h"

/* NULL: none.  0, or as vm_set_cleaning. */
VM_MUST_CHECK int vm_cleaning_set_up(struct vm *vm,
    const struct vm_cleaning *how);

#endif
