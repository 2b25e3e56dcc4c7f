/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/protect.c - mprotect and msync.
 *
 * A READ range that becomes writable becomes TRACKED first: registered for
 * write protection, clean pages protected, and only then writable, so that no
 * write goes unnoticed.  The whole range becomes TRACKED even when mprotect
 * names part of it; the rest stays as unwritable as it was.
 *
 * A private range that becomes writable is no more managed in a forkless
 * process (inherit.h).
 *
 * PROT_EXEC is the kernel's: code runs from a managed page as from any other.
 */
#include <stddef.h>
#include <sys/mman.h>

#include <resident/space.h>

#include "map.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"
#include "uffd.h"

/* Whether the program may write to all managed ranges of [start, end). */
static bool
may_write(uint64_t start, uint64_t end)
{
	struct vm_shim_range *entry;

	for (; (entry = vm_ranges_first(&vm_shim.ranges, start, end)) != NULL;
	    start = entry->end)
		if ((entry->bits & VM_RANGE_MAYWRITE) == 0)
			return false;
	return true;
}

static int
track(struct vm_shim_range *entry)
{
	uint64_t length = entry->end - entry->start;
	int err = vm_uffd_register(entry->start, length, true);

	if (err == 0)
		err = vm_rpc_range(VM_REQ_TRACK, entry->start, length);
	if (err < 0)
		return err;
	entry->kind = VM_RANGE_TRACKED;
	return vm_rpc_range(VM_REQ_MAPPED, entry->start, length);
}

static int
track_all(uint64_t start, uint64_t end)
{
	struct vm_shim_range *entry;
	int err;

	for (; (entry = vm_ranges_first(&vm_shim.ranges, start, end)) != NULL;
	    start = entry->end) {
		if ((entry->bits & VM_RANGE_SHARED) == 0 ||
		    entry->kind != VM_RANGE_READ)
			continue;
		err = track(entry);
		if (err < 0)
			return err;
	}
	return 0;
}

long
vm_shim_mprotect(void *address, uint64_t length, int prot)
{
	uint64_t start = (uint64_t)(uintptr_t)address;
	uint64_t end = start + vm_shim_page_up(length);
	struct vm_signals saved;
	long result = 0;

	if ((prot & PROT_WRITE) == 0 || !vm_shim_near(address, length) ||
	    (start & (vm_shim.page_size - 1)) != 0 || !vm_shim_enter(&saved))
		return VM_SYS(SYS_mprotect, address, length, prot);
	if (!may_write(start, end))
		result = -EACCES;
	else
		result = track_all(start, end);
	if (result == 0 && vm_shim_forkless())
		result = vm_map_let_go(start, end, prot);
	if (result == 0)
		result = VM_SYS(SYS_mprotect, address, length, prot);
	vm_shim_leave(saved);
	return result;
}

/* The next shared part from *start on, copied out of the table. */
static bool
next_shared(uint64_t *start, uint64_t end, struct vm_shim_range *part)
{
	struct vm_shim_range *entry = NULL;
	struct vm_signals saved;
	bool found = false;

	if (!vm_shim_enter(&saved))
		return false;
	while (!found && (entry = vm_ranges_first(&vm_shim.ranges, *start,
	    end)) != NULL) {
		*part = vm_range_cut(entry, *start, end);
		*start = part->end;
		found = (part->bits & VM_RANGE_SHARED) != 0;
	}
	vm_shim_leave(saved);
	return found;
}

/* The kernel is asked first: it knows what is mapped, and what the flags
 * mean; to the store it does nothing. */
long
vm_shim_msync(void *address, uint64_t length, int flags)
{
	uint64_t start = (uint64_t)(uintptr_t)address;
	uint64_t end = start + vm_shim_page_up(length);
	enum vm_request_op op = (flags & MS_SYNC) != 0 ? VM_REQ_SYNC :
	    VM_REQ_FLUSH;
	long result = VM_SYS_CANCEL(SYS_msync, address, length, flags);
	struct vm_signals saved;
	struct vm_shim_range part;
	int err;

	if ((result < 0 && result != -ENOMEM) ||
	    (flags & (MS_SYNC | MS_ASYNC)) == 0 ||
	    !vm_shim_near(address, length))
		return result;
	while (next_shared(&start, end, &part)) {
		saved = vm_signals_block();
		err = vm_rpc_file(op, part.file, part.offset,
		    part.end - part.start);
		vm_signals_restore(saved);
		if (err < 0)
			return err;
	}
	return result;
}
