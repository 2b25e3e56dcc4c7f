/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of a pager that somebody wrote, one by one: what it is asked, and
 * what becomes of its answers; over both forms of the real queue. */
#include "pager/callback.h"

#include <errno.h>
#include <pthread.h>

#include "base/error.h"
#include "check.h"
#include "rig.h"
#include "stat/stat.h"

static struct vm_pager *pager;
static struct vm_ioq *queue;
static struct rig_io *r;
static struct vm_pager_request *asked;
static struct vm_counters counters;
static enum { AT_ONCE, LATER, IN_A_THREAD } how;
static enum vm_pager_result answer;
static uint32_t filled;
static int error_given;
static int terminated;

static void
give(struct vm_pager_request *request)
{
	size_t left = request->bytes;

	for (int i = 0; i < request->iov_count && left > 0; i++) {
		size_t n = request->iov[i].iov_len < left ?
		    request->iov[i].iov_len : left;

		if (request->op == VM_PAGER_IN)
			memset(request->iov[i].iov_base, 'p', n);
		left -= n;
	}
	request->error = error_given;
	vm_pager_answer(request, answer, filled);
}

static void *
give_in_thread(void *arg)
{
	give(arg);
	return NULL;
}

static void
submit(void *arg, struct vm_pager_request *request)
{
	pthread_t thread;

	CHECK(arg == &asked);
	asked = request;
	if (how == AT_ONCE)
		give(request);
	if (how != IN_A_THREAD)
		return;
	CHECK(pthread_create(&thread, NULL, give_in_thread, request) == 0);
	CHECK(pthread_detach(thread) == 0);
}

static void
terminate(void *arg)
{
	CHECK(arg == &asked);
	terminated++;
}

static void
set_up(enum vm_ioq_kind kind, uint64_t length)
{
	struct vm_pager_callbacks c = VM_PAGER_CALLBACKS_INIT;
	struct vm_pager_callback_options o = {
		.os = &rig_os, .counters = &counters, .callbacks = &c,
		.arg = &asked, .length = length, .page_bytes = PAGE,
	};
	struct vm_ioq_options q = { .depth = 4, .kind = kind };

	rig_reset();
	c.submit = submit;
	c.terminate = terminate;
	counters = (struct vm_counters){ 0 };
	how = AT_ONCE;
	answer = VM_PAGER_OK;
	filled = 0;
	error_given = terminated = 0;
	CHECK_INT(vm_pager_callback_create(&o, &pager), 0);
	vm_pager_callback_open(pager);
	if (vm_os_linux.ioq_create(&q, &queue) != 0)
		CHECK_SKIP(vm_error_text());
	r = rig_io_new(RIG_PIECES);
}

static void
tear_down(void)
{
	rig_io_free(r);
	vm_ioq_destroy(queue);
	pager->ops->destroy(pager);
	CHECK_INT(terminated, 1);
	rig_check_clean();
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

TEST_BOTH(an_answer_at_once_ends_the_request_within_submit)
{
	set_up(kind, 10 * PAGE);
	CHECK_INT(rig_in(r, pager, queue, 2, 3), VM_PAGER_OK);
	CHECK(rig_io_is(r, 0, 'p') && rig_io_is(r, 2, 'p'));
	CHECK(asked->pindex == 2 && asked->count == 3 &&
	    asked->page_bytes == PAGE && asked->bytes == 3 * PAGE);
	CHECK_INT(queue->in_flight, 0);
	CHECK_INT(rig_out(r, pager, queue, 0, 1), VM_PAGER_OK);
	tear_down();
}

TEST_BOTH(an_answer_of_another_thread_is_reaped)
{
	set_up(kind, 256 * PAGE);
	how = IN_A_THREAD;
	for (unsigned i = 0; i < 100; i++) {
		CHECK_INT(rig_in(r, pager, queue, i, 1 + i % 4),
		    VM_PAGER_OK);
		CHECK(rig_io_is(r, i % 4, 'p'));
		CHECK_INT(rig_out(r, pager, queue, i, 2), VM_PAGER_OK);
	}
	CHECK_INT(queue->in_flight, 0);
	tear_down();
}

TEST_BOTH(a_request_is_in_flight_until_it_is_answered)
{
	set_up(kind, 10 * PAGE);
	how = LATER;
	r->io.op = VM_PAGER_IN;
	r->io.pindex = 1;
	r->io.count = 1;
	rig_start(r, pager, queue);
	CHECK_INT(queue->in_flight, 1);
	CHECK_INT(r->io.result, VM_PAGER_PENDING);
	CHECK_INT(vm_ioq_reap(queue, false), 0);
	give(asked);
	CHECK_INT(r->done, 0);		/* not in this call, though ours */
	rig_wait(r, queue);
	CHECK_INT(r->io.result, VM_PAGER_OK);
	tear_down();
}

/* A full queue makes room before anything is asked. */
TEST_BOTH(a_full_queue_is_reaped_first)
{
	struct rig_io *more[5];

	set_up(kind, 10 * PAGE);
	how = LATER;
	for (unsigned i = 0; i < 4; i++) {
		more[i] = rig_io_new(RIG_ONE_PIECE);
		more[i]->io.op = VM_PAGER_IN;
		more[i]->io.pindex = i;
		more[i]->io.count = 1;
		rig_start(more[i], pager, queue);
	}
	CHECK_INT(queue->in_flight, 4);
	give(asked);
	CHECK_INT(rig_in(r, (how = AT_ONCE, pager), queue, 5, 1),
	    VM_PAGER_OK);
	CHECK_INT(more[3]->done, 1);
	for (unsigned i = 0; i < 3; i++)
		vm_pager_answer(&more[i]->io.asked.request, VM_PAGER_AGAIN,
		    0);
	for (unsigned i = 0; i < 4; i++) {
		if (i < 3)
			rig_wait(more[i], queue);
		CHECK_INT(more[i]->io.result, i < 3 ? VM_PAGER_AGAIN :
		    VM_PAGER_OK);
		rig_io_free(more[i]);
	}
	tear_down();
}

TEST_BOTH(each_answer_becomes_its_result)
{
	set_up(kind, 10 * PAGE);
	answer = VM_PAGER_ABSENT;
	CHECK_INT(rig_in(r, pager, queue, 0, 2), VM_PAGER_ABSENT);
	CHECK(rig_io_is(r, 0, 0) && rig_io_is(r, 1, 0));
	CHECK_INT(r->io.filled, 2);
	answer = VM_PAGER_RANGE;
	filled = 1;
	CHECK_INT(rig_in(r, pager, queue, 0, 2), VM_PAGER_RANGE);
	CHECK_INT(r->io.filled, 1);
	answer = VM_PAGER_AGAIN;
	CHECK_INT(rig_in(r, pager, queue, 0, 2), VM_PAGER_AGAIN);
	answer = VM_PAGER_FAILED;
	CHECK_INT(rig_in(r, pager, queue, 0, 2), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, EIO);
	CHECK_STR(vm_error_text(), "pager: filling page 0: "
	    "Input/output error");
	error_given = ENXIO;
	CHECK_INT(rig_out(r, pager, queue, 0, 2), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, ENXIO);
	tear_down();
}

TEST(the_end_of_the_object_is_the_end_of_requests)
{
	unsigned count;
	int error = 0;

	set_up(VM_IOQ_SYNC, 3 * PAGE + 7);
	CHECK_INT(rig_in(r, pager, queue, 3, 1), VM_PAGER_OK);
	CHECK_INT(asked->bytes, 7);
	CHECK(rig_io_page(r, 0)[6] == 'p' && rig_io_page(r, 0)[7] == 0 &&
	    rig_io_page(r, 0)[PAGE - 1] == 0);
	asked = NULL;
	CHECK_INT(rig_in(r, pager, queue, 4, 1), VM_PAGER_RANGE);
	CHECK(asked == NULL);
	CHECK_INT(pager->ops->extent(pager, 0, 100, &count), VM_PAGER_OK);
	CHECK_INT(count, 4);
	CHECK_INT(pager->ops->extent(pager, 4, 100, &count), VM_PAGER_RANGE);
	CHECK_INT(pager->ops->extent(pager, UINT64_MAX, 1, &count),
	    VM_PAGER_RANGE);
	CHECK_INT(pager->ops->reserve(pager, 1, 100, &error), 3);
	CHECK_INT(pager->ops->reserve(pager, 4, 1, &error), 0);
	CHECK_INT(error, ERANGE);
	pager->ops->resized(pager, 1000 * PAGE);
	CHECK_INT(pager->ops->extent(pager, 0, 100, &count), VM_PAGER_OK);
	CHECK_INT(count, 64);
	tear_down();
}

TEST(requests_and_bytes_are_counted)
{
	set_up(VM_IOQ_SYNC, 10 * PAGE);
	CHECK_INT(rig_in(r, pager, queue, 0, 3), VM_PAGER_OK);
	CHECK_INT(rig_out(r, pager, queue, 0, 2), VM_PAGER_OK);
	answer = VM_PAGER_FAILED;
	CHECK_INT(rig_in(r, pager, queue, 0, 3), VM_PAGER_FAILED);
	CHECK_INT(rig_out(r, pager, queue, 0, 2), VM_PAGER_FAILED);
	CHECK_INT(pager->ops->sync(pager), 0);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_reads), 1);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_read_bytes), 3 * PAGE);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_writes), 1);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_written_bytes),
	    2 * PAGE);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_read_errors), 1);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_write_errors), 1);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_syncs), 1);
	tear_down();
}

TEST(marks_are_bits_of_the_request)
{
	set_up(VM_IOQ_SYNC, 256 * PAGE);
	how = LATER;
	r->io.op = VM_PAGER_IN;
	r->io.pindex = 0;
	r->io.count = 64;
	rig_start(r, pager, queue);
	vm_pager_note_marks(asked, 0, 2, VM_PAGER_PRECIOUS);
	vm_pager_note_marks(asked, 1, 1, VM_PAGER_NO_WRITE);
	vm_pager_note_marks(asked, 63, 1, VM_PAGER_NO_ACCESS);
	give(asked);
	rig_wait(r, queue);
	CHECK_INT(r->io.marks.precious, 3);
	CHECK_INT(r->io.marks.no_write, 2);
	CHECK(r->io.marks.no_access == UINT64_C(1) << 63);
	how = AT_ONCE;
	CHECK_INT(rig_in(r, pager, queue, 0, 64), VM_PAGER_OK);
	CHECK(r->io.marks.precious == 0 && r->io.marks.no_access == 0);
	tear_down();
}

TEST(without_memory_there_is_no_pager)
{
	struct vm_pager_callbacks c = VM_PAGER_CALLBACKS_INIT;
	struct vm_pager_callback_options o = {
		.os = &rig_os, .callbacks = &c, .page_bytes = PAGE,
	};

	rig_reset();
	c.submit = submit;
	rig.fail_alloc = 1;
	CHECK_INT(vm_pager_callback_create(&o, &pager), -ENOMEM);
	rig_check_clean();
	/* One that was never opened is not told of its end. */
	c.terminate = terminate;
	terminated = 0;
	CHECK_INT(vm_pager_callback_create(&o, &pager), 0);
	pager->ops->destroy(pager);
	CHECK_INT(terminated, 0);
	rig_check_clean();
}

TEST(answering_twice_or_with_nonsense_dies)
{
	set_up(VM_IOQ_SYNC, 10 * PAGE);
	how = LATER;
	r->io.op = VM_PAGER_OUT;
	r->io.pindex = 1;
	r->io.count = 1;
	rig_start(r, pager, queue);
	CHECK_DIES(vm_pager_answer(asked, VM_PAGER_PENDING, 0));
	CHECK_DIES(vm_pager_answer(asked, VM_PAGER_ABSENT, 0));
	CHECK_DIES(vm_pager_answer(asked, VM_PAGER_RANGE, 2));
	CHECK_DIES(vm_pager_note_marks(asked, 0, 1, VM_PAGER_PRECIOUS));
	give(asked);
	CHECK_DIES(give(asked));
	rig_wait(r, queue);
	CHECK_DIES(give(asked));
	tear_down();
}
