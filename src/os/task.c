/* SPDX-License-Identifier: BSD-2-Clause */
/* os/task.c - other tasks of the machine; contracts in os.h. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/linux_private.h"

int
vm_os_task_sigbus(int tid)
{
	return syscall(SYS_tkill, tid, SIGBUS) == 0 ? 0 : -errno;
}

/* The kernel stops where a page is not to be had, so it is asked again for the
 * rest, and then it says why. */
static int
task_copy(int pid, struct iovec far, struct iovec near, bool out)
{
	while (near.iov_len != 0) {
		ssize_t n = out ? process_vm_readv(pid, &near, 1, &far, 1, 0) :
		    process_vm_writev(pid, &near, 1, &far, 1, 0);

		if (n < 0)
			return -errno;
		if (n == 0)
			return -EFAULT;
		near.iov_base = (char *)near.iov_base + n;
		near.iov_len -= (size_t)n;
		far.iov_base = (char *)far.iov_base + n;
		far.iov_len -= (size_t)n;
	}
	return 0;
}

int
vm_os_task_read(int pid, uint64_t address, void *buffer, size_t bytes)
{
	return task_copy(pid, (struct iovec){ (void *)(uintptr_t)address,
	    bytes }, (struct iovec){ buffer, bytes }, true);
}

int
vm_os_task_write(int pid, uint64_t address, const void *buffer, size_t bytes)
{
	return task_copy(pid, (struct iovec){ (void *)(uintptr_t)address,
	    bytes }, (struct iovec){ (void *)(uintptr_t)buffer, bytes },
	    false);
}
