/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sync that found a dirty page held, and idle when it looked who is in it,
 * took it for absent and passed it over: what was dirty at its start was not on
 * the disk when it returned 0.  The laundry is compiled here once more, with a
 * call of ours between its two looks: there the page is released.
 */
#include <resident/resident.h>

#include "object/index.h"

static struct vm_page *held;

static struct vm_slot *
release_and_find(struct vm_index *index, vm_pindex_t pindex)
{
	if (held != NULL && vm_page_pindex(held) == pindex) {
		vm_page_release(held);
		held = NULL;
	}
	return vm_index_find(index, pindex);
}

#define vm_index_find release_and_find
#include "pageout/launder.c"
#undef vm_index_find

/* After it: its names are shorter. */
#include "one_object.h"

TEST(a_dirty_page_that_is_released_between_two_looks_is_written)
{
	uint64_t value = 33;

	core_set_up(0);
	held = core_grab(3, VM_GRAB_WRITE);
	memcpy((char *)vm_page_data(held) + 8, &value, sizeof(value));
	vm_page_dirty(held, 8, sizeof(value));
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK(held == NULL);
	CHECK_INT(core_in_file(3), 33);
	core_tear_down();
}
