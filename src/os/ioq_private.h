/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/ioq_private.h - what the forms of a queue share.  Private to this room.
 */
#ifndef OS_IOQ_PRIVATE_H
#define OS_IOQ_PRIVATE_H

#include "os/ioq.h"

/* depth > 0.  0 and *out, or a negative errno with its sentence. */
VM_MUST_CHECK int vm_ioq_uring_create(unsigned depth, uint64_t flight_bytes,
    struct vm_ioq **out);
VM_MUST_CHECK int vm_ioq_sync_create(unsigned depth, struct vm_ioq **out);

/* Counts the request in; false when the queue is full. */
VM_MUST_CHECK bool vm_ioq_accept(struct vm_ioq *q,
    struct vm_ioq_request *req);

/* Counts it out and calls done, which may free it or submit again. */
void vm_ioq_finish(struct vm_ioq *q, struct vm_ioq_request *req,
    int64_t result);

#endif
