/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/size.c - what changes a file's length or makes holes: the server
 * makes the call on a managed file, so that pages and file change together.
 */
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "files.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"
#include "write.h"

/* 4096: the largest block that libc's posix_fallocate writes a byte in. */
#define BLOCK_MAX 4096

/* Whether the server is to be asked: managed, and fd may be written. */
static bool
servers(int fd, struct stat *st, struct vm_signals *saved)
{
	long status;

	if (!vm_fd_managed(fd, st))
		return false;
	status = VM_SYS(SYS_fcntl, fd, F_GETFL);
	return status >= 0 && (status & O_PATH) == 0 &&
	    (status & O_ACCMODE) != O_RDONLY && vm_shim_enter(saved);
}

/* -ENOENT: the file is not managed, or not any more. */
static long
ask(struct vm_call *call, int fd, const struct stat *st)
{
	struct vm_file *file;
	int err = vm_file_open(fd, st, true, &file);

	call->send = fd;
	if (err == 0)
		err = vm_rpc_call(call);
	vm_call_done(call);
	return err;
}

long
vm_shim_truncate(int fd, int64_t length)
{
	struct vm_signals saved;
	struct vm_call call;
	struct stat st;
	long result;

	if (length < 0 || !servers(fd, &st, &saved))
		return VM_SYS(SYS_ftruncate, fd, length);
	vm_call_init(&call, VM_REQ_TRUNCATE);
	call.request.length = (uint64_t)length;
	result = ask(&call, fd, &st);
	if (result == -ENOENT || result == -ENOTCONN)
		result = VM_SYS(SYS_ftruncate, fd, length);
	vm_shim_leave(saved);
	return result;
}

long
vm_shim_truncate_path(const char *path, int64_t length)
{
	struct stat st;
	long fd, result;

	if (!vm_shim_active() || VM_SYS(SYS_newfstatat, AT_FDCWD, path, &st,
	    0) != 0 || !vm_stat_managed(&st))
		return VM_SYS(SYS_truncate, path, length);
	fd = VM_SYS(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return VM_SYS(SYS_truncate, path, length);
	result = vm_shim_truncate((int)fd, length);
	(void)VM_SYS(SYS_close, fd);
	return result;
}

long
vm_shim_fallocate(int fd, int mode, int64_t offset, int64_t length)
{
	struct vm_signals saved;
	struct vm_call call;
	struct stat st;
	long result;

	if (offset < 0 || length <= 0 || !servers(fd, &st, &saved))
		return VM_SYS_CANCEL(SYS_fallocate, fd, mode, offset,
		    length);
	vm_call_init(&call, VM_REQ_FALLOCATE);
	call.request.prot = (uint32_t)mode;
	call.request.offset = (uint64_t)offset;
	call.request.length = (uint64_t)length;
	result = ask(&call, fd, &st);
	if (result == -ENOENT || result == -ENOTCONN)
		result = VM_SYS(SYS_fallocate, fd, mode, offset, length);
	vm_shim_leave(saved);
	return result;
}

/* One byte in each block, where there is no data: what libc does for file
 * systems that cannot fallocate. */
static long
fill_blocks(int fd, const struct stat *st, int64_t offset, int64_t end)
{
	int64_t step = st->st_blksize > 0 && st->st_blksize < BLOCK_MAX ?
	    st->st_blksize : BLOCK_MAX;
	struct vm_transfer one = { .op = SYS_pwrite64, .fd = fd, .count = 1 };
	char byte;
	struct iovec part = { &byte, 1 };
	long n;

	one.iov = &part;
	for (int64_t at = offset + (end - offset - 1) % step; at < end;
	    at += step) {
		byte = 0;
		n = at < st->st_size ? VM_SYS(SYS_pread64, fd, &byte, 1, at) :
		    0;
		if (n < 0)
			return n;
		if (byte != 0)
			continue;
		one.offset = at;
		n = vm_shim_write(&one);
		if (n < 0)
			return n;
	}
	return 0;
}

long
vm_shim_posix_fallocate(int fd, int64_t offset, int64_t length)
{
	struct stat st;
	long result, status;

	if (offset < 0 || length < 0)
		return -EINVAL;
	result = vm_shim_fallocate(fd, 0, offset, length);
	if (result != -EOPNOTSUPP)
		return result;
	if (VM_SYS(SYS_fstat, fd, &st) != 0)
		return -EBADF;
	status = VM_SYS(SYS_fcntl, fd, F_GETFL);
	if (status < 0 || (status & O_APPEND) != 0 ||
	    (status & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (!S_ISREG(st.st_mode))
		return S_ISFIFO(st.st_mode) ? -ESPIPE : -ENODEV;
	if (length > INT64_MAX - offset)
		return -EFBIG;
	if (length == 0)
		return st.st_size < offset ? vm_shim_truncate(fd, offset) : 0;
	return fill_blocks(fd, &st, offset, offset + length);
}

static long
kernel_open(const struct vm_open *open)
{
	return VM_SYS_CANCEL(SYS_openat, open->directory, open->path,
	    open->flags, open->mode);
}

long
vm_shim_open(const struct vm_open *open)
{
	struct vm_open gentle = *open;
	struct stat st;
	long fd, result;

	if ((open->flags & O_TRUNC) == 0 || (open->flags & O_PATH) != 0 ||
	    (open->flags & O_ACCMODE) == O_RDONLY || !vm_shim_active() ||
	    VM_SYS(SYS_newfstatat, open->directory, open->path, &st, 0) !=
	    0 || !vm_stat_managed(&st))
		return kernel_open(open);
	gentle.flags &= ~O_TRUNC;
	fd = kernel_open(&gentle);
	if (fd < 0)
		return fd;
	result = vm_shim_truncate((int)fd, 0);
	if (result == 0)
		return fd;
	(void)VM_SYS(SYS_close, fd);
	return result;
}
