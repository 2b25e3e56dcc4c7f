/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - requests in flight (os/ioq.h), ended by simulated time.
 *
 * Like io_uring's: what is submitted waits for a flush, or goes at once by
 * chance; a flush is refused now and then; requests end in any order.  The
 * plain form runs each in its submit.  machine.h says what becomes of the
 * bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "os/ioq.h"
#include "sim.h"

/* 64 requests, as the library's own queues have. */
#define DEPTH_DEFAULT 64
/* 6 flushes in a row are refused at most: what looks again gets through. */
#define REFUSED_MOST 6
/* What memory has until a read is over. */
#define GARBAGE 0x5a

struct queue {
	struct vm_ioq q;
	bool plain;		/* the form that runs them in submit */
	bool running;		/* plain: a submit is on the stack */
	int fd;			/* polls readable; -1 until asked for */
	struct vm_list queued;	/* requests, not started */
	struct vm_list over;	/* requests, their done not called */
	unsigned flying;	/* started, not over */
	unsigned expected;	/* POSTED, not posted */
	unsigned refused;	/* so many flushes more are */
	struct vm_node link;	/* in queues */
};

/* One request that is under way. */
struct ride {
	struct flight flight;
	struct sim_event event;
	struct queue *queue;
	struct vm_ioq_request *request;
	struct disk *disk;
	char *early;		/* WRITE: the memory as it was at first */
	uint64_t bytes;		/* that will be moved */
	int64_t result;
};

/* Set up by the first queue. */
static struct vm_list queues;

static struct queue *
queue_of(struct vm_ioq *q)
{
	return VM_CONTAINER(q, struct queue, q);
}

static struct vm_ioq_request *
first_of(const struct vm_list *list)
{
	return VM_ENTRY(vm_list_first(list), struct vm_ioq_request, link);
}

/* -- bytes -- */

/* The memory of a request from a byte on; *bytes is what lies together. */
static char *
memory_at(const struct vm_ioq_request *req, uint64_t at, uint64_t *bytes)
{
	const struct iovec *iov = req->iov;

	for (; at >= iov->iov_len; iov++)
		at -= iov->iov_len;
	*bytes = iov->iov_len - at;
	return (char *)iov->iov_base + at;
}

static void
copy_out(const struct vm_ioq_request *req, uint64_t at, char *to,
    uint64_t bytes)
{
	uint64_t n;

	for (; bytes > 0; bytes -= n, at += n, to += n) {
		const char *from = memory_at(req, at, &n);

		n = n < bytes ? n : bytes;
		memcpy(to, from, n);
	}
}

static void
copy_in(const struct vm_ioq_request *req, uint64_t at, const char *from,
    uint64_t bytes)
{
	uint64_t n;

	for (; bytes > 0; bytes -= n, at += n, from += n) {
		char *to = memory_at(req, at, &n);

		n = n < bytes ? n : bytes;
		memcpy(to, from, n);
	}
}

static void
spoil(const struct vm_ioq_request *req, uint64_t bytes)
{
	uint64_t n;

	for (uint64_t at = 0; at < bytes; at += n) {
		char *to = memory_at(req, at, &n);

		n = n < bytes - at ? n : bytes - at;
		memset(to, GARBAGE, n);
	}
}

/* Sectors as they were in memory at the start, or are now. */
static void
write_sectors(struct ride *ride, bool all)
{
	char sector[SECTOR];
	uint64_t n;

	for (uint64_t at = 0; at < ride->bytes; at += n) {
		n = SECTOR - (ride->flight.offset + at) % SECTOR;
		if (n > ride->bytes - at)
			n = ride->bytes - at;
		memcpy(sector, ride->early + at, n);
		if (sim_one_in(2))
			copy_out(ride->request, at, sector, n);
		if (all || sim_one_in(2))
			disk_write(ride->disk, ride->flight.offset + at,
			    sector, n);
	}
}

/* -- a request's way -- */

static void
arrive(struct ride *ride)
{
	bool write = ride->request->op == VM_IOQ_WRITE;

	vm_node_remove(&ride->flight.link);
	if (write)
		write_sectors(ride, ride->result >= 0);
	else if (ride->request->op == VM_IOQ_READ && ride->result > 0)
		copy_in(ride->request, 0, ride->disk->now +
		    ride->flight.offset, ride->bytes);
	ride->request->result = ride->result;
	free(ride->early);
}

static void
landed(struct sim_event *event)
{
	struct ride *ride = VM_CONTAINER(event, struct ride, event);
	struct queue *queue = ride->queue;

	arrive(ride);
	queue->flying--;
	vm_list_add_tail(&queue->over, &ride->request->link);
	free(ride);
	sim_wake_all(queue);
	descriptors_ring();
}

/* No two requests on a sector, if one of them writes. */
static void
check_alone(const struct ride *ride)
{
	const struct flight *own = &ride->flight;
	struct vm_node *node = vm_list_first(&ride->disk->flights);

	for (; node != NULL;
	    node = vm_list_next(&ride->disk->flights, node)) {
		const struct flight *other = VM_ENTRY(node, struct flight,
		    link);

		if ((own->write || other->write) &&
		    own->offset / SECTOR * SECTOR <
		    other->offset + other->bytes &&
		    other->offset / SECTOR * SECTOR <
		    own->offset + own->bytes)
			sim_fail("two requests at %llu of file %llu",
			    (unsigned long long)own->offset,
			    (unsigned long long)ride->disk->number);
	}
}

static void
check_aligned(const struct vm_ioq_request *req)
{
	SIM_CHECK(req->offset % SECTOR == 0);
	for (int i = 0; i < req->iov_count; i++) {
		SIM_CHECK((uintptr_t)req->iov[i].iov_base % SECTOR == 0);
		SIM_CHECK(req->iov[i].iov_len % SECTOR == 0);
	}
}

static int64_t
fault_of(const struct ride *ride, bool direct)
{
	const struct disk *disk = ride->disk;
	const struct flight *flight = &ride->flight;

	if (direct && disk->direct == DIRECT_REFUSED)
		return -EINVAL;
	if (machine_fails(machine.faults.vain))
		return sim_one_in(2) ? -EAGAIN : -EINTR;
	if (!flight->write)
		return machine_fails(machine.faults.read) ||
		    disk_is_bad(disk, flight->offset, flight->bytes) ?
		    -EIO : 0;
	if (machine_fails(machine.faults.full) ||
	    flight->offset + flight->bytes > disk->capacity)
		return -ENOSPC;
	return machine_fails(machine.faults.write) ? -EIO : 0;
}

/* How much of it will be moved, and what is said then. */
static void
decide(struct ride *ride, bool direct)
{
	uint64_t most = ride->flight.bytes;
	/* A sector is old or new, and so is each part of a write. */
	uint64_t unit = direct || ride->flight.write ? SECTOR : 1;

	if (!ride->flight.write)
		most = ride->flight.offset >= ride->disk->bytes ? 0 :
		    ride->disk->bytes - ride->flight.offset < most ?
		    ride->disk->bytes - ride->flight.offset : most;
	ride->bytes = most;
	ride->result = fault_of(ride, direct);
	if (ride->result < 0)
		return;
	if (most > unit && machine_fails(machine.faults.cut_short))
		ride->bytes = (1 + sim_below((most - 1) / unit)) * unit;
	ride->result = (int64_t)ride->bytes;
}

static struct ride *
board(struct queue *queue, struct vm_ioq_request *req)
{
	const struct opened *opened = descriptor_of(req->fd);
	bool direct = (opened->flags & O_DIRECT) != 0;
	struct ride *ride = calloc(1, sizeof(*ride));

	SIM_CHECK(ride != NULL && req->op != VM_IOQ_FSYNC);
	ride->queue = queue;
	ride->request = req;
	ride->disk = disk_of(req->fd);
	ride->flight.write = req->op == VM_IOQ_WRITE;
	ride->flight.offset = req->offset;
	for (int i = 0; i < req->iov_count; i++)
		ride->flight.bytes += req->iov[i].iov_len;
	SIM_CHECK(ride->flight.bytes != 0);
	SIM_CHECK(!ride->flight.write ||
	    (opened->flags & O_ACCMODE) != O_RDONLY);
	if (direct)
		check_aligned(req);
	check_alone(ride);
	decide(ride, direct);
	vm_list_add_tail(&ride->disk->flights, &ride->flight.link);
	sim_say("%s %llu + %llu of file %llu: %lld", ride->flight.write ?
	    "write" : "read", (unsigned long long)req->offset,
	    (unsigned long long)ride->flight.bytes,
	    (unsigned long long)ride->disk->number, (long long)ride->result);
	if (ride->flight.write) {
		ride->early = malloc(ride->flight.bytes);
		SIM_CHECK(ride->early != NULL);
		copy_out(req, 0, ride->early, ride->flight.bytes);
		if (ride->result < 0 && -ride->result != EIO)
			ride->bytes = 0;
	} else {
		spoil(req, ride->bytes);
	}
	return ride;
}

static void
take_off(struct queue *queue, struct vm_ioq_request *req)
{
	struct ride *ride = board(queue, req);

	ride->event.fire = landed;
	queue->flying++;
	sim_at(&ride->event, machine_latency_ns());
}

/* -- the calls -- */

static void
finish(struct queue *queue, struct vm_ioq_request *req)
{
	queue->q.in_flight--;
	vm_node_remove(&req->link);
	req->done(req);
}

/* The plain form: one after the other, a done's own after it. */
static void
run_plain(struct queue *queue)
{
	struct vm_ioq_request *req;

	if (queue->running)
		return;
	queue->running = true;
	while ((req = first_of(&queue->queued)) != NULL) {
		struct ride *ride = board(queue, req);

		sim_pause(machine_latency_ns());
		arrive(ride);
		free(ride);
		finish(queue, req);
	}
	queue->running = false;
}

static void
start_queued(struct queue *queue)
{
	struct vm_ioq_request *req;

	while ((req = first_of(&queue->queued)) != NULL) {
		vm_node_remove(&req->link);
		take_off(queue, req);
	}
}

static int
submit(struct vm_ioq *q, struct vm_ioq_request *req)
{
	struct queue *queue = queue_of(q);

	sim_point();
	SIM_CHECK(req->done != NULL && !vm_node_linked(&req->link));
	if (q->in_flight == q->depth)
		return -EAGAIN;
	q->in_flight++;
	req->posted = false;
	if (req->op == VM_IOQ_POSTED) {
		queue->expected++;
		return 0;
	}
	vm_list_add_tail(&queue->queued, &req->link);
	if (queue->plain)
		run_plain(queue);
	else if (sim_one_in(4))
		start_queued(queue);
	return 0;
}

static int
flush(struct vm_ioq *q)
{
	struct queue *queue = queue_of(q);

	sim_point();
	if (queue->plain || vm_list_empty(&queue->queued))
		return 0;
	if (machine_fails(machine.faults.vain))
		queue->refused = 1 + (unsigned)sim_below(REFUSED_MOST);
	if (queue->refused != 0) {
		queue->refused--;
		return -EAGAIN;
	}
	start_queued(queue);
	return 0;
}

static int
reap(struct vm_ioq *q, bool wait)
{
	struct queue *queue = queue_of(q);
	struct vm_ioq_request *req;
	int n = 0, error = 0;

	sim_point();
	if (wait && vm_list_empty(&queue->over))
		error = flush(q);
	if (error != 0 && queue->flying == 0)
		return error;
	while (wait && vm_list_empty(&queue->over) &&
	    queue->flying + queue->expected != 0)
		(void)sim_wait(queue, "a request", SIM_FOREVER);
	while ((req = first_of(&queue->over)) != NULL &&
	    (n == 0 || !sim_one_in(8))) {
		finish(queue, req);
		n++;
	}
	return n;
}

static bool
readable(void *what)
{
	struct queue *queue = what;

	return !vm_list_empty(&queue->over);
}

static int
poll_fd(struct vm_ioq *q)
{
	struct queue *queue = queue_of(q);
	struct opened opened = {
		.kind = KIND_QUEUE, .what = queue, .readable = readable,
	};

	if (queue->fd >= 0)
		return queue->fd;
	if (machine_fails(machine.faults.descriptor))
		return -EMFILE;
	queue->fd = descriptor_new(&opened);
	return queue->fd;
}

static void
post(struct vm_ioq *q, struct vm_ioq_request *req, int64_t result)
{
	struct queue *queue = queue_of(q);

	sim_point();
	SIM_CHECK(req->op == VM_IOQ_POSTED && !req->posted);
	req->posted = true;
	req->result = result;
	queue->expected--;
	vm_list_add_tail(&queue->over, &req->link);
	sim_wake_all(queue);
	descriptors_ring();
}

static void
withdraw(struct vm_ioq *q, struct vm_ioq_request *req)
{
	SIM_CHECK(req->op == VM_IOQ_POSTED && !req->posted);
	queue_of(q)->expected--;
	q->in_flight--;
}

static void
destroy(struct vm_ioq *q)
{
	struct queue *queue = queue_of(q);

	while (q->in_flight != 0)
		(void)reap(q, true);
	if (queue->fd >= 0)
		machine_close(queue->fd);
	vm_node_remove(&queue->link);
	machine.queues--;
	free(queue);
}

static const struct vm_ioq_ops ops = {
	.name = "simulated",
	.submit = submit,
	.flush = flush,
	.reap = reap,
	.poll_fd = poll_fd,
	.post = post,
	.withdraw = withdraw,
	.destroy = destroy,
};

int
machine_queue_create(const struct vm_ioq_options *options,
    struct vm_ioq **out)
{
	struct queue *queue;

	sim_point();
	if (machine_fails(machine.faults.memory))
		return vm_error(ENOMEM, "no queue");
	queue = calloc(1, sizeof(*queue));
	SIM_CHECK(queue != NULL);
	queue->q.ops = &ops;
	queue->q.depth = options->depth != 0 ? options->depth :
	    DEPTH_DEFAULT;
	queue->plain = options->kind == VM_IOQ_SYNC;
	queue->fd = -1;
	vm_list_init(&queue->queued);
	vm_list_init(&queue->over);
	if (queues.head.next == NULL)
		vm_list_init(&queues);
	vm_list_add_tail(&queues, &queue->link);
	machine.queues++;
	*out = &queue->q;
	return 0;
}

/* Rides of a list of flights end where they are. */
static void
strand(struct disk *disk)
{
	struct vm_node *node;

	while ((node = vm_list_first(&disk->flights)) != NULL) {
		struct ride *ride = VM_CONTAINER(VM_ENTRY(node, struct flight,
		    link), struct ride, flight);

		vm_node_remove(node);
		if (ride->flight.write && disk->durable != NULL)
			write_sectors(ride, false);
		free(ride->early);
		free(ride);
	}
}

void
machine_queues_cut(void)
{
	struct vm_node *node;

	disks_each(strand);
	if (queues.head.next == NULL)
		return;
	while ((node = vm_list_first(&queues)) != NULL) {
		vm_node_remove(node);
		free(VM_ENTRY(node, struct queue, link));
	}
}
