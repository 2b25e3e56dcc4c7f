/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounts of other systems, figures of older callers, all kinds in one. */
#include <errno.h>
#include <string.h>

#include <resident/resident.h>

#include "api/system.h"
#include "check.h"
#include "faulty.h"

enum { PAGE = 4096, PAGES = 256 };

static struct vm *
create(void)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm *vm;

	o.resident_max_bytes = PAGES * PAGE;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	return vm;
}

static struct vm_account *
new_account(struct vm *vm)
{
	struct vm_account_options o = VM_ACCOUNT_INIT;
	struct vm_account *account;

	o.name = "owner";
	CHECK_INT(vm_account_create(vm, &o, &account), 0);
	return account;
}

TEST(accounts_of_another_system_are_refused)
{
	struct vm_memory_request r = VM_MEMORY_REQUEST_INIT;
	struct vm_region_request q = VM_REGION_REQUEST_INIT;
	struct vm_cache_options c = VM_CACHE_INIT;
	struct vm_account *account;
	struct vm_region *region, *sub;
	struct vm_cache *cache;
	struct vm *vm, *other;
	void *memory;

	faulty_reset();
	vm = create();
	other = create();
	account = new_account(other);
	r.bytes = c.bytes = q.bytes = PAGE;
	r.account = c.account = account;
	CHECK_INT(vm_memory_alloc(vm, &r, &memory), -EINVAL);
	CHECK(strstr(vm_last_error(), "owner") != NULL);
	CHECK_INT(vm_cache_create(vm, &c, &cache), -EINVAL);
	CHECK_INT(vm_region_create(vm, PAGE, account, &region), -EINVAL);
	CHECK_INT(vm_user_wire(vm, account, &vm, 1), -EINVAL);
	CHECK_INT(vm_region_create(vm, PAGE, NULL, &region), 0);
	CHECK_INT(vm_region_suballoc(region, &q, account, &sub), -EINVAL);
	CHECK_INT(vm_region_unref(region), 0);
	CHECK_INT(vm_account_destroy(account), 0);
	CHECK_INT(vm_destroy(vm), 0);
	CHECK_INT(vm_destroy(other), 0);
	faulty_check_clean();
}

TEST(a_caller_built_against_fewer_figures_gets_those)
{
	struct vm_memory_stat m = { .regions = 77 };
	struct vm_region_stat g = { .refs = 77 };
	struct vm_cache_stat s = { .failures = 77 };
	struct vm_cache_options c = VM_CACHE_INIT;
	struct vm_region *region;
	struct vm_cache *cache;
	struct vm *vm;

	faulty_reset();
	vm = create();
	c.bytes = 40;
	CHECK_INT(vm_cache_create(vm, &c, &cache), 0);
	CHECK_INT(vm_region_create(vm, PAGE, NULL, &region), 0);
	m.size_bytes = offsetof(struct vm_memory_stat, regions);
	g.size_bytes = offsetof(struct vm_region_stat, refs);
	s.size_bytes = offsetof(struct vm_cache_stat, failures);
	CHECK_INT(vm_memory_stat(vm, &m), 0);
	CHECK_INT(vm_region_stat(region, &g), 0);
	CHECK_INT(vm_cache_stat(cache, &s), 0);
	CHECK_INT(m.regions, 77);
	CHECK_INT(g.refs, 77);
	CHECK_INT(s.failures, 77);
	CHECK_INT(g.bytes, PAGE);
	CHECK_INT(s.bytes, 48);
	CHECK_INT(vm_memory_stat(vm, NULL), -EINVAL);
	CHECK_INT(vm_region_stat(region, NULL), -EINVAL);
	CHECK_INT(vm_cache_stat(cache, NULL), -EINVAL);
	CHECK_INT(vm_region_unref(region), 0);
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

/* R82: whatever of all kinds was out, nothing is used in the end. */
TEST(all_kinds_are_in_one_limit_and_nothing_is_used_in_the_end)
{
	struct vm_memory_request r = VM_MEMORY_REQUEST_INIT;
	struct vm_region_request q = VM_REGION_REQUEST_INIT;
	struct vm_cache_options c = VM_CACHE_INIT;
	struct vm_region *region;
	struct vm_cache *cache;
	void *memory, *thing, *pages;
	struct vm *vm;

	faulty_reset();
	vm = create();
	r.bytes = 3 * PAGE;
	q.bytes = 5 * PAGE;
	c.bytes = 100;
	CHECK_INT(vm_cache_create(vm, &c, &cache), 0);
	CHECK_INT(vm_region_create(vm, PAGES * PAGE, NULL, &region), 0);
	CHECK_INT(vm_memory_alloc(vm, &r, &memory), 0);
	CHECK_INT(vm_cache_alloc(cache, 0, &thing), 0);
	CHECK_INT(vm_region_alloc(region, &q, &pages), 0);
	/* One page of things, one in which the region notes its range. */
	CHECK_INT(vm_used_bytes(vm), (3 + 1 + 5 + 1) * PAGE);
	CHECK_INT(vm_audit(vm), 0);
	vm_memory_free(vm, memory, 3 * PAGE, NULL);
	vm_cache_free(cache, thing);
	CHECK_INT(vm_region_free(region, pages, 5 * PAGE), 0);
	CHECK_INT(vm_used_bytes(vm), (3 + 1 + 1) * PAGE);
	CHECK_INT(vm_memory_reclaim(vm, UINT64_MAX), 5 * PAGE);
	CHECK_INT(vm_used_bytes(vm), 0);
	CHECK_INT(vm_region_unref(region), 0);
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}
