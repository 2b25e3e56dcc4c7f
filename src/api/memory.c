/* SPDX-License-Identifier: BSD-2-Clause */
/* api/memory.c - memory, caches, wired memory: resident/memory.h. */
#include <errno.h>
#include <resident/memory.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "memory/alloc.h"
#include "memory/memory.h"
#include "memory/pages.h"
#include "memory/pin.h"

_Static_assert(VM_MEMORY_WAIT == VM_MEM_WAIT, "one number");
_Static_assert(VM_MEMORY_ZERO == VM_MEM_ZERO, "one number");
_Static_assert(VM_MEMORY_SYSTEM == VM_MEM_SYSTEM, "one number");

#define MEMORY_FLAGS	(VM_MEMORY_WAIT | VM_MEMORY_ZERO | VM_MEMORY_SYSTEM)
#define CACHE_FLAGS	(VM_MEMORY_WAIT | VM_MEMORY_SYSTEM)

static int
no_init(const char *what)
{
	return vm_error(EINVAL, "%s: without its INIT, or nowhere to put "
	    "the result", what);
}

static int
check_account(const struct vm *vm, const struct vm_account *account)
{
	if (account == NULL || account->limit == &vm->limit)
		return 0;
	return vm_error(EINVAL, "account \"%s\" is of another system",
	    account->name);
}

/* Whole pages that hold so many bytes. */
static uint32_t
pages_of(const struct vm *vm, uint64_t bytes)
{
	uint64_t pages = bytes / vm->page_bytes +
	    (bytes % vm->page_bytes != 0);

	return pages < UINT32_MAX ? (uint32_t)pages : UINT32_MAX;
}

/* ---- any size ------------------------------------------------------------ */

VM_EXPORT int
vm_memory_alloc(struct vm *vm, const struct vm_memory_request *r, void **out)
{
	struct vm_alloc_request request;
	int error;

	if (r == NULL || r->size_bytes != sizeof(*r) || out == NULL)
		return no_init("memory");
	if ((r->flags & ~MEMORY_FLAGS) != 0)
		return vm_error(EINVAL, "memory: unknown flags 0x%x",
		    r->flags);
	error = check_account(vm, r->account);
	request = (struct vm_alloc_request){ .bytes = r->bytes,
		.align_bytes = r->align_bytes, .flags = r->flags,
		.account = r->account };
	return error == 0 ? vm_alloc(vm, &request, out) : error;
}

VM_EXPORT void
vm_memory_free(struct vm *vm, void *memory, uint64_t bytes,
    struct vm_account *account)
{
	if (memory != NULL)
		vm_alloc_free(vm, memory, bytes, account);
}

VM_EXPORT int
vm_memory_stat(struct vm *vm, struct vm_memory_stat *out)
{
	struct vm_memory *m = vm->memory;
	struct vm_memory_stat now = { .size_bytes = sizeof(now) };
	size_t bytes = out == NULL ? 0 : out->size_bytes;

	if (bytes < sizeof(size_t))
		return no_init("memory");
	now.used_bytes = atomic_load(&m->used);
	now.kept_pages = atomic_load(&m->kept);
	now.allocs = atomic_load(&m->allocs);
	now.frees = atomic_load(&m->frees);
	now.hits = atomic_load(&m->hits);
	now.failures = atomic_load(&m->failures);
	now.reclaimed_pages = atomic_load(&m->reclaimed_pages);
	now.region_pages = atomic_load(&m->region_pages);
	now.regions = atomic_load(&m->regions);
	vm_lock(&m->lock);
	now.caches = m->user_caches;
	vm_unlock(&m->lock);
	/* As vm_stat: a caller built against fewer fields gets those. */
	memcpy(out, &now, bytes < sizeof(now) ? bytes : sizeof(now));
	out->size_bytes = bytes;
	return 0;
}

VM_EXPORT uint64_t
vm_memory_reclaim(struct vm *vm, uint64_t bytes)
{
	return (uint64_t)vm_mem_reclaim(vm, pages_of(vm, bytes)) *
	    vm->page_bytes;
}

/* ---- things of one kind -------------------------------------------------- */

VM_EXPORT int
vm_cache_create(struct vm *vm, const struct vm_cache_options *o,
    struct vm_cache **out)
{
	struct vm_cache_request request;
	int error;

	if (o == NULL || o->size_bytes != sizeof(*o) || out == NULL)
		return no_init("cache");
	error = check_account(vm, o->account);
	request = (struct vm_cache_request){ .name = o->name,
		.bytes = o->bytes, .align_bytes = o->align_bytes,
		.construct = o->ctor, .destruct = o->dtor, .arg = o->arg,
		.account = o->account };
	return error == 0 ? vm_cache_new(vm, &request, out) : error;
}

VM_EXPORT int
vm_cache_destroy(struct vm_cache *cache)
{
	return vm_cache_end(cache);
}

VM_EXPORT int
vm_cache_alloc(struct vm_cache *cache, unsigned flags, void **out)
{
	void *thing;
	int error;

	if ((flags & ~CACHE_FLAGS) != 0 || out == NULL)
		return vm_error(EINVAL, "cache \"%s\": unknown flags 0x%x, or "
		    "nowhere to put the thing", cache->name, flags);
	error = vm_cache_get(cache, flags, &thing, NULL);
	if (error == 0)
		*out = thing;
	return error;
}

VM_EXPORT void
vm_cache_free(struct vm_cache *cache, void *thing)
{
	vm_cache_put(cache, thing);
}

VM_EXPORT uint64_t
vm_cache_reclaim(struct vm_cache *cache, uint64_t bytes)
{
	return (uint64_t)vm_cache_shrink(cache, pages_of(cache->vm, bytes)) *
	    cache->vm->page_bytes;
}

VM_EXPORT int
vm_cache_stat(struct vm_cache *cache, struct vm_cache_stat *out)
{
	struct vm_cache_stat now = { .size_bytes = sizeof(now) };
	size_t bytes = out == NULL ? 0 : out->size_bytes;

	if (bytes < sizeof(size_t))
		return no_init("cache");
	memcpy(now.name, cache->name, sizeof(now.name));
	now.bytes = cache->how.bytes;
	vm_lock(&cache->lock);
	now.out = cache->out;
	now.free = cache->in;
	now.memory_bytes = (uint64_t)cache->slabs * cache->slab_pages *
	    cache->vm->page_bytes;
	now.allocs = cache->gets;
	now.constructed = cache->constructed;
	now.destructed = cache->destructed;
	now.failures = cache->failures;
	vm_unlock(&cache->lock);
	memcpy(out, &now, bytes < sizeof(now) ? bytes : sizeof(now));
	out->size_bytes = bytes;
	return 0;
}

/* ---- wired memory of the process ----------------------------------------- */

VM_EXPORT int
vm_user_wire(struct vm *vm, struct vm_account *account, void *address,
    uint64_t bytes)
{
	int error = check_account(vm, account);

	return error == 0 ? vm_pin(vm, account, address, bytes) : error;
}

VM_EXPORT int
vm_user_unwire(struct vm *vm, struct vm_account *account, void *address,
    uint64_t bytes)
{
	return vm_unpin(vm, account, address, bytes);
}
