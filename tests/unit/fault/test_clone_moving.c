/* SPDX-License-Identifier: BSD-2-Clause */
/* A page that goes to its pager while somebody looks where it is. */
#include "memory_pager.h"

static bool moves;

/* It was in memory when the pager was asked, and is not any more. */
static enum vm_pager_result
extent(void *arg, uint64_t pindex, uint32_t want, uint32_t *count)
{
	if (!moves)
		return mem_extent(arg, pindex, want, count);
	moves = false;
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_forget(object), 0);
	mem.absent_from = UINT64_MAX;
	*count = want;
	return VM_PAGER_ABSENT;
}

TEST(a_page_that_moves_while_it_is_looked_for_is_cloned)
{
	struct vm_pager_callbacks c;
	struct vm_object *copy;
	struct vm_page *page;

	mem_system(NULL);
	mem_reset(AT_ONCE);
	c = mem_callbacks();
	c.extent = extent;
	mem.absent_from = 0;
	CHECK_INT(vm_object_create_pager(vm, &c, &mem, PAGES * PAGE,
	    VM_OBJECT_WRITABLE, &object), 0);
	put(5, 55);
	CHECK(resident(5));
	object->anonymous = true;
	moves = true;
	CHECK_INT(vm_object_clone(object, 0, &copy), 0);
	object->anonymous = false;
	CHECK(!moves);
	CHECK_INT(vm_page_grab(copy, 5, 0, &page), 0);
	CHECK_INT(((uint64_t *)vm_page_data(page))[1], 55);
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(copy), 0);
	mem_tear_down();
}
