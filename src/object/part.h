/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/part.h - objects with a replacement policy of their own.
 *
 * All objects that chose the same policy share a part of the queues
 * (queue/split.h), where its number is their `part`; the others have number 0,
 * the system's.  The number changes under the queue lock only, together with
 * the place of the object's pages, so that a page that is queued is always in
 * the part that its object says.
 */
#ifndef OBJECT_PART_H
#define OBJECT_PART_H

#include "base/compiler.h"
#include "object/object.h"

/* From now on that policy, NULL: the system's.  0, -ENOMEM, -ENOSPC. */
VM_MUST_CHECK int vm_part_set(struct vm_object *object,
    const struct vm_policy_ops *ops);
/* The policy's name. */
const char *vm_part_policy(struct vm_object *object);
/* The object, without pages, ends. */
void vm_part_end(struct vm_object *object);

#endif
