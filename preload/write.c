/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/write.c - write.h has the two ways. */
#include "write.h"

#include <fcntl.h>
#include <limits.h>
#include <stddef.h>

#include "files.h"
#include "memory.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"

/* Linux 6.9 */
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

/* A write to a managed file, under S. */
struct writing {
	const struct vm_transfer *transfer;
	struct vm_file *file;
	struct stat st;		/* before */
	int status;		/* F_GETFL */
	uint64_t length;	/* bytes it names */
};

/* VM_WRITE_CHUNK bytes, made at first need. (S) */
static char *bounce;
/* A copy of the program's array, of UIO_MAXIOV members. (S) */
static struct iovec parts[UIO_MAXIOV];

static inline long
make_by(const struct vm_transfer *t,
    long (*call)(long, long, long, long, long, long, long))
{
	switch (t->op) {
	case SYS_write:
	case SYS_read:
		return VM_SYS_BY(call, t->op, t->fd, t->iov->iov_base,
		    t->iov->iov_len);
	case SYS_pwrite64:
	case SYS_pread64:
		return VM_SYS_BY(call, t->op, t->fd, t->iov->iov_base,
		    t->iov->iov_len, t->offset);
	case SYS_writev:
	case SYS_readv:
		return VM_SYS_BY(call, t->op, t->fd, t->iov, t->count);
	default:
		return VM_SYS_BY(call, t->op, t->fd, t->iov, t->count,
		    t->offset, 0, t->flags);
	}
}

long
vm_transfer_make(const struct vm_transfer *t)
{
	return make_by(t, vm_sys6_cancel);
}

/* With a gate held: a cancelled thread would never give it back. */
static long
make_held(const struct vm_transfer *t)
{
	return make_by(t, vm_sys6);
}

bool
vm_transfer_has_offset(const struct vm_transfer *t)
{
	switch (t->op) {
	case SYS_write:
	case SYS_read:
	case SYS_writev:
	case SYS_readv:
		return false;
	case SYS_pwritev2:
	case SYS_preadv2:
		return t->offset != -1;
	default:
		return true;
	}
}

static bool
has_vector(const struct vm_transfer *t)
{
	return t->op != SYS_write && t->op != SYS_pwrite64 &&
	    t->op != SYS_read && t->op != SYS_pread64;
}

/* Adds up; a bad array counts as nothing, the kernel will say so. */
static uint64_t
sum(const struct iovec *iov, int count)
{
	uint64_t total = 0;

	for (int i = 0; i < count; i++)
		total += iov[i].iov_len;
	return total;
}

uint64_t
vm_transfer_length(const struct vm_transfer *t)
{
	struct iovec few[8];
	uint64_t total = 0;

	if (!has_vector(t))
		return t->iov->iov_len;
	for (int i = 0, n; i < t->count && i < UIO_MAXIOV; i += n) {
		n = t->count - i < 8 ? t->count - i : 8;
		if (vm_own_read(few, t->iov + i,
		    (size_t)n * sizeof(few[0])) < 0)
			return 0;
		total += sum(few, n);
	}
	return total;
}

static bool
appends(const struct writing *w)
{
	if ((w->transfer->flags & RWF_NOAPPEND) != 0)
		return false;
	return (w->status & O_APPEND) != 0 ||
	    (w->transfer->flags & RWF_APPEND) != 0;
}

/* Where the n bytes just written begin. */
static int64_t
written_at(const struct writing *w, long n)
{
	struct stat st;

	if (appends(w)) {
		if (VM_SYS(SYS_fstat, w->transfer->fd, &st) != 0)
			return w->st.st_size;
		return st.st_size - n;
	}
	if (vm_transfer_has_offset(w->transfer))
		return w->transfer->offset;
	return VM_SYS(SYS_lseek, w->transfer->fd, 0, SEEK_CUR) - n;
}

/* The file's bytes, into the alias. */
static bool
copy_in(const struct writing *w, uint64_t from, uint64_t to)
{
	while (from < to) {
		long n = VM_SYS(SYS_pread64, w->transfer->fd,
		    w->file->alias + from, to - from, from);

		if (n <= 0)
			return false;
		from += (uint64_t)n;
	}
	return true;
}

/* Resident pages of [from, to) follow; false when the server has to do it. */
static bool
follow(const struct writing *w, uint64_t from, uint64_t to)
{
	uint64_t size = vm_shim.page_size, next;
	bool right = true;

	if (to > vm_face_length(w->file->face))
		return false;
	for (; from < to && right; from = next) {
		next = (from / size + 1) * size;
		if (next > to)
			next = to;
		if (vm_file_present(w->file, from / size))
			right = w->file->alias != NULL &&
			    to <= w->file->alias_bytes &&
			    copy_in(w, from, next);
	}
	return right;
}

/* Pairs with the server's look at `writing` after it has set `tracked`. */
static void
turn_writing(void)
{
	atomic_fetch_add_explicit((_Atomic uint32_t *)&vm_shim.page->writing,
	    1, memory_order_seq_cst);
}

/* False: not done, the file is TRACKED by now. */
static bool
write_fast(const struct writing *w, long *result)
{
	int64_t at = 0;
	bool right = true;
	long n;

	turn_writing();
	if (vm_face_tracked(w->file->face)) {
		turn_writing();
		return false;
	}
	n = make_held(w->transfer);
	if (n > 0) {
		at = written_at(w, n);
		right = at >= 0 && follow(w, (uint64_t)at,
		    (uint64_t)(at + n));
	}
	turn_writing();
	*result = n;
	if (!right) {
		int err = vm_rpc_file(VM_REQ_WROTE, w->file->number,
		    (uint64_t)at, (uint64_t)n);

		if (err < 0 && err != -ENOTCONN && err != -ENOENT)
			*result = err;
	}
	return true;
}

/* Copies up to VM_WRITE_CHUNK bytes from `skip` on into the bounce buffer;
 * returns how many, or -EFAULT. */
static long
gather(const struct vm_transfer *t, uint64_t skip)
{
	uint64_t n = 0;

	for (int i = 0; i < t->count && n < VM_WRITE_CHUNK; i++) {
		uint64_t length = t->iov[i].iov_len;

		if (skip >= length) {
			skip -= length;
			continue;
		}
		length -= skip;
		if (length > VM_WRITE_CHUNK - n)
			length = VM_WRITE_CHUNK - n;
		if (vm_own_read(bounce + n, (const char *)
		    t->iov[i].iov_base + skip, length) < 0)
			return -EFAULT;
		n += length;
		skip = 0;
	}
	return (long)n;
}

/* Where the next piece will begin. */
static int64_t
writes_at(struct writing *w, uint64_t done)
{
	if (appends(w)) {
		(void)VM_SYS(SYS_fstat, w->transfer->fd, &w->st);
		return w->st.st_size;
	}
	if (vm_transfer_has_offset(w->transfer))
		return w->transfer->offset + (int64_t)done;
	return VM_SYS(SYS_lseek, w->transfer->fd, 0, SEEK_CUR);
}

/* Only what was written is taken over: behind it the pages may be newer than
 * the file. */
static void
end_held(const struct writing *w, int64_t at, long n, long written)
{
	struct vm_call call;

	vm_call_init(&call, VM_REQ_WRITE_END);
	call.request.file = w->file->number;
	call.request.offset = (uint64_t)at;
	call.request.length = (uint64_t)n;
	call.request.token = (uint64_t)written;
	(void)vm_rpc_call(&call);
	vm_call_done(&call);
}

/* n bytes of the bounce buffer, pages held.  W is held. */
static long
write_held_locked(struct writing *w, uint64_t done, long n)
{
	struct iovec part = { bounce, (size_t)n };
	struct vm_transfer piece = *w->transfer;
	int64_t at = writes_at(w, done), really;
	long result;
	int err;

	if (at < 0)
		return (long)at;
	piece.iov = &part;
	piece.count = 1;
	piece.offset = vm_transfer_has_offset(w->transfer) ? at : -1;
	err = vm_rpc_file(VM_REQ_WRITE_BEGIN, w->file->number, (uint64_t)at,
	    (uint64_t)n);
	/* No server, or it has let the file go: nothing to hold. */
	if (err == -ENOTCONN || err == -ENOENT)
		return make_held(&piece);
	if (err < 0)
		return err;
	result = make_held(&piece);
	/* Another process may have appended, or moved the common position, in
	 * between; a place that was given cannot move. */
	really = result > 0 &&
	    vm_transfer_has_offset(w->transfer) == appends(w) ?
	    written_at(w, result) : at;
	end_held(w, at, n, result > 0 && really == at ? result : 0);
	if (really >= 0 && really != at)
		(void)vm_rpc_file(VM_REQ_WROTE, w->file->number,
		    (uint64_t)really, (uint64_t)result);
	return result;
}

static long
write_held(struct writing *w, uint64_t done, long n)
{
	long result;

	vm_gate_enter(&vm_shim.held);
	result = write_held_locked(w, done, n);
	vm_gate_leave(&vm_shim.held);
	return result;
}

static long
write_slow(struct writing *w, const struct vm_transfer *t)
{
	uint64_t done = 0, total = sum(t->iov, t->count);
	long n, result;

	if (bounce == NULL)
		bounce = vm_own_new(VM_WRITE_CHUNK);
	if (bounce == NULL)
		return -ENOMEM;
	if (total == 0)
		return make_held(w->transfer);
	do {
		n = gather(t, done);
		result = n <= 0 ? n : write_held(w, done, n);
		if (result > 0)
			done += (uint64_t)result;
	} while (result == n && n > 0 && done < total);
	return done > 0 ? (long)done : result;
}

/* The same transfer with an array that is safe to read. */
static int
copy_parts(const struct vm_transfer *from, struct vm_transfer *to)
{
	*to = *from;
	if (!has_vector(from))
		return 0;
	if (from->count < 0 || from->count > UIO_MAXIOV)
		return -EINVAL;
	to->iov = parts;
	return vm_own_read(parts, from->iov,
	    (size_t)from->count * sizeof(parts[0]));
}

static long
write_locked(struct writing *w)
{
	struct vm_transfer safe;
	long result = vm_file_open(w->transfer->fd, &w->st, true, &w->file);

	/* Not managed any more, or the server cannot: as it always was. */
	if (result < 0)
		return make_held(w->transfer);
	if (w->length <= VM_WRITE_CHUNK && !vm_face_tracked(w->file->face)) {
		/* Before `writing` is odd: this makes requests. */
		if ((w->status & O_ACCMODE) == O_RDWR)
			(void)vm_file_alias(w->file, w->transfer->fd,
			    vm_face_length(w->file->face));
		if (write_fast(w, &result))
			return result;
	}
	result = copy_parts(w->transfer, &safe);
	return result < 0 ? result : write_slow(w, &safe);
}

long
vm_shim_write(const struct vm_transfer *transfer)
{
	struct writing w = { .transfer = transfer };
	struct vm_signals saved;
	long result;

	if (!vm_fd_managed(transfer->fd, &w.st))
		return vm_transfer_make(transfer);
	result = VM_SYS(SYS_fcntl, transfer->fd, F_GETFL);
	w.status = (int)result;
	if (result < 0 || (result & O_PATH) != 0 ||
	    (result & O_ACCMODE) == O_RDONLY || !vm_shim_enter(&saved))
		return vm_transfer_make(transfer);
	w.length = vm_transfer_length(transfer);
	result = write_locked(&w);
	vm_shim_leave(saved);
	return result;
}
