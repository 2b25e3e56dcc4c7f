/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api/check.h - public and internal types meet in this room alone.
 *
 * Each public function checks its arguments, calls down, and returns; what a
 * caller can get wrong is found here, so that the rooms below may assert.
 */
#ifndef API_CHECK_H
#define API_CHECK_H

#include <stdint.h>

#include "base/compiler.h"
#include "object/object.h"

/* 0, or -EINVAL with a sentence when the range wraps around. */
VM_MUST_CHECK int vm_check_range(const char *call, uint64_t offset,
    uint64_t length);

/* Whole pages: [*first, *end) of a byte range, cut at the object's end. */
void vm_check_pages(const struct vm_object *object, uint64_t offset,
    uint64_t length, vm_pindex_t *first, vm_pindex_t *end);

/*
 * 0, or -EINVAL with a sentence when length bytes of an object that is written
 * to a file are more than the file has: what is behind its end is nobody's to
 * keep, so it must not be accepted.  Objects without a file: 0.
 */
VM_MUST_CHECK int vm_check_backed(const char *call,
    const struct vm_object *object, uint64_t length);

/* Flags of a grab, VM_GRAB_*: 0, -EINVAL, -EACCES. */
VM_MUST_CHECK int vm_check_grab(const struct vm_object *object,
    uint64_t pindex, unsigned flags);
/* Whether count pages from pindex on are before the object's end: 0,
 * -ERANGE. */
VM_MUST_CHECK int vm_check_end(const struct vm_object *object,
    uint64_t pindex, unsigned count);

#endif
