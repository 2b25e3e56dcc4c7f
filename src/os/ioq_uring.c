/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/ioq_uring.c - the queue on io_uring.
 *
 * Set-up flags.  COOP_TASKRUN (Linux 5.19): a completion does not interrupt
 * the thread that submitted, it is worked off when that thread next enters
 * the kernel, as it does to reap or poll; TASKRUN_FLAG tells a reap that does
 * not wait that entering is worth it.  Not SINGLE_ISSUER with DEFER_TASKRUN:
 * they tie the ring to one thread for life, while a queue may be made by one
 * thread and used by another, and a deferred completion does not wake a poll
 * of the ring.  Not SQPOLL: its thread takes a core away (measured on 2
 * cores: 6 to 35 thousand I/Os a second where plain submission does 100).
 *
 * The submission ring has room for every request in flight, so that there is
 * always an entry for an accepted one; the completion ring has twice that.
 *
 * Posts wake a sleeper, and make the ring readable, by a poll of the box's
 * event that is in the ring while a POSTED request is in flight and never
 * longer: it is worked off by the thread that submitted it, which may be gone
 * or busy elsewhere when the queue has changed hands.  A POSTED request takes
 * no entry of the submission ring, so there is always one for the poll.
 *
 *	none --flush or await, POSTED in flight--> armed --its completion-->
 *	none; armed and no POSTED left at the end of a reap: made to complete
 *
 * Where a bound is set on what flies, those beyond are held in a list:
 *
 *	submitted --fits--> flying --its completion--> ended --> done
 *	     '----> held --bytes have ended--^
 *
 * A reap lets all land that have ended, hands over what was held, and calls
 * what is to be done after that: the disk does not wait for us.
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/ioq_box.h"
#include "os/ioq_private.h"
#include "os/linux_private.h"

struct ioq_uring {
	struct vm_ioq q;
	struct io_uring ring;	/* (T) */
	struct vm_list flying;	/* queued and in the kernel (T) */
	uint64_t flight_bytes;	/* of these at most; 0: no bound (C) */
	uint64_t flying_bytes;	/* of these, where there is one (T) */
	struct vm_list held;	/* beyond it (T) */
	unsigned held_count;	/* length of held (T) */
	struct vm_list ended;	/* whose done is to come (T) */
	struct vm_ioq_box box;
	bool armed;		/* its event is polled (T) */
};

static struct ioq_uring *
uring_of(struct vm_ioq *q)
{
	return VM_CONTAINER(q, struct ioq_uring, q);
}

/* A single piece spares the kernel the array: a tenth of a us. */
static void
prepare_read(struct io_uring_sqe *sqe, const struct vm_ioq_request *req)
{
	if (req->iov_count == 1)
		io_uring_prep_read(sqe, req->fd, req->iov->iov_base,
		    (unsigned)req->iov->iov_len, req->offset);
	else
		io_uring_prep_readv(sqe, req->fd, req->iov,
		    (unsigned)req->iov_count, req->offset);
}

static void
prepare_write(struct io_uring_sqe *sqe, const struct vm_ioq_request *req)
{
	if (req->iov_count == 1)
		io_uring_prep_write(sqe, req->fd, req->iov->iov_base,
		    (unsigned)req->iov->iov_len, req->offset);
	else
		io_uring_prep_writev(sqe, req->fd, req->iov,
		    (unsigned)req->iov_count, req->offset);
}

/* Puts an accepted request into the submission ring. */
static void
prepare(struct ioq_uring *u, struct vm_ioq_request *req)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	vm_assert(sqe != NULL);
	switch (req->op) {
	case VM_IOQ_READ:
		prepare_read(sqe, req);
		break;
	case VM_IOQ_WRITE:
		prepare_write(sqe, req);
		break;
	case VM_IOQ_FSYNC:
		io_uring_prep_fsync(sqe, req->fd, IORING_FSYNC_DATASYNC);
		break;
	case VM_IOQ_POSTED:
		vm_assert(req->op != VM_IOQ_POSTED);
		break;
	}
	io_uring_sqe_set_data(sqe, req);
}

static uint64_t
bytes_of(const struct vm_ioq_request *req)
{
	uint64_t bytes = 0;

	if (req->op == VM_IOQ_READ || req->op == VM_IOQ_WRITE)
		for (int i = 0; i < req->iov_count; i++)
			bytes += req->iov[i].iov_len;
	return bytes;
}

/* One that is alone flies, however large it is. */
static bool
fits(const struct ioq_uring *u, const struct vm_ioq_request *req)
{
	return u->flight_bytes == 0 || u->flying_bytes == 0 ||
	    u->flying_bytes + bytes_of(req) <= u->flight_bytes;
}

static void
take_off(struct ioq_uring *u, struct vm_ioq_request *req)
{
	vm_list_add_tail(&u->flying, &req->link);
	if (u->flight_bytes != 0)
		u->flying_bytes += bytes_of(req);
	prepare(u, req);
}

static void
hold(struct ioq_uring *u, struct vm_ioq_request *req)
{
	vm_list_add_tail(&u->held, &req->link);
	u->held_count++;
}

/* Those whose turn it is. */
static void
release_held(struct ioq_uring *u)
{
	struct vm_node *node;

	while ((node = vm_list_first(&u->held)) != NULL) {
		struct vm_ioq_request *req = VM_ENTRY(node,
		    struct vm_ioq_request, link);

		if (!fits(u, req))
			break;
		vm_node_remove(node);
		u->held_count--;
		take_off(u, req);
	}
}

/* An event first: without one, nobody would be woken. */
static int
submit_posted(struct ioq_uring *u, struct vm_ioq_request *req)
{
	int event = vm_ioq_box_event(&u->box);

	if (event < 0) {
		u->q.in_flight--;
		return event;
	}
	vm_ioq_box_expect(&u->box, req);
	return 0;
}

/* The poll of the event is queued, if somebody may set it. */
static void
arm(struct ioq_uring *u)
{
	struct io_uring_sqe *sqe;

	if (u->armed || u->box.count == 0)
		return;
	sqe = io_uring_get_sqe(&u->ring);
	vm_assert(sqe != NULL);
	io_uring_prep_poll_add(sqe, vm_ioq_box_event(&u->box), POLLIN);
	io_uring_sqe_set_data(sqe, &u->box);
	u->armed = true;
}

static int
submit(struct vm_ioq *q, struct vm_ioq_request *req)
{
	struct ioq_uring *u = uring_of(q);

	if (!vm_ioq_accept(q, req))
		return -EAGAIN;
	if (req->op == VM_IOQ_POSTED)
		return submit_posted(u, req);
	if (u->held_count == 0 && fits(u, req))
		take_off(u, req);
	else
		hold(u, req);
	return 0;
}

static bool
try_later(int err)
{
	return err == -EAGAIN || err == -EBUSY;
}

static int
flush(struct vm_ioq *q)
{
	struct ioq_uring *u = uring_of(q);

	arm(u);
	/* Every turn but an interrupted one hands over at least one. */
	while (io_uring_sq_ready(&u->ring) > 0) {
		int count = io_uring_submit(&u->ring);

		if (count == 0)
			return -EAGAIN;
		if (count < 0 && count != -EINTR)
			return count;
	}
	return 0;
}

/* What the kernel has not yet answered or not yet got; an upper bound, since
 * some may have ended. */
static unsigned
flying(const struct ioq_uring *u)
{
	return u->q.in_flight - u->box.count - u->held_count;
}

/* Hands over what is queued and sleeps until a completion is there. */
static int
await(struct ioq_uring *u)
{
	struct io_uring_cqe *cqe;
	int err;

	arm(u);
	while (io_uring_cq_ready(&u->ring) == 0) {
		err = io_uring_submit_and_wait(&u->ring, 1);
		/* A post may never come while what is queued keeps others. */
		if (try_later(err) &&
		    io_uring_sq_ready(&u->ring) < flying(u))
			err = io_uring_wait_cqe(&u->ring, &cqe);
		if (err < 0 && err != -EINTR)
			return err;
	}
	return 0;
}

/* Whether a request is done; an interrupted one is not, nor is the poll. */
static bool
complete(struct ioq_uring *u, struct io_uring_cqe *cqe)
{
	struct vm_ioq_request *req = io_uring_cqe_get_data(cqe);
	int64_t result = cqe->res;

	/* Before done, which may submit and reap in turn. */
	io_uring_cqe_seen(&u->ring, cqe);
	if ((void *)req == &u->box) {
		u->armed = false;
		return false;
	}
	if (result == -EINTR) {
		prepare(u, req);	/* starts at the next flush or wait */
		return false;
	}
	vm_node_remove(&req->link);
	vm_ioq_finish(&u->q, req, result);
	return true;
}

/* One that has ended, unless it was interrupted or the poll. */
static void
land(struct ioq_uring *u, struct io_uring_cqe *cqe)
{
	struct vm_ioq_request *req = io_uring_cqe_get_data(cqe);
	int64_t result = cqe->res;

	io_uring_cqe_seen(&u->ring, cqe);
	if ((void *)req == &u->box) {
		u->armed = false;
	} else if (result == -EINTR) {
		prepare(u, req);	/* starts at the next flush or wait */
	} else {
		vm_node_remove(&req->link);
		u->flying_bytes -= bytes_of(req);
		req->result = result;
		vm_list_add_tail(&u->ended, &req->link);
	}
}

/* What has ended is done; a done may come here itself. */
static int
finish_ended(struct ioq_uring *u)
{
	struct vm_node *node;
	int count = 0;

	while ((node = vm_list_first(&u->ended)) != NULL) {
		struct vm_ioq_request *req = VM_ENTRY(node,
		    struct vm_ioq_request, link);

		vm_node_remove(node);
		vm_ioq_finish(&u->q, req, req->result);
		count++;
	}
	return count;
}

static int
drain_bounded(struct ioq_uring *u)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&u->ring, &cqe) == 0)
		land(u, cqe);
	release_held(u);
	(void)flush(&u->q);	/* what is refused goes with the next one */
	return finish_ended(u);
}

/* Turns of the loop: one per request in flight now, not for new ones. */
static int
drain(struct ioq_uring *u)
{
	unsigned bound = flying(u) + (u->armed ? 1 : 0);
	struct io_uring_cqe *cqe;
	int count = 0;

	if (u->flight_bytes != 0)
		return drain_bounded(u);
	for (; bound > 0 && io_uring_peek_cqe(&u->ring, &cqe) == 0; bound--)
		if (complete(u, cqe))
			count++;
	return count;
}

/* What was posted.  As many turns as requests are expected now. */
static int
deliver(struct ioq_uring *u)
{
	unsigned bound = u->box.count;
	struct vm_ioq_request *req;
	int count = 0;

	for (; bound > 0 && (req = vm_ioq_box_take(&u->box)) != NULL;
	    bound--) {
		vm_ioq_finish(&u->q, req, req->result);
		count++;
	}
	return count;
}

/* Nobody will set the event any more: ends the poll.  Requests done. */
static int
disarm(struct ioq_uring *u)
{
	int event, err, count = 0;

	while (u->armed && u->box.count == 0) {
		event = vm_ioq_box_event(&u->box);
		u->box.os->event_set(event);
		err = await(u);
		/* Before a done, behind which somebody may post again. */
		u->box.os->event_clear(event);
		if (err < 0)
			break;		/* the next reap tries again */
		count += drain(u);
	}
	return count;
}

static int
reap(struct vm_ioq *q, bool wait)
{
	struct ioq_uring *u = uring_of(q);
	int count, err;

	do {
		count = deliver(u);
		count += finish_ended(u);
		err = wait && count == 0 && q->in_flight > 0 ? await(u) : 0;
		if (err < 0)
			return err;
		count += drain(u);
		count += deliver(u);
		count += disarm(u);
	} while (wait && count == 0 && q->in_flight > 0);
	return count;
}

static int
poll_fd(struct vm_ioq *q)
{
	return uring_of(q)->ring.ring_fd;
}

static void
post(struct vm_ioq *q, struct vm_ioq_request *req, int64_t result)
{
	vm_ioq_box_post(&uring_of(q)->box, req, result);
}

static void
withdraw(struct vm_ioq *q, struct vm_ioq_request *req)
{
	vm_ioq_box_withdraw(&uring_of(q)->box, req);
	q->in_flight--;
}

static void
destroy(struct vm_ioq *q)
{
	struct ioq_uring *u = uring_of(q);

	while (q->in_flight > 0) {
		int err = reap(q, true);

		/* Buffers that the kernel still writes to must not be freed,
		 * and only a closed descriptor gets us here. */
		vm_assert(err >= 0 || try_later(err));
	}
	io_uring_queue_exit(&u->ring);
	vm_ioq_box_fini(&u->box);
	vm_os_free(u);
}

static const struct vm_ioq_ops uring_ops = {
	.name = "io_uring",
	.submit = submit,
	.flush = flush,
	.reap = reap,
	.poll_fd = poll_fd,
	.post = post,
	.withdraw = withdraw,
	.destroy = destroy,
};

static int
ring_init(struct io_uring *ring, unsigned depth)
{
	/* Best first; an older kernel refuses with EINVAL what it lacks. */
	static const unsigned flags[] = {
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
		    IORING_SETUP_SUBMIT_ALL,
		0,
	};
	int err = -EINVAL;

	for (size_t i = 0; i < VM_COUNT(flags) && err == -EINVAL; i++)
		err = io_uring_queue_init(depth, ring, flags[i]);
	return err;
}

int
vm_ioq_uring_create(unsigned depth, uint64_t flight_bytes,
    struct vm_ioq **out)
{
	struct ioq_uring *u = vm_os_alloc(sizeof(*u));
	int err = u == NULL ? -ENOMEM : ring_init(&u->ring, depth);

	if (err < 0) {
		vm_os_free(u);
		return vm_error(-err, "I/O queue: io_uring: %s",
		    vm_errno_text(-err));
	}
	/* A child of fork() must not touch its parent's ring. */
	(void)io_uring_ring_dontfork(&u->ring);
	u->q.ops = &uring_ops;
	u->q.depth = depth;
	u->flight_bytes = flight_bytes;
	vm_list_init(&u->flying);
	vm_list_init(&u->held);
	vm_list_init(&u->ended);
	vm_ioq_box_init(&u->box, &vm_os_linux);
	*out = &u->q;
	return 0;
}
