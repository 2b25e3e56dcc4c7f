/* SPDX-License-Identifier: BSD-2-Clause */
/* api/region.c - ranges of addresses: resident/memory.h. */
#include <errno.h>
#include <resident/memory.h>
#include <string.h>

#include "base/error.h"
#include "memory/pages.h"
#include "memory/region.h"
#include "os/os.h"

_Static_assert(VM_REGION_FIXED == VM_RANGE_FIXED, "one number");
_Static_assert(VM_REGION_GUARD == VM_RANGE_GUARD, "one number");
_Static_assert(VM_REGION_EXEC == VM_RANGE_EXEC, "one number");
_Static_assert(VM_REGION_RANDOM == VM_RANGE_RANDOM, "one number");
_Static_assert(VM_PROT_READ == VM_OS_READ, "one number");
_Static_assert(VM_PROT_WRITE == VM_OS_WRITE, "one number");
_Static_assert(VM_PROT_EXEC == VM_OS_EXEC, "one number");

#define REQUEST_FLAGS	(VM_MEMORY_WAIT | VM_MEMORY_SYSTEM | \
    VM_REGION_FIXED | VM_REGION_GUARD | VM_REGION_EXEC | VM_REGION_RANDOM)
#define PROTS		(VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXEC)

static int
check_account(const struct vm *vm, const struct vm_account *account)
{
	if (account == NULL || account->limit == &vm->limit)
		return 0;
	return vm_error(EINVAL, "account \"%s\" is of another system",
	    account->name);
}

static int
check_request(const struct vm_region_request *r, const void *out,
    struct vm_range_request *request)
{
	if (r == NULL || r->size_bytes != sizeof(*r) || out == NULL)
		return vm_error(EINVAL, "region: a request without "
		    "VM_REGION_REQUEST_INIT, or nowhere to put the result");
	if ((r->flags & ~REQUEST_FLAGS) != 0)
		return vm_error(EINVAL, "region: unknown flags 0x%x",
		    r->flags);
	*request = (struct vm_range_request){ .hint = r->hint,
		.bytes = r->bytes, .align_bytes = r->align_bytes,
		.flags = r->flags };
	return 0;
}

VM_EXPORT int
vm_region_create(struct vm *vm, uint64_t bytes, struct vm_account *account,
    struct vm_region **out)
{
	int error = check_account(vm, account);

	if (error != 0)
		return error;
	if (out == NULL)
		return vm_error(EINVAL, "region: nowhere to put it");
	return vm_region_new(vm, bytes, account, out);
}

VM_EXPORT int
vm_region_suballoc(struct vm_region *parent,
    const struct vm_region_request *r, struct vm_account *account,
    struct vm_region **out)
{
	struct vm_range_request request;
	int error = check_request(r, out, &request);

	if (error == 0)
		error = check_account(parent->vm, account);
	return error == 0 ? vm_region_new_in(parent, &request, account, out) :
	    error;
}

VM_EXPORT void
vm_region_ref(struct vm_region *region)
{
	vm_region_get(region);
}

VM_EXPORT int
vm_region_unref(struct vm_region *region)
{
	return vm_region_put(region);
}

VM_EXPORT int
vm_region_alloc(struct vm_region *region,
    const struct vm_region_request *r, void **out)
{
	struct vm_range_request request;
	int error = check_request(r, out, &request);

	return error == 0 ? vm_range_add(region, &request, out) : error;
}

VM_EXPORT int
vm_region_free(struct vm_region *region, void *address, uint64_t bytes)
{
	return vm_range_drop(region, address, bytes);
}

VM_EXPORT int
vm_region_protect(struct vm_region *region, void *address, uint64_t bytes,
    unsigned prot)
{
	if ((prot & ~PROTS) != 0)
		return vm_error(EINVAL, "region: unknown protection 0x%x",
		    prot);
	return vm_range_protect(region, address, bytes, prot);
}

VM_EXPORT int
vm_region_purge(struct vm_region *region)
{
	return vm_ranges_purge(region);
}

VM_EXPORT int
vm_region_stat(struct vm_region *region, struct vm_region_stat *out)
{
	struct vm_region_stat now = { .size_bytes = sizeof(now) };
	uint64_t page_bytes = region->vm->page_bytes;
	size_t bytes = out == NULL ? 0 : out->size_bytes;

	if (bytes < sizeof(size_t))
		return vm_error(EINVAL, "region: without VM_REGION_STAT_INIT");
	now.base = region->base;
	now.bytes = region->pages * page_bytes;
	now.longest_bytes = vm_region_longest(region) * page_bytes;
	vm_lock(&region->lock);
	now.used_bytes = region->out * page_bytes;
	now.peak_bytes = region->peak * page_bytes;
	now.ranges = region->range_count;
	now.regions = region->submaps;
	now.refs = region->refs;
	vm_unlock(&region->lock);
	memcpy(out, &now, bytes < sizeof(now) ? bytes : sizeof(now));
	out->size_bytes = bytes;
	return 0;
}
