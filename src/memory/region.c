/* SPDX-License-Identifier: BSD-2-Clause */
/* memory/region.c - a region's life; region.h has the theory. */
#include "memory/region.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "memory/pages.h"
#include "memory/pin.h"
#include "memory/region_private.h"
#include "os/os.h"

static void
begin(struct vm_region *region, struct vm *vm, struct vm_account *account)
{
	region->vm = vm;
	region->account = account;
	region->refs = 1;
	vm_pages_use_account(account);
	vm_lock_init(&region->lock, VM_RANK_NONE, "region");
	vm_list_init(&region->ranges);
	vm_list_init(&region->tokens);
	region->rng.state = vm->os->clock_ns() ^ (uintptr_t)region;
	atomic_fetch_add(&vm->memory->regions, 1);
}

static void
end(struct vm_region *region)
{
	struct vm *vm = region->vm;

	vm_assert(vm_list_empty(&region->ranges));
	vm_assert(vm_list_empty(&region->tokens));
	vm_lock_fini(&region->lock);
	vm_pages_leave_account(region->account);
	atomic_fetch_sub(&vm->memory->regions, 1);
	vm->os->free(region);
}

static struct vm_region *
allocate(struct vm *vm)
{
	struct vm_region *region = vm->os->alloc(sizeof(*region));

	if (region == NULL)
		vm_error(ENOMEM, "region: no memory");
	return region;
}

/* Addresses that nobody can touch yet; with larger pages than the machine's
 * what aligns them lies around. */
static int
reserve(struct vm_region *region, struct vm *vm, uint64_t bytes)
{
	uint64_t page_bytes = vm->page_bytes;
	uint64_t more = page_bytes - vm->memory->machine_page_bytes;
	int error = vm->os->map_anon(bytes + more, &region->mapped);

	if (error == 0) {
		error = vm->os->protect(region->mapped, bytes + more, 0);
		if (error != 0)
			(void)vm->os->unmap(region->mapped, bytes + more);
	}
	if (error != 0)
		return vm_error(-error, "region: %llu bytes of addresses: %s",
		    (unsigned long long)bytes, vm_errno_text(-error));
	region->mapped_bytes = bytes + more;
	region->base = region->mapped;
	region->base += -(uintptr_t)region->base & (page_bytes - 1);
	region->pages = bytes / page_bytes;
	return 0;
}

int
vm_region_new(struct vm *vm, uint64_t bytes, struct vm_account *account,
    struct vm_region **out)
{
	uint64_t mask = vm->page_bytes - 1;
	struct vm_region *region;
	int error;

	/* Half of the addresses: what is rounded up still fits. */
	if (bytes == 0 || bytes > SIZE_MAX / 2)
		return vm_error(EINVAL, "region: of %llu bytes",
		    (unsigned long long)bytes);
	region = allocate(vm);
	if (region == NULL)
		return -ENOMEM;
	error = reserve(region, vm, (bytes + mask) & ~mask);
	if (error != 0) {
		vm->os->free(region);
		return error;
	}
	begin(region, vm, account);
	*out = region;
	return 0;
}

int
vm_region_new_in(struct vm_region *parent,
    const struct vm_range_request *request, struct vm_account *account,
    struct vm_region **out)
{
	struct vm *vm = parent->vm;
	struct vm_region *region = allocate(vm);
	void *base;
	int error;

	if (region == NULL)
		return -ENOMEM;
	error = vm_range_put_in(parent, request, true, &base);
	if (error != 0) {
		vm->os->free(region);
		return error;
	}
	begin(region, vm, account == NULL ? parent->account : account);
	region->parent = parent;
	region->base = base;
	region->pages = (request->bytes + vm->page_bytes - 1) /
	    vm->page_bytes;
	vm_region_get(parent);
	*out = region;
	return 0;
}

void
vm_region_get(struct vm_region *region)
{
	vm_lock(&region->lock);
	vm_assert(region->refs > 0);
	region->refs++;
	vm_unlock(&region->lock);
}

/* All of it, with one call to the machine. */
static int
end_whole(struct vm_region *region)
{
	struct vm *vm = region->vm;
	uintptr_t base = (uintptr_t)region->base;
	struct vm_list dead;
	struct vm_node *node;
	int error;

	if (vm_pinned(vm, base, base + region->pages * vm->page_bytes))
		return vm_error(EBUSY, "region: something in it is wired");
	error = vm->os->unmap(region->mapped, region->mapped_bytes);
	if (error != 0)
		return vm_error(-error, "region: %s", vm_errno_text(-error));
	vm_list_init(&dead);
	vm_lock(&region->lock);
	vm_assert(region->submaps == 0);
	vm_tokens_give(vm, &region->tokens, (uint32_t)region->out,
	    region->account);
	atomic_fetch_sub(&vm->memory->region_pages, region->out);
	while ((node = vm_list_first(&region->ranges)) != NULL)
		vm_range_remove_locked(region, vm_range_of(node), &dead);
	vm_unlock(&region->lock);
	vm_ranges_free(vm, &dead);
	end(region);
	return 0;
}

/* One step up from a submap that ended: its parent, whose reference goes now.
 * NULL: none. */
static int
end_one(struct vm_region *region, struct vm_region **parent)
{
	bool last;
	int error;

	*parent = NULL;
	vm_lock(&region->lock);
	vm_assert(region->refs > 0);
	last = region->refs == 1;
	if (!last)
		region->refs--;
	vm_unlock(&region->lock);
	if (!last)
		return 0;
	if (region->parent == NULL)
		return end_whole(region);
	error = vm_ranges_purge(region);
	if (error != 0)
		return error;
	*parent = region->parent;
	vm_range_leave(*parent, region->base);
	end(region);
	return 0;
}

/*
 * A parent that cannot end with its last submap stays, and the system cannot be
 * destroyed: whoever puts the submap has no parent to try again with.
 */
int
vm_region_put(struct vm_region *region)
{
	struct vm_region *parent;
	int error = end_one(region, &parent);

	while (parent != NULL)
		if (end_one(parent, &parent) != 0)
			break;
	return error;
}
