/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that were fetched before anybody asked, and what becomes of them. */
#include "object/early.h"

#include "audit.h"
#include "fault/grab.h"
#include "one_object.h"

static uint64_t
counted(enum vm_counter counter)
{
	return vm_counter_read(vm->counters, counter);
}

/* Page 3, early, and held by nobody. */
static struct vm_page *
early_page(void)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_early_enter(&page, 1);
	CHECK(vm_page_early(page));
	CHECK_INT(atomic_load(&vm->early), 1);
	vm_page_release(page);
	return page;
}

static void
check_ends(unsigned used, unsigned unused)
{
	CHECK_INT(atomic_load(&vm->early), 0);
	CHECK_INT(counted(VM_COUNTER_readahead_used), used);
	CHECK_INT(counted(VM_COUNTER_readahead_unused), unused);
	CHECK_INT(atomic_load(&object->early_used), used);
	CHECK_INT(atomic_load(&object->early_unused), unused);
}

/* Nobody can use it without being seen: it is not READY. */
TEST(a_grab_ends_it_and_only_the_first)
{
	struct vm_page *page = early_page();

	CHECK((vm_slot_load(atomic_load(&page->slot)) & VM_SLOT_READY) == 0);
	CHECK_INT(core_get(3, 0), 3);
	CHECK(!vm_page_early(page));
	check_ends(1, 0);
	CHECK_INT(core_get(3, 0), 3);
	check_ends(1, 0);
	CHECK(!vm_early_use(page));
	core_tear_down();
}

TEST(who_goes_without_a_use_is_counted_as_unused)
{
	(void)early_page();
	/* The hold of who made it so was a use in no sense. */
	(void)vm_slot_test_clear_referenced(vm_index_find(&object->index, 3));
	CHECK_INT(vm_object_discard_dirty(object), 0);
	check_ends(0, 1);
	core_tear_down();
}

TEST(a_mark_that_nobody_has_seen_is_a_use)
{
	struct vm_page *page = early_page();

	vm_slot_mark(atomic_load(&page->slot));
	CHECK_INT(vm_object_discard_dirty(object), 0);
	check_ends(1, 0);
	core_tear_down();
}

TEST(the_policy_that_finds_a_mark_ends_it)
{
	struct vm_page *page = early_page();

	vm_slot_mark(atomic_load(&page->slot));
	CHECK(vm->queue.env.referenced(page));
	CHECK(!vm_page_early(page));
	check_ends(1, 0);
	CHECK(!vm->queue.env.referenced(page));
	core_tear_down();
}

TEST(who_writes_it_uses_it)
{
	struct vm_page *page = early_page();

	page = vm_object_lock_page(object, 3);
	vm_object_mark_dirty(object, page, 1);
	vm_object_unlock_page(object, page);
	check_ends(1, 0);
	core_tear_down();
}

TEST(a_page_that_stops_being_early_is_neither)
{
	struct vm_page *page = early_page();

	CHECK(vm_early_stop(page));
	CHECK(!vm_early_stop(page));
	check_ends(0, 0);
	core_tear_down();
}

TEST(a_quarter_of_the_system_may_be_early)
{
	struct vm_page *pages[CORE_LIMIT_PAGES / 4 + 1];
	unsigned count = CORE_LIMIT_PAGES / 4;

	core_set_up(0);
	CHECK_INT(vm_early_room(vm), count);
	for (unsigned i = 0; i <= count; i++)
		pages[i] = core_grab(i, VM_GRAB_WRITE);
	vm_early_enter(pages, count - 1);
	CHECK_INT(vm_early_room(vm), 1);
	vm_early_enter(&pages[count - 1], 2);
	CHECK_INT(vm_early_room(vm), 0);
	for (unsigned i = 0; i <= count; i++)
		vm_page_release(pages[i]);
	core_tear_down();
}
