/* SPDX-License-Identifier: BSD-2-Clause */
/* api/part.c - policies for some objects: resident/order.h. */
#include <errno.h>
#include <resident/order.h>

#include "base/error.h"
#include "object/part.h"

VM_EXPORT int
vm_object_set_policy(struct vm_object *object, const char *name)
{
	const struct vm_policy_ops *ops = NULL;

	if (name != NULL) {
		ops = vm_policy_find(name);
		if (ops == NULL)
			return vm_error(EINVAL, "policy: there is none named "
			    "\"%.64s\"", name);
	}
	return vm_part_set(object, ops);
}

VM_EXPORT const char *
vm_object_policy(struct vm_object *object)
{
	return vm_part_policy(object);
}

/* Numbers of parts have gaps. */
static bool
find(struct vm_queue *queue, unsigned i, struct vm_queue_part *part)
{
	for (unsigned n = 0; vm_queue_part(queue, n, part); n++)
		if (part->policy != NULL && i-- == 0)
			return true;
	return false;
}

VM_EXPORT int
vm_partition_stat(struct vm *vm, unsigned i, struct vm_partition *out)
{
	struct vm_queue_part part;

	if (out == NULL || out->size_bytes != sizeof(*out))
		return vm_error(EINVAL, "partition: without "
		    "VM_PARTITION_INIT");
	if (!find(&vm->queue, i, &part))
		return vm_error(ENOENT, "partition: there is none of number "
		    "%u", i);
	*out = (struct vm_partition){ .size_bytes = sizeof(*out),
		.policy = part.policy, .pages = part.pages,
		.share_pages = part.share, .objects = part.objects,
		.returned = part.returned };
	return 0;
}
