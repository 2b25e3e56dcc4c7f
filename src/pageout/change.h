/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/change.h - the object's bytes or length change behind its back.
 *
 * All of these enter a barrier over the pages concerned (object/object.h), so
 * that nobody fills there, and then take or drop the pages that are resident.
 */
#ifndef PAGEOUT_CHANGE_H
#define PAGEOUT_CHANGE_H

#include "base/compiler.h"
#include "object/object.h"

/* As in resident/object.h. */
VM_MUST_CHECK int vm_change_begin(struct vm_object *object, uint64_t offset,
    uint64_t length);
VM_MUST_CHECK int vm_change_end(struct vm_object *object, uint64_t offset,
    uint64_t length, uint64_t written);
VM_MUST_CHECK int vm_change_length(struct vm_object *object,
    uint64_t length);

#endif
