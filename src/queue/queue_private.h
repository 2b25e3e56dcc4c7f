/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/queue_private.h - what queue.c and change.c share. */
#ifndef QUEUE_QUEUE_PRIVATE_H
#define QUEUE_QUEUE_PRIVATE_H

#include "queue/queue.h"

/* The tag of the line of cached pages; policies number theirs from 1. */
#define VM_QUEUE_TAG_CACHED UINT8_MAX

/* Empty; NULL with a sentence: no memory.  act is complete. */
struct vm_policy *vm_queue_new_policy(struct vm_queue *queue,
    const struct vm_policy_ops *ops, uint32_t pages,
    const struct vm_act *act);

#endif
