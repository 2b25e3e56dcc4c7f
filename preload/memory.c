/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/memory.c - memory.h has the contract. */
#include "memory.h"

#include <string.h>
#include <sys/mman.h>

#include "syscalls.h"

void *
vm_own_new(size_t size)
{
	long at = VM_SYS(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return vm_sys_failed(at) ? NULL : (void *)at;
}

void
vm_own_free(void *memory, size_t size)
{
	(void)VM_SYS(SYS_munmap, memory, size);
}

long
vm_own_map(int fd, size_t length, int prot)
{
	return VM_SYS(SYS_mmap, NULL, length, prot, MAP_SHARED, fd, 0);
}

int
vm_own_read(void *to, const void *from, size_t size)
{
	struct iovec here, there;
	long n, pid = VM_SYS(SYS_getpid);

	while (size > 0) {
		here = (struct iovec){ to, size };
		there = (struct iovec){ (void *)(uintptr_t)from, size };
		n = VM_SYS(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0);
		/* A sandbox may forbid the call: then trust the program. */
		if (n == -ENOSYS || n == -EPERM) {
			memcpy(to, from, size);
			return 0;
		}
		if (n <= 0)
			return -EFAULT;
		to = (char *)to + n;
		from = (const char *)from + n;
		size -= (size_t)n;
	}
	return 0;
}
