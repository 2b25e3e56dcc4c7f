/* SPDX-License-Identifier: BSD-2-Clause */
/* memory/memory.c - the parts together, and what is kept; memory.h. */
#include "memory/memory.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "memory/alloc.h"
#include "memory/pages.h"
#include "memory/pin.h"
#include "memory/region.h"
#include "os/os.h"

static void
add_cache(struct vm_memory *memory, struct vm_cache *cache, const char *name,
    uint64_t bytes, uint64_t align_bytes)
{
	struct vm_cache_request request = { .name = name, .bytes = bytes,
		.align_bytes = align_bytes };
	int error = vm_cache_init(cache, memory->vm, &request);

	vm_assert(error == 0);
	cache->number = ++memory->cache_next;
	vm_list_add_tail(&memory->caches, &cache->link);
}

/* 16, 32, 48, 64, 96, 128 ... half a page.  A power of two is aligned to
 * itself, what is between to a third. */
static void
add_sizes(struct vm_memory *memory)
{
	uint64_t bytes = VM_ALLOC_BYTES_MIN;

	while (bytes <= memory->vm->page_bytes / 2) {
		uint64_t align = bytes & (~bytes + 1);

		vm_assert(memory->size_count < VM_SIZES);
		add_cache(memory, &memory->sizes[memory->size_count++],
		    "sizes", bytes, align);
		bytes += align == bytes && bytes > VM_ALLOC_BYTES_MIN ?
		    align / 2 : align;
	}
}

int
vm_mem_init(struct vm *vm, uint32_t machine_page_bytes)
{
	struct vm_memory *memory = vm->os->alloc(sizeof(*memory));

	if (memory == NULL)
		return vm_error(ENOMEM, "create: no memory");
	memory->vm = vm;
	memory->machine_page_bytes = machine_page_bytes;
	vm_lock_init(&memory->lock, VM_RANK_PAGER, "memory");
	vm_lock_init(&memory->pin_lock, VM_RANK_NONE, "pins");
	vm_cond_init(&memory->reclaimed);
	vm_list_init(&memory->caches);
	vm_list_init(&memory->pinned);
	for (unsigned i = 0; i < VM_QUANTA; i++)
		vm_list_init(&memory->quantum[i].runs);
	add_sizes(memory);
	add_cache(memory, &memory->ranges, "ranges", sizeof(struct vm_range),
	    0);
	add_cache(memory, &memory->pins, "pins", sizeof(struct vm_pin), 0);
	vm->memory = memory;
	return 0;
}

void
vm_mem_fini(struct vm *vm)
{
	struct vm_memory *memory = vm->memory;
	struct vm_node *node;

	if (memory == NULL)
		return;
	vm_assert(atomic_load(&memory->used) == 0);
	vm_assert(memory->user_caches == 0);
	(void)vm_mem_reclaim(vm, UINT32_MAX);
	while ((node = vm_list_first(&memory->caches)) != NULL) {
		vm_node_remove(node);
		vm_cache_fini(VM_ENTRY(node, struct vm_cache, link));
	}
	vm_cond_fini(&memory->reclaimed);
	vm_lock_fini(&memory->pin_lock);
	vm_lock_fini(&memory->lock);
	vm->os->free(memory);
	vm->memory = NULL;
}

int
vm_mem_idle(struct vm *vm)
{
	struct vm_memory *memory = vm->memory;
	uint64_t used = atomic_load(&memory->used);
	uint32_t regions = atomic_load(&memory->regions), caches;
	bool pins;

	vm_lock(&memory->lock);
	caches = memory->user_caches;
	vm_unlock(&memory->lock);
	vm_lock(&memory->pin_lock);
	pins = !vm_list_empty(&memory->pinned);
	vm_unlock(&memory->pin_lock);
	if (used == 0 && regions == 0 && caches == 0 && !pins)
		return 0;
	return vm_error(EBUSY, "destroy: %llu bytes of memory, %u caches and "
	    "%u regions are left, %s wired", (unsigned long long)used, caches,
	    regions, pins ? "and something is" : "nothing is");
}

/* The next one behind number, which nobody ends until it is done with. */
static struct vm_cache *
look_at(struct vm_memory *memory, uint64_t number)
{
	struct vm_cache *cache = NULL;
	struct vm_node *node;

	vm_lock(&memory->lock);
	for (node = vm_list_first(&memory->caches); node != NULL;
	    node = vm_list_next(&memory->caches, node)) {
		cache = VM_ENTRY(node, struct vm_cache, link);
		if (cache->number > number && !cache->looked_at)
			break;
	}
	cache = node == NULL ? NULL : cache;
	if (cache != NULL)
		cache->looked_at = true;
	vm_unlock(&memory->lock);
	return cache;
}

static void
looked_at(struct vm_memory *memory, struct vm_cache *cache)
{
	vm_lock(&memory->lock);
	cache->looked_at = false;
	vm_cond_wake_all(&memory->reclaimed);
	vm_unlock(&memory->lock);
}

uint32_t
vm_mem_reclaim(struct vm *vm, uint32_t want)
{
	struct vm_memory *memory = vm->memory;
	struct vm_cache *cache;
	uint32_t freed = vm_alloc_shrink(memory, want);
	uint64_t number = 0;

	while (freed < want && (cache = look_at(memory, number)) != NULL) {
		number = cache->number;
		freed += vm_cache_shrink(cache, want - freed);
		looked_at(memory, cache);
	}
	atomic_fetch_add_explicit(&memory->reclaimed_pages, freed,
	    memory_order_relaxed);
	return freed;
}
