/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/callback.c - callback.h has the theory. */
#include "pager/callback.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pager/backing_private.h"
#include "stat/stat.h"

/* 16 tries to make room in a queue that gives none, as for files. */
#define RETRIES_MAX 16

#define MARKS (VM_PAGER_PRECIOUS | VM_PAGER_NO_WRITE | VM_PAGER_NO_ACCESS)

enum stage {
	STAGE_ASKED = 1,	/* 0 is a request that was never asked */
	STAGE_LEFT,
	STAGE_ANSWERED,
};

struct callback_pager {
	struct vm_pager pager;
	const struct vm_os *os;			/* (C) */
	struct vm_counters *counters;		/* NULL: none (C) */
	struct vm_pager_callbacks call;		/* (C) */
	void *arg;				/* theirs (C) */
	_Atomic uint64_t length;		/* bytes of the object (A) */
	bool open;				/* terminate is due (C) */
};

static struct callback_pager *
callback_of(struct vm_pager *pager)
{
	return VM_CONTAINER(pager, struct callback_pager, pager);
}

static void
count(struct callback_pager *c, enum vm_counter counter, uint64_t n)
{
	if (c->counters != NULL)
		vm_count(c->counters, counter, n);
}

/* Bytes of the object from pindex on. */
static uint64_t
bytes_from(struct callback_pager *c, vm_pindex_t pindex)
{
	/* Relaxed: a request races with a change of the length as it may. */
	uint64_t length = atomic_load_explicit(&c->length,
	    memory_order_relaxed);
	uint32_t page_bytes = c->pager.page_bytes;

	return pindex > length / page_bytes ? 0 : length - pindex * page_bytes;
}

static unsigned
clip(struct callback_pager *c, vm_pindex_t pindex, unsigned want)
{
	uint64_t bytes = bytes_from(c, pindex);
	uint32_t page_bytes = c->pager.page_bytes;
	uint64_t pages = bytes / page_bytes + (bytes % page_bytes != 0);

	if (want > VM_PAGER_ASKED_MAX)
		want = VM_PAGER_ASKED_MAX;
	return pages < want ? (unsigned)pages : want;
}

static enum vm_pager_result
callback_extent(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    unsigned *out)
{
	struct callback_pager *c = callback_of(pager);
	unsigned most = clip(c, pindex, want);
	enum vm_pager_result result = VM_PAGER_OK;
	uint32_t n = most;

	*out = most;
	if (most == 0)
		return VM_PAGER_RANGE;
	if (c->call.extent != NULL)
		result = c->call.extent(c->arg, pindex, most, &n);
	/* Whatever they say, there is at least the one page to ask for. */
	*out = n < 1 ? 1 : n < most ? n : most;
	return n >= 1 && result == VM_PAGER_ABSENT ? VM_PAGER_ABSENT :
	    VM_PAGER_OK;
}

static unsigned
callback_reserve(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    int *error)
{
	unsigned n = clip(callback_of(pager), pindex, want);

	if (n == 0)
		*error = -vm_error(ERANGE, "pager: page %llu is beyond the "
		    "end", (unsigned long long)pindex);
	return n;
}

/* Zeros behind the first good bytes, up to the end of the good pages. */
static void
pad(struct vm_pager_io *io, uint64_t good, unsigned pages)
{
	uint64_t end = (uint64_t)pages * io->pager->page_bytes;

	if (io->op == VM_PAGER_IN && good < end)
		vm_backing_zero(io, good, end);
	io->filled = pages;
}

static void
fail(struct vm_pager_io *io, int error)
{
	struct callback_pager *c = callback_of(io->pager);
	bool in = io->op == VM_PAGER_IN;

	count(c, in ? VM_COUNTER_read_errors : VM_COUNTER_write_errors, 1);
	vm_backing_fail(io, error);
	(void)vm_error(error, "pager: %s page %llu: %s", in ? "filling" :
	    "writing", (unsigned long long)io->pindex, vm_errno_text(error));
}

static void
account(struct vm_pager_io *io, uint64_t bytes)
{
	struct callback_pager *c = callback_of(io->pager);
	bool in = io->op == VM_PAGER_IN;

	count(c, in ? VM_COUNTER_reads : VM_COUNTER_writes, 1);
	count(c, in ? VM_COUNTER_read_bytes : VM_COUNTER_written_bytes,
	    bytes);
}

/* The answer becomes the result; in the thread that has the queue. */
static void
conclude(struct vm_pager_io *io)
{
	const struct vm_pager_asked *asked = &io->asked;
	uint64_t page_bytes = io->pager->page_bytes;

	io->result = asked->result;
	switch (asked->result) {
	case VM_PAGER_OK:
		account(io, io->bytes);
		pad(io, io->bytes, io->count);
		break;
	case VM_PAGER_ABSENT:
		pad(io, 0, io->count);
		break;
	case VM_PAGER_RANGE:
		account(io, asked->filled * page_bytes);
		pad(io, asked->filled * page_bytes < io->bytes ?
		    asked->filled * page_bytes : io->bytes, asked->filled);
		break;
	case VM_PAGER_FAILED:
		fail(io, asked->request.error > 0 ? asked->request.error :
		    EIO);
		break;
	case VM_PAGER_AGAIN:
	case VM_PAGER_PENDING:		/* vm_pager_answer refuses it */
		break;
	}
	io->done(io);
}

static void
posted(struct vm_ioq_request *request)
{
	conclude(VM_CONTAINER(request, struct vm_pager_io, request));
}

/* In flight from now on.  0, or a positive errno. */
static int
enqueue(struct vm_pager_io *io)
{
	struct vm_ioq *queue = io->queue;
	unsigned vain = 0;
	int error;

	io->request = (struct vm_ioq_request){
		.op = VM_IOQ_POSTED, .fd = -1, .done = posted,
	};
	/* Every turn but the ones in vain ends a request of the queue. */
	while ((error = vm_ioq_submit(queue, &io->request)) == -EAGAIN) {
		(void)vm_ioq_flush(queue);	/* failing, it starts later */
		if (vm_ioq_reap(queue, true) <= 0 && ++vain == RETRIES_MAX)
			break;
	}
	return -error;
}

static void
ask(struct callback_pager *c, struct vm_pager_io *io)
{
	struct vm_pager_asked *asked = &io->asked;
	unsigned stage = STAGE_ASKED;

	asked->request = (struct vm_pager_request){
		.op = io->op, .count = io->count, .pindex = io->pindex,
		.page_bytes = c->pager.page_bytes, .iov = io->iov,
		.iov_count = io->iov_count, .bytes = io->bytes,
	};
	io->marks = (struct vm_pager_marks){ 0 };
	/* Release: whoever answers got the request from us. */
	atomic_store_explicit(&asked->stage, STAGE_ASKED,
	    memory_order_release);
	c->call.submit(c->arg, &asked->request);
	/* Release, and acquire of what an answer within stored. */
	if (atomic_compare_exchange_strong_explicit(&asked->stage, &stage,
	    STAGE_LEFT, memory_order_acq_rel, memory_order_acquire))
		return;
	vm_ioq_withdraw(io->queue, &io->request);
	conclude(io);
}

static void
callback_submit(struct vm_pager *pager, struct vm_pager_io *io,
    struct vm_ioq *queue)
{
	struct callback_pager *c = callback_of(pager);
	uint64_t most = (uint64_t)io->count * pager->page_bytes;
	int error;

	vm_backing_prepare(io, pager, queue);
	io->bytes = bytes_from(c, io->pindex);
	if (io->bytes > most)
		io->bytes = most;
	if (io->bytes == 0) {	/* it was cut meanwhile */
		io->result = VM_PAGER_RANGE;
		io->done(io);
		return;
	}
	error = enqueue(io);
	if (error != 0) {
		fail(io, error);
		io->done(io);
		return;
	}
	ask(c, io);
}

void
vm_pager_answer(struct vm_pager_request *request,
    enum vm_pager_result result, uint32_t filled)
{
	struct vm_pager_io *io = VM_CONTAINER(request, struct vm_pager_io,
	    asked.request);
	unsigned stage;

	vm_assert(result == VM_PAGER_OK || result == VM_PAGER_ABSENT ||
	    result == VM_PAGER_RANGE || result == VM_PAGER_AGAIN ||
	    result == VM_PAGER_FAILED);
	vm_assert(result != VM_PAGER_ABSENT || io->op == VM_PAGER_IN);
	vm_assert(result != VM_PAGER_RANGE || filled <= io->count);
	io->asked.result = result;
	io->asked.filled = filled;
	/* Release: pairs with ask, or with the lock of the post. */
	stage = atomic_exchange_explicit(&io->asked.stage, STAGE_ANSWERED,
	    memory_order_acq_rel);
	vm_assert(stage == STAGE_ASKED || stage == STAGE_LEFT);
	if (stage == STAGE_LEFT)
		vm_ioq_post(io->queue, &io->request, 0);
}

void
vm_pager_note_marks(struct vm_pager_request *request, uint32_t first,
    uint32_t count, unsigned marks)
{
	struct vm_pager_io *io = VM_CONTAINER(request, struct vm_pager_io,
	    asked.request);
	uint64_t bits = 0;

	vm_assert(io->op == VM_PAGER_IN && (marks & ~MARKS) == 0);
	vm_assert(first <= io->count && count <= io->count - first);
	vm_assert(io->count <= VM_PAGER_ASKED_MAX);
	for (uint32_t i = first; i < first + count; i++)
		bits |= UINT64_C(1) << i;
	if ((marks & VM_PAGER_PRECIOUS) != 0)
		io->marks.precious |= bits;
	if ((marks & VM_PAGER_NO_WRITE) != 0)
		io->marks.no_write |= bits;
	if ((marks & VM_PAGER_NO_ACCESS) != 0)
		io->marks.no_access |= bits;
}

static int
callback_sync(struct vm_pager *pager)
{
	struct callback_pager *c = callback_of(pager);
	int error;

	count(c, VM_COUNTER_syncs, 1);
	error = c->call.sync == NULL ? 0 : c->call.sync(c->arg);
	return error >= 0 ? 0 : vm_error(-error, "pager: sync: %s",
	    vm_errno_text(-error));
}

static void
callback_resized(struct vm_pager *pager, uint64_t bytes)
{
	struct callback_pager *c = callback_of(pager);

	atomic_store_explicit(&c->length, bytes, memory_order_relaxed);
	if (c->call.resized != NULL)
		c->call.resized(c->arg, bytes);
}

static void
callback_forget(struct vm_pager *pager, vm_pindex_t pindex, unsigned n)
{
	struct callback_pager *c = callback_of(pager);

	if (c->call.forget != NULL)
		c->call.forget(c->arg, pindex, n);
}

static int
callback_unlock(struct vm_pager *pager, vm_pindex_t pindex, unsigned want)
{
	struct callback_pager *c = callback_of(pager);
	int error = c->call.unlock == NULL ? -EACCES :
	    c->call.unlock(c->arg, pindex, want);

	return error >= 0 ? 0 : vm_error(-error, "pager: it keeps page %llu "
	    "from being %s: %s", (unsigned long long)pindex,
	    want == VM_PAGER_NO_WRITE ? "written" : "read",
	    vm_errno_text(-error));
}

static int
callback_peek(struct vm_pager *pager, uint64_t offset, void *bytes,
    size_t length)
{
	(void)pager;
	(void)offset;
	(void)bytes;
	(void)length;
	return vm_error(ENOTSUP, "pager: there is no file that others write");
}

static int
callback_length(struct vm_pager *pager, uint64_t *bytes)
{
	*bytes = atomic_load_explicit(&callback_of(pager)->length,
	    memory_order_relaxed);
	return 0;
}

static void
callback_destroy(struct vm_pager *pager)
{
	struct callback_pager *c = callback_of(pager);

	if (c->open && c->call.terminate != NULL)
		c->call.terminate(c->arg);
	c->os->free(c);
}

static const struct vm_pager_ops callback_ops = {
	.name = "callback",
	.extent = callback_extent,
	.reserve = callback_reserve,
	.submit = callback_submit,
	.sync = callback_sync,
	.resized = callback_resized,
	.forget = callback_forget,
	.unlock = callback_unlock,
	.peek = callback_peek,
	.length = callback_length,
	.destroy = callback_destroy,
};

int
vm_pager_callback_create(const struct vm_pager_callback_options *o,
    struct vm_pager **out)
{
	struct callback_pager *c = o->os->alloc(sizeof(*c));

	vm_assert(o->callbacks->submit != NULL);
	if (c == NULL)
		return vm_error(ENOMEM, "pager: %s", vm_errno_text(ENOMEM));
	c->pager = (struct vm_pager){ .ops = &callback_ops,
	    .page_bytes = o->page_bytes };
	c->os = o->os;
	c->counters = o->counters;
	c->call = *o->callbacks;
	c->arg = o->arg;
	atomic_init(&c->length, o->length);
	*out = &c->pager;
	return 0;
}

void
vm_pager_callback_open(struct vm_pager *pager)
{
	vm_assert(pager->ops == &callback_ops);
	callback_of(pager)->open = true;
}
