/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/transfer.c - moving bytes; backing_private.h has the theory. */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pager/backing_private.h"

/* 16 tries without a byte moved: what fails that often, goes on failing. */
#define RETRIES_MAX 16

/* 8 MiB: what plain writes may leave in the page cache, one walk over which
 * costs a few hundred us; that is nothing beside the writing of it. */
#define DROP_BYTES (UINT64_C(8) << 20)

static uint64_t
round_down(uint64_t bytes, uint32_t unit)
{
	return bytes & ~((uint64_t)unit - 1);
}

static uint64_t
round_up(uint64_t bytes, uint32_t unit)
{
	return round_down(bytes + unit - 1, unit);
}

void
vm_backing_prepare(struct vm_pager_io *io, struct vm_pager *pager,
    struct vm_ioq *queue)
{
	vm_assert(io->count >= 1 && io->count <= VM_PAGER_RUN_MAX);
	vm_assert(io->iov_count >= 1 && io->done != NULL);
	io->pager = pager;
	io->queue = queue;
	io->result = VM_PAGER_PENDING;
	io->error = 0;
	io->filled = 0;
	io->moved = 0;
}

void
vm_backing_fail(struct vm_pager_io *io, int error)
{
	vm_assert(error > 0);
	io->result = VM_PAGER_FAILED;
	io->error = error;
}

void
vm_backing_zero(const struct vm_pager_io *io, uint64_t from, uint64_t to)
{
	uint64_t start = 0;

	for (int i = 0; i < io->iov_count && start < to; i++) {
		uint64_t end = start + io->iov[i].iov_len;
		uint64_t a = from > start ? from : start;
		uint64_t b = to < end ? to : end;

		if (a < b)
			memset((char *)io->iov[i].iov_base + (a - start), 0,
			    b - a);
		start = end;
	}
}

/*
 * Makes the pieces from io->iov_at on be the bytes [from, to) of the request's
 * memory and nothing else, until close_window.
 */
static void
open_window(struct vm_pager_io *io, uint64_t from, uint64_t to)
{
	struct iovec *iov = io->iov, *end = io->iov + io->iov_count;
	uint64_t start = 0;

	vm_assert(from < to);
	for (; start + iov->iov_len <= from; iov++)
		start += iov->iov_len;
	vm_assert(iov < end);
	io->iov_at = iov;
	io->skip = from - start;
	for (start += iov->iov_len; start < to; start += iov->iov_len) {
		iov++;
		vm_assert(iov < end);	/* the request has memory for it */
	}
	io->cut = start - to;
	iov->iov_len -= io->cut;
	io->iov_at->iov_base = (char *)io->iov_at->iov_base + io->skip;
	io->iov_at->iov_len -= io->skip;
	io->request.iov = io->iov_at;
	io->request.iov_count = (int)(iov - io->iov_at) + 1;
}

static void
close_window(struct vm_pager_io *io)
{
	io->iov_at->iov_base = (char *)io->iov_at->iov_base - io->skip;
	io->iov_at->iov_len += io->skip;
	io->iov_at[io->request.iov_count - 1].iov_len += io->cut;
}

static int
descriptor(struct vm_backing *b, enum vm_pager_op op, enum vm_backing_way way)
{
	/* Relaxed: whoever sends out has asked vm_backing_writable. */
	return op == VM_PAGER_IN ? b->in[way] :
	    atomic_load_explicit(&b->out[way], memory_order_relaxed);
}

/* Up to where the next part goes the O_DIRECT way; io->moved: not at all. */
static uint64_t
direct_end(struct vm_pager_io *io)
{
	struct vm_backing *b = io->backing;
	bool aligned = io->moved % b->page_bytes == 0;

	if (!aligned || descriptor(b, io->op, VM_BACKING_DIRECT) < 0 ||
	    atomic_load_explicit(&b->direct_refused, memory_order_relaxed))
		return io->moved;
	/* Reading stops at the end of the file by itself, writing does not. */
	return io->op == VM_PAGER_IN ? round_up(io->bytes, b->page_bytes) :
	    round_down(io->bytes, b->page_bytes);
}

static void
report(struct vm_pager_io *io, int error)
{
	struct vm_backing *b = io->backing;
	bool in = io->op == VM_PAGER_IN;

	vm_backing_count(b, in ? VM_COUNTER_read_errors :
	    VM_COUNTER_write_errors, 1);
	vm_backing_fail(io, error);
	(void)vm_error(error, "%s: %s %llu bytes at %llu: %s", b->what,
	    in ? "reading" : "writing",
	    (unsigned long long)(io->bytes - io->moved),
	    (unsigned long long)(io->offset + io->moved),
	    vm_errno_text(error));
}

static void part_done(struct vm_ioq_request *request);

/* Queues the request; makes room by reaping.  False: there is none. */
static bool
enqueue(struct vm_pager_io *io)
{
	struct vm_ioq *queue = io->queue;
	unsigned vain = 0;

	/* Every turn but the ones in vain ends a request of the queue. */
	while (vm_ioq_submit(queue, &io->request) < 0) {
		(void)vm_ioq_flush(queue);	/* failing, it starts later */
		if (vm_ioq_reap(queue, true) <= 0 && ++vain == RETRIES_MAX)
			return false;
	}
	return true;
}

/* Starts the next part, which exists.  The request may be over on return. */
static void
start_part(struct vm_pager_io *io)
{
	uint64_t end = direct_end(io);

	io->plain = end == io->moved;
	open_window(io, io->moved, io->plain ? io->bytes : end);
	io->request.op = io->op == VM_PAGER_IN ? VM_IOQ_READ : VM_IOQ_WRITE;
	io->request.fd = descriptor(io->backing, io->op,
	    io->plain ? VM_BACKING_PLAIN : VM_BACKING_DIRECT);
	io->request.offset = io->offset + io->moved;
	io->request.done = part_done;
	io->request.link = (struct vm_node){ NULL, NULL };
	vm_assert(io->request.fd >= 0);
	if (enqueue(io))
		return;
	close_window(io);
	report(io, EAGAIN);
	io->finish(io);
}

/* Our page cache is not the limit's: gives back what a plain part left. */
static void
drop_behind(struct vm_pager_io *io, uint64_t bytes)
{
	struct vm_backing *b = io->backing;
	uint64_t from = round_down(io->request.offset, b->page_bytes);
	uint64_t to = round_up(io->request.offset + bytes, b->page_bytes);
	int fd = b->in[VM_BACKING_PLAIN];

	(void)b->os->drop_cache(fd, from, to - from);
	if (io->op == VM_PAGER_IN)
		return;
	/* Relaxed: an estimate; one of the threads sees the sum cross it. */
	if (atomic_fetch_add_explicit(&b->undropped_bytes, bytes,
	    memory_order_relaxed) + bytes < DROP_BYTES)
		return;
	atomic_store_explicit(&b->undropped_bytes, 0, memory_order_relaxed);
	(void)b->os->drop_cache(fd, 0, (uint64_t)INT64_MAX);
}

static void
account(struct vm_pager_io *io, uint64_t bytes)
{
	struct vm_backing *b = io->backing;
	bool in = io->op == VM_PAGER_IN;

	vm_backing_count(b, in ? VM_COUNTER_reads : VM_COUNTER_writes, 1);
	vm_backing_count(b, in ? VM_COUNTER_read_bytes :
	    VM_COUNTER_written_bytes, bytes);
	if (io->plain)
		drop_behind(io, bytes);
}

/*
 * A sync has something to do.  Also after a write that failed: a part of its
 * bytes may be in the file, where whoever gives the page up reads them.
 */
static void
note_written(struct vm_pager_io *io)
{
	struct vm_backing *b = io->backing;

	/* Release: pairs with sync_way. */
	if (io->op == VM_PAGER_OUT)
		atomic_fetch_add_explicit(&b->written[io->plain ?
		    VM_BACKING_PLAIN : VM_BACKING_DIRECT], 1,
		    memory_order_release);
}

/* What to do with a count or error that moved nothing: whether to go on. */
static bool
go_on(struct vm_pager_io *io, int64_t result)
{
	struct vm_backing *b = io->backing;

	if (result == 0 && io->op == VM_PAGER_IN)
		return false;		/* the end of the file */
	if (result == -EINVAL && !io->plain) {
		atomic_store_explicit(&b->direct_refused, true,
		    memory_order_relaxed);
		(void)vm_error(EINVAL, "%s: O_DIRECT is refused, it goes "
		    "through the page cache from now on", b->what);
		return true;
	}
	if ((result == 0 || result == -EINTR || result == -EAGAIN) &&
	    ++io->retries < RETRIES_MAX)
		return true;
	report(io, result == 0 ? EIO : (int)-result);
	return false;
}

static void
part_done(struct vm_ioq_request *request)
{
	struct vm_pager_io *io = VM_CONTAINER(request, struct vm_pager_io,
	    request);
	struct vm_ioq *queue = io->queue;
	int64_t result = request->result;
	bool more;

	close_window(io);
	note_written(io);
	if (result > 0) {
		account(io, (uint64_t)result);
		/* Reading whole pages can bring more than was asked for. */
		io->moved += (uint64_t)result;
		if (io->moved > io->bytes)
			io->moved = io->bytes;
		more = io->moved < io->bytes;
	} else {
		more = go_on(io, result);
	}
	if (!more) {
		io->finish(io);
		return;
	}
	start_part(io);
	/* Nobody else knows that there is something to flush. */
	(void)vm_ioq_flush(queue);
}

void
vm_backing_transfer(struct vm_backing *b, struct vm_pager_io *io)
{
	vm_assert(io->moved < io->bytes && io->finish != NULL);
	vm_assert(io->bytes <= (uint64_t)io->count * b->page_bytes);
	vm_assert(io->offset % b->page_bytes == 0);
	io->backing = b;
	io->retries = 0;
	start_part(io);
}

/* 64 reads in a row that met nothing: each has cost what asking for the file
 * costs, so that one question more is nothing. */
#define UNCACHED_STREAK 64
/* 16 reads for each time that the file is asked for: 0.02 us a read. */
#define UNCACHED_BELIEVED 16
/* 65,536 reads after a file that has something in the page cache: to hear that
 * of 2 GiB takes 5 ms. */
#define UNCACHED_PAUSE 65536

bool
vm_backing_may_be_cached(struct vm_backing *b)
{
	/* Relaxed, and two steps: a hint, threads may lose a count. */
	int32_t streak = atomic_load_explicit(&b->uncached,
	    memory_order_relaxed);
	bool asks = streak >= UNCACHED_STREAK &&
	    streak % UNCACHED_BELIEVED == 0;
	bool may = streak < UNCACHED_STREAK ||
	    (asks && b->os->any_cached(b->in[VM_BACKING_PLAIN]));
	int32_t next = streak + 1;

	if (asks && may)
		next = -UNCACHED_PAUSE;
	else if (next == INT32_MAX)
		next = UNCACHED_STREAK;
	atomic_store_explicit(&b->uncached, next, memory_order_relaxed);
	return may;
}

bool
vm_backing_try_memory(struct vm_backing *b, struct vm_pager_io *io)
{
	const struct iovec *iov;
	uint64_t moved = 0;
	ssize_t got = 0;

	open_window(io, 0, io->bytes);
	iov = io->request.iov;
	for (int i = 0; i < io->request.iov_count; i++) {
		got = b->os->pread(b->in[VM_BACKING_PLAIN], iov[i].iov_base,
		    iov[i].iov_len, io->offset + moved);
		if (got != (ssize_t)iov[i].iov_len)
			break;
		moved += (uint64_t)got;
	}
	close_window(io);
	if (moved != io->bytes)
		return false;
	vm_backing_count(b, VM_COUNTER_reads, 1);
	vm_backing_count(b, VM_COUNTER_read_bytes, moved);
	io->moved = moved;
	return true;
}

bool
vm_backing_try_cached(struct vm_backing *b, struct vm_pager_io *io)
{
	ssize_t got;

	if (!vm_backing_may_be_cached(b))
		return false;
	open_window(io, 0, io->bytes);
	got = b->os->preadv_cached(b->in[VM_BACKING_PLAIN], io->request.iov,
	    io->request.iov_count, io->offset);
	close_window(io);
	if (got < 0 || (uint64_t)got < io->bytes)
		return false;
	atomic_store_explicit(&b->uncached, 0, memory_order_relaxed);
	io->moved = io->bytes;
	return true;
}
