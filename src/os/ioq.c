/* SPDX-License-Identifier: BSD-2-Clause */
/* os/ioq.c - which form of queue, and what both share; see ioq.h. */
#include "os/ioq.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/ioq_private.h"

/* 64 requests: at 32 to 128 the disk of our measurements is at its best. */
#define DEPTH_DEFAULT 64
/* 4096 requests: beyond any device's queue; the kernel's bound is 32768. */
#define DEPTH_MAX 4096

int
vm_ioq_create(const struct vm_ioq_options *options, struct vm_ioq **out)
{
	unsigned depth = options->depth != 0 ? options->depth : DEPTH_DEFAULT;

	if (depth > DEPTH_MAX)
		return vm_error(EINVAL, "I/O queue: depth %u is above %d",
		    depth, DEPTH_MAX);
	switch (options->kind) {
	case VM_IOQ_AUTO:
		/* Whatever the reason: plain calls always work. */
		if (vm_ioq_uring_create(depth, options->flight_bytes,
		    out) == 0)
			return 0;
		return vm_ioq_sync_create(depth, out);
	case VM_IOQ_URING:
		return vm_ioq_uring_create(depth, options->flight_bytes,
		    out);
	case VM_IOQ_SYNC:
		return vm_ioq_sync_create(depth, out);
	}
	return vm_error(EINVAL, "I/O queue: there is no kind %d",
	    (int)options->kind);
}

bool
vm_ioq_accept(struct vm_ioq *q, struct vm_ioq_request *req)
{
	vm_assert(req->done != NULL);
	vm_assert(req->op == VM_IOQ_READ || req->op == VM_IOQ_WRITE ||
	    req->op == VM_IOQ_FSYNC || req->op == VM_IOQ_POSTED);
	vm_assert(req->op == VM_IOQ_FSYNC || req->op == VM_IOQ_POSTED ||
	    req->iov_count > 0);
	/* All ones would be "at the file's position" to io_uring. */
	vm_assert(req->offset <= INT64_MAX);
	vm_assert(!vm_node_linked(&req->link));	/* it is in flight already */
	if (q->in_flight == q->depth)
		return false;
	q->in_flight++;
	return true;
}

void
vm_ioq_finish(struct vm_ioq *q, struct vm_ioq_request *req, int64_t result)
{
	vm_assert(q->in_flight > 0);
	vm_assert(!vm_node_linked(&req->link));
	q->in_flight--;
	req->result = result;
	req->done(req);
}
