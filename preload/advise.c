/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/advise.c - madvise, mlock, munlock: what the program says about
 * ranges.  Managed parts are the server's business; the rest, and whether the
 * addresses exist at all, the kernel's.
 */
#include <stddef.h>
#include <sys/mman.h>

#include <resident/space.h>

#include "anon.h"
#include "map.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"

/* Linux 5.18, 6.1 and 6.13; absent from older headers. */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

int
vm_map_request(unsigned op, const struct vm_shim_range *part, int argument)
{
	struct vm_call call;
	int err;

	vm_call_init(&call, (enum vm_request_op)op);
	call.request.file = part->file;
	call.request.offset = part->offset;
	call.request.length = part->end - part->start;
	call.request.prot = (uint32_t)argument;
	/* The server may wait for pages that a write(2) of ours holds. */
	vm_gate_enter(&vm_shim.held);
	err = vm_rpc_call(&call);
	vm_gate_leave(&vm_shim.held);
	vm_call_done(&call);
	return err;
}

/* One request for each managed part of [start, end); first error. */
static long
request_each(unsigned op, uint64_t start, uint64_t end, int argument)
{
	struct vm_shim_range *entry, part;
	long result = 0;
	int err;

	for (; (entry = vm_ranges_first(&vm_shim.ranges, start, end)) != NULL;
	    start = part.end) {
		part = vm_range_cut(entry, start, end);
		err = vm_map_request(op, &part, argument);
		if (err < 0 && result == 0)
			result = err;
	}
	return result;
}

/* Whether [start, end) lies in shared managed ranges in part. */
static bool
any_shared(uint64_t start, uint64_t end)
{
	struct vm_shim_range *entry;

	for (; (entry = vm_ranges_first(&vm_shim.ranges, start, end)) != NULL;
	    start = entry->end)
		if ((entry->bits & VM_RANGE_SHARED) != 0)
			return true;
	return false;
}

static long
copy_gap(uint64_t start, uint64_t end)
{
	if (start == end)
		return 0;
	return VM_SYS(SYS_madvise, start, end - start, MADV_DOFORK);
}

/* Managed parts must never be copied (inherit.h), and are in children all the
 * same: also after a DONTFORK, which is no harm. */
static long
copy_to_children(uint64_t start, uint64_t end)
{
	struct vm_shim_range *entry, part;
	long result = 0, err;

	for (; (entry = vm_ranges_first(&vm_shim.ranges, start, end)) != NULL;
	    start = part.end) {
		part = vm_range_cut(entry, start, end);
		err = copy_gap(start, part.start);
		if (err < 0 && result == 0)
			result = err;
	}
	err = copy_gap(start, end);
	return result < 0 ? result : err;
}

/* Of files: what that means for anonymous memory was said already. */
static void
not_needed(uint64_t start, uint64_t end)
{
	struct vm_shim_range *entry, part;

	for (; (entry = vm_ranges_first(&vm_shim.ranges, start, end)) != NULL;
	    start = part.end) {
		part = vm_range_cut(entry, start, end);
		if ((part.bits & VM_RANGE_ANON) == 0)
			(void)vm_map_request(VM_REQ_ADVISE, &part,
			    MADV_DONTNEED);
	}
}

static long
page_out_gap(uint64_t start, uint64_t end)
{
	if (start == end)
		return 0;
	return VM_SYS(SYS_madvise, start, end - start, MADV_PAGEOUT);
}

/*
 * Managed parts are the server's to write and to drop, not the kernel's, who
 * would move the store to a swap device.  MADV_COLD of all of it says whether
 * it is there.
 */
static long
page_out(uint64_t start, uint64_t end)
{
	long result = VM_SYS(SYS_madvise, start, end - start, MADV_COLD);
	struct vm_shim_range *entry, part;

	if (result < 0)
		return result;
	for (; (entry = vm_ranges_first(&vm_shim.ranges, start, end)) != NULL;
	    start = part.end) {
		part = vm_range_cut(entry, start, end);
		(void)page_out_gap(start, part.start);
		(void)vm_map_request(VM_REQ_ADVISE, &part, MADV_PAGEOUT);
	}
	(void)page_out_gap(start, end);
	return 0;
}

static long
advise(uint64_t start, uint64_t end, int advice)
{
	long result;

	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_COLD:
		result = VM_SYS(SYS_madvise, start, end - start, advice);
		if (result == 0)
			(void)request_each(VM_REQ_ADVISE, start, end, advice);
		return result;
	case MADV_PAGEOUT:
		return page_out(start, end);
	case MADV_DONTNEED:
		result = vm_anon_advise(start, end, advice);
		if (result == 0)
			not_needed(start, end);
		return result;
	case MADV_FREE:
	case MADV_DONTNEED_LOCKED:
		return vm_anon_advise(start, end, advice);
	case MADV_COLLAPSE:
	case MADV_GUARD_INSTALL:
	case MADV_GUARD_REMOVE:
		/* As before Linux 6.1 and 6.13: programs know that answer. */
		if (vm_anon_any(start, end))
			return -EINVAL;
		break;
	case MADV_REMOVE:
		/* There is none for private memory. */
		if (vm_anon_any(start, end))
			return -EINVAL;
		/* A hole in the store alone would be filled again; and there
		 * is no descriptor here to make one in the file. */
		if (any_shared(start, end))
			return -EOPNOTSUPP;
		break;
	case MADV_HUGEPAGE:
		/* A huge page of the store is more than was filled. */
		return 0;
	case MADV_DOFORK:
		if (vm_shim_forkless())
			return copy_to_children(start, end);
		break;
	default:
		break;
	}
	return VM_SYS(SYS_madvise, start, end - start, advice);
}

long
vm_shim_madvise(void *address, uint64_t length, int advice)
{
	uint64_t start = (uint64_t)(uintptr_t)address;
	uint64_t end = start + vm_shim_page_up(length);
	struct vm_signals saved;
	long result;

	if (!vm_shim_near(address, length) ||
	    (start & (vm_shim.page_size - 1)) != 0 ||
	    !vm_shim_enter(&saved))
		return VM_SYS(SYS_madvise, address, length, advice);
	if (vm_ranges_first(&vm_shim.ranges, start, end) != NULL)
		result = advise(start, end, advice);
	else
		result = VM_SYS(SYS_madvise, address, length, advice);
	vm_shim_leave(saved);
	return result;
}

static long
kernel_lock(bool lock, uint64_t start, uint64_t end, int flags)
{
	if (start == end)
		return 0;
	if (!lock)
		return VM_SYS(SYS_munlock, start, end - start);
	if (flags < 0)
		return VM_SYS(SYS_mlock, start, end - start);
	return VM_SYS(SYS_mlock2, start, end - start, flags);
}

/* Managed parts are wired by the server, gaps between them locked by the
 * kernel, in order; the first error ends it, as in the kernel. */
static long
lock_each(bool lock, uint64_t start, uint64_t end, int flags)
{
	struct vm_shim_range *entry, part;
	long result;

	while ((entry = vm_ranges_first(&vm_shim.ranges, start, end)) !=
	    NULL) {
		part = vm_range_cut(entry, start, end);
		result = kernel_lock(lock, start, part.start, flags);
		if (result == 0)
			result = vm_map_request(lock ? VM_REQ_WIRE :
			    VM_REQ_UNWIRE, &part, 0);
		if (result < 0)
			return result;
		start = part.end;
	}
	return kernel_lock(lock, start, end, flags);
}

static long
lock_call(bool lock, const void *address, uint64_t length, int flags)
{
	uint64_t mask = ~(vm_shim.page_size - 1);
	uint64_t start = (uint64_t)(uintptr_t)address & mask;
	uint64_t end = vm_shim_page_up((uint64_t)(uintptr_t)address + length);
	struct vm_signals saved;
	long result;

	if (length == 0 || end < start ||
	    (flags > 0 && flags != MLOCK_ONFAULT) ||
	    !vm_shim_near(address, length) || !vm_shim_enter(&saved))
		return kernel_lock(lock, (uint64_t)(uintptr_t)address,
		    (uint64_t)(uintptr_t)address + length, flags);
	result = lock_each(lock, start, end, flags);
	vm_shim_leave(saved);
	return result;
}

long
vm_shim_mlock(const void *address, uint64_t length, int flags)
{
	return lock_call(true, address, length, flags);
}

long
vm_shim_munlock(const void *address, uint64_t length)
{
	return lock_call(false, address, length, -1);
}
