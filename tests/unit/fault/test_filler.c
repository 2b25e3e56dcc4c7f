/* SPDX-License-Identifier: BSD-2-Clause */
/* Fillers that are lent, seats, and cells: fault/filler.c. */
#include <pthread.h>

#include "fault/fill.h"
#include "one_object.h"

enum { CELLS = 64, SEATS = 8 };

TEST(a_filler_that_was_given_back_is_lent_again)
{
	struct vm_filler *first, *second, *again;

	core_set_up(0);
	CHECK_INT(vm_filler_borrow(vm, &first), 0);
	CHECK_INT(vm_filler_borrow(vm, &second), 0);
	CHECK(first != second);
	vm_filler_return(first);
	CHECK_INT(vm_filler_borrow(vm, &again), 0);
	CHECK(again == first);
	vm_filler_return(again);
	vm_filler_return(second);
	core_tear_down();
}

TEST(seats_are_made_once_and_are_no_fillers_to_borrow)
{
	struct vm_filler *filler, *seat;
	int queues;

	core_set_up(0);
	queues = faulty.queues;
	CHECK_INT(vm_fillers_make_seats(vm), 0);
	CHECK_INT(faulty.queues - queues, SEATS);
	CHECK_INT(vm_fillers_make_seats(vm), 0);
	CHECK_INT(faulty.queues - queues, SEATS);
	CHECK_INT(vm_filler_borrow(vm, &filler), 0);
	seat = vm_filler_sit(vm);
	CHECK(seat->seat && !filler->seat);
	vm_filler_return(seat);
	vm_filler_return(filler);
	CHECK_INT(faulty.queues - queues, SEATS + 1);
	core_tear_down();
}

TEST(each_call_that_fails_leaves_what_can_be_made_up_for)
{
	int error;

	core_set_up(0);
	for (unsigned at = 1;; at++) {
		atomic_store(&faulty.calls, 0);
		atomic_store(&faulty.fail_at, at);
		error = vm_fillers_make_seats(vm);
		atomic_store(&faulty.fail_at, 0);
		if (error == 0)
			break;
	}
	CHECK(vm_cell_take(vm) != NULL);
	core_tear_down();
}

TEST(a_seat_without_any_dies)
{
	core_set_up(0);
	CHECK_DIES((void)vm_filler_sit(vm));
	core_tear_down();
}

static _Atomic bool sitting;

static void *
sit(void *arg)
{
	struct vm_filler *seat = vm_filler_sit(vm);

	(void)arg;
	atomic_store(&sitting, true);
	vm_filler_return(seat);
	return NULL;
}

TEST(who_finds_no_seat_waits_for_one)
{
	struct vm_filler *seat[SEATS];
	pthread_t thread;

	core_set_up(0);
	CHECK_INT(vm_fillers_make_seats(vm), 0);
	for (unsigned i = 0; i < SEATS; i++)
		seat[i] = vm_filler_sit(vm);
	atomic_store(&sitting, false);
	CHECK_INT(pthread_create(&thread, NULL, sit, NULL), 0);
	vm->os->yield();
	CHECK(!atomic_load(&sitting));
	vm_filler_return(seat[3]);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK(atomic_load(&sitting));
	for (unsigned i = 0; i < SEATS; i++)
		if (i != 3)
			vm_filler_return(seat[i]);
	core_tear_down();
}

TEST(cells_are_few_and_the_first_is_taken_first)
{
	void *cell[CELLS];

	core_set_up(0);
	CHECK(vm_cell_take(vm) == NULL);	/* none was made */
	CHECK_INT(vm_fillers_make_seats(vm), 0);
	for (unsigned i = 0; i < CELLS; i++) {
		cell[i] = vm_cell_take(vm);
		CHECK(cell[i] != NULL);
		CHECK(i == 0 || cell[i] == (char *)cell[i - 1] + PAGE);
	}
	CHECK(vm_cell_take(vm) == NULL);
	vm_cell_give(vm, cell[9]);
	vm_cell_give(vm, cell[5]);
	CHECK(vm_cell_take(vm) == cell[5]);
	CHECK_DIES(vm_cell_give(vm, cell[9]));	/* nobody has it */
	vm_cell_give(vm, cell[5]);
	core_tear_down();
}
