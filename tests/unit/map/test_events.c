/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client's kernel tells: faults, forks, moves and unmaps. */
#include <pthread.h>

#include "map_fixture.h"

TEST(an_unmap_cuts_and_a_move_moves)
{
	set_up();
	CHECK_INT(add(10, 0, 10, VM_ENTRY_TRACKED), 0);
	send(VM_PMAP_UNMAP, 12, 14, 0);
	send(VM_PMAP_REMAP, 14, 50, 6);
	vm_space_drain(space);
	CHECK_INT(shows(space, 11), 1);
	CHECK_INT(shows(space, 12), -1);
	CHECK_INT(shows(space, 14), -1);
	CHECK_INT(shows(space, 50), 4);
	CHECK_INT(shows(space, 55), 9);
	CHECK_INT(shows(space, 56), -1);
	tear_down();
}

/* Several ranges in what moves, up and down, over what was there. */
TEST(a_move_takes_all_ranges_along_in_order)
{
	set_up();
	for (uint64_t i = 0; i < 5; i++)
		CHECK_INT(add(100 + 4 * i, 10 * i, 3, VM_ENTRY_READ), 0);
	CHECK_INT(add(30, 60, 4, VM_ENTRY_READ), 0);
	send(VM_PMAP_REMAP, 101, 31, 18);
	vm_space_drain(space);
	CHECK_INT(shows(space, 100), 0);
	CHECK_INT(shows(space, 101), -1);
	CHECK_INT(shows(space, 30), 60);
	CHECK_INT(shows(space, 31), 1);
	for (uint64_t i = 1; i < 5; i++)
		CHECK_INT(shows(space, 30 + 4 * i + 1), 10 * i + 1);
	send(VM_PMAP_REMAP, 31, 200, 18);
	vm_space_drain(space);
	CHECK_INT(shows(space, 33), -1);
	for (uint64_t i = 1; i < 5; i++)
		CHECK_INT(shows(space, 199 + 4 * i), 10 * i);
	for (unsigned i = 1; i < space->count; i++)
		CHECK(space->entries[i - 1]->mapping.address <
		    space->entries[i]->mapping.address);
	tear_down();
}

TEST(what_was_unmapped_may_be_entered_again_at_once)
{
	set_up();
	CHECK_INT(add(10, 0, 10, VM_ENTRY_READ), 0);
	send(VM_PMAP_UNMAP, 10, 20, 0);
	CHECK_INT(add(10, 30, 10, VM_ENTRY_READ), 0);
	CHECK_INT(shows(space, 10), 30);
	tear_down();
}

static void
fault(uint64_t page)
{
	fake_event(client, (struct vm_pmap_event){ .kind = VM_PMAP_FAULT,
		.address = page * PAGE + 17, .write = true, .thread = 5,
		.fd = -1 });
}

TEST(faults_are_kept_in_order)
{
	struct vm_space_fault got;

	set_up();
	CHECK(!vm_space_take_fault(space, &got));
	for (uint64_t i = 0; i < 100; i++)
		fault(i);
	vm_space_drain(space);
	for (uint64_t i = 0; i < 100; i++) {
		CHECK(vm_space_take_fault(space, &got));
		CHECK_INT(got.address, i * PAGE);
		CHECK(got.write && got.thread == 5);
	}
	CHECK(!vm_space_take_fault(space, &got));
	tear_down();
}

TEST(faults_beyond_the_ring_come_again_by_a_wake_up)
{
	struct vm_space_fault got;
	unsigned kept = 0;

	set_up();
	CHECK_INT(add(0, 0, 10, VM_ENTRY_READ), 0);
	for (uint64_t i = 0; i < VM_SPACE_FAULTS + 20; i++)
		fault(i % 10);
	vm_space_drain(space);
	while (vm_space_take_fault(space, &got))
		kept++;
	CHECK_INT(kept, VM_SPACE_FAULTS - 1);
	for (unsigned i = 0; i < 10; i++)
		CHECK_INT(client->wakes[i], 1);
	CHECK(!vm_space_take_fault(space, &got));
	CHECK_INT(client->wakes[0], 1);		/* once is enough */
	tear_down();
}

/* -- fork ---------------------------------------------------------------- */

/* The child's descriptor is the space's from then on. */
static struct fake_client *
give_birth(void)
{
	atomic_fetch_add(&faulty.descriptors, 1);
	return fake_fork(client);
}

TEST(a_child_has_what_its_parent_had_when_it_was_born)
{
	struct fake_client *child_client;
	struct vm_space *child;

	set_up();
	CHECK_INT(add(10, 0, 10, VM_ENTRY_TRACKED), 0);
	CHECK_INT(add(30, 20, 2, VM_ENTRY_READ), 0);
	child_client = give_birth();
	send(VM_PMAP_UNMAP, 30, 32, 0);
	vm_space_drain(space);
	child = vm_space_take_child(space);
	CHECK(child != NULL && vm_space_take_child(space) == NULL);
	CHECK_INT(shows(child, 19), 9);
	CHECK_INT(shows(child, 30), 20);
	CHECK_INT(shows(space, 30), -1);
	CHECK_INT(vm->space_count, 2);
	CHECK_INT(object->store.count, 3);
	vm_store_protect(&object->store, 0, 1);
	CHECK(client->protected[10] && child_client->protected[10]);
	vm_space_end(child);
	CHECK_INT(object->store.count, 1);
	tear_down();
}

TEST(who_protects_meets_the_child_that_was_just_born)
{
	struct fake_client *child_client;

	set_up();
	CHECK_INT(add(10, 0, 10, VM_ENTRY_TRACKED), 0);
	child_client = give_birth();
	vm_store_protect(&object->store, 3, 1);
	CHECK(client->protected[13] && child_client->protected[13]);
	vm_space_end(vm_space_take_child(space));
	tear_down();
}

TEST(a_child_is_expected_until_it_is_handed_over)
{
	struct vm_space *child;

	set_up();
	CHECK(!vm_space_expects(space));
	(void)give_birth();
	vm_space_drain(space);
	CHECK(vm_space_expects(space));
	child = vm_space_take_child(space);
	CHECK(vm_space_expects(space));
	vm_space_handed_over(space);
	CHECK(!vm_space_expects(space));
	vm_space_end(child);
	tear_down();
}

TEST(a_child_nobody_took_ends_with_its_parent)
{
	set_up();
	CHECK_INT(add(10, 0, 10, VM_ENTRY_TRACKED), 0);
	(void)give_birth();
	vm_space_drain(space);
	CHECK_INT(vm->space_count, 2);
	vm_space_end(space);
	CHECK_INT(vm->space_count, 0);
	space = NULL;
	tear_down();
}

TEST(a_child_without_memory_is_not_served_and_its_descriptor_stays)
{
	int before;

	set_up();
	before = faulty.descriptors;
	(void)give_birth();
	atomic_store(&faulty.fail_at, faulty.calls + 1);
	vm_space_drain(space);
	CHECK(vm_space_take_child(space) == NULL);
	CHECK_INT(vm->space_count, 1);
	CHECK_INT(faulty.descriptors, before + 1);
	atomic_fetch_sub(&faulty.descriptors, 1);
	tear_down();
}

/* Others drain, protect and enter while children are born. */
enum { ROUNDS = 3000 };

static void *
protect_all_the_time(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		vm_store_protect(&object->store, (uint64_t)i % 10, 1);
	return arg;
}

static void *
drain_all_the_time(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		vm_space_drain(space);
	return arg;
}

TEST(events_are_applied_once_whoever_drains)
{
	pthread_t thread[2];
	int child = 0;
	struct vm_space *born;

	set_up();
	CHECK_INT(add(10, 0, 10, VM_ENTRY_TRACKED), 0);
	CHECK_INT(pthread_create(&thread[0], NULL, protect_all_the_time,
	    NULL), 0);
	CHECK_INT(pthread_create(&thread[1], NULL, drain_all_the_time, NULL),
	    0);
	for (uint64_t i = 0; i < 400; i++) {
		uint64_t from = i % 2 == 0 ? 10 : 100;

		send(VM_PMAP_REMAP, from, 110 - from, 10);
		if (i % 80 == 40 && child++ < FAKE_CLIENTS - 1)
			(void)give_birth();
		vm_space_drain(space);
		CHECK_INT(shows(space, 110 - from), 0);
		CHECK_INT(shows(space, from), -1);
	}
	for (int i = 0; i < 2; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	while ((born = vm_space_take_child(space)) != NULL) {
		CHECK_INT(born->count, 1);
		vm_space_end(born);
		child--;
	}
	CHECK_INT(child, 0);
	tear_down();
}
