/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of a space: entered, found, cut, tracked, protected. */
#include <errno.h>

#include "map_fixture.h"

TEST(an_entered_range_is_found_in_all_its_pages)
{
	struct vm_entry entry;

	set_up();
	CHECK_INT(add(10, 5, 4, VM_ENTRY_READ), 0);
	CHECK_INT(shows(space, 9), -1);
	CHECK_INT(shows(space, 10), 5);
	CHECK_INT(shows(space, 13), 8);
	CHECK_INT(shows(space, 14), -1);
	CHECK(vm_space_look_from(space, 0, &entry));
	CHECK_INT(entry.mapping.address, 10 * PAGE);
	vm_object_unpin(object);
	CHECK(!vm_space_look_from(space, 14 * PAGE, &entry));
	tear_down();
}

TEST(ranges_are_kept_in_order_and_do_not_overlap)
{
	set_up();
	for (uint64_t i = 0; i < 20; i++)
		CHECK_INT(add((i * 7) % 20 * 4, i, 4, VM_ENTRY_READ), 0);
	for (uint64_t i = 1; i < 20; i++)
		CHECK(space->entries[i - 1]->mapping.address <
		    space->entries[i]->mapping.address);
	for (uint64_t i = 0; i < 20; i++) {
		CHECK_INT(shows(space, (i * 7) % 20 * 4 + 2), i + 2);
		CHECK_INT(add(i * 4 + 3, 0, 2, VM_ENTRY_READ), -EEXIST);
	}
	CHECK_INT(space->count, 20);
	CHECK_INT(add(80, 0, 1, VM_ENTRY_READ), 0);	/* side by side */
	CHECK_INT(add(70, 0, 50, VM_ENTRY_READ), -EEXIST);
	tear_down();
}

TEST(a_cut_in_the_middle_leaves_both_ends)
{
	set_up();
	CHECK_INT(add(10, 0, 10, VM_ENTRY_TRACKED), 0);
	vm_space_cut(space, 13 * PAGE, 2 * PAGE);
	CHECK_INT(space->count, 2);
	CHECK_INT(shows(space, 12), 2);
	CHECK_INT(shows(space, 13), -1);
	CHECK_INT(shows(space, 14), -1);
	CHECK_INT(shows(space, 15), 5);
	CHECK_INT(shows(space, 19), 9);
	CHECK_INT(object->store.count, 2);
	CHECK_INT(object->store.tracked, 2);
	tear_down();
}

TEST(a_cut_takes_ends_and_whole_ranges)
{
	set_up();
	CHECK_INT(add(10, 0, 10, VM_ENTRY_READ), 0);
	CHECK_INT(add(20, 20, 10, VM_ENTRY_READ), 0);
	CHECK_INT(add(40, 40, 10, VM_ENTRY_READ), 0);
	vm_space_cut(space, 15 * PAGE, 30 * PAGE);
	CHECK_INT(space->count, 2);
	CHECK_INT(shows(space, 14), 4);
	CHECK_INT(shows(space, 25), -1);
	CHECK_INT(shows(space, 44), -1);
	CHECK_INT(shows(space, 45), 45);
	vm_space_cut(space, 0, PAGE);		/* nothing there */
	CHECK_INT(space->count, 2);
	vm_space_cut(space, 0, UINT64_MAX);
	CHECK_INT(space->count, 0);
	tear_down();
}

/* Watched for too long is harmless; not watched, writes are lost. */
TEST(a_cut_without_memory_leaves_the_range_whole)
{
	set_up();
	CHECK_INT(add(10, 0, 10, VM_ENTRY_TRACKED), 0);
	atomic_store(&faulty.fail_at, faulty.calls + 1);
	vm_space_cut(space, 13 * PAGE, 2 * PAGE);
	CHECK(atomic_load(&faulty.failed) != NULL);
	for (uint64_t i = 0; i < 10; i++)
		CHECK(shows(space, 10 + i) == (int)i || i == 3 || i == 4);
	tear_down();
}

TEST(without_memory_nothing_is_entered)
{
	set_up();
	for (unsigned n = 1; n <= 2; n++) {
		atomic_store(&faulty.fail_at, faulty.calls + n);
		CHECK_INT(add(10, 0, 10, VM_ENTRY_READ), -ENOMEM);
		CHECK_INT(shows(space, 10), -1);
		CHECK_INT(object->store.count, 0);
	}
	CHECK_INT(add(10, 0, 10, VM_ENTRY_READ), 0);
	tear_down();
}

TEST(what_was_only_read_can_be_tracked_in_part)
{
	set_up();
	CHECK_INT(add(10, 0, 10, VM_ENTRY_READ), 0);
	CHECK_INT(add(30, 0, 10, VM_ENTRY_PRIVATE), 0);
	CHECK_INT(vm_space_make_tracked(space, 12 * PAGE, 3 * PAGE), 0);
	CHECK_INT(space->count, 4);
	CHECK(space->entries[0]->kind == VM_ENTRY_READ);
	CHECK(space->entries[1]->kind == VM_ENTRY_TRACKED);
	CHECK(space->entries[2]->kind == VM_ENTRY_READ);
	CHECK_INT(object->store.tracked, 1);
	CHECK_INT(vm_space_make_tracked(space, 30 * PAGE, 10 * PAGE), 0);
	CHECK(space->entries[3]->kind == VM_ENTRY_PRIVATE);
	CHECK_INT(vm_space_make_tracked(space, 50 * PAGE, PAGE), -EINVAL);
	tear_down();
}

/* A page of the object, brought in. */
static void
bring_in(vm_pindex_t pindex)
{
	struct vm_page *page;

	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	CHECK_INT(vm_page_grab(object, pindex, VM_GRAB_READ, &page), 0);
	vm_page_release(page);
}

TEST(protecting_a_range_covers_whatever_may_be_resident)
{
	set_up();
	bring_in(3);
	bring_in(40);
	CHECK_INT(add(100, 0, PAGES, VM_ENTRY_TRACKED), 0);
	vm_space_protect_range(space, 100 * PAGE, 20 * PAGE);
	CHECK(client->protected[103]);
	vm_space_protect_range(space, 100 * PAGE, PAGES * PAGE);
	CHECK(client->protected[140]);
	CHECK(!client->protected[99] && !client->protected[164]);
	tear_down();
}

TEST(a_page_that_comes_is_protected_where_it_is_tracked)
{
	set_up();
	CHECK_INT(add(100, 0, 10, VM_ENTRY_TRACKED), 0);
	CHECK_INT(add(120, 0, 10, VM_ENTRY_READ), 0);
	bring_in(3);
	CHECK(client->protected[103] && !client->protected[123]);
	CHECK(!client->protected[102]);
	tear_down();
}

/* What the rump kernel's local processes have in common is one space; here each
 * client has its own, and what they have in common are the pages. */
TEST(clients_have_spaces_of_their_own_that_share_pages)
{
	struct vm_space *other;
	struct vm_space *first;

	set_up();
	CHECK_INT(vm_space_new(vm, fake_client_new()->fd, false, &other), 0);
	first = space;
	CHECK_INT(add(2, 10, 4, VM_ENTRY_TRACKED), 0);
	space = other;
	CHECK_INT(shows(other, 2), -1);
	CHECK_INT(add(2, 30, 4, VM_ENTRY_TRACKED), 0);
	CHECK_INT(shows(first, 2), 10);
	CHECK_INT(shows(other, 2), 30);
	CHECK_INT(object->store.count, 2);
	vm_space_end(other);
	CHECK_INT(shows(first, 2), 10);
	CHECK_INT(object->store.count, 1);
	space = first;
	tear_down();
}
