/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioq_fixture.h - requests of one block over a queue of either form.  Include
 * once, in a test's own file.
 */
#ifndef IOQ_FIXTURE_H
#define IOQ_FIXTURE_H

#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "base/error.h"
#include "check.h"
#include "os/ioq.h"
#include "os/os.h"

#define OS (&vm_os_linux)

enum { BLOCK = 512, DEPTH = 8 };

/* A request with room for its data and a note that it is done. */
struct io {
	struct vm_ioq_request req;
	struct iovec iov;
	struct vm_ioq *q;
	int again;	/* submissions that its done still makes */
	int done;
	uint64_t wanted;	/* seed of the bytes a read must bring, or 0 */
	unsigned char bytes[BLOCK];
};

static int finished;

static inline void
note_done(struct vm_ioq_request *req)
{
	VM_CONTAINER(req, struct io, req)->done++;
	finished++;
}

static inline struct vm_ioq *
queue(enum vm_ioq_kind kind, unsigned depth)
{
	struct vm_ioq_options options = { .depth = depth, .kind = kind };
	struct vm_ioq *q = NULL;
	int err = OS->ioq_create(&options, &q);

	if (err < 0 && kind == VM_IOQ_URING)
		CHECK_SKIP(vm_error_text());
	CHECK_INT(err, 0);
	CHECK(q != NULL && q->in_flight == 0);
	finished = 0;
	return q;
}

static inline void
io_init(struct io *io, enum vm_ioq_op op, int fd, uint64_t block)
{
	memset(io, 0, sizeof(*io));
	io->iov = (struct iovec){ .iov_base = io->bytes, .iov_len = BLOCK };
	io->req = (struct vm_ioq_request){
		.op = op, .fd = fd, .iov = &io->iov, .iov_count = 1,
		.offset = block * BLOCK, .result = 42, .done = note_done,
	};
}

/* Until nothing is in flight; the number of requests done meanwhile. */
static inline int
finish(struct vm_ioq *q)
{
	int before = finished;

	CHECK_INT(vm_ioq_flush(q), 0);
	while (q->in_flight > 0)
		CHECK(vm_ioq_reap(q, true) > 0);
	CHECK_INT(vm_ioq_reap(q, true), 0);
	CHECK_INT(vm_ioq_reap(q, false), 0);
	return finished - before;
}

static inline int
scratch(void)
{
	int fd = OS->tmpfile(".");

	CHECK(fd >= 0);
	return fd;
}

#define TEST_BOTH(name)                                 \
	static void name(enum vm_ioq_kind kind);        \
	TEST(name##_with_io_uring)                      \
	{                                               \
		name(VM_IOQ_URING);                     \
	}                                               \
	TEST(name##_with_plain_calls)                   \
	{                                               \
		name(VM_IOQ_SYNC);                      \
	}                                               \
	static void name(enum vm_ioq_kind kind)

#endif
