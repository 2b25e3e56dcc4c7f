/* SPDX-License-Identifier: BSD-2-Clause */
/* pmap/own.c - this process's own memory: uffd.h has the contracts. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "pmap/uffd_private.h"

/* Enough for memory that is private, Linux 5.7. */
#define FEATURES_MEMORY (UFFD_FEATURE_SIGBUS | UFFD_FEATURE_PAGEFAULT_FLAG_WP)
/* And what memory files need: protection of pages that are not there yet. */
#define FEATURES_FILES (UFFD_FEATURE_MISSING_SHMEM | \
    UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_WP_UNPOPULATED)

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1	/* Linux 5.11 */
#endif
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)	/* Linux 6.1 */
#endif

#define FLAGS (O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)

/*
 * Faults of the kernel itself are refused with SIGBUS in any case, so faults of
 * user mode are all we need: that much everybody is permitted, but where a
 * filter of system calls is in the way.  Then the device may not be.
 */
static int
open_uffd(void)
{
	int uffd = (int)syscall(SYS_userfaultfd, FLAGS), error = errno;
	int device;

	if (uffd >= 0 || (error != EPERM && error != ENOSYS))
		return uffd;
	device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (device >= 0) {
		uffd = ioctl(device, USERFAULTFD_IOC_NEW, FLAGS);
		close(device);
	}
	errno = error;
	return uffd;
}

/* A descriptor can be asked only once what it knows. */
static int
open_with(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int uffd = open_uffd(), error;

	if (uffd < 0)
		return -errno;
	if (ioctl(uffd, UFFDIO_API, &api) == 0)
		return uffd;
	error = errno;
	close(uffd);
	return -error;
}

int
vm_own_open(int *self, bool *files)
{
	int uffd = open_with(FEATURES_MEMORY | FEATURES_FILES);

	*files = uffd >= 0;
	if (uffd == -EINVAL)
		uffd = open_with(FEATURES_MEMORY);
	/* Without it pages are dropped range by range. */
	*self = uffd < 0 ? -1 : (int)syscall(SYS_pidfd_open, getpid(), 0);
	return uffd;
}

void
vm_own_close(int uffd, int self)
{
	close(uffd);
	if (self >= 0)
		close(self);
}

static void *
pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* A child would read zeros where it should trap. */
static int
keep_from_children(void *base, uint64_t length, uint64_t *address)
{
	int error;

	*address = (uintptr_t)base;
	if (madvise(base, length, MADV_DONTFORK) == 0)
		return 0;
	error = errno;
	munmap(base, length);
	return -error;
}

int
vm_own_reserve(uint64_t length, uint64_t *address)
{
	void *base = mmap(pointer(*address), length, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return base == MAP_FAILED ? -errno :
	    keep_from_children(base, length, address);
}

int
vm_own_show(int fd, uint64_t offset, uint64_t length, bool fixed,
    uint64_t *address)
{
	void *base = mmap(pointer(*address), length, PROT_READ | PROT_WRITE,
	    MAP_SHARED | (fixed ? MAP_FIXED : 0), fd, (off_t)offset);

	return base == MAP_FAILED ? -errno :
	    keep_from_children(base, length, address);
}

int
vm_own_unmap(uint64_t address, uint64_t length)
{
	return munmap(pointer(address), length) == 0 ? 0 : -errno;
}

int
vm_own_watch(int uffd, uint64_t address, uint64_t length)
{
	struct uffdio_register what = {
		.range = { .start = address, .len = length },
		.mode = UFFDIO_REGISTER_MODE_MISSING |
		    UFFDIO_REGISTER_MODE_WP,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &what) == 0 ? 0 : -errno;
}

int64_t
vm_own_copy(int uffd, uint64_t to, const void *from, uint64_t length,
    bool protect)
{
	struct uffdio_copy copy = {
		.dst = to, .src = (uintptr_t)from, .len = length,
		.mode = protect ? UFFDIO_COPY_MODE_WP : 0,
	};

	if (ioctl(uffd, UFFDIO_COPY, &copy) == 0)
		return (int64_t)length;
	return errno == EAGAIN && copy.copy > 0 ? copy.copy : -errno;
}

static int64_t
drop_one(const struct iovec *range)
{
	return madvise(range->iov_base, range->iov_len, MADV_DONTNEED) == 0 ?
	    (int64_t)range->iov_len : -errno;
}

/* Linux 6.13 lets a process do this to itself; before, one by one. */
int64_t
vm_own_drop(int self, const struct iovec *ranges, unsigned count)
{
	ssize_t bytes = -1;

	if (self >= 0 && count > 1)
		bytes = syscall(SYS_process_madvise, self, ranges,
		    (size_t)count, MADV_DONTNEED, 0);
	return bytes > 0 ? bytes : drop_one(ranges);
}
