/* SPDX-License-Identifier: BSD-2-Clause */
/* memory/region_private.h - what region.c and range.c share; see region.h. */
#ifndef MEMORY_REGION_PRIVATE_H
#define MEMORY_REGION_PRIVATE_H

#include "memory/memory.h"
#include "memory/region.h"

static inline struct vm_range *
vm_range_of(struct vm_node *node)
{
	return VM_ENTRY(node, struct vm_range, link);
}

/* As vm_range_add, or a range that a submap will be in: no pages are taken. */
VM_MUST_CHECK int vm_range_put_in(struct vm_region *region,
    const struct vm_range_request *request, bool submap, void **out);
/* The range of a submap that ended, at an address. */
void vm_range_leave(struct vm_region *region, const char *address);
/* Gives these up; they are in no region any more. */
void vm_ranges_free(struct vm *vm, struct vm_list *dead);
/* Takes the range out of its region, which has no more to do with its pages,
 * onto a list. */
void vm_range_remove_locked(struct vm_region *region, struct vm_range *range,
    struct vm_list *dead);

#endif
