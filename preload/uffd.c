/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/uffd.c - uffd.h has the theory. */
#include "uffd.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "shim.h"
#include "syscalls.h"

/* Linux 5.19 to 6.4; headers of Debian 12 are those of 6.1. */
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif

/* UFFD_FEATURE_EVENT_FORK comes on top, where it is allowed. */
#define FEATURES \
	(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_REMAP | \
	    UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_MISSING_SHMEM | \
	    UFFD_FEATURE_THREAD_ID | \
	    UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_WP_UNPOPULATED)

/* 512: above what select() of most programs and shells' redirections use;
 * the tables of a process with so few descriptors take one page more. */
#define HIDE_FROM 512

/* 8: what is left below a small RLIMIT_NOFILE for two descriptors and their
 * successors. */
#define HIDE_BELOW_LIMIT 8

static long
by_device(void)
{
	long device = VM_SYS(SYS_openat, AT_FDCWD, "/dev/userfaultfd",
	    O_RDWR | O_CLOEXEC), fd;

	if (device < 0)
		return device;
	fd = VM_SYS(SYS_ioctl, device, USERFAULTFD_IOC_NEW,
	    O_CLOEXEC | O_NONBLOCK);
	(void)VM_SYS(SYS_close, device);
	return fd;
}

static long
set_up(long fd, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	return VM_SYS(SYS_ioctl, fd, UFFDIO_API, &api);
}

/* EPERM is the kernel's answer to EVENT_FORK alone; it changes nothing. */
static long
choose_features(long fd)
{
	long err = -EPERM;

	if (!vm_shim_forkless())
		err = set_up(fd, FEATURES | UFFD_FEATURE_EVENT_FORK);
	if (err != -EPERM)
		return err;
	err = set_up(fd, FEATURES);
	if (err == 0)
		atomic_store_explicit(&vm_shim.forkless, true,
		    memory_order_relaxed);
	return err;
}

int
vm_uffd_new(void)
{
	long fd = VM_SYS(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), err;

	if (fd < 0)
		fd = by_device();
	if (fd < 0)
		return (int)fd;
	err = choose_features(fd);
	if (err == 0)
		return vm_fd_hide((int)fd);
	(void)VM_SYS(SYS_close, fd);
	return (int)err;
}

int
vm_uffd_register(uint64_t start, uint64_t length, bool protect)
{
	struct uffdio_register registration = {
		.range = { .start = start, .len = length },
		.mode = UFFDIO_REGISTER_MODE_MISSING |
		    (protect ? UFFDIO_REGISTER_MODE_WP : 0),
	};
	long err = 0;

	/* First: the memory is still inaccessible, here and in a child. */
	if (vm_shim_forkless())
		err = VM_SYS(SYS_madvise, start, length, MADV_DONTFORK);
	if (err < 0)
		return (int)err;
	return (int)VM_SYS(SYS_ioctl, atomic_load_explicit(&vm_shim.uffd,
	    memory_order_relaxed), UFFDIO_REGISTER, &registration);
}

int
vm_fd_hide(int fd)
{
	struct rlimit limit = { 0 };
	long from = HIDE_FROM, high;

	if (VM_SYS(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == 0 &&
	    limit.rlim_cur < HIDE_FROM + HIDE_BELOW_LIMIT)
		from = (long)limit.rlim_cur - HIDE_BELOW_LIMIT;
	if (from <= fd)
		return fd;
	high = VM_SYS(SYS_fcntl, fd, F_DUPFD_CLOEXEC, from);
	if (high < 0)
		return fd;
	(void)VM_SYS(SYS_close, fd);
	return (int)high;
}
