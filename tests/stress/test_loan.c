/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page is lent, written and given back by several threads at once: F66's race
 * of a write with the end of a loan.
 *
 * The writer fills the page with one value after the other; a borrower sees one
 * value in all of it, and the same one as long as he borrows it.  Pages that
 * are lent and those of the object are at most one more than borrowers, and at
 * the end none is.
 */
#include <pthread.h>

#include "audit.h"
#include "object/loan.h"
#include "one_object.h"
#include "stat/stat.h"

enum { WRITES = 100000, BORROWERS = 2, WORDS = PAGE / 8 };

static atomic_bool over;
static _Atomic uint64_t loans;
static _Atomic(struct vm_page *) wired;	/* this one, certainly */

static void
fill(uint64_t *words, uint64_t value)
{
	for (unsigned i = 0; i < WORDS; i++)
		words[i] = value;
}

static void
check_all(const uint64_t *words, uint64_t value)
{
	for (unsigned i = 0; i < WORDS; i++)
		CHECK(words[i] == value);
}

static void *
borrow(void *arg)
{
	(void)arg;
	while (!atomic_load(&over)) {
		struct vm_page *page;
		const uint64_t *words;
		uint64_t value;

		if (vm_loan(object, 5, 0, &page) != 0)
			continue;	/* somebody wires it */
		words = vm_loan_data(vm, page);
		value = words[0];
		check_all(words, value);
		vm->os->yield();
		check_all(words, value);
		CHECK(atomic_load(&wired) != page);
		vm_unloan(vm, page);
		atomic_fetch_add(&loans, 1);
	}
	return NULL;
}

static void
write_value(uint64_t value, unsigned how)
{
	struct vm_page *page;

	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_WRITE | how, &page), 0);
	if (how == 0)
		check_all(vm_page_data(page), value - 1);
	CHECK(!vm_page_lent(page));
	fill(vm_page_data(page), value);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
}

/* Now and then a wire, which is not where a loan is. */
static void
wire(void)
{
	struct vm_page *page;
	int error = vm_page_grab(object, 5, VM_GRAB_WIRED, &page);

	if (error == -EBUSY)
		return;
	CHECK_INT(error, 0);
	/* It may look lent for a moment, until who lends sees the wire. */
	atomic_store(&wired, page);
	vm->os->yield();
	atomic_store(&wired, NULL);
	(void)vm_page_unwire(page, NULL, VM_TO_ACTIVE);
	vm_page_release(page);
}

TEST(a_borrowers_bytes_stay_while_the_owner_writes)
{
	pthread_t thread[BORROWERS];

	core_set_up(0);
	write_value(1, VM_GRAB_OVERWRITE);
	for (int i = 0; i < BORROWERS; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, borrow, NULL), 0);
	for (uint64_t value = 2; value < WRITES; value++) {
		write_value(value, value % 8 == 0 ? VM_GRAB_OVERWRITE : 0);
		CHECK(atomic_load(&vm->orphans) <= BORROWERS);
		if (value % 64 == 0)
			wire();
		/* On one core the borrowers get nothing otherwise. */
		if (value % 4 == 0)
			vm->os->yield();
	}
	atomic_store(&over, true);
	for (int i = 0; i < BORROWERS; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK(atomic_load(&loans) != 0);
	CHECK(vm_counter_read(vm->counters, VM_COUNTER_loan_copies) != 0);
	CHECK_INT(vm->loans + vm->orphans + vm->loose, 0);
	audit(vm);
	core_tear_down();
}
