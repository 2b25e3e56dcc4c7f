/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel that does not take at once what is submitted to io_uring, or does
 * not know the ring's flags: the calls below stand before liburing's.
 */
#include "os/ioq.h"

#include <dlfcn.h>
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/error.h"
#include "check.h"
#include "os/os.h"

#define OS (&vm_os_linux)

enum { BYTES = 512 };

static int refusal[2];		/* of the next calls, in turn; 0: none */
static bool nothing;		/* the next submit takes none */
static _Atomic unsigned calls;

/* The next call's refusal; 0: let it pass. */
static int
refused(void)
{
	int error = refusal[0];

	calls++;
	refusal[0] = refusal[1];
	refusal[1] = 0;
	return error;
}

static void
refuse(int first, int second)
{
	refusal[0] = first;
	refusal[1] = second;
	calls = 0;
}

static void
find(const char *name, void *function, size_t bytes)
{
	void *found = dlsym(RTLD_NEXT, name);

	CHECK(found != NULL);
	memcpy(function, &found, bytes);
}

int
io_uring_submit(struct io_uring *ring)
{
	int (*real)(struct io_uring *);
	int error = refused();

	if (nothing) {
		nothing = false;
		return 0;
	}
	find("io_uring_submit", &real, sizeof(real));
	return error != 0 ? error : real(ring);
}

int
io_uring_submit_and_wait(struct io_uring *ring, unsigned wait)
{
	int (*real)(struct io_uring *, unsigned);
	int error = refused();

	find("io_uring_submit_and_wait", &real, sizeof(real));
	return error != 0 ? error : real(ring, wait);
}

int
io_uring_queue_init(unsigned depth, struct io_uring *ring, unsigned flags)
{
	int (*real)(unsigned, struct io_uring *, unsigned);
	int error = refused();

	find("io_uring_queue_init", &real, sizeof(real));
	return error != 0 ? error : real(depth, ring, flags);
}

/* ---- one queue and writes to /dev/null ----------------------------------- */

struct io {
	struct vm_ioq_request request;
	struct iovec iov;
	char bytes[BYTES];
	unsigned done;
};

static struct vm_ioq *queue;
static int sink;

static void
note_done(struct vm_ioq_request *request)
{
	VM_CONTAINER(request, struct io, request)->done++;
}

static int
make(void)
{
	struct vm_ioq_options options = { .depth = 4, .kind = VM_IOQ_URING };

	return OS->ioq_create(&options, &queue);
}

static void
set_up(void)
{
	refuse(0, 0);
	if (make() != 0)
		CHECK_SKIP(vm_error_text());
	sink = OS->open_append("/dev/null");
	CHECK(sink >= 0);
}

static void
tear_down(void)
{
	vm_ioq_destroy(queue);
	OS->close(sink);
}

static void
submit_as(struct io *io, enum vm_ioq_op op, int fd)
{
	*io = (struct io){ .done = 0 };
	io->iov = (struct iovec){ io->bytes, BYTES };
	io->request = (struct vm_ioq_request){ .op = op,
		.fd = fd, .iov = &io->iov, .iov_count = 1,
		.done = note_done };
	CHECK_INT(vm_ioq_submit(queue, &io->request), 0);
}

static void
submit(struct io *io)
{
	submit_as(io, VM_IOQ_WRITE, sink);
}

static void
finish(struct io *io)
{
	while (io->done == 0)
		CHECK(vm_ioq_reap(queue, true) >= 0);
	CHECK_INT(io->request.result, BYTES);
}

TEST(an_older_kernel_gets_a_ring_without_the_flags_it_does_not_know)
{
	struct io io;

	set_up();
	vm_ioq_destroy(queue);
	refuse(-EINVAL, 0);
	CHECK_INT(make(), 0);
	CHECK_INT(calls, 2);
	submit(&io);
	finish(&io);
	tear_down();
	refuse(-EINVAL, -EINVAL);
	CHECK_INT(make(), -EINVAL);
	refuse(-ENOMEM, 0);
	CHECK_INT(make(), -ENOMEM);
	CHECK_INT(calls, 1);
	CHECK(vm_error_text()[0] != '\0');
}

TEST(what_the_kernel_does_not_take_is_handed_over_later)
{
	struct io io;

	set_up();
	submit(&io);
	nothing = true;
	CHECK_INT(vm_ioq_flush(queue), -EAGAIN);
	refuse(-EBUSY, 0);
	CHECK_INT(vm_ioq_flush(queue), -EBUSY);
	refuse(-EINTR, 0);
	CHECK_INT(vm_ioq_flush(queue), 0);
	CHECK_INT(calls, 2);
	finish(&io);
	tear_down();
}

TEST(a_reap_that_can_hand_nothing_over_and_waits_for_nothing_says_so)
{
	struct io io;

	set_up();
	submit(&io);
	refuse(-EAGAIN, 0);
	CHECK_INT(vm_ioq_reap(queue, true), -EAGAIN);
	CHECK_INT(io.done, 0);
	refuse(-EINTR, 0);
	finish(&io);
	tear_down();
}

/* Who would post may wait for the very read. */
TEST(a_reap_that_can_hand_nothing_over_does_not_wait_for_a_post)
{
	struct io io, bell;

	set_up();
	submit_as(&bell, VM_IOQ_POSTED, VM_IOQ_NO_FD);
	CHECK_INT(vm_ioq_flush(queue), 0);
	submit(&io);
	refuse(-EAGAIN, 0);
	CHECK_INT(vm_ioq_reap(queue, true), -EAGAIN);
	CHECK_INT(io.done + bell.done, 0);
	finish(&io);
	vm_ioq_post(queue, &bell.request, 0);
	CHECK_INT(vm_ioq_reap(queue, true), 1);
	CHECK_INT(bell.done, 1);
	tear_down();
}

static int pipes[2];

/* What the read in flight waits for, once the kernel has refused more. */
static void *
fill_pipe(void *arg)
{
	static const char bytes[BYTES];

	while (atomic_load(&calls) == 0)
		continue;
	CHECK(write(pipes[1], bytes, BYTES) == BYTES);
	return arg;
}

TEST(a_reap_that_can_hand_nothing_over_waits_for_what_is_in_flight)
{
	struct io first, second;
	pthread_t thread;

	set_up();
	CHECK(pipe(pipes) == 0);
	submit_as(&first, VM_IOQ_READ, pipes[0]);
	CHECK_INT(vm_ioq_flush(queue), 0);
	submit(&second);
	refuse(-EBUSY, 0);
	CHECK(pthread_create(&thread, NULL, fill_pipe, NULL) == 0);
	CHECK(vm_ioq_reap(queue, true) >= 1);
	CHECK_INT(first.done, 1);
	CHECK_INT(second.done, 0);
	CHECK(pthread_join(thread, NULL) == 0);
	finish(&second);
	close(pipes[0]);
	close(pipes[1]);
	tear_down();
}

TEST(a_queue_that_ends_asks_until_all_is_done)
{
	struct io io;

	set_up();
	submit(&io);
	refuse(-EAGAIN, -EBUSY);
	vm_ioq_destroy(queue);
	CHECK_INT(io.done, 1);
	OS->close(sink);
}
