/* SPDX-License-Identifier: BSD-2-Clause */
/* object/part.c - part.h has the theory. */
#include "object/part.h"

#include "base/assert.h"

/* What it was in has a user less. */
static void
move(struct vm_object *object, unsigned part)
{
	struct vm_queue *queue = &object->vm->queue;
	unsigned before = vm_queue_adopt(queue, &(struct vm_queue_member){
	    .object = object, .part = &object->part,
	    .resident = &object->resident }, part);

	if (before != 0)
		vm_queue_part_put(queue, before);
}

int
vm_part_set(struct vm_object *object, const struct vm_policy_ops *ops)
{
	int part = 0;

	if (ops != NULL) {
		part = vm_queue_part_get(&object->vm->queue, ops);
		if (part < 0)
			return part;
	}
	move(object, (unsigned)part);
	return 0;
}

const char *
vm_part_policy(struct vm_object *object)
{
	struct vm_queue *queue = &object->vm->queue;
	struct vm_queue_part part;
	bool known;

	known = vm_queue_part(queue, atomic_load_explicit(&object->part,
	    memory_order_relaxed), &part);
	vm_assert(known && part.policy != NULL);
	return part.policy;
}

void
vm_part_end(struct vm_object *object)
{
	vm_assert(atomic_load(&object->resident) == 0);
	move(object, 0);
}
