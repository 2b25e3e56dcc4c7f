/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both forms of the queue: each test that is about what they share runs over
 * both; the others say which one they are about.
 */
#include "os/ioq.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "ioq_fixture.h"

enum { BLOCKS = 256 };

static int64_t
run_one(struct vm_ioq *q, struct io *io)
{
	int before = finished;

	CHECK_INT(vm_ioq_submit(q, &io->req), 0);
	finish(q);
	CHECK_INT(io->done, 1);
	CHECK_INT(finished - before, 1);
	CHECK(!vm_node_linked(&io->req.link));
	return io->req.result;
}

TEST_BOTH(what_was_written_is_read_back)
{
	struct vm_ioq *q = queue(kind, 0);
	int fd = scratch();
	struct io io, sync;

	CHECK_INT(q->depth, 64);
	io_init(&io, VM_IOQ_WRITE, fd, 3);
	memset(io.bytes, 'w', BLOCK);
	CHECK_INT(run_one(q, &io), BLOCK);
	io_init(&sync, VM_IOQ_FSYNC, fd, 0);
	sync.req.iov = NULL;
	sync.req.iov_count = 0;
	CHECK_INT(run_one(q, &sync), 0);
	io_init(&io, VM_IOQ_READ, fd, 3);
	CHECK_INT(run_one(q, &io), BLOCK);
	CHECK(io.bytes[0] == 'w' && io.bytes[BLOCK - 1] == 'w');
	vm_ioq_destroy(q);
	OS->close(fd);
}

TEST_BOTH(several_pieces_are_one_request)
{
	struct vm_ioq *q = queue(kind, 1);
	int fd = scratch();
	struct io io;
	char a[3], b[5];
	struct iovec pieces[] = {
		{ .iov_base = a, .iov_len = 2 },
		{ .iov_base = b, .iov_len = 4 },
	};

	CHECK_INT(OS->pwrite(fd, "abcdef", 6, 0), 6);
	io_init(&io, VM_IOQ_READ, fd, 0);
	io.req.iov = pieces;
	io.req.iov_count = 2;
	CHECK_INT(run_one(q, &io), 6);
	CHECK(memcmp(a, "ab", 2) == 0 && memcmp(b, "cdef", 4) == 0);
	vm_ioq_destroy(q);
	OS->close(fd);
}

TEST_BOTH(counts_are_short_at_the_end_of_the_file)
{
	struct vm_ioq *q = queue(kind, 4);
	int fd = scratch();
	struct io io;

	CHECK_INT(OS->ftruncate(fd, BLOCK + 7), 0);
	io_init(&io, VM_IOQ_READ, fd, 1);
	CHECK_INT(run_one(q, &io), 7);
	io_init(&io, VM_IOQ_READ, fd, 2);
	CHECK_INT(run_one(q, &io), 0);
	vm_ioq_destroy(q);
	OS->close(fd);
}

TEST_BOTH(an_error_is_the_result_of_its_request)
{
	struct vm_ioq *q = queue(kind, 4);
	int fd = scratch(), only_read = OS->reopen(fd, O_RDONLY);
	struct io io;

	io_init(&io, VM_IOQ_READ, -1, 0);
	CHECK_INT(run_one(q, &io), -EBADF);
	io_init(&io, VM_IOQ_WRITE, only_read, 0);
	CHECK_INT(run_one(q, &io), -EBADF);
	io_init(&io, VM_IOQ_FSYNC, -1, 0);
	CHECK_INT(run_one(q, &io), -EBADF);
	io_init(&io, VM_IOQ_READ, fd, 0);
	io.iov.iov_base = (void *)8;
	CHECK_INT(OS->ftruncate(fd, BLOCK), 0);
	CHECK_INT(run_one(q, &io), -EFAULT);
	/* And the queue goes on. */
	io_init(&io, VM_IOQ_READ, fd, 0);
	CHECK_INT(run_one(q, &io), BLOCK);
	vm_ioq_destroy(q);
	OS->close(only_read);
	OS->close(fd);
}

/* A bad request in the middle of a batch must not hold up the others. */
TEST_BOTH(a_batch_outlives_its_failures)
{
	struct vm_ioq *q = queue(kind, DEPTH);
	struct io io[DEPTH];
	int fd = scratch();

	CHECK_INT(OS->ftruncate(fd, BLOCK), 0);
	for (int i = 0; i < DEPTH; i++) {
		io_init(&io[i], VM_IOQ_READ, i % 3 == 1 ? -1 : fd, 0);
		CHECK_INT(vm_ioq_submit(q, &io[i].req), 0);
	}
	finish(q);
	CHECK_INT(finished, DEPTH);
	for (int i = 0; i < DEPTH; i++)
		CHECK_INT(io[i].req.result, i % 3 == 1 ? -EBADF : BLOCK);
	vm_ioq_destroy(q);
	OS->close(fd);
}

TEST(io_uring_refuses_beyond_its_depth_until_some_are_reaped)
{
	struct vm_ioq *q = queue(VM_IOQ_URING, DEPTH);
	struct io io[DEPTH + 1];
	int fd = scratch();

	CHECK_INT(OS->ftruncate(fd, BLOCKS * BLOCK), 0);
	for (int i = 0; i <= DEPTH; i++)
		io_init(&io[i], VM_IOQ_READ, fd, (uint64_t)i);
	for (int i = 0; i < DEPTH; i++)
		CHECK_INT(vm_ioq_submit(q, &io[i].req), 0);
	CHECK_INT(vm_ioq_submit(q, &io[DEPTH].req), -EAGAIN);
	CHECK(!vm_node_linked(&io[DEPTH].req.link));
	CHECK_INT(vm_ioq_flush(q), 0);
	CHECK_INT(vm_ioq_submit(q, &io[DEPTH].req), -EAGAIN);
	CHECK_INT(q->in_flight, DEPTH);
	CHECK(vm_ioq_reap(q, true) > 0);
	CHECK_INT(vm_ioq_submit(q, &io[DEPTH].req), 0);
	finish(q);
	CHECK_INT(finished, DEPTH + 1);
	CHECK_INT(io[DEPTH].req.result, BLOCK);
	vm_ioq_destroy(q);
	OS->close(fd);
}

static struct io chained[3];

/* Submits two from within a done where only one more has room. */
static void
submit_two(struct vm_ioq_request *req)
{
	struct vm_ioq *q = VM_CONTAINER(req, struct io, req)->q;

	note_done(req);
	CHECK_INT(vm_ioq_submit(q, &chained[1].req), 0);
	CHECK_INT(chained[1].done, 0);
	CHECK_INT(vm_ioq_submit(q, &chained[2].req), -EAGAIN);
	CHECK_INT(q->in_flight, 1);
}

TEST_BOTH(a_done_may_submit_as_far_as_the_depth)
{
	struct vm_ioq *q = queue(kind, 1);
	int fd = scratch();

	CHECK_INT(OS->ftruncate(fd, BLOCK), 0);
	for (int i = 0; i < 3; i++)
		io_init(&chained[i], VM_IOQ_READ, fd, 0);
	chained[0].q = q;
	chained[0].req.done = submit_two;
	CHECK_INT(vm_ioq_submit(q, &chained[0].req), 0);
	finish(q);
	CHECK_INT(finished, 2);
	CHECK_INT(chained[2].done, 0);
	vm_ioq_destroy(q);
	OS->close(fd);
}

static void
submit_again(struct vm_ioq_request *req)
{
	struct io *io = VM_CONTAINER(req, struct io, req);

	note_done(req);
	if (io->again-- > 0)
		CHECK_INT(vm_ioq_submit(io->q, req), 0);
}

/* ---- a bound on what flies ----------------------------------------------- */

static int left_when_done;	/* bytes in the pipe, at the first done */
static int pipe_in;

static int
bytes_in_pipe(void)
{
	int bytes = -1;

	CHECK_INT(ioctl(pipe_in, FIONREAD, &bytes), 0);
	return bytes;
}

static void
look_into_pipe(struct vm_ioq_request *req)
{
	if (finished == 0)
		left_when_done = bytes_in_pipe();
	note_done(req);
}

static struct vm_ioq *
bounded_queue(uint64_t flight_bytes)
{
	struct vm_ioq_options options = { .depth = DEPTH,
		.kind = VM_IOQ_URING, .flight_bytes = flight_bytes };
	struct vm_ioq *q = NULL;

	if (OS->ioq_create(&options, &q) < 0)
		CHECK_SKIP(vm_error_text());
	finished = 0;
	return q;
}

/* A pipe says who has read from it.  Of five reads two fly; the next two do
 * before any of these is done. */
TEST(what_is_beyond_the_bound_is_handed_over_before_anything_is_done)
{
	struct vm_ioq *q = bounded_queue(2 * BLOCK + BLOCK / 2);
	char bytes[5 * BLOCK] = { 1 };
	struct io io[5];
	int fds[2];

	CHECK_INT(pipe(fds), 0);
	pipe_in = fds[0];
	CHECK_INT(write(fds[1], bytes, sizeof(bytes)), sizeof(bytes));
	for (int i = 0; i < 5; i++) {
		io_init(&io[i], VM_IOQ_READ, fds[0], 0);
		io[i].req.done = look_into_pipe;
		CHECK_INT(vm_ioq_submit(q, &io[i].req), 0);
	}
	CHECK_INT(vm_ioq_flush(q), 0);
	CHECK_INT(bytes_in_pipe(), 3 * BLOCK);
	CHECK_INT(vm_ioq_reap(q, true), 2);
	CHECK_INT(left_when_done, BLOCK);
	CHECK(io[0].done == 1 && io[1].done == 1);
	CHECK_INT(finish(q), 3);
	for (int i = 0; i < 5; i++)
		CHECK(io[i].done == 1 && io[i].req.result == BLOCK);
	vm_ioq_destroy(q);
	close(fds[0]);
	close(fds[1]);
}

/* And an fsync behind it waits for its turn. */
TEST(a_request_larger_than_the_bound_flies_alone)
{
	struct vm_ioq *q = bounded_queue(1);
	int fd = scratch();
	struct io io[3];

	io_init(&io[0], VM_IOQ_WRITE, fd, 0);
	io_init(&io[1], VM_IOQ_FSYNC, fd, 0);
	io_init(&io[2], VM_IOQ_READ, fd, 0);
	memset(io[0].bytes, 7, BLOCK);
	for (int i = 0; i < 3; i++)
		CHECK_INT(vm_ioq_submit(q, &io[i].req), 0);
	CHECK_INT(finish(q), 3);
	CHECK_INT(io[2].req.result, BLOCK);
	CHECK_INT(memcmp(io[2].bytes, io[0].bytes, BLOCK), 0);
	vm_ioq_destroy(q);
	close(fd);
}

/* What one done leaves is another's: a reap in it does not sleep for it. */
static void
reap_again(struct vm_ioq_request *req)
{
	struct io *io = VM_CONTAINER(req, struct io, req);

	note_done(req);
	if (io->again-- > 0)
		CHECK_INT(vm_ioq_reap(io->q, true), 1);
}

TEST(a_done_may_reap_what_has_ended_with_it)
{
	struct vm_ioq *q = bounded_queue(2 * BLOCK);
	char bytes[2 * BLOCK] = { 1 };
	struct io io[2];
	int fds[2];

	CHECK_INT(pipe(fds), 0);
	CHECK_INT(write(fds[1], bytes, sizeof(bytes)), sizeof(bytes));
	for (int i = 0; i < 2; i++) {
		io_init(&io[i], VM_IOQ_READ, fds[0], 0);
		io[i].req.done = reap_again;
		io[i].q = q;
		CHECK_INT(vm_ioq_submit(q, &io[i].req), 0);
	}
	io[0].again = 1;
	CHECK_INT(vm_ioq_reap(q, true), 1);
	CHECK_INT(finished, 2);
	vm_ioq_destroy(q);
	close(fds[0]);
	close(fds[1]);
}

TEST(destroying_a_bounded_queue_completes_what_is_held)
{
	struct vm_ioq *q = bounded_queue(BLOCK);
	int fd = scratch();
	struct io io[DEPTH];

	for (int i = 0; i < DEPTH; i++) {
		io_init(&io[i], VM_IOQ_WRITE, fd, (uint64_t)i);
		CHECK_INT(vm_ioq_submit(q, &io[i].req), 0);
	}
	CHECK_INT(vm_ioq_submit(q, &(struct vm_ioq_request){
	    .op = VM_IOQ_FSYNC, .fd = fd, .done = note_done }), -EAGAIN);
	vm_ioq_destroy(q);
	CHECK_INT(finished, DEPTH);
	close(fd);
}

/* 100,000 in one chain: as a recursion they would not fit the stack. */
TEST_BOTH(a_chain_of_requests_is_no_recursion)
{
	struct vm_ioq *q = queue(kind, 1);
	struct io io;

	io_init(&io, VM_IOQ_READ, -1, 0);
	io.q = q;
	io.again = 100000;
	io.req.done = submit_again;
	CHECK_INT(vm_ioq_submit(q, &io.req), 0);
	finish(q);
	CHECK_INT(finished, 100001);
	CHECK_INT(io.req.result, -EBADF);
	vm_ioq_destroy(q);
}

static void
submit_and_flush_again(struct vm_ioq_request *req)
{
	submit_again(req);
	CHECK_INT(vm_ioq_flush(VM_CONTAINER(req, struct io, req)->q), 0);
}

/* Each completion is followed at once by the next, as a bad descriptor is
 * found in the flush; one call of reap must still come to an end. */
TEST_BOTH(a_reap_is_bounded_though_each_done_submits)
{
	struct vm_ioq *q = queue(kind, DEPTH);
	struct io io[DEPTH];

	for (int i = 0; i < DEPTH; i++) {
		io_init(&io[i], VM_IOQ_READ, -1, 0);
		io[i].q = q;
		io[i].again = 1000;
		io[i].req.done = submit_and_flush_again;
		CHECK_INT(vm_ioq_submit(q, &io[i].req), 0);
	}
	if (kind == VM_IOQ_URING) {
		int count = vm_ioq_reap(q, true);

		CHECK(count > 0 && count <= DEPTH);
	}
	finish(q);
	CHECK_INT(finished, 1001 * DEPTH);
	vm_ioq_destroy(q);
}

static void
fill(unsigned char *bytes, uint64_t seed)
{
	for (int i = 0; i < BLOCK; i++)
		bytes[i] = (unsigned char)vm_hash_pair(seed, (uint64_t)i);
}

/* Checks a finished request; a read against the seed when it was made. */
static void
settle(const struct io *io)
{
	unsigned char wanted[BLOCK] = { 0 };

	CHECK_INT(io->done, 1);
	CHECK_INT(io->req.result, BLOCK);
	if (io->wanted != 0)
		fill(wanted, io->wanted);
	if (io->req.op == VM_IOQ_READ)
		CHECK(memcmp(io->bytes, wanted, BLOCK) == 0);
}

/* A block that no request in flight is at: they have no order. */
static uint64_t
free_block(struct vm_rng *rng, const struct io *io)
{
	for (;;) {
		uint64_t block = vm_rng_below(rng, BLOCKS);
		int i = 0;

		while (i < DEPTH && (io[i].req.done == NULL || io[i].done ||
		    io[i].req.offset != block * BLOCK))
			i++;
		if (i == DEPTH)
			return block;
	}
}

static void
begin_random(struct vm_rng *rng, struct io *io, int fd, uint64_t block,
    uint64_t *model)
{
	bool write = vm_rng_below(rng, 2) == 0;

	io_init(io, write ? VM_IOQ_WRITE : VM_IOQ_READ, fd, block);
	if (write) {
		model[block] = vm_rng_next(rng) | 1;
		fill(io->bytes, model[block]);
	}
	io->wanted = model[block];
}

/* Random reads and writes at full depth against an array of seeds. */
TEST_BOTH(thousands_of_requests_keep_every_byte)
{
	struct vm_ioq *q = queue(kind, DEPTH);
	struct vm_rng rng = { .state = check_seed() };
	static struct io io[DEPTH];
	uint64_t model[BLOCKS] = { 0 };
	int fd = scratch();

	memset(io, 0, sizeof(io));
	CHECK_INT(OS->ftruncate(fd, BLOCKS * BLOCK), 0);
	for (int i = 0; i < 5000; i++) {
		struct io *one = &io[vm_rng_below(&rng, DEPTH)];
		uint64_t block = free_block(&rng, io);

		while (one->req.done != NULL && !one->done)
			CHECK(vm_ioq_reap(q, true) > 0);
		if (one->req.done != NULL)
			settle(one);
		begin_random(&rng, one, fd, block, model);
		CHECK_INT(vm_ioq_submit(q, &one->req), 0);
		if (vm_rng_below(&rng, 4) == 0)
			CHECK_INT(vm_ioq_flush(q), 0);
	}
	finish(q);
	for (int i = 0; i < DEPTH; i++)
		settle(&io[i]);
	vm_ioq_destroy(q);
	OS->close(fd);
}

/* Half of them handed to the kernel, half only queued. */
TEST_BOTH(destroying_a_queue_completes_what_is_in_flight)
{
	struct vm_ioq *q = queue(kind, DEPTH);
	struct io io[DEPTH];
	int fd = scratch();

	CHECK_INT(OS->ftruncate(fd, DEPTH * BLOCK), 0);
	for (int i = 0; i < DEPTH; i++) {
		io_init(&io[i], VM_IOQ_READ, fd, (uint64_t)i);
		CHECK_INT(vm_ioq_submit(q, &io[i].req), 0);
		if (i == DEPTH / 2)
			CHECK_INT(vm_ioq_flush(q), 0);
	}
	vm_ioq_destroy(q);
	CHECK_INT(finished, DEPTH);
	for (int i = 0; i < DEPTH; i++)
		CHECK(io[i].done == 1 && io[i].req.result == BLOCK);
	OS->close(fd);
}

static int
readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms);
}

/* A pipe, for its read ends when this test says so. */
TEST(the_poll_descriptor_is_readable_when_reap_would_find_something)
{
	struct vm_ioq *q = queue(VM_IOQ_URING, DEPTH);
	int fd = vm_ioq_poll_fd(q), ends[2];
	struct io io;

	CHECK(fd >= 0 && pipe(ends) == 0);
	CHECK_INT(readable(fd, 0), 0);
	io_init(&io, VM_IOQ_READ, ends[0], 0);
	CHECK_INT(vm_ioq_submit(q, &io.req), 0);
	CHECK_INT(vm_ioq_flush(q), 0);
	CHECK_INT(readable(fd, 0), 0);
	CHECK_INT(vm_ioq_reap(q, false), 0);
	CHECK_INT(write(ends[1], "abc", 3), 3);
	CHECK_INT(readable(fd, -1), 1);
	CHECK_INT(vm_ioq_reap(q, false), 1);
	CHECK_INT(io.req.result, 3);
	CHECK_INT(readable(fd, 0), 0);
	vm_ioq_destroy(q);
	close(ends[0]);
	close(ends[1]);
}

static void *
use_queue(void *arg)
{
	struct vm_ioq *q = arg;
	int ends[2];
	struct io io;

	CHECK(pipe(ends) == 0);
	for (int i = 0; i < 200; i++) {
		io_init(&io, VM_IOQ_READ, ends[0], 0);
		CHECK_INT(vm_ioq_submit(q, &io.req), 0);
		CHECK_INT(vm_ioq_flush(q), 0);
		CHECK_INT(write(ends[1], "x", 1), 1);
		if (vm_ioq_poll_fd(q) >= 0)
			CHECK_INT(readable(vm_ioq_poll_fd(q), -1), 1);
		CHECK_INT(vm_ioq_reap(q, false), 1);
		CHECK_INT(io.req.result, 1);
	}
	close(ends[0]);
	close(ends[1]);
	return NULL;
}

TEST(io_uring_may_be_made_by_one_thread_and_used_by_others_in_turn)
{
	struct vm_ioq *q = queue(VM_IOQ_URING, DEPTH);
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		CHECK(pthread_create(&thread, NULL, use_queue, q) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	use_queue(q);
	vm_ioq_destroy(q);
}

static _Atomic int sleeper_ready;

static void *
write_to(void *arg)
{
	while (sleeper_ready == 0)
		sched_yield();
	CHECK_INT(write(*(int *)arg, "abc", 3), 3);
	return NULL;
}

/* The write may come before or into the sleep; both must end it. */
TEST(a_reap_that_waits_sleeps_until_there_is_a_completion)
{
	struct vm_ioq *q = queue(VM_IOQ_URING, DEPTH);
	pthread_t thread;
	int ends[2];
	struct io io;

	CHECK(pipe(ends) == 0);
	for (int i = 0; i < 100; i++) {
		sleeper_ready = 0;
		CHECK(pthread_create(&thread, NULL, write_to,
		    &ends[1]) == 0);
		io_init(&io, VM_IOQ_READ, ends[0], 0);
		CHECK_INT(vm_ioq_submit(q, &io.req), 0);
		sleeper_ready = 1;
		CHECK_INT(vm_ioq_reap(q, true), 1);
		CHECK_INT(io.req.result, 3);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	vm_ioq_destroy(q);
	close(ends[0]);
	close(ends[1]);
}

TEST(plain_calls_are_done_inside_submit)
{
	struct vm_ioq *q = queue(VM_IOQ_SYNC, 1);
	int fd = scratch();
	struct io io;

	CHECK_STR(q->ops->name, "sync");
	CHECK_INT(OS->ftruncate(fd, BLOCK), 0);
	io_init(&io, VM_IOQ_READ, fd, 0);
	CHECK_INT(vm_ioq_submit(q, &io.req), 0);
	CHECK(io.done == 1 && q->in_flight == 0);
	vm_ioq_destroy(q);
	OS->close(fd);
}

TEST(automatic_is_io_uring_where_it_can_be)
{
	struct vm_ioq *q = queue(VM_IOQ_URING, 1), *automatic;

	CHECK_STR(q->ops->name, "io_uring");
	automatic = queue(VM_IOQ_AUTO, 1);
	CHECK_STR(automatic->ops->name, "io_uring");
	vm_ioq_destroy(automatic);
	vm_ioq_destroy(q);
}

/* No descriptor is to be had, so there is no ring. */
TEST(automatic_is_plain_calls_where_io_uring_is_refused)
{
	struct vm_ioq_options options = { .kind = VM_IOQ_URING };
	struct vm_ioq *q = NULL, *automatic = NULL;
	struct rlimit limit, none;
	int err_uring, err_auto;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	none = limit;
	none.rlim_cur = 0;
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	err_uring = OS->ioq_create(&options, &q);
	options.kind = VM_IOQ_AUTO;
	err_auto = OS->ioq_create(&options, &automatic);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK(err_uring < 0 && q == NULL);
	CHECK(strncmp(vm_error_text(), "I/O queue: io_uring: ", 21) == 0);
	CHECK_INT(err_auto, 0);
	CHECK_STR(automatic->ops->name, "sync");
	vm_ioq_destroy(automatic);
}

TEST(depths_and_kinds_that_are_none_are_errors_with_a_sentence)
{
	struct vm_ioq_options options = { .depth = 4097 };
	struct vm_ioq *q = NULL;

	CHECK_INT(OS->ioq_create(&options, &q), -EINVAL);
	CHECK_STR(vm_error_text(), "I/O queue: depth 4097 is above 4096");
	options = (struct vm_ioq_options){ .kind = (enum vm_ioq_kind)9 };
	CHECK_INT(OS->ioq_create(&options, &q), -EINVAL);
	CHECK_STR(vm_error_text(), "I/O queue: there is no kind 9");
	CHECK(q == NULL);
	q = queue(VM_IOQ_AUTO, 4096);
	CHECK_INT(q->depth, 4096);
	vm_ioq_destroy(q);
}

static void
destroy_from_done(struct vm_ioq_request *req)
{
	struct io *io = VM_CONTAINER(req, struct io, req);

	/* A second one in flight, so that the count tells. */
	(void)vm_ioq_submit(io->q, &chained[1].req);
	vm_ioq_destroy(io->q);
}

TEST(misuse_dies)
{
	struct vm_ioq *q = queue(VM_IOQ_AUTO, DEPTH);
	struct io io;

	io_init(&io, VM_IOQ_READ, -1, 0);
	io.req.done = NULL;
	CHECK_DIES(vm_ioq_submit(q, &io.req));
	io_init(&io, VM_IOQ_READ, -1, 0);
	io.req.offset = UINT64_MAX;
	CHECK_DIES(vm_ioq_submit(q, &io.req));
	io_init(&io, VM_IOQ_READ, -1, 0);
	io.req.iov_count = 0;
	CHECK_DIES(vm_ioq_submit(q, &io.req));
	io_init(&io, (enum vm_ioq_op)9, -1, 0);
	CHECK_DIES(vm_ioq_submit(q, &io.req));
	vm_ioq_destroy(q);
	q = queue(VM_IOQ_SYNC, DEPTH);
	io_init(&chained[1], VM_IOQ_READ, -1, 0);
	io_init(&io, VM_IOQ_READ, -1, 0);
	io.q = q;
	io.req.done = destroy_from_done;
	CHECK_DIES(vm_ioq_submit(q, &io.req));
	vm_ioq_destroy(q);
}

TEST(submitting_what_is_in_flight_dies)
{
	struct vm_ioq *q = queue(VM_IOQ_URING, DEPTH);
	struct io io;

	io_init(&io, VM_IOQ_READ, -1, 0);
	CHECK_INT(vm_ioq_submit(q, &io.req), 0);
	CHECK_DIES(vm_ioq_submit(q, &io.req));
	vm_ioq_destroy(q);
	CHECK_INT(io.done, 1);
}
