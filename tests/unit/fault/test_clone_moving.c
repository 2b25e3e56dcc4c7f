/* SPDX-License-Identifier: BSD-2-Clause */
/* A page that goes to its pager while somebody looks where it is. */
#include <limits.h>

#include "memory_pager.h"

static unsigned moves, moved;

/* Page 5 is in memory again, and page 1, so that something moves. */
static void
come_back(void)
{
	for (uint64_t i = 1; i <= 5; i += 4)
		(void)get(i, 1);
}

/* It was in memory when the pager was asked, and is not any more. */
static void
move(void)
{
	unsigned left = moves;

	moves = 0;
	come_back();
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_forget(object), 0);
	mem.absent_from = UINT64_MAX;
	moves = left - 1;
	moved++;
}

/* Who fills a page has it in hand, and it does not move. */
static bool
is_filled(uint64_t pindex)
{
	struct vm_slot *slot = vm_index_find(&object->index, pindex);

	return slot != NULL && vm_slot_busy_excl(slot);
}

static enum vm_pager_result
extent(void *arg, uint64_t pindex, uint32_t want, uint32_t *count)
{
	if (moves == 0 || pindex > 5 || is_filled(pindex))
		return mem_extent(arg, pindex, want, count);
	move();
	*count = want;
	return VM_PAGER_ABSENT;
}

static void
clone_while_it_moves(unsigned times)
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
	object->anonymous = true;
	put(5, 55);
	CHECK(resident(5));
	moves = times;
	moved = 0;
	CHECK_INT(vm_object_clone(object, 0, &copy), 0);
	moves = 0;
	CHECK_INT(vm_page_grab(copy, 5, 0, &page), 0);
	CHECK_INT(((uint64_t *)vm_page_data(page))[1], 55);
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(copy), 0);
	mem_tear_down();
}

TEST(a_page_that_moves_while_it_is_looked_for_is_cloned)
{
	clone_while_it_moves(1);
	CHECK_INT(moved, 1);
}

/* Neither by looking for ever nor by believing the last look. */
TEST(a_page_that_moves_at_every_look_is_cloned)
{
	clone_while_it_moves(UINT_MAX);
	CHECK(moved > 1);
}
