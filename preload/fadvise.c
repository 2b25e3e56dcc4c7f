/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/fadvise.c - posix_fadvise: what the program says of a file that is
 * managed is said of its pages as well; the kernel has its own cache of it.
 */
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include <resident/object.h>

#include "files.h"
#include "map.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"
#include "write.h"

/* As the protocol says it; -1: the server need not know. */
static int
advice_for_maps(int advice)
{
	switch (advice) {
	case POSIX_FADV_NORMAL:
		return MADV_NORMAL;
	case POSIX_FADV_RANDOM:
		return MADV_RANDOM;
	case POSIX_FADV_SEQUENTIAL:
		return MADV_SEQUENTIAL;
	case POSIX_FADV_WILLNEED:
		return MADV_WILLNEED;
	case POSIX_FADV_DONTNEED:
		return MADV_DONTNEED;
	default:
		return -1;
	}
}

/* The server's number of fd's file. */
static bool
find_number(int fd, uint32_t *number)
{
	struct vm_signals saved;
	struct vm_file *file;
	struct stat st;
	bool found;

	if (!vm_fd_managed(fd, &st) || !vm_shim_enter(&saved))
		return false;
	found = vm_file_open(fd, &st, false, &file) == 0;
	if (found)
		*number = file->number;
	vm_shim_leave(saved);
	return found;
}

static void
tell_server(int fd, uint64_t offset, uint64_t length, int advice)
{
	struct vm_shim_range part = { .offset = offset, .end = length };
	struct vm_signals saved;

	if (!find_number(fd, &part.file))
		return;
	saved = vm_signals_block();
	(void)vm_map_request(VM_REQ_ADVISE, &part, advice);
	vm_signals_restore(saved);
}

long
vm_shim_fadvise(int fd, int64_t offset, int64_t length, int advice)
{
	long result = VM_SYS(SYS_fadvise64, fd, offset, length, advice);
	int for_maps = advice_for_maps(advice);

	/* length 0 is all from there on, in both languages. */
	if (result == 0 && for_maps >= 0 && offset >= 0 && vm_shim_active())
		tell_server(fd, (uint64_t)offset, length == 0 ?
		    VM_LENGTH_ALL : (uint64_t)length, for_maps);
	return result;
}
