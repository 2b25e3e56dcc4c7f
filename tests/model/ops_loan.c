/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_loan.c - pages lent and got back; holdings.h compares what they show. */
#include <errno.h>
#include <string.h>

#include "holdings.h"
#include "op.h"

static struct loan *
some_loan(struct world *w, bool lent)
{
	struct loan *loan = &w->holdings->loan[pick(w, LOANS)];

	return (loan->page != NULL) == lent ? loan : NULL;
}

/* The bytes are the thing's, and what they are to be from now on. */
static void
borrowed(struct world *w, const struct thing *t, struct vm_page *page,
    uint64_t at, struct loan *loan)
{
	uint32_t part = thing_part(t, at);

	loan->page = page;
	w->pinned++;
	memset(loan->bytes, 0, PAGE);
	memcpy(loan->bytes, t->bytes + at * PAGE, part);
	MUST(w, memcmp(vm_loan_data(w->vm, page), loan->bytes, PAGE) == 0);
}

static void
lend(struct world *w, struct thing *t)
{
	struct loan *loan = some_loan(w, false);
	uint64_t at = some_page(w, t);
	unsigned flags = pick(w, 4) == 0 ? VM_LOAN_NOWAIT : 0;
	struct vm_page *page;
	int error;

	if (loan == NULL || !may_pin(w, 1))
		return;
	error = vm_loan(t->object, at, flags, &page);
	if (t->store || t->wires[at] != 0) {
		MUST(w, error == -EBUSY || (flags != 0 && error == -EAGAIN));
		return;
	}
	MUST(w, error == 0 || (flags != 0 && error == -EAGAIN));
	if (error == 0)
		borrowed(w, t, page, at, loan);
}

static void
lend_run(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page[LOANS];
	struct loan *loan = w->holdings->loan;
	unsigned count = 1 + (unsigned)pick(w, LOANS);
	bool can = !t->store;
	int error;

	if (may_be_lent(w) || !may_pin(w, count) ||
	    at + count > thing_pages(t))
		return;
	for (unsigned i = 0; i < count; i++)
		can = can && t->wires[at + i] == 0;
	error = vm_object_loan(t->object, at, count, page);
	MUST(w, error == (can ? 0 : -EBUSY));
	for (unsigned i = 0; i < count && can; i++)
		borrowed(w, t, page[i], at + i, &loan[i]);
}

static void
give_back(struct world *w, struct thing *t)
{
	struct loan *loan = some_loan(w, true);

	(void)t;
	if (loan == NULL)
		return;
	vm_unloan(w->vm, loan->page);
	loan->page = NULL;
	w->pinned--;
}

static void
part_from(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);

	MUST(w, vm_loan_break(t->object, at) == 0);
}

/* Borrowed bytes become the thing's, the tail of the last page apart. */
static void
adopt(struct world *w, struct thing *t)
{
	struct loan *loan = some_loan(w, true);
	uint64_t at = pick(w, 3) == 0 ? thing_pages(t) - 1 : some_page(w, t);
	int error;

	if (loan == NULL)
		return;
	if (pick(w, 2))
		(void)vm_page_try_to_free(t->object, at);
	error = vm_loan_adopt(loan->page, t->object, at);
	if (error != 0) {
		MUST(w, error == -EBUSY || error == -EEXIST ||
		    (error == -EACCES && !t->writable) ||
		    (error == -ENOTSUP && t->store));
		return;
	}
	MUST(w, t->writable && !t->store);
	loan->page = NULL;
	w->pinned--;
	memcpy(t->bytes + at * PAGE, loan->bytes, thing_part(t, at));
}

static void
overwrite(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	uint8_t value = (uint8_t)pick(w, 256);
	struct vm_page *page;
	uint32_t part;

	if (!t->writable)
		return;
	part = thing_part(t, at);
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_WRITE |
	    VM_GRAB_OVERWRITE, &page) == 0);
	MUST(w, vm_page_test_dirty(page) == 1);
	memset(vm_page_data(page), value, part);
	memset((char *)vm_page_data(page) + part, 0, PAGE - part);
	memset(t->bytes + at * PAGE, value, part);
	vm_page_release(page);
}

const struct op ops_loan[] = {
	{ "lend", lend, 12, false },
	{ "lend a run", lend_run, 3, false },
	{ "give back", give_back, 8, true },
	{ "part from", part_from, 2, false },
	{ "adopt", adopt, 6, false },
	{ "overwrite", overwrite, 6, false },
	{ NULL, NULL, 0, false },
};
