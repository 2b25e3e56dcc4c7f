/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/remap.c - mremap of managed ranges.
 *
 * The kernel moves and grows the mapping and keeps it registered; the server
 * learns of a move by the event, of a new tail by ENTER.  One call concerns
 * one range: the kernel, too, wants a single mapping.
 */
#include <stddef.h>
#include <sys/mman.h>

#include <resident/space.h>

#include "adopt.h"
#include "anon.h"
#include "map.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4	/* Linux 5.7 */
#endif

static long
kernel_mremap(const struct vm_remap_call *remap)
{
	return VM_SYS(SYS_mremap, remap->old, remap->old_length,
	    remap->new_length, remap->flags, remap->new);
}

/* The new end of a range that grew. */
static int
enter_tail(const struct vm_shim_range *entry, uint64_t from)
{
	struct vm_shim_range tail = vm_range_cut(entry, from, entry->end);
	unsigned flags = (entry->bits & VM_RANGE_ANON) != 0 ?
	    VM_ENTER_TAIL : 0;
	int err = vm_rpc_enter(&tail, entry->kind, flags);

	if (err == 0 && entry->kind == VM_RANGE_TRACKED)
		err = vm_rpc_range(VM_REQ_MAPPED, from, entry->end - from);
	return err;
}

/* The server does not take the tail: everything as it was. */
static void
undo(const struct vm_shim_range *grown, const struct vm_shim_range *old)
{
	uint64_t length = old->end - old->start;

	(void)VM_SYS(SYS_munmap, grown->start + length,
	    grown->end - grown->start - length);
	if (grown->start != old->start && vm_sys_failed(VM_SYS(SYS_mremap,
	    grown->start, length, length, MREMAP_MAYMOVE | MREMAP_FIXED,
	    old->start)))
		vm_shim_die("a mapping could not be grown, nor put back; "
		    "ending this process");
}

/* part: all that is remapped, within one range. */
static long
remap_part(const struct vm_remap_call *remap,
    const struct vm_shim_range *part, uint64_t old_size, uint64_t new_size)
{
	struct vm_shim_range grown = *part;
	long at = kernel_mremap(remap);

	if (vm_sys_failed(at))
		return at;
	grown.start = (uint64_t)at;
	grown.end = grown.start + new_size;
	if (new_size > old_size && enter_tail(&grown,
	    grown.start + old_size) < 0) {
		undo(&grown, part);
		return -ENOMEM;
	}
	/* The alias and face stay: the file still has a range after this. */
	vm_ranges_remove(&vm_shim.ranges, part->start, part->end);
	if ((remap->flags & MREMAP_FIXED) != 0)
		vm_map_left(grown.start, grown.end);
	vm_ranges_insert(&vm_shim.ranges, &grown);
	if (new_size < old_size && (part->bits & VM_RANGE_ANON) != 0) {
		grown = vm_range_cut(part, part->start + new_size, part->end);
		(void)vm_anon_discard(&grown, VM_DISCARD_LEFT);
	}
	return at;
}

static long
remap_locked(const struct vm_remap_call *remap)
{
	uint64_t start = (uint64_t)(uintptr_t)remap->old;
	uint64_t new = (uint64_t)(uintptr_t)remap->new;
	uint64_t old_size = vm_shim_page_up(remap->old_length);
	uint64_t new_size = vm_shim_page_up(remap->new_length);
	struct vm_shim_range *entry = vm_ranges_first(&vm_shim.ranges, start,
	    start + (old_size == 0 ? 1 : old_size)), part;
	long result;

	/* Cut the old place, cut the new place, insert. */
	if (vm_ranges_reserve(&vm_shim.ranges, 3) < 0)
		return -ENOMEM;
	if ((remap->flags & MREMAP_FIXED) != 0)
		vm_map_leaving(new, new + new_size);
	if (entry == NULL) {
		result = kernel_mremap(remap);
		if (!vm_sys_failed(result) &&
		    (remap->flags & MREMAP_FIXED) != 0)
			vm_map_left(new, new + new_size);
		return result;
	}
	/* The reservation may have moved the table. */
	entry = vm_ranges_first(&vm_shim.ranges, start,
	    start + (old_size == 0 ? 1 : old_size));
	if (old_size == 0 || new_size == 0 ||
	    (remap->flags & MREMAP_DONTUNMAP) != 0)
		return -EINVAL;
	if (entry->start > start || entry->end < start + old_size)
		return -EFAULT;
	part = vm_range_cut(entry, start, start + old_size);
	if (new_size < old_size)
		vm_map_leaving(start + new_size, start + old_size);
	return remap_part(remap, &part, old_size, new_size);
}

/* A map that was too small to be managed is about to be large enough. */
static bool
crosses_line(const struct vm_remap_call *remap)
{
	return vm_shim_active() && (remap->flags & MREMAP_MAYMOVE) != 0 &&
	    (remap->flags & MREMAP_DONTUNMAP) == 0 &&
	    remap->old_length != 0 &&
	    remap->old_length < vm_shim.min_map &&
	    remap->new_length >= vm_shim.min_map &&
	    !vm_shim_near(remap->old, remap->old_length);
}

long
vm_shim_mremap(const struct vm_remap_call *remap)
{
	struct vm_signals saved;
	long result;
	bool anon;

	if (crosses_line(remap)) {
		result = vm_shim_adopt(remap);
		if (!vm_sys_failed(result))
			return result;
	}
	if ((!vm_shim_near(remap->old, remap->old_length +
	    vm_shim.page_size) && ((remap->flags & MREMAP_FIXED) == 0 ||
	    !vm_shim_near(remap->new, remap->new_length +
	    vm_shim.page_size))) || !vm_shim_enter(&saved))
		return kernel_mremap(remap);
	anon = vm_anon_any((uint64_t)(uintptr_t)remap->old,
	    (uint64_t)(uintptr_t)remap->old + remap->old_length);
	result = remap_locked(remap);
	vm_shim_leave(saved);
	/* Several mappings, or one that goes on elsewhere. */
	if (anon && (result == -ENOMEM || result == -EFAULT))
		return vm_anon_remap(remap);
	return result;
}
