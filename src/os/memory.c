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

/* 64 KiB: of less, a mapping of its own would waste a part of a page. */
#define ALLOC_MAPPED ((size_t)64 << 10)

/* In front of what the caller has, a line that nobody else touches. */
union block {
	size_t mapped_bytes;	/* with this line; 0: malloc's (C) */
	_Alignas(VM_CACHE_LINE) char line[VM_CACHE_LINE];
};

/* Of the kernel zeros cost nothing, and memory only where they are used. */
static union block *
map_block(size_t bytes)
{
	void *memory = NULL;

	if (vm_os_map_anon(bytes, &memory) != 0)
		return NULL;
	((union block *)memory)->mapped_bytes = bytes;
	return memory;
}

static union block *
new_block(size_t bytes)
{
	union block *block = aligned_alloc(VM_CACHE_LINE, bytes);

	if (block != NULL)
		memset(block, 0, bytes);
	return block;
}

void *
vm_os_alloc(size_t bytes)
{
	/* Whole lines, so that no two blocks share one; and that in front. */
	size_t lines = bytes / VM_CACHE_LINE + 2;
	union block *block;

	if (lines > PTRDIFF_MAX / VM_CACHE_LINE)
		return NULL;
	block = bytes < ALLOC_MAPPED ? new_block(lines * VM_CACHE_LINE) :
	    map_block(lines * VM_CACHE_LINE);
	return block == NULL ? NULL : block + 1;
}

void
vm_os_free(void *memory)
{
	union block *block;

	if (memory == NULL)
		return;
	block = (union block *)memory - 1;
	if (block->mapped_bytes != 0)
		(void)vm_os_unmap(block, block->mapped_bytes);
	else
		free(block);
}
