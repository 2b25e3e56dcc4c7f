/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/export_file.c - libc's names for files; see export.h. */
#undef _FORTIFY_SOURCE
#include "export.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "syscalls.h"
#include "write.h"

/* Of libc; what fortified programs call. */
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *buffer, size_t size, off_t offset,
    size_t room);
ssize_t __pread64_chk(int fd, void *buffer, size_t size, off64_t offset,
    size_t room);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);
_Noreturn void __chk_fail(void);

/* One buffer, to or from. */
static ssize_t
transfer_buffer(long op, int fd, void *buffer, size_t size,
    int64_t offset)
{
	struct iovec part = { (void *)(uintptr_t)buffer, size };
	struct vm_transfer t = {
		.op = op, .fd = fd, .iov = &part, .count = 1,
		.offset = offset,
	};

	return vm_sys_return(op == SYS_write || op == SYS_pwrite64 ?
	    vm_shim_write(&t) : vm_shim_read(&t));
}

static ssize_t
transfer_vector(const struct vm_transfer *t)
{
	return vm_sys_return(t->op == SYS_writev || t->op == SYS_pwritev ||
	    t->op == SYS_pwritev2 ? vm_shim_write(t) : vm_shim_read(t));
}

VM_EXPORT ssize_t
write(int fd, const void *buffer, size_t size)
{
	return transfer_buffer(SYS_write, fd, (void *)(uintptr_t)buffer, size,
	    0);
}

VM_EXPORT ssize_t
pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
	return transfer_buffer(SYS_pwrite64, fd, (void *)(uintptr_t)buffer,
	    size, offset);
}

VM_EXPORT ssize_t
pwrite64(int fd, const void *buffer, size_t size, off64_t offset)
{
	return transfer_buffer(SYS_pwrite64, fd, (void *)(uintptr_t)buffer,
	    size, offset);
}

VM_EXPORT ssize_t
writev(int fd, const struct iovec *iov, int count)
{
	return transfer_vector(&(struct vm_transfer){
	    .op = SYS_writev, .fd = fd, .iov = iov, .count = count });
}

VM_EXPORT ssize_t
pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return transfer_vector(&(struct vm_transfer){
	    .op = SYS_pwritev, .fd = fd, .iov = iov, .count = count,
	    .offset = offset });
}

VM_EXPORT ssize_t
pwritev64(int fd, const struct iovec *iov, int count, off64_t offset)
{
	return transfer_vector(&(struct vm_transfer){
	    .op = SYS_pwritev, .fd = fd, .iov = iov, .count = count,
	    .offset = offset });
}

VM_EXPORT ssize_t
pwritev2(int fd, const struct iovec *iov, int count, off_t offset,
    int flags)
{
	return transfer_vector(&(struct vm_transfer){
	    .op = SYS_pwritev2, .fd = fd, .iov = iov, .count = count,
	    .offset = offset, .flags = flags });
}

VM_EXPORT ssize_t
pwritev64v2(int fd, const struct iovec *iov, int count, off64_t offset,
    int flags)
{
	return transfer_vector(&(struct vm_transfer){
	    .op = SYS_pwritev2, .fd = fd, .iov = iov, .count = count,
	    .offset = offset, .flags = flags });
}

VM_EXPORT ssize_t
read(int fd, void *buffer, size_t size)
{
	return transfer_buffer(SYS_read, fd, buffer, size, 0);
}

VM_EXPORT ssize_t
pread(int fd, void *buffer, size_t size, off_t offset)
{
	return transfer_buffer(SYS_pread64, fd, buffer, size, offset);
}

VM_EXPORT ssize_t
pread64(int fd, void *buffer, size_t size, off64_t offset)
{
	return transfer_buffer(SYS_pread64, fd, buffer, size, offset);
}

VM_EXPORT ssize_t
readv(int fd, const struct iovec *iov, int count)
{
	return transfer_vector(&(struct vm_transfer){
	    .op = SYS_readv, .fd = fd, .iov = iov, .count = count });
}

VM_EXPORT ssize_t
preadv(int fd, const struct iovec *iov, int count, off_t offset)
{
	return transfer_vector(&(struct vm_transfer){
	    .op = SYS_preadv, .fd = fd, .iov = iov, .count = count,
	    .offset = offset });
}

VM_EXPORT ssize_t
preadv64(int fd, const struct iovec *iov, int count, off64_t offset)
{
	return transfer_vector(&(struct vm_transfer){
	    .op = SYS_preadv, .fd = fd, .iov = iov, .count = count,
	    .offset = offset });
}

VM_EXPORT ssize_t
preadv2(int fd, const struct iovec *iov, int count, off_t offset,
    int flags)
{
	return transfer_vector(&(struct vm_transfer){
	    .op = SYS_preadv2, .fd = fd, .iov = iov, .count = count,
	    .offset = offset, .flags = flags });
}

VM_EXPORT ssize_t
preadv64v2(int fd, const struct iovec *iov, int count, off64_t offset,
    int flags)
{
	return transfer_vector(&(struct vm_transfer){
	    .op = SYS_preadv2, .fd = fd, .iov = iov, .count = count,
	    .offset = offset, .flags = flags });
}

/* The compiler had no proof that the buffer is large enough. */
static void
check_room(size_t size, size_t room)
{
	if (size > room)
		__chk_fail();
}

VM_EXPORT ssize_t
__read_chk(int fd, void *buffer, size_t size, size_t room)
{
	check_room(size, room);
	return read(fd, buffer, size);
}

VM_EXPORT ssize_t
__pread_chk(int fd, void *buffer, size_t size, off_t offset, size_t room)
{
	check_room(size, room);
	return pread(fd, buffer, size, offset);
}

VM_EXPORT ssize_t
__pread64_chk(int fd, void *buffer, size_t size, off64_t offset, size_t room)
{
	check_room(size, room);
	return pread64(fd, buffer, size, offset);
}

VM_EXPORT int
ftruncate(int fd, off_t length)
{
	return (int)vm_sys_return(vm_shim_truncate(fd, length));
}

VM_EXPORT int
truncate(const char *path, off_t length)
{
	return (int)vm_sys_return(vm_shim_truncate_path(path, length));
}

VM_EXPORT int
fallocate(int fd, int mode, off_t offset, off_t length)
{
	return (int)vm_sys_return(vm_shim_fallocate(fd, mode, offset,
	    length));
}

VM_EXPORT int
posix_fallocate(int fd, off_t offset, off_t length)
{
	return (int)-vm_shim_posix_fallocate(fd, offset, length);
}

VM_EXPORT ssize_t
sendfile(int out, int in, off_t *offset, size_t length)
{
	return vm_sys_return(vm_shim_copy(&(struct vm_copy){
	    .op = SYS_sendfile, .in = in, .in_offset = offset, .out = out,
	    .length = length }));
}

VM_EXPORT int
ftruncate64(int fd, off64_t length)
{
	return (int)vm_sys_return(vm_shim_truncate(fd, length));
}

VM_EXPORT int
truncate64(const char *path, off64_t length)
{
	return (int)vm_sys_return(vm_shim_truncate_path(path, length));
}

VM_EXPORT int
fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
	return (int)vm_sys_return(vm_shim_fallocate(fd, mode, offset,
	    length));
}

VM_EXPORT int
posix_fallocate64(int fd, off64_t offset, off64_t length)
{
	return (int)-vm_shim_posix_fallocate(fd, offset, length);
}

VM_EXPORT ssize_t
sendfile64(int out, int in, off64_t *offset, size_t length)
{
	return vm_sys_return(vm_shim_copy(&(struct vm_copy){
	    .op = SYS_sendfile, .in = in, .in_offset = offset, .out = out,
	    .length = length }));
}

VM_EXPORT ssize_t
splice(int in, off64_t *in_offset, int out, off64_t *out_offset,
    size_t length, unsigned flags)
{
	return vm_sys_return(vm_shim_copy(&(struct vm_copy){
	    .op = SYS_splice, .in = in, .in_offset = in_offset,
	    .out = out, .out_offset = out_offset, .length = length,
	    .flags = flags }));
}

VM_EXPORT ssize_t
copy_file_range(int in, off64_t *in_offset, int out, off64_t *out_offset,
    size_t length, unsigned flags)
{
	return vm_sys_return(vm_shim_copy(&(struct vm_copy){
	    .op = SYS_copy_file_range, .in = in, .in_offset = in_offset,
	    .out = out, .out_offset = out_offset, .length = length,
	    .flags = flags }));
}

VM_EXPORT int
posix_fadvise(int fd, off_t offset, off_t length, int advice)
{
	return (int)-vm_shim_fadvise(fd, offset, length, advice);
}

VM_EXPORT int
posix_fadvise64(int fd, off64_t offset, off64_t length, int advice)
{
	return (int)-vm_shim_fadvise(fd, offset, length, advice);
}

VM_EXPORT int
fsync(int fd)
{
	long result = vm_shim_sync(fd);

	if (result == 0)
		result = VM_SYS_CANCEL(SYS_fsync, fd);
	return (int)vm_sys_return(result);
}

VM_EXPORT int
fdatasync(int fd)
{
	long result = vm_shim_sync(fd);

	if (result == 0)
		result = VM_SYS_CANCEL(SYS_fdatasync, fd);
	return (int)vm_sys_return(result);
}

VM_EXPORT int
syncfs(int fd)
{
	vm_shim_sync_all();
	return (int)vm_sys_return(VM_SYS(SYS_syncfs, fd));
}

VM_EXPORT void
sync(void)
{
	vm_shim_sync_all();
	(void)VM_SYS(SYS_sync);
}

VM_EXPORT int
sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags)
{
	long result = vm_shim_sync(fd);

#ifdef SYS_sync_file_range2
	if (result == 0)
		result = VM_SYS_CANCEL(SYS_sync_file_range2, fd, flags,
		    offset, length);
#else
	if (result == 0)
		result = VM_SYS_CANCEL(SYS_sync_file_range, fd, offset,
		    length, flags);
#endif
	return (int)vm_sys_return(result);
}

static int
open_at(int directory, const char *path, int flags, mode_t mode)
{
	return (int)vm_sys_return(vm_shim_open(&(struct vm_open){
	    directory, path, flags, mode }));
}

/* Whether open has a third argument. */
static int
has_mode(int flags)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

VM_EXPORT int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (has_mode(flags))
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return open_at(AT_FDCWD, path, flags, mode);
}

VM_EXPORT int
__open_2(const char *path, int flags)
{
	if (has_mode(flags))
		__chk_fail();
	return open_at(AT_FDCWD, path, flags, 0);
}

VM_EXPORT int
openat(int directory, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (has_mode(flags))
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return open_at(directory, path, flags, mode);
}

VM_EXPORT int
__openat_2(int directory, const char *path, int flags)
{
	if (has_mode(flags))
		__chk_fail();
	return open_at(directory, path, flags, 0);
}

VM_EXPORT int
creat(const char *path, mode_t mode)
{
	return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

VM_EXPORT int
open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (has_mode(flags))
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return open_at(AT_FDCWD, path, flags, mode);
}

VM_EXPORT int
__open64_2(const char *path, int flags)
{
	if (has_mode(flags))
		__chk_fail();
	return open_at(AT_FDCWD, path, flags, 0);
}

VM_EXPORT int
openat64(int directory, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (has_mode(flags))
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return open_at(directory, path, flags, mode);
}

VM_EXPORT int
__openat64_2(int directory, const char *path, int flags)
{
	if (has_mode(flags))
		__chk_fail();
	return open_at(directory, path, flags, 0);
}

VM_EXPORT int
creat64(const char *path, mode_t mode)
{
	return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
