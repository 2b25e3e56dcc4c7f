/* SPDX-License-Identifier: BSD-2-Clause */
/* Clean but keep: what is clean already becomes inactive. */
#include "pageout/hint.h"

#include "audit.h"
#include "object/content.h"
#include "one_object.h"

static void
create(const char *policy)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	core_new_file();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.policy = policy;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
}

static const char *
queue_of(uint64_t pindex)
{
	return vm_queue_name(&vm->queue, vm_page_of(vm,
	    vm_index_peek(&object->index, pindex)));
}

/* Pages 2 clean, 3 dirty, 4 held exclusively, 5 clean and outside. */
static void
hint_two_to_four(void)
{
	struct vm_page *held;

	CHECK_INT(core_get(2, 0), 2);
	CHECK_INT(core_get(4, 0), 4);
	CHECK_INT(core_get(5, 0), 5);
	core_put(3, 3);
	held = core_grab(2, VM_GRAB_READ);
	CHECK_INT(vm_clean_hint(object, 2, 5), 0);
	vm_page_release(held);
	audit(vm);
	CHECK_INT(core_in_file(3), 3);
	CHECK_INT(object->dirty, 0);
}

TEST(clean_pages_become_inactive_and_dirty_ones_are_written)
{
	create("freebsd");
	hint_two_to_four();
	CHECK_STR(queue_of(2), "inactive");
	CHECK_STR(queue_of(3), "active");
	CHECK_STR(queue_of(4), "inactive");
	CHECK_STR(queue_of(5), "active");
	core_tear_down();
}

TEST(with_the_knob_off_no_page_is_moved)
{
	create("freebsd");
	atomic_store(&vm->clean_hint, false);
	hint_two_to_four();
	for (uint64_t i = 2; i <= 5; i++)
		CHECK_STR(queue_of(i), "active");
	core_tear_down();
}

TEST(pages_that_are_not_there_or_precious_stay_so)
{
	struct vm_page *page;

	create("clock2");
	page = core_grab(3, VM_GRAB_WRITE);
	vm_content_set_precious(page, true);
	vm_page_release(page);
	CHECK_INT(vm_clean_hint(object, 0, UINT64_MAX), 0);
	CHECK_STR(queue_of(3), "active external");
	CHECK_INT(object->resident, 1);
	CHECK_INT(page->dirty, 0);
	core_tear_down();
}

TEST(a_page_that_somebody_holds_alone_is_passed_over)
{
	struct vm_page *held;

	create("freebsd");
	CHECK_INT(core_get(3, 0), 3);
	held = core_grab(2, VM_GRAB_WRITE);
	CHECK_INT(vm_clean_hint(object, 0, 5), 0);
	CHECK_STR(queue_of(3), "inactive");
	CHECK_STR(vm_queue_name(&vm->queue, held), "active");
	vm_page_release(held);
	core_tear_down();
}
