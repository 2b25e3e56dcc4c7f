/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/anon.c - anon.h has the theory. */
#include "anon.h"

#include <stddef.h>
#include <sys/mman.h>

#include "memory.h"
#include "shim.h"
#include "syscalls.h"

/* What a managed anonymous map can honour; with any other flag it is passed. */
#define FLAGS_SERVED \
	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE | \
	    MAP_POPULATE | MAP_NONBLOCK | MAP_LOCKED | MAP_NORESERVE | \
	    MAP_32BIT | MAP_DENYWRITE | MAP_EXECUTABLE)

#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

/* 64 GiB: what is longer is addresses set aside, of which parts will be mapped
 * again; an object of it would cost 8 MiB of directory. */
#define LENGTH_MAX (UINT64_C(64) << 30)

bool
vm_anon_wants(const struct vm_map_call *map)
{
	uint64_t at = (uint64_t)(uintptr_t)map->address;

	if (vm_shim.anon_min == 0 || map->length < vm_shim.anon_min ||
	    (map->flags & MAP_ANONYMOUS) == 0 ||
	    (map->flags & MAP_TYPE) != MAP_PRIVATE)
		return false;
	/* A stack is used while its thread holds our gates. */
	if ((map->flags & (MAP_STACK | MAP_GROWSDOWN)) != 0)
		return false;
	return (map->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) == 0 ||
	    (at != 0 && (at & (vm_shim.page_size - 1)) == 0);
}

enum vm_pass
vm_anon_reason(const struct vm_map_call *map)
{
	if ((map->prot & PROT_EXEC) != 0)
		return VM_PASS_EXEC;
	if ((map->flags & ~FLAGS_SERVED) != 0 || map->length > LENGTH_MAX)
		return VM_PASS_FLAGS;
	return VM_PASS_NONE;
}

int
vm_anon_ask(uint64_t at, uint64_t length, struct vm_call *call)
{
	int err;

	vm_call_init(call, VM_REQ_ANON);
	call->request.address = at;
	call->request.length = length;
	err = vm_rpc_call(call);
	if (err == 0 && call->reply.verdict == VM_VERDICT_MANAGED &&
	    call->count_got < 1)
		err = -EPROTO;
	return err;
}

int
vm_anon_discard(const struct vm_shim_range *part, unsigned flags)
{
	struct vm_call call;
	int err;

	vm_call_init(&call, VM_REQ_DISCARD);
	call.request.file = part->file;
	call.request.offset = part->offset;
	call.request.length = part->end - part->start;
	call.request.flags = flags;
	err = vm_rpc_call(&call);
	vm_call_done(&call);
	return err;
}

bool
vm_anon_any(uint64_t start, uint64_t end)
{
	struct vm_shim_range *entry;

	for (; (entry = vm_ranges_first(&vm_shim.ranges, start, end)) != NULL;
	    start = entry->end)
		if ((entry->bits & VM_RANGE_ANON) != 0)
			return true;
	return false;
}

static void
keep(long *result, long err)
{
	if (err < 0 && *result == 0)
		*result = err;
}

static long
advise_kernel(uint64_t start, uint64_t end, int advice)
{
	return start == end ? 0 :
	    VM_SYS(SYS_madvise, start, end - start, advice);
}

long
vm_anon_advise(uint64_t start, uint64_t end, int advice)
{
	unsigned flags = advice == MADV_FREE ? VM_DISCARD_LAZY : 0;
	struct vm_shim_range *entry, part;
	long result = 0, err;

	for (; (entry = vm_ranges_first(&vm_shim.ranges, start, end)) != NULL;
	    start = part.end) {
		part = vm_range_cut(entry, start, end);
		keep(&result, advise_kernel(start, part.start, advice));
		if ((part.bits & VM_RANGE_ANON) == 0)
			err = advise_kernel(part.start, part.end, advice);
		else
			err = vm_anon_discard(&part, flags);
		/* Of locked memory the kernel says so. */
		keep(&result, err == -EBUSY ? -EINVAL : err);
	}
	keep(&result, advise_kernel(start, end, advice));
	return result;
}

long
vm_anon_remap(const struct vm_remap_call *remap)
{
	struct vm_map_call map = {
		.length = remap->new_length, .prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS, .fd = -1,
	};
	uint64_t length = remap->old_length < remap->new_length ?
	    remap->old_length : remap->new_length;
	long at;

	if (remap->flags != MREMAP_MAYMOVE || length == 0)
		return -ENOMEM;
	at = vm_shim_mmap(&map);
	if (vm_sys_failed(at))
		return at;
	/* By a system call: part of it may be no memory. */
	if (vm_own_read((void *)at, remap->old, length) == 0) {
		(void)vm_shim_munmap(remap->old, remap->old_length);
		return at;
	}
	(void)vm_shim_munmap((void *)at, remap->new_length);
	return -ENOMEM;
}
