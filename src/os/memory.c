/* SPDX-License-Identifier: BSD-2-Clause */
/* os/memory.c - mappings, memory files, small memory; contracts in os.h. */
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "os/linux_private.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U	/* Linux 6.3, newer than our headers */
#endif

int
vm_os_map_anon(size_t bytes, void **out)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return -errno;
	*out = base;
	return 0;
}

int
vm_os_map_file(int fd, uint64_t offset, size_t bytes, int prot, void **out)
{
	void *base = mmap(NULL, bytes, prot, MAP_SHARED, fd, (off_t)offset);

	if (base == MAP_FAILED)
		return -errno;
	*out = base;
	return 0;
}

int
vm_os_unmap(void *base, size_t bytes)
{
	return munmap(base, bytes) < 0 ? -errno : 0;
}

int
vm_os_drop(void *base, size_t bytes)
{
	int result;

	VM_OS_RETRY(result, madvise(base, bytes, MADV_DONTNEED));
	return result < 0 ? -errno : 0;
}

int
vm_os_protect(void *base, size_t bytes, unsigned prot)
{
	int bits = PROT_NONE;

	if (prot & VM_OS_READ)
		bits |= PROT_READ;
	if (prot & VM_OS_WRITE)
		bits |= PROT_WRITE;
	if (prot & VM_OS_EXEC)
		bits |= PROT_EXEC;
	return mprotect(base, bytes, bits) < 0 ? -errno : 0;
}

int
vm_os_want_huge(void *base, size_t bytes)
{
	return madvise(base, bytes, MADV_HUGEPAGE) < 0 ? -errno : 0;
}

int
vm_os_pin(void *base, size_t bytes)
{
	return mlock(base, bytes) < 0 ? -errno : 0;
}

int
vm_os_unpin(void *base, size_t bytes)
{
	return munlock(base, bytes) < 0 ? -errno : 0;
}

int
vm_os_random(void *bytes, size_t count)
{
	ssize_t got;

	/* So few come at once, or not at all. */
	VM_OS_RETRY(got, getrandom(bytes, count, 0));
	return got < 0 ? -errno : 0;
}

/*
 * Not executable, because hardened systems (vm.memfd_noexec = 2) refuse
 * anything else; that opens the file to seals, and the last seal closes it
 * again: who gets the descriptor must not freeze the store.
 */
int
vm_os_memfd(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)	/* before Linux 6.3 */
		fd = memfd_create(name, MFD_CLOEXEC);
	else if (fd >= 0)
		(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL);
	return fd < 0 ? -errno : fd;
}

int
vm_os_punch(int fd, uint64_t offset, uint64_t length)
{
	return vm_os_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    offset, length);
}

void *
vm_os_alloc(size_t bytes)
{
	/* Whole lines, so that no two blocks share one. */
	size_t lines = bytes / VM_CACHE_LINE + 1;
	void *memory = NULL;

	if (lines <= PTRDIFF_MAX / VM_CACHE_LINE)
		memory = aligned_alloc(VM_CACHE_LINE, lines * VM_CACHE_LINE);
	if (memory != NULL)
		memset(memory, 0, lines * VM_CACHE_LINE);
	return memory;
}

void
vm_os_free(void *memory)
{
	free(memory);
}
