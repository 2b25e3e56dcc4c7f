/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vm_page_grab_pair waited for its second page with the first one in its hands:
 * for memory, and for the end of a write_begin or a resize, which waited for
 * the first.  Here the second is behind a write_begin; grabbing is compiled
 * once more, with a look of ours where it waits for the end of that.
 */
#include <resident/resident.h>

#include "object/object.h"

static void look_and_end(struct vm_object *of, vm_pindex_t pindex);

#define vm_object_bar_wait look_and_end
#include "fault/grab.c"
#undef vm_object_bar_wait

/* After it: its names are shorter. */
#include "one_object.h"

static unsigned looks;

static void
look_and_end(struct vm_object *of, vm_pindex_t pindex)
{
	CHECK(of == object);
	CHECK_INT(pindex, 4);
	CHECK(vm_slot_idle(vm_index_find(&object->index, 3)));
	CHECK_INT(vm_object_write_end(object, 4 * PAGE, PAGE, 0), 0);
	looks++;
}

TEST(who_wants_two_pages_holds_none_while_one_may_not_be_read)
{
	struct vm_page_pair pair;

	core_set_up(0);
	CHECK_INT(core_get(3, 0), 3);
	pair = (struct vm_page_pair){ .object = { object, object },
		.pindex = { 4, 3 } };
	CHECK_INT(vm_object_write_begin(object, 4 * PAGE, PAGE), 0);
	CHECK_INT(vm_page_grab_pair(&pair), 0);
	CHECK_INT(looks, 1);
	CHECK_INT(vm_page_pindex(pair.page[0]), 4);
	CHECK_INT(vm_page_pindex(pair.page[1]), 3);
	vm_page_release_pair(&pair);
	core_tear_down();
}
