/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/ioq_sync.c - the queue that runs each request in its submit.
 *
 * A request that is submitted from within a done waits on a list until that
 * done has returned, so that a chain of requests is a loop, not a recursion.
 */
#include <errno.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/ioq_private.h"
#include "os/linux_private.h"

struct ioq_sync {
	struct vm_ioq q;
	struct vm_list waiting;	/* submitted from within a done (T) */
	bool running;		/* a submit is on the stack (T) */
};

static struct ioq_sync *
sync_of(struct vm_ioq *q)
{
	return VM_CONTAINER(q, struct ioq_sync, q);
}

static int64_t
perform(const struct vm_ioq_request *req)
{
	int64_t result = -EINVAL;

	switch (req->op) {
	case VM_IOQ_READ:
		VM_OS_RETRY(result, preadv(req->fd, req->iov, req->iov_count,
		    (off_t)req->offset));
		return result < 0 ? -errno : result;
	case VM_IOQ_WRITE:
		VM_OS_RETRY(result, pwritev(req->fd, req->iov, req->iov_count,
		    (off_t)req->offset));
		return result < 0 ? -errno : result;
	case VM_IOQ_FSYNC:
		return vm_os_fsync(req->fd);
	}
	return result;
}

static int
submit(struct vm_ioq *q, struct vm_ioq_request *req)
{
	struct ioq_sync *s = sync_of(q);
	struct vm_node *node;

	if (!vm_ioq_accept(q, req))
		return -EAGAIN;
	vm_list_add_tail(&s->waiting, &req->link);
	if (s->running)
		return 0;
	s->running = true;
	while ((node = vm_list_first(&s->waiting)) != NULL) {
		req = VM_ENTRY(node, struct vm_ioq_request, link);
		vm_node_remove(node);
		vm_ioq_finish(q, req, perform(req));
	}
	s->running = false;
	return 0;
}

static int
flush(struct vm_ioq *q)
{
	(void)q;
	return 0;
}

static int
reap(struct vm_ioq *q, bool wait)
{
	(void)q;
	(void)wait;
	return 0;
}

static int
poll_fd(struct vm_ioq *q)
{
	(void)q;
	return -1;
}

static void
destroy(struct vm_ioq *q)
{
	vm_assert(q->in_flight == 0);	/* not from within a done */
	vm_os_free(sync_of(q));
}

static const struct vm_ioq_ops sync_ops = {
	.name = "sync",
	.submit = submit,
	.flush = flush,
	.reap = reap,
	.poll_fd = poll_fd,
	.destroy = destroy,
};

int
vm_ioq_sync_create(unsigned depth, struct vm_ioq **out)
{
	struct ioq_sync *s = vm_os_alloc(sizeof(*s));

	if (s == NULL)
		return vm_error(ENOMEM, "I/O queue: %s",
		    vm_errno_text(ENOMEM));
	s->q.ops = &sync_ops;
	s->q.depth = depth;
	vm_list_init(&s->waiting);
	*out = &s->q;
	return 0;
}
