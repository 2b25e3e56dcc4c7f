/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that other threads end, over both forms of the queue.  A lost
 * wake-up shows as a test that never ends.
 */
#include "os/ioq_box.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "base/rng.h"
#include "ioq_fixture.h"

static int
readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms);
}

/* A pipe, for its read ends when this test says so. */
static void
posted_init(struct io *io)
{
	io_init(io, VM_IOQ_POSTED, -1, 0);
	io->req.iov = NULL;
	io->req.iov_count = 0;
}

TEST_BOTH(a_post_ends_a_request_at_the_next_reap)
{
	struct vm_ioq *q = queue(kind, DEPTH);
	struct io io[3];

	for (int i = 0; i < 3; i++) {
		posted_init(&io[i]);
		CHECK_INT(vm_ioq_submit(q, &io[i].req), 0);
	}
	CHECK_INT(vm_ioq_flush(q), 0);
	CHECK_INT(q->in_flight, 3);
	CHECK_INT(vm_ioq_reap(q, false), 0);
	vm_ioq_post(q, &io[1].req, -EIO);
	CHECK_INT(io[1].done, 0);
	CHECK_INT(vm_ioq_reap(q, true), 1);
	CHECK(io[1].done == 1 && io[1].req.result == -EIO);
	CHECK_INT(q->in_flight, 2);
	vm_ioq_post(q, &io[0].req, 1);
	vm_ioq_post(q, &io[2].req, 2);
	CHECK_INT(vm_ioq_reap(q, false), 2);
	CHECK(io[0].req.result == 1 && io[2].req.result == 2);
	CHECK_INT(vm_ioq_reap(q, true), 0);
	vm_ioq_destroy(q);
}

TEST_BOTH(posted_requests_count_against_the_depth)
{
	struct vm_ioq *q = queue(kind, 1);
	struct io a, b;

	posted_init(&a);
	posted_init(&b);
	CHECK_INT(vm_ioq_submit(q, &a.req), 0);
	CHECK_INT(vm_ioq_submit(q, &b.req), -EAGAIN);
	vm_ioq_post(q, &a.req, 0);
	CHECK_INT(vm_ioq_reap(q, true), 1);
	CHECK_INT(vm_ioq_submit(q, &b.req), 0);
	vm_ioq_withdraw(q, &b.req);
	CHECK(q->in_flight == 0 && b.done == 0);
	CHECK(!vm_node_linked(&b.req.link));
	CHECK_INT(vm_ioq_reap(q, true), 0);
	vm_ioq_destroy(q);
}

/* Every entry of the submission ring is taken, and one for the poll left. */
TEST_BOTH(posted_ones_and_reads_are_in_flight_together)
{
	struct vm_ioq *q = queue(kind, DEPTH);
	int fd = scratch();
	struct io io[DEPTH];

	CHECK_INT(OS->ftruncate(fd, DEPTH * BLOCK), 0);
	for (int turn = 0; turn < 50; turn++) {
		int before = finished;

		for (int i = 0; i < DEPTH; i++) {
			if (i == turn % DEPTH)
				posted_init(&io[i]);
			else
				io_init(&io[i], VM_IOQ_READ, fd, (uint64_t)i);
			CHECK_INT(vm_ioq_submit(q, &io[i].req), 0);
		}
		CHECK_INT(vm_ioq_flush(q), 0);
		while (finished - before < DEPTH - 1)
			CHECK(vm_ioq_reap(q, true) > 0);
		CHECK_INT(q->in_flight, 1);
		vm_ioq_post(q, &io[turn % DEPTH].req, turn);
		CHECK_INT(finish(q), 1);
		CHECK_INT(io[turn % DEPTH].req.result, turn);
	}
	vm_ioq_destroy(q);
	OS->close(fd);
}

TEST_BOTH(a_post_makes_the_poll_descriptor_readable)
{
	struct vm_ioq *q = queue(kind, DEPTH);
	int fd = vm_ioq_poll_fd(q);
	struct io a, b;

	CHECK(fd >= 0);
	CHECK_INT(vm_ioq_poll_fd(q), fd);
	for (int i = 0; i < 3; i++) {
		posted_init(&a);
		posted_init(&b);
		CHECK_INT(vm_ioq_submit(q, &a.req), 0);
		CHECK_INT(vm_ioq_submit(q, &b.req), 0);
		CHECK_INT(vm_ioq_flush(q), 0);
		CHECK_INT(readable(fd, 0), 0);
		vm_ioq_post(q, &a.req, 0);
		CHECK_INT(readable(fd, -1), 1);
		CHECK_INT(vm_ioq_reap(q, false), 1);
		CHECK_INT(vm_ioq_flush(q), 0);
		CHECK_INT(readable(fd, 0), 0);
		vm_ioq_post(q, &b.req, 0);
		CHECK_INT(readable(fd, -1), 1);
		CHECK_INT(vm_ioq_reap(q, false), 1);
		CHECK_INT(vm_ioq_flush(q), 0);
		CHECK_INT(readable(fd, 0), 0);
	}
	vm_ioq_destroy(q);
}

/* Asked for the descriptor only when something is posted already. */
TEST(plain_calls_poll_readable_for_what_was_posted_before)
{
	struct vm_ioq *q = queue(VM_IOQ_SYNC, DEPTH);
	struct io io;

	posted_init(&io);
	CHECK_INT(vm_ioq_submit(q, &io.req), 0);
	vm_ioq_post(q, &io.req, 0);
	CHECK_INT(readable(vm_ioq_poll_fd(q), 0), 1);
	CHECK_INT(vm_ioq_reap(q, false), 1);
	CHECK_INT(readable(vm_ioq_poll_fd(q), 0), 0);
	vm_ioq_destroy(q);
}

static void
post_again(struct vm_ioq_request *req)
{
	struct io *io = VM_CONTAINER(req, struct io, req);

	note_done(req);
	if (io->again-- > 0) {
		CHECK_INT(vm_ioq_submit(io->q, req), 0);
		vm_ioq_post(io->q, req, 0);
	}
}

TEST_BOTH(a_reap_is_bounded_though_each_done_posts)
{
	struct vm_ioq *q = queue(kind, 1);
	struct io io;

	posted_init(&io);
	io.q = q;
	io.again = 1000;
	io.req.done = post_again;
	CHECK_INT(vm_ioq_submit(q, &io.req), 0);
	vm_ioq_post(q, &io.req, 0);
	while (q->in_flight > 0) {
		int count = vm_ioq_reap(q, true);

		CHECK(count > 0 && count <= 3);
	}
	CHECK_INT(finished, 1001);
	vm_ioq_destroy(q);
}

static struct io behind;

/* A read from within the done of a post waits for that done. */
static void
read_behind(struct vm_ioq_request *req)
{
	struct io *io = VM_CONTAINER(req, struct io, req);

	CHECK_INT(vm_ioq_submit(io->q, &behind.req), 0);
	CHECK_INT(behind.done, 0);
	note_done(req);
}

TEST_BOTH(a_done_of_a_post_may_submit)
{
	struct vm_ioq *q = queue(kind, 1);
	int fd = scratch();
	struct io io;

	CHECK_INT(OS->ftruncate(fd, BLOCK), 0);
	io_init(&behind, VM_IOQ_READ, fd, 0);
	posted_init(&io);
	io.q = q;
	io.req.done = read_behind;
	CHECK_INT(vm_ioq_submit(q, &io.req), 0);
	vm_ioq_post(q, &io.req, 0);
	CHECK(vm_ioq_reap(q, true) > 0);
	finish(q);
	CHECK(io.done == 1 && behind.done == 1);
	CHECK_INT(behind.req.result, BLOCK);
	vm_ioq_destroy(q);
	OS->close(fd);
}

/* -- a thread that posts --------------------------------------------------- */

enum { WORK_ROUNDS = 4000 };

/* What is handed to the worker, one at a time for each place. */
static struct work {
	struct vm_ioq *q;
	_Atomic(struct vm_ioq_request *) at[DEPTH];
	_Atomic bool stop;
} work;

static void *
work_off(void *arg)
{
	struct work *w = arg;

	while (!w->stop)
		for (int i = 0; i < DEPTH; i++) {
			struct vm_ioq_request *req = atomic_exchange(
			    &w->at[i], NULL);

			if (req == NULL)
				continue;
			/* The bytes must be seen by who reaps. */
			VM_CONTAINER(req, struct io, req)->bytes[0] = 'p';
			vm_ioq_post(w->q, req, i);
		}
	return NULL;
}

static void
hand_out(struct io *io, int i)
{
	posted_init(io);
	CHECK_INT(vm_ioq_submit(work.q, &io->req), 0);
	work.at[i] = &io->req;
}

static void
start_work(pthread_t *threads, int count, enum vm_ioq_kind kind)
{
	work.q = queue(kind, DEPTH);
	work.stop = false;
	for (int i = 0; i < count; i++)
		CHECK(pthread_create(&threads[i], NULL, work_off,
		    &work) == 0);
}

static void
stop_work(pthread_t *threads, int count)
{
	work.stop = true;
	for (int i = 0; i < count; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

/* Sleeping reaps and posts of two threads, at any depth, beside reads; a lost
 * wake-up would sleep for ever. */
TEST_BOTH(posts_of_other_threads_wake_every_sleeping_reap)
{
	pthread_t threads[2];
	struct vm_rng rng = { .state = check_seed() };
	static struct io io[DEPTH];
	int fd = scratch(), given = 0;

	CHECK_INT(OS->ftruncate(fd, DEPTH * BLOCK), 0);
	start_work(threads, 2, kind);
	memset(io, 0, sizeof(io));
	while (finished < WORK_ROUNDS) {
		for (int i = 0; i < DEPTH; i++) {
			if (io[i].req.done != NULL && !io[i].done)
				continue;
			CHECK(io[i].req.op != VM_IOQ_POSTED ||
			    io[i].req.done == NULL ||
			    (io[i].bytes[0] == 'p' &&
			    io[i].req.result == i));
			if (vm_rng_below(&rng, 4) == 0 ||
			    given >= WORK_ROUNDS)
				continue;
			given++;
			if (vm_rng_below(&rng, 4) != 0) {
				hand_out(&io[i], i);
				continue;
			}
			io_init(&io[i], VM_IOQ_READ, fd, (uint64_t)i);
			CHECK_INT(vm_ioq_submit(work.q, &io[i].req), 0);
		}
		CHECK(vm_ioq_reap(work.q, true) >= 0);
	}
	stop_work(threads, 2);
	vm_ioq_destroy(work.q);
	OS->close(fd);
}

/* As a fault thread does it: poll, reap without waiting, flush. */
TEST_BOTH(posts_of_other_threads_wake_every_event_loop)
{
	pthread_t thread;
	struct io io;

	start_work(&thread, 1, kind);
	for (int i = 0; i < WORK_ROUNDS / 4; i++) {
		hand_out(&io, 0);
		while (io.done == 0) {
			CHECK_INT(vm_ioq_flush(work.q), 0);
			CHECK_INT(readable(vm_ioq_poll_fd(work.q), -1), 1);
			CHECK(vm_ioq_reap(work.q, false) >= 0);
		}
		CHECK(io.bytes[0] == 'p' && io.req.result == 0);
	}
	stop_work(&thread, 1);
	vm_ioq_destroy(work.q);
}

/* The poster must not look at a queue whose last request it has posted. */
TEST_BOTH(a_queue_may_end_right_behind_its_last_post)
{
	pthread_t thread;
	struct io io;

	start_work(&thread, 1, kind);
	for (int i = 0; i < 300; i++) {
		hand_out(&io, 0);
		vm_ioq_destroy(work.q);
		CHECK_INT(io.done, 1);
		work.q = queue(kind, DEPTH);
	}
	stop_work(&thread, 1);
	vm_ioq_destroy(work.q);
}

/* The thread that armed the poll sleeps elsewhere, or is gone, when the next
 * one waits: nothing may be left of it. */
static void *
use_posts(void *arg)
{
	struct io io;

	for (int i = 0; i < 50; i++) {
		hand_out(&io, 0);
		if (arg != NULL)
			CHECK_INT(vm_ioq_flush(work.q), 0);
		while (io.done == 0)
			CHECK(vm_ioq_reap(work.q, arg == NULL) >= 0);
	}
	return NULL;
}

TEST_BOTH(posts_reach_a_queue_that_changes_hands)
{
	pthread_t worker, thread;

	start_work(&worker, 1, kind);
	for (int i = 0; i < 20; i++) {
		CHECK(pthread_create(&thread, NULL, use_posts,
		    i % 2 == 0 ? &work : NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
		use_posts(i % 3 == 0 ? &work : NULL);
	}
	stop_work(&worker, 1);
	vm_ioq_destroy(work.q);
}

/* No descriptor for the event: the request is refused, not lost. */
TEST(io_uring_refuses_a_posted_request_without_an_eventfd)
{
	struct vm_ioq *q = queue(VM_IOQ_URING, DEPTH);
	struct rlimit limit, none;
	struct io io;
	int err;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	none = limit;
	none.rlim_cur = 0;
	posted_init(&io);
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	err = vm_ioq_submit(q, &io.req);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK_INT(err, -EMFILE);
	CHECK_INT(q->in_flight, 0);
	CHECK_INT(vm_ioq_submit(q, &io.req), 0);
	vm_ioq_post(q, &io.req, 7);
	CHECK_INT(vm_ioq_reap(q, true), 1);
	CHECK_INT(io.req.result, 7);
	vm_ioq_destroy(q);
}

TEST_BOTH(posting_twice_or_what_is_not_in_flight_dies)
{
	struct vm_ioq *q = queue(kind, DEPTH);
	struct io io;

	posted_init(&io);
	CHECK_DIES(vm_ioq_post(q, &io.req, 0));
	CHECK_DIES(vm_ioq_withdraw(q, &io.req));
	CHECK_INT(vm_ioq_submit(q, &io.req), 0);
	CHECK_DIES(vm_ioq_submit(q, &io.req));
	vm_ioq_post(q, &io.req, 0);
	CHECK_DIES(vm_ioq_post(q, &io.req, 0));
	CHECK_DIES(vm_ioq_withdraw(q, &io.req));
	CHECK_INT(vm_ioq_reap(q, true), 1);
	CHECK_DIES(vm_ioq_post(q, &io.req, 0));
	vm_ioq_destroy(q);
}
