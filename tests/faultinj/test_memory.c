/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of the program within the limit: each call with a failure. */
#include "scenario.h"

static void
run_memory(void)
{
	static const uint64_t sizes[] = { 1, 100, 3000, PAGE, 5 * PAGE };
	struct vm_memory_request r = VM_MEMORY_REQUEST_INIT;
	struct vm_memory_stat stat = VM_MEMORY_STAT_INIT;
	void *memory[5];

	r.flags = VM_MEMORY_WAIT | VM_MEMORY_ZERO;
	for (int i = 0; i < 5; i++) {
		r.bytes = sizes[i];
		TWICE(vm_memory_alloc(vm, &r, &memory[i]));
		memset(memory[i], 0xa5, sizes[i]);
	}
	TWICE(vm_memory_stat(vm, &stat));
	for (int i = 0; i < 5; i++)
		vm_memory_free(vm, memory[i], sizes[i], NULL);
	(void)vm_memory_reclaim(vm, UINT64_MAX);
}

static int
construct(void *thing, void *arg)
{
	(void)arg;
	memset(thing, 1, 700);
	return 0;
}

static void
run_cache(void)
{
	struct vm_cache_options o = VM_CACHE_INIT;
	struct vm_cache *cache;
	void *thing[20];

	o.bytes = 700;
	o.ctor = construct;
	TWICE(vm_cache_create(vm, &o, &cache));
	for (int i = 0; i < 20; i++)
		TWICE(vm_cache_alloc(cache, VM_MEMORY_WAIT, &thing[i]));
	for (int i = 0; i < 20; i++)
		vm_cache_free(cache, thing[i]);
	(void)vm_cache_reclaim(cache, UINT64_MAX);
	TWICE(vm_cache_destroy(cache));
}

static void
run_region(void)
{
	struct vm_region_request r = VM_REGION_REQUEST_INIT;
	struct vm_region *region, *within;
	void *all, *address;

	TWICE(vm_region_create(vm, 64 * PAGE, NULL, &region));
	r.bytes = 4 * PAGE;
	r.flags = VM_MEMORY_WAIT;
	TWICE(vm_region_alloc(region, &r, &all));
	memset(all, 0xa5, 4 * PAGE);
	TWICE(vm_region_protect(region, all, PAGE, VM_PROT_READ));
	TWICE(vm_region_free(region, (char *)all + PAGE, PAGE));
	TWICE(vm_region_alloc(region, &r, &address));
	r.bytes = 8 * PAGE;
	TWICE(vm_region_suballoc(region, &r, NULL, &within));
	r.bytes = PAGE;
	TWICE(vm_region_alloc(within, &r, &address));
	TWICE(vm_user_wire(vm, NULL, address, PAGE));
	TWICE(vm_user_unwire(vm, NULL, address, PAGE));
	TWICE(vm_region_unref(within));
	TWICE(vm_region_purge(region));
	TWICE(vm_region_unref(region));
}

static const struct scenario memory[] = {
	{ "memory", run_memory },
	{ "cache", run_cache },
	{ "region", run_region },
};

TEST(memory_of_the_program_comes_back_whatever_fails)
{
	SCENARIOS_CHECK(memory);
}
