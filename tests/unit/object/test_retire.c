/* SPDX-License-Identifier: BSD-2-Clause */
/* Holds and loans: frames go back when the last one has left, and once. */
#include "object/retire.h"

#include <pthread.h>
#include <sched.h>

#include "audit.h"
#include "object/foreign.h"
#include "object/life.h"
#include "one_object.h"

static uint32_t
free_pages(void)
{
	return atomic_load(&vm->limit.free);
}

static struct vm_page *
alloc(void)
{
	struct vm_page *page;

	CHECK_INT(vm_page_alloc(vm, 0, &page), 0);
	return page;
}

/* F16, F17: the proof of the row, step by step. */
TEST(a_page_that_is_held_is_gone_but_not_free_until_the_last_unhold)
{
	struct vm_page *page;
	uint64_t *bytes;
	uint32_t free;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	free = free_pages();
	bytes = vm_page_data(page);
	CHECK_INT(vm_page_hold(page), 0);
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_free(page, 0);
	CHECK_INT(free_pages(), free);
	CHECK_INT(vm->gone, 1);
	CHECK((atomic_load(&page->flags) & VM_PGA_GONE) != 0);
	CHECK(!core_resident(5));
	vm_page_unhold(page);
	CHECK_INT(free_pages(), free);
	CHECK_INT(vm->gone, 1);
	CHECK_INT(bytes[0], 5);
	vm_page_unhold(page);
	CHECK_INT(free_pages(), free + 1);
	CHECK_INT(vm->gone, 0);
	CHECK_INT(atomic_load(&page->flags) & VM_PGA_GONE, 0);
	CHECK_INT(core_get(5, 0), 5);
	core_tear_down();
}

TEST(a_hold_that_ends_before_the_page_does_leaves_no_trace)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_release(page);
	vm_page_unhold(page);
	CHECK_INT(page->holds, 0);
	CHECK(core_resident(5));
	CHECK_DIES(vm_page_unhold(page));
	core_tear_down();
}

TEST(a_held_frame_is_given_to_nobody)
{
	struct vm_page *page, *taken[CORE_LIMIT_PAGES];
	uint64_t *bytes;
	unsigned n = 0;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	bytes = vm_page_data(page);
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_free(page, 0);
	while (vm_page_alloc(vm, VM_ALLOC_INTERRUPT, &taken[n]) == 0) {
		memset(vm_page_data(taken[n]), 0xa5, PAGE);
		n++;
	}
	CHECK_INT(n, CORE_LIMIT_PAGES - 1);
	CHECK_INT(bytes[0], 5);
	vm_page_unhold(page);
	while (n > 0)
		vm_page_free(taken[--n], 0);
	core_tear_down();
}

TEST(a_held_page_keeps_the_system_when_nothing_else_does)
{
	struct vm_page *page;

	core_create(0);
	page = alloc();
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_free(page, 0);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	vm_page_unhold(page);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

TEST(holds_have_a_bound_and_that_is_an_error)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc();
	for (unsigned i = 0; i < VM_HOLDS_MAX; i++)
		CHECK_INT(vm_page_hold(page), 0);
	CHECK_INT(vm_page_hold(page), -EAGAIN);
	vm_page_free(page, 0);
	for (unsigned i = 0; i < VM_HOLDS_MAX; i++) {
		CHECK_INT(vm->gone, 1);
		vm_page_unhold(page);
	}
	CHECK_INT(vm->gone, 0);
	core_tear_down();
}

TEST(what_has_no_frame_cannot_be_held_or_lent)
{
	struct vm_page *page;

	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(vm_page_more_fictitious(vm, 1), 1);
	CHECK_INT(vm_page_grab_fictitious(vm, &page), 0);
	CHECK_INT(vm_page_hold(page), -ENOTSUP);
	CHECK_INT(vm_page_add_loan(page), -ENOTSUP);
	vm_page_free(page, 0);
	page = core_grab(5, VM_GRAB_READ);
	CHECK_INT(vm_page_hold(page), -ENOTSUP);
	CHECK_INT(vm_page_add_loan(page), -ENOTSUP);
	vm_page_release(page);
	core_tear_down();
}

TEST(a_lent_page_is_an_orphan_until_the_last_loan_is_over)
{
	struct vm_page *page;
	uint32_t free;

	core_set_up(0);
	page = alloc();
	free = free_pages();
	CHECK_INT(vm_page_add_loan(page), 0);
	CHECK_INT(vm_page_add_loan(page), 0);
	vm_page_free(page, 0);
	CHECK_INT(vm->orphans, 1);
	CHECK_INT(free_pages(), free);
	CHECK_INT(vm->loans, 2);
	vm_page_drop_loan(vm, page);
	CHECK_INT(vm->orphans, 1);
	vm_page_drop_loan(vm, page);
	CHECK_INT(vm->orphans, 0);
	CHECK_INT(vm->loans, 0);
	CHECK_INT(free_pages(), free + 1);
	core_tear_down();
}

TEST(loans_have_a_bound_and_the_last_is_not_dropped_twice)
{
	struct vm_page *page;

	core_set_up(0);
	page = alloc();
	for (unsigned i = 0; i < VM_LOANS_MAX; i++)
		CHECK_INT(vm_page_add_loan(page), 0);
	CHECK_INT(vm_page_add_loan(page), -EAGAIN);
	for (unsigned i = 0; i < VM_LOANS_MAX; i++)
		vm_page_drop_loan(vm, page);
	CHECK_DIES(vm_page_drop_loan(vm, page));
	vm_page_free(page, 0);
	core_tear_down();
}

static void
drop_loan(struct vm_page *page)
{
	vm_page_drop_loan(vm, page);
}

static void
held_and_lent(void (*one)(struct vm_page *), void (*other)(struct vm_page *))
{
	struct vm_page *page;
	uint32_t free;

	core_set_up(0);
	page = alloc();
	free = free_pages();
	CHECK_INT(vm_page_hold(page), 0);
	CHECK_INT(vm_page_add_loan(page), 0);
	vm_page_free(page, 0);
	CHECK_INT(free_pages(), free);
	one(page);
	CHECK_INT(free_pages(), free);
	other(page);
	CHECK_INT(free_pages(), free + 1);
	CHECK_INT(vm->gone + vm->orphans, 0);
	core_tear_down();
}

TEST(a_page_that_is_held_and_lent_waits_for_both)
{
	held_and_lent(vm_page_drop_hold, drop_loan);
	held_and_lent(drop_loan, vm_page_drop_hold);
}

TEST(an_evicted_page_that_is_held_is_gone_too)
{
	struct vm_page *page;
	uint32_t free;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_release(page);
	free = free_pages();
	CHECK_INT(vm_object_discard_dirty(object), 0);
	CHECK(!core_resident(5));
	CHECK_INT(vm->gone, 1);
	CHECK_INT(free_pages(), free);
	vm_page_unhold(page);
	CHECK_INT(free_pages(), free + 1);
	core_tear_down();
}

TEST(what_is_still_in_use_is_not_put_back)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK_DIES(vm_page_put_back(vm, &page, 1));
	vm_page_release(page);
	page = alloc();
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_DIES(vm_page_put_back(vm, &page, 1));
	vm_page_free(page, VM_FREE_WIRED);
	core_tear_down();
}

/* ---- who frees it -------------------------------------------------------- */

enum { ROUNDS = 20000 };

static struct vm_page *_Atomic passed;

static void *
unhold_all(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct vm_page *page;

		while ((page = atomic_exchange(&passed, NULL)) == NULL)
			continue;
		vm_page_unhold(page);
	}
	return arg;
}

/* The owner frees while the other ends the hold: one of them gives the frame
 * back, never both, never none. */
TEST(who_frees_and_who_ends_the_last_hold_agree)
{
	pthread_t thread;

	core_set_up(0);
	CHECK_INT(pthread_create(&thread, NULL, unhold_all, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct vm_page *page = alloc();

		CHECK_INT(vm_page_hold(page), 0);
		atomic_store(&passed, page);
		vm_page_free(page, 0);
		while (atomic_load(&passed) != NULL)
			continue;
	}
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(free_pages(), vm->limit.total);
	CHECK_INT(vm->gone, 0);
	core_tear_down();
}

enum { MEETINGS = 200000 };

static _Atomic unsigned ready;

static void *
hold_and_lend(void *arg)
{
	atomic_fetch_add(&ready, 1);
	while (atomic_load(&ready) < 2)
		sched_yield();
	for (int i = 0; i < MEETINGS; i++) {
		CHECK_INT(vm_page_hold(arg), 0);
		CHECK_INT(vm_page_add_loan(arg), 0);
		vm_page_unhold(arg);
		vm_page_drop_loan(vm, arg);
	}
	return NULL;
}

TEST(holds_and_loans_that_meet_are_counted_right)
{
	pthread_t thread[2];
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	atomic_store(&ready, 0);
	for (int i = 0; i < 2; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, hold_and_lend,
		    page), 0);
	for (int i = 0; i < 2; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK_INT(page->holds, 0);
	CHECK_INT(page->loans, 0);
	CHECK_INT(vm->loans, 0);
	vm_page_release(page);
	audit(vm);
	core_tear_down();
}
