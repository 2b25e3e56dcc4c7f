/* SPDX-License-Identifier: BSD-2-Clause */
/* os/file.c - files; os.h has the contracts. */
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/linux_private.h"

/*
 * Through /proc, for a descriptor may have no name any more, or one that is
 * another file by now.
 */
int
vm_os_reopen(int fd, int flags)
{
	/* 32 bytes: the path has 14, a descriptor at most 11. */
	char path[32];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	VM_OS_RETRY(again, open(path, O_NOCTTY |
	    (flags & (O_ACCMODE | O_DIRECT | O_CLOEXEC))));
	if (again < 0)
		return -errno;
	/* Else plain reads would leave up to read_ahead_kb in the page cache,
	 * outside the limit. */
	(void)posix_fadvise(again, 0, 0, POSIX_FADV_RANDOM);
	return again;
}

int
vm_os_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -errno : flags;
}

/* For file systems without O_TMPFILE. */
static int
tmpfile_by_name(const char *directory)
{
	char path[PATH_MAX];
	int fd, length;

	length = snprintf(path, sizeof(path), "%s/.resident-XXXXXX", directory);
	if (length < 0 || (size_t)length >= sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (unlink(path) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int
vm_os_tmpfile(const char *directory)
{
	int fd;

	/* O_EXCL: nobody can give it a name later either. */
	VM_OS_RETRY(fd, open(directory,
	    O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
	if (fd < 0 && errno != EOPNOTSUPP && errno != EISDIR &&
	    errno != EINVAL)
		return -errno;
	if (fd < 0)
		fd = tmpfile_by_name(directory);
	/* A umask can take the owner's bits too, and then a reopen fails. */
	if (fd >= 0 && fchmod(fd, 0600) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int
vm_os_open_append(const char *path)
{
	int fd;

	VM_OS_RETRY(fd, open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
	    O_NOCTTY, 0600));
	return fd < 0 ? -errno : fd;
}

int
vm_os_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

int
vm_os_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -errno : copy;
}

void
vm_os_close(int fd)
{
	/* Never again on EINTR: Linux has freed the number by then. */
	(void)close(fd);
}

int
vm_os_fstat(int fd, struct stat *st)
{
	return fstat(fd, st) < 0 ? -errno : 0;
}

int
vm_os_ftruncate(int fd, uint64_t bytes)
{
	int result;

	VM_OS_RETRY(result, ftruncate(fd, (off_t)bytes));
	return result < 0 ? -errno : 0;
}

int
vm_os_fallocate(int fd, int mode, uint64_t offset, uint64_t length)
{
	int result;

	VM_OS_RETRY(result, fallocate(fd, mode, (off_t)offset, (off_t)length));
	return result < 0 ? -errno : 0;
}

int
vm_os_fsync(int fd)
{
	int result;

	VM_OS_RETRY(result, fdatasync(fd));
	return result < 0 ? -errno : 0;
}

ssize_t
vm_os_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
	ssize_t count;

	VM_OS_RETRY(count, pread(fd, buffer, bytes, (off_t)offset));
	return count < 0 ? -errno : count;
}

ssize_t
vm_os_pwrite(int fd, const void *buffer, size_t bytes, uint64_t offset)
{
	ssize_t count;

	VM_OS_RETRY(count, pwrite(fd, buffer, bytes, (off_t)offset));
	return count < 0 ? -errno : count;
}

/* cachestat(2), Linux 6.5, newer than our headers: the number is the same on
 * every machine but Alpha, the structures are those of linux/mman.h. */
#define NR_CACHESTAT 451

struct cachestat_range {
	uint64_t offset;
	uint64_t length;
};

struct cachestat {
	uint64_t cached_pages;
	uint64_t other[4];
};

/* False as well where the kernel cannot tell. */
static bool
all_cached(int fd, const struct iovec *iov, int count, uint64_t offset)
{
	struct cachestat_range range = { .offset = offset };
	struct cachestat stat = { 0 };
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	for (int i = 0; i < count; i++)
		range.length += iov[i].iov_len;
	if (range.length == 0 ||
	    syscall(NR_CACHESTAT, fd, &range, &stat, 0) < 0)
		return false;
	return stat.cached_pages >= (offset + range.length - 1) / page_bytes -
	    offset / page_bytes + 1;
}

ssize_t
vm_os_preadv_cached(int fd, const struct iovec *iov, int count,
    uint64_t offset)
{
	ssize_t got;

	/* RWF_NOWAIT alone starts a read of each page that is missing, which
	 * fills the page cache (measured on 6.18: one page a call). */
	if (!all_cached(fd, iov, count, offset))
		return -EAGAIN;
	VM_OS_RETRY(got, preadv2(fd, iov, count, (off_t)offset, RWF_NOWAIT));
	/* tmpfs does not know the flag; what is there it has at once. */
	if (got < 0 && errno == EOPNOTSUPP)
		VM_OS_RETRY(got, preadv(fd, iov, count, (off_t)offset));
	if (got >= 0)
		return got;
	return errno == ENOSYS ? -EAGAIN : -errno;
}

bool
vm_os_any_cached(int fd)
{
	struct cachestat_range all = { .offset = 0, .length = 0 };
	struct cachestat stat = { 0 };

	return syscall(NR_CACHESTAT, fd, &all, &stat, 0) < 0 ||
	    stat.cached_pages != 0;
}

bool
vm_os_in_memory(int fd)
{
	struct statfs st;
	int error;

	VM_OS_RETRY(error, fstatfs(fd, &st));
	return error == 0 && (st.f_type == TMPFS_MAGIC ||
	    st.f_type == RAMFS_MAGIC);
}

int
vm_os_drop_cache(int fd, uint64_t offset, uint64_t length)
{
	if (length == 0)	/* to the kernel it means all the rest */
		return 0;
	return -posix_fadvise(fd, (off_t)offset, (off_t)length,
	    POSIX_FADV_DONTNEED);
}
