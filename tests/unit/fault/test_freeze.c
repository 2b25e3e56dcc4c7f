/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients that write nothing while their memory is copied. */
#include "serve_fixture.h"

static void
set_up(void)
{
	serve_set_up(AT_ONCE, VM_ENTRY_TRACKED);
	object->anonymous = true;
}

TEST(a_page_that_was_written_is_protected_by_a_freeze)
{
	set_up();
	fault_at(5, true);
	CHECK(!client->protected[5]);
	vm_space_freeze(space);
	CHECK(client->protected[5]);
	vm_space_thaw(space);
	serve_tear_down();
}

TEST(a_write_to_a_frozen_space_waits_for_the_thaw)
{
	set_up();
	fault_at(5, true);
	vm_space_freeze(space);
	fault_at(5, true);
	fault_at(6, true);
	CHECK(is_parked() && !resident(6));
	vm_fault_retry(&handler);
	CHECK(is_parked() && client->protected[5]);
	vm_space_thaw(space);
	vm_fault_retry(&handler);
	CHECK(!is_parked() && !client->protected[5]);
	CHECK(resident(6) && !client->protected[6]);
	serve_tear_down();
}

TEST(a_read_of_a_frozen_space_does_not_wait)
{
	set_up();
	vm_space_freeze(space);
	fault_at(5, false);
	CHECK(resident(5) && !is_parked());
	CHECK_INT(client->wakes[5], 1);
	fault_at(5, false);
	CHECK_INT(client->wakes[5], 2);
	vm_space_thaw(space);
	serve_tear_down();
}

TEST(a_write_whose_page_comes_into_a_frozen_space_waits)
{
	serve_set_up(KEPT, VM_ENTRY_TRACKED);
	object->anonymous = true;
	fault_at(5, true);
	CHECK(is_attached());
	vm_space_freeze(space);
	answer(VM_PAGER_OK);
	CHECK(resident(5) && is_parked());
	CHECK(client->protected[5]);
	vm_space_thaw(space);
	vm_fault_retry(&handler);
	CHECK(!is_parked() && !client->protected[5]);
	mem.how = AT_ONCE;
	serve_tear_down();
}

/* The flag was read before the freeze, the lift is made after it. */
TEST(a_freeze_is_seen_by_who_begins_a_lift_after_it)
{
	set_up();
	CHECK(vm_space_lift_begin(space));
	vm_space_lift_end(space);
	vm_space_freeze(space);
	CHECK(!vm_space_lift_begin(space));
	CHECK(!atomic_load(&space->lifting));
	vm_space_thaw(space);
	serve_tear_down();
}

TEST(files_are_written_in_a_frozen_space)
{
	serve_set_up(AT_ONCE, VM_ENTRY_TRACKED);
	vm_space_freeze(space);
	fault_at(5, true);
	CHECK(!is_parked() && !client->protected[5]);
	vm_space_thaw(space);
	serve_tear_down();
}
