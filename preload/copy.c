/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/copy.c - sendfile, splice, copy_file_range.
 *
 * From a managed file: the file is brought up to date, the kernel copies.
 * Into one: read and write in its place, through write.h; all three calls may
 * move less than asked, so one buffer a call is enough.
 */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <unistd.h>

#include "files.h"
#include "memory.h"
#include "shim.h"
#include "syscalls.h"
#include "write.h"

/* 256 KiB: four times a pipe's; moved by one call at most. */
#define BUFFER_BYTES (UINT64_C(256) << 10)

static long
kernel_copy(const struct vm_copy *c)
{
	if (c->op == SYS_sendfile)
		return VM_SYS(c->op, c->out, c->in, c->in_offset, c->length);
	return VM_SYS_CANCEL(c->op, c->in, c->in_offset, c->out,
	    c->out_offset, c->length, c->flags);
}

/* What the kernel would have said of the source. */
static long
check_source(const struct vm_copy *c)
{
	struct pollfd ready = { .fd = c->in, .events = POLLIN };
	struct timespec now = { 0 };
	struct stat st;

	if (VM_SYS(SYS_fstat, c->in, &st) != 0)
		return -EBADF;
	if (c->op == SYS_splice && !S_ISFIFO(st.st_mode))
		return -EINVAL;
	if (c->op == SYS_copy_file_range &&
	    (!S_ISREG(st.st_mode) || c->flags != 0))
		return -EINVAL;
	if (c->op == SYS_splice && (c->flags & SPLICE_F_NONBLOCK) != 0 &&
	    VM_SYS(SYS_ppoll, &ready, 1, &now, NULL, 0) == 0)
		return -EAGAIN;
	return 0;
}

static long
take(const struct vm_copy *c, void *buffer, uint64_t length)
{
	struct iovec part = { buffer, length };
	struct vm_transfer in = {
		.op = SYS_read, .fd = c->in, .iov = &part, .count = 1
	};

	if (c->in_offset != NULL) {
		in.op = SYS_pread64;
		in.offset = *c->in_offset;
	}
	return vm_shim_read(&in);
}

static long
put(const struct vm_copy *c, void *buffer, long length)
{
	struct iovec part = { buffer, (size_t)length };
	struct vm_transfer out = {
		.op = SYS_write, .fd = c->out, .iov = &part, .count = 1
	};

	if (c->out_offset != NULL) {
		out.op = SYS_pwrite64;
		out.offset = *c->out_offset;
	}
	return vm_shim_write(&out);
}

static long
move(const struct vm_copy *c, void *buffer, uint64_t length)
{
	long got = take(c, buffer, length), n;

	if (got <= 0)
		return got;
	n = put(c, buffer, got);
	/* What was read and not written goes back, where it can. */
	if (n < got && c->in_offset == NULL)
		(void)VM_SYS(SYS_lseek, c->in, (n < 0 ? 0 : n) - got,
		    SEEK_CUR);
	if (n > 0 && c->in_offset != NULL)
		*c->in_offset += n;
	if (n > 0 && c->out_offset != NULL)
		*c->out_offset += n;
	return n;
}

long
vm_shim_copy(const struct vm_copy *c)
{
	uint64_t length = c->length < BUFFER_BYTES ? c->length : BUFFER_BYTES;
	struct stat st;
	void *buffer;
	long result;

	if (!vm_shim_active())
		return kernel_copy(c);
	if (!vm_fd_managed(c->out, &st)) {
		vm_shim_settle(c->in, c->in_offset, c->length);
		return kernel_copy(c);
	}
	result = check_source(c);
	if (result < 0 || length == 0)
		return result;
	buffer = vm_own_new(BUFFER_BYTES);
	if (buffer == NULL)
		return -ENOMEM;
	result = move(c, buffer, length);
	vm_own_free(buffer, BUFFER_BYTES);
	return result;
}
