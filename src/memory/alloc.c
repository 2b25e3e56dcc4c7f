/* SPDX-License-Identifier: BSD-2-Clause */
/* memory/alloc.c - alloc.h has the theory. */
#include "memory/alloc.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "memory/pages.h"

/* Of a run that is kept: in its own first bytes. */
static struct vm_node *
pop_run(struct vm_memory *memory, uint64_t pages)
{
	struct vm_quantum *quantum = &memory->quantum[pages - 1];
	struct vm_node *node;

	vm_lock(&memory->lock);
	node = vm_list_first(&quantum->runs);
	if (node != NULL) {
		vm_node_remove(node);
		quantum->count--;
		atomic_fetch_sub(&memory->kept, pages);
	}
	vm_unlock(&memory->lock);
	return node;
}

static void
push_run(struct vm_memory *memory, void *run, uint64_t pages)
{
	struct vm_quantum *quantum = &memory->quantum[pages - 1];

	vm_pages_of(memory->vm, run)->pindex = 0;
	vm_lock(&memory->lock);
	vm_list_add_head(&quantum->runs, run);
	quantum->count++;
	atomic_fetch_add(&memory->kept, pages);
	vm_unlock(&memory->lock);
}

uint32_t
vm_alloc_shrink(struct vm_memory *memory, uint32_t want)
{
	uint32_t freed = 0;
	void *run;

	for (uint32_t pages = VM_QUANTA; pages > 0; pages--)
		while (freed < want &&
		    (run = pop_run(memory, pages)) != NULL) {
			vm_pages_give(memory->vm, run, pages, NULL);
			freed += pages;
		}
	return freed;
}

/* ---- small --------------------------------------------------------------- */

static uint64_t
power_above(uint64_t bytes)
{
	uint64_t power = VM_ALLOC_BYTES_MIN;

	while (power < bytes)
		power *= 2;
	return power;
}

/* What is to be handed out: a size, or whole pages. */
static uint64_t
rounded(const struct vm *vm, uint64_t bytes, uint64_t align_bytes)
{
	uint64_t least = bytes > align_bytes ? bytes : align_bytes;
	uint64_t power = power_above(least), between = power / 4 * 3;

	if (least > vm->page_bytes / 2)
		return (bytes + vm->page_bytes - 1) / vm->page_bytes *
		    vm->page_bytes;
	/* 48 is the first size between two powers. */
	if (align_bytes <= VM_ALLOC_BYTES_MIN && bytes <= between &&
	    between >= 3 * VM_ALLOC_BYTES_MIN)
		return between;
	return power;
}

static struct vm_cache *
cache_of(struct vm_memory *memory, uint64_t size)
{
	unsigned i = 0;

	while (i < memory->size_count && memory->sizes[i].how.bytes != size)
		i++;
	vm_assert(i < memory->size_count);
	return &memory->sizes[i];
}

static bool
is_size(const struct vm_memory *memory, const struct vm_cache *cache)
{
	return cache >= memory->sizes &&
	    cache < memory->sizes + memory->size_count;
}

/* ---- whole pages --------------------------------------------------------- */

static int
take_pages(struct vm_memory *memory, const struct vm_alloc_request *request,
    uint64_t size, void **out)
{
	struct vm *vm = memory->vm;
	uint64_t pages = size / vm->page_bytes;
	struct vm_pages_take take = {
		.count = (uint32_t)pages, .flags = request->flags,
		.align_bytes = request->align_bytes,
	};
	void *run = NULL;
	int error;

	if (pages <= VM_QUANTA && request->align_bytes <= vm->page_bytes)
		run = pop_run(memory, pages);
	if (run == NULL) {
		error = vm_pages_take(vm, &take, &run);
		if (error != 0)
			return error;
	} else {
		atomic_fetch_add_explicit(&memory->hits, 1,
		    memory_order_relaxed);
		if (request->flags & VM_MEM_ZERO)
			memset(run, 0, size);
	}
	vm_pages_of(vm, run)->pindex = pages;
	*out = run;
	return 0;
}

static void
free_pages(struct vm_memory *memory, void *run, uint64_t pages)
{
	struct vm *vm = memory->vm;

	vm_assert(pages > 0 && vm_pages_of(vm, run)->pindex == pages);
	if (pages <= VM_QUANTA && !vm_pages_short(vm))
		push_run(memory, run, pages);
	else
		vm_pages_give(vm, run, (uint32_t)pages, NULL);
}

/* ---- both ---------------------------------------------------------------- */

static int
check(const struct vm *vm, const struct vm_alloc_request *request)
{
	uint64_t most = (uint64_t)VM_ORDER_PAGES_MAX * vm->page_bytes;

	if (request->bytes == 0 || (request->align_bytes &
	    (request->align_bytes - 1)) != 0 || request->align_bytes > most)
		return vm_error(EINVAL, "memory: %llu bytes aligned to %llu",
		    (unsigned long long)request->bytes,
		    (unsigned long long)request->align_bytes);
	if (request->bytes > most)
		return vm_error(E2BIG, "memory: %llu bytes are more than %llu "
		    "together, take a region",
		    (unsigned long long)request->bytes,
		    (unsigned long long)most);
	return 0;
}

static int
take_small(struct vm_memory *memory, const struct vm_alloc_request *request,
    uint64_t size, void **out)
{
	bool fresh;
	int error = vm_cache_get(cache_of(memory, size), request->flags, out,
	    &fresh);

	if (error != 0)
		return error;
	atomic_fetch_add_explicit(&memory->hits, !fresh,
	    memory_order_relaxed);
	if (request->flags & VM_MEM_ZERO)
		memset(*out, 0, size);
	return 0;
}

int
vm_alloc(struct vm *vm, const struct vm_alloc_request *request, void **out)
{
	struct vm_memory *memory = vm->memory;
	int error = check(vm, request);
	uint64_t size;

	if (error != 0)
		return error;
	size = rounded(vm, request->bytes, request->align_bytes);
	error = vm_account_charge(request->account, VM_CHARGE_BYTES, size);
	if (error == 0) {
		error = size <= vm->page_bytes / 2 ?
		    take_small(memory, request, size, out) :
		    take_pages(memory, request, size, out);
		if (error != 0)
			vm_account_uncharge(request->account,
			    VM_CHARGE_BYTES, size);
	}
	if (error != 0) {
		atomic_fetch_add(&memory->failures, 1);
		return error;
	}
	atomic_fetch_add(&memory->used, size);
	atomic_fetch_add_explicit(&memory->allocs, 1, memory_order_relaxed);
	return 0;
}

/* The alignment is not told: a slab says how large its things are. */
static uint64_t
free_small(struct vm_memory *memory, void *thing, uint64_t bytes)
{
	struct vm_cache *cache = vm_cache_of(memory->vm, thing);
	uint64_t size = cache->how.bytes;

	vm_assert(is_size(memory, cache));
	vm_assert(bytes > 0 && bytes <= size);
	vm_cache_put(cache, thing);
	return size;
}

void
vm_alloc_free(struct vm *vm, void *memory, uint64_t bytes,
    struct vm_account *account)
{
	struct vm_memory *m = vm->memory;
	struct vm_page *page = vm_pages_of(vm, memory);
	uint64_t size, before;

	if ((page->pindex & VM_PAGES_SLAB) != 0) {
		size = free_small(m, memory, bytes);
	} else {
		size = page->pindex * vm->page_bytes;
		vm_assert(bytes <= size && bytes + vm->page_bytes > size);
		free_pages(m, memory, page->pindex);
	}
	vm_account_uncharge(account, VM_CHARGE_BYTES, size);
	before = atomic_fetch_sub(&m->used, size);
	vm_assert(before >= size);
	atomic_fetch_add_explicit(&m->frees, 1, memory_order_relaxed);
}
