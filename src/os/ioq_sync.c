/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/ioq_sync.c - the queue that runs each request in its submit.
 *
 * A request that is submitted from within a done waits on a list until that
 * done has returned, so that a chain of requests is a loop, not a recursion.
 * What others post is all that is ever in flight between two calls.
 */
#include <errno.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/ioq_box.h"
#include "os/ioq_private.h"
#include "os/linux_private.h"

struct ioq_sync {
	struct vm_ioq q;
	struct vm_list waiting;	/* submitted from within a done (T) */
	bool running;		/* a done is on the stack (T) */
	struct vm_ioq_box box;
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
	case VM_IOQ_POSTED:
		break;		/* never waits here */
	}
	return result;
}

/* Nothing else runs: everything that waits does, one after the other. */
static void
run_waiting(struct ioq_sync *s)
{
	struct vm_node *node;

	while ((node = vm_list_first(&s->waiting)) != NULL) {
		struct vm_ioq_request *req = VM_ENTRY(node,
		    struct vm_ioq_request, link);

		vm_node_remove(node);
		vm_ioq_finish(&s->q, req, perform(req));
	}
}

static int
submit(struct vm_ioq *q, struct vm_ioq_request *req)
{
	struct ioq_sync *s = sync_of(q);

	if (!vm_ioq_accept(q, req))
		return -EAGAIN;
	if (req->op == VM_IOQ_POSTED) {
		vm_ioq_box_expect(&s->box, req);
		return 0;
	}
	vm_list_add_tail(&s->waiting, &req->link);
	if (s->running)
		return 0;
	s->running = true;
	run_waiting(s);
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
	struct ioq_sync *s = sync_of(q);
	/* Turns of the loop: one per request expected now, not for new ones. */
	unsigned bound = s->box.count;
	struct vm_ioq_request *req;
	bool nested = s->running;
	int count = 0;

	if (wait && s->box.count > 0)
		vm_ioq_box_wait(&s->box);
	for (; bound > 0 && (req = vm_ioq_box_take(&s->box)) != NULL;
	    bound--) {
		s->running = true;
		vm_ioq_finish(q, req, req->result);
		if (!nested)
			run_waiting(s);
		s->running = nested;
		count++;
	}
	return count;
}

static int
poll_fd(struct vm_ioq *q)
{
	return vm_ioq_box_event(&sync_of(q)->box);
}

static void
post(struct vm_ioq *q, struct vm_ioq_request *req, int64_t result)
{
	vm_ioq_box_post(&sync_of(q)->box, req, result);
}

static void
withdraw(struct vm_ioq *q, struct vm_ioq_request *req)
{
	vm_ioq_box_withdraw(&sync_of(q)->box, req);
	q->in_flight--;
}

static void
destroy(struct vm_ioq *q)
{
	struct ioq_sync *s = sync_of(q);

	vm_assert(!s->running);		/* not from within a done */
	while (q->in_flight > 0)
		(void)reap(q, true);
	vm_ioq_box_fini(&s->box);
	vm_os_free(s);
}

static const struct vm_ioq_ops sync_ops = {
	.name = "sync",
	.submit = submit,
	.flush = flush,
	.reap = reap,
	.poll_fd = poll_fd,
	.post = post,
	.withdraw = withdraw,
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
	vm_ioq_box_init(&s->box, &vm_os_linux);
	*out = &s->q;
	return 0;
}
