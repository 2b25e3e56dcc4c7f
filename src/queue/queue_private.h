/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/queue_private.h - what queue.c and change.c share. */
#ifndef QUEUE_QUEUE_PRIVATE_H
#define QUEUE_QUEUE_PRIVATE_H

#include "queue/queue.h"
#include "queue/split.h"

/* The tag of the line of cached pages; policies number theirs from 1. */
#define VM_QUEUE_TAG_CACHED UINT8_MAX

/* Empty; NULL with a sentence: no memory.  act is complete. */
struct vm_policy *vm_queue_new_policy(struct vm_queue *queue,
    const struct vm_policy_ops *ops, uint32_t pages,
    const struct vm_act *act);

/* The policy of a part; 0: the system's.  NULL: there is no such part. */
struct vm_policy *vm_queue_part_locked(const struct vm_queue *queue,
    unsigned part);

/* Pages on their way from one policy to another, or to another part of one. */
struct vm_moving {
	struct vm_policy *from;
	struct vm_list asked_for;	/* coldest first */
	struct vm_list ahead;		/* oldest first */
};

void vm_moving_init(struct vm_moving *m, struct vm_policy *from);
void vm_moving_take(struct vm_moving *m, struct vm_page *page);
void vm_moving_give(struct vm_moving *m, struct vm_policy *to);

#endif
