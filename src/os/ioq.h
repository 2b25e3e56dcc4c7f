/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/ioq.h - a queue of reads and writes in flight.
 *
 * Whoever submits also reaps: a queue belongs to one thread at a time, needs
 * no lock, and runs the completions in that thread; it may change hands while
 * nothing is in flight.  Two forms behind one table: io_uring (liburing), and
 * plain preadv/pwritev, which completes inside submit and serves where
 * io_uring is refused (old kernels, seccomp, io_uring_disabled).
 *
 *	prepared --submit--> in flight --reap--> done(req), result set
 *
 * Some work is done by another thread: a pager's own, a timer.  A request
 * VM_IOQ_POSTED is in flight like any other, but nothing is asked of the
 * kernel: whoever does the work calls post, from any thread, once, and the
 * reap of the queue's thread, which is woken, calls its done.  Withdraw, by the
 * queue's thread and before a post, takes it out again without a done.
 *
 *	submitted --post(result)--> posted --reap--> done(req), result set
 *	submitted --withdraw--> not in flight
 *
 * A queue has `depth` requests in flight at most: submit refuses with
 * -EAGAIN beyond (reap first).  Requests and buffers belong to the queue from
 * submit to done; done may submit again, the same request too, but not
 * destroy.  Results are raw: short counts are the caller's to handle (the
 * file pager does), interrupted calls are not seen.
 */
#ifndef OS_IOQ_H
#define OS_IOQ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/compiler.h"
#include "base/list.h"

struct vm_ioq;

enum vm_ioq_op {
	VM_IOQ_READ,
	VM_IOQ_WRITE,
	VM_IOQ_FSYNC,	/* fdatasync */
	VM_IOQ_POSTED,	/* ended by vm_ioq_post alone; fd, iov: not used */
};

struct vm_ioq_request {
	enum vm_ioq_op op;
	int fd;
	struct iovec *iov;	/* stays valid until done */
	int iov_count;
	uint64_t offset;	/* bytes */
	int64_t result;		/* bytes, or a negative errno */
	void (*done)(struct vm_ioq_request *req);
	struct vm_node link;	/* the queue's; zero whenever not in flight */
	bool posted;		/* the box's (os/ioq_box.h) */
};

/* Of a form that completes everything in submit and knows no POSTED. */
#define VM_IOQ_NO_FD (-1)

enum vm_ioq_kind {
	VM_IOQ_AUTO,		/* io_uring, or plain calls where refused */
	VM_IOQ_URING,		/* io_uring or an error */
	VM_IOQ_SYNC,		/* plain calls */
};

struct vm_ioq_options {
	unsigned depth;		/* requests in flight at most; 0 = 64 */
	enum vm_ioq_kind kind;
	/* Reads and writes of so many bytes are with the kernel at a time, or
	 * a single one; what is beyond is handed over when some have ended,
	 * before any done is called.  0: no bound. */
	uint64_t flight_bytes;
};

struct vm_ioq_ops {
	const char *name;	/* "io_uring", "sync" */
	/* Queues one request; it starts at the next flush at the latest,
	 * unless flight_bytes holds it.
	 * 0 or -EAGAIN (full); POSTED: or why there is no eventfd.  The plain
	 * form runs it and calls done (from within a done: after that done
	 * has returned). */
	int (*submit)(struct vm_ioq *q, struct vm_ioq_request *req);
	/* Hands what is queued to the kernel.  0, or a negative errno: the
	 * rest stays queued for the next flush. */
	int (*flush)(struct vm_ioq *q);
	/* Calls done for finished requests and returns how many; with wait,
	 * flushes and sleeps until there is at least one, unless none is in
	 * flight.  A negative errno when the kernel refuses the flush and has
	 * nothing of the queue: for posts alone it does not sleep then, since
	 * who posts may wait for what is not handed over. */
	int (*reap)(struct vm_ioq *q, bool wait);
	/* A descriptor that polls readable when reap would find something, once
	 * what is queued was flushed; the same at each call.  NO_FD: never
	 * needed.  Another negative errno: there cannot be one. */
	int (*poll_fd)(struct vm_ioq *q);
	/* Any thread, once for a POSTED request in flight; it may be done, and
	 * the queue gone, on return. */
	void (*post)(struct vm_ioq *q, struct vm_ioq_request *req,
	    int64_t result);
	/* See above; the same thread as submit. */
	void (*withdraw)(struct vm_ioq *q, struct vm_ioq_request *req);
	/* Waits for all in flight (their done is called), then frees. */
	void (*destroy)(struct vm_ioq *q);
};

/* What every form begins with. */
struct vm_ioq {
	const struct vm_ioq_ops *ops;	/* (C) */
	unsigned depth;			/* (C) */
	unsigned in_flight;		/* (T) */
};

static inline int
vm_ioq_submit(struct vm_ioq *q, struct vm_ioq_request *req)
{
	return q->ops->submit(q, req);
}

static inline int
vm_ioq_flush(struct vm_ioq *q)
{
	return q->ops->flush(q);
}

static inline int
vm_ioq_reap(struct vm_ioq *q, bool wait)
{
	return q->ops->reap(q, wait);
}

static inline int
vm_ioq_poll_fd(struct vm_ioq *q)
{
	return q->ops->poll_fd(q);
}

static inline void
vm_ioq_post(struct vm_ioq *q, struct vm_ioq_request *req, int64_t result)
{
	q->ops->post(q, req, result);
}

static inline void
vm_ioq_withdraw(struct vm_ioq *q, struct vm_ioq_request *req)
{
	q->ops->withdraw(q, req);
}

static inline void
vm_ioq_destroy(struct vm_ioq *q)
{
	q->ops->destroy(q);
}

/*
 * 0 and *out, or a negative errno with its sentence: EINVAL for a depth above
 * 4096, ENOMEM, or why io_uring is refused (VM_IOQ_URING alone).
 */
VM_MUST_CHECK int vm_ioq_create(const struct vm_ioq_options *options,
    struct vm_ioq **out);

#endif
