/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages: grabbed, made, moved, filled, ordered, lent, each with a failure. */
#include "scenario.h"

static void
run_grab_many(void)
{
	struct vm_page *pages[8];
	unsigned got;

	for (int kind = 0; kind < KINDS; kind++) {
		TWICE(vm_page_grab_many(object[kind], 3, 8, VM_GRAB_WRITE,
		    pages, &got));
		CHECK_INT(got, 8);
		for (uint64_t i = 0; i < 8; i++) {
			check_in(pages[i], kind, 3 + i);
			put_into(pages[i], kind, 3 + i);
		}
		vm_page_release_many(pages, got);
	}
}

/* Each page of each kind, at the second try at the latest. */
static void
answer_async(struct vm_async *async, const struct vm_async_answer *answer)
{
	const struct vm_async_ask *ask = answer->arg;
	int kind = 0;

	if (answer->error != 0) {
		scenario_failed(answer->error, "an answer");
		CHECK_INT(vm_async_grab(async, ask, 1), 1);
		return;
	}
	while (object[kind] != ask->object)
		kind++;
	CHECK_INT(vm_page_pindex(answer->page), ask->pindex);
	check_in(answer->page, kind, ask->pindex);
	put_into(answer->page, kind, ask->pindex);
	vm_page_release(answer->page);
}

static void
run_grab_async(void)
{
	enum { ASKS = 12 };
	struct vm_async_ask asks[ASKS];
	struct vm_async_answer answers[ASKS];
	struct vm_page *held = grab(POOL, 1, VM_GRAB_READ);
	struct vm_async *async;

	TWICE(vm_async_create(vm, ASKS, &async));
	for (unsigned i = 0; i < ASKS; i++)
		asks[i] = (struct vm_async_ask){
			.object = object[i % KINDS], .pindex = 1 + i / 3 * 2,
			.flags = VM_GRAB_WRITE, .arg = &asks[i],
		};
	CHECK_INT(vm_async_grab(async, asks, ASKS), ASKS);
	vm_page_release(held);	/* somebody else's until now */
	while (vm_async_pending(async) != 0) {
		unsigned n = vm_async_reap(async, answers, ASKS, 1);

		CHECK(n != 0);
		for (unsigned i = 0; i < n; i++)
			answer_async(async, &answers[i]);
	}
	vm_async_destroy(async);
}

static void
run_grab_contig(void)
{
	static const int kinds[] = { POOL, ANON };
	struct vm_page *pages[5];

	for (int k = 0; k < 2; k++) {
		TWICE(vm_page_grab_contig(object[kinds[k]], 9, 5,
		    VM_GRAB_WRITE, pages));
		for (uint64_t i = 0; i < 5; i++) {
			CHECK((char *)vm_page_data(pages[i]) == (char *)
			    vm_page_data(pages[0]) + i * PAGE);
			check_in(pages[i], kinds[k], 9 + i);
			put_into(pages[i], kinds[k], 9 + i);
		}
		vm_page_release_many(pages, 5);
	}
}

static void
run_grab_pair(void)
{
	struct vm_page_pair pair = {
		.object = { object[ANON], object[STORE] },
		.pindex = { 5, 6 }, .flags = VM_GRAB_WRITE,
	};

	TWICE(vm_page_grab_pair(&pair));
	check_in(pair.page[0], ANON, 5);
	check_in(pair.page[1], STORE, 6);
	put_into(pair.page[0], ANON, 5);
	put_into(pair.page[1], STORE, 6);
	vm_page_release_pair(&pair);
}

static void
run_grab_others(void)
{
	struct vm_page *page;
	int freed;

	for (int kind = 0; kind < KINDS; kind++) {
		page = grab(kind, 2, VM_GRAB_WRITE | VM_GRAB_WIRED);
		check_in(page, kind, 2);
		TWICE(vm_page_wait(object[kind], 3, VM_WAIT_EXCL, 0));
		TWICE(freed = vm_page_unwire(page, NULL, VM_TO_FREE));
		if (!freed)
			vm_page_release(page);
		page = grab(kind, 3, VM_GRAB_READ);
		TWICE(vm_page_try_upgrade(page));
		put_into(page, kind, 3);
		vm_page_downgrade(page);
		vm_page_release(page);
	}
}

/* What is in the page of a place goes with it. */
static void
run_life(void)
{
	struct vm_page *page = grab(ANON, 4, VM_GRAB_WRITE), *other, *old;

	TWICE(vm_page_remove(page));
	check_in(page, ANON, 4);
	TWICE(vm_page_alloc(vm, VM_ALLOC_ZERO | VM_ALLOC_WAIT, &other));
	TWICE(vm_page_wire(other, NULL));
	TWICE(vm_page_hold(other));
	TWICE(vm_page_insert(page, object[ANON], 4));
	TWICE(vm_page_rename(page, object[ANON], 4, VM_RENAME_DIRTY));
	put_into(page, ANON, 4);
	vm_page_release(page);
	TWICE(vm_page_set_valid(other, 0, PAGE));
	TWICE(vm_page_replace(other, object[ANON], 7, &old));
	put_into(other, ANON, 7);
	TWICE(vm_page_unwire(other, NULL, VM_TO_ACTIVE));
	vm_page_release(other);
	vm_page_unhold(other);
	if (old != NULL)
		vm_page_free(old, 0);
}

static void
run_alloc_at(void)
{
	struct vm_page *page;

	TWICE(vm_object_flush(object[POOL], 0, VM_LENGTH_ALL));
	TWICE(vm_object_forget(object[POOL]));
	TWICE(vm_page_alloc_at(object[POOL], 5, VM_ALLOC_ZERO |
	    VM_ALLOC_WAIT, &page));
	TWICE(vm_page_set_valid(page, 0, PAGE));
	put_into(page, POOL, 5);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
}

static void
run_fictitious(void)
{
	struct vm_page *page;

	if (vm_page_more_fictitious(vm, 3) < 0)
		return;
	TWICE(vm_page_grab_fictitious(vm, &page));
	/* Convert does not wait for memory. */
	while (vm_page_convert(&page) == 0)
		TWICE(vm_object_flush(object[POOL], 0, VM_LENGTH_ALL));
	vm_page_free(page, 0);
	TWICE(vm_page_grab_fictitious(vm, &page));
	vm_page_release_fictitious(page);
}

static void
run_content(void)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct vm_page *page = grab(kind, 8, VM_GRAB_WRITE);

		TWICE(vm_page_set_dirty(page, 0, PAGE));
		TWICE(vm_page_set_valid(page, 0, PAGE));
		TWICE(vm_page_zero_invalid(page, 1));
		TWICE(vm_page_zero_fill(page, VM_ZERO_DIRTY));
		put_into(page, kind, 8);
		TWICE(vm_page_test_dirty(page));
		vm_page_release(page);
		TWICE(vm_object_flush(object[kind], 8 * PAGE, PAGE));
		page = grab(kind, 8, VM_GRAB_WRITE);
		TWICE(vm_page_set_validclean(page, 0, PAGE, 0));
		check_in(page, kind, 8);
		if (kind != STORE)	/* clients may see it */
			TWICE(vm_page_set_invalid(page, 0, PAGE));
		vm_page_release(page);
	}
}

static void
run_copy(void)
{
	struct vm_page *from = grab(POOL, 1, VM_GRAB_READ), *to;

	to = grab(STORE, 2, VM_GRAB_WRITE);
	TWICE(vm_page_copy(from, to, 0));
	put_into(to, STORE, 2);
	vm_page_release(to);
	vm_page_release(from);
}

static void
run_order(void)
{
	for (int kind = 0; kind < KINDS; kind++) {
		struct vm_page *page;

		get(kind, 11);
		TWICE(vm_object_clean_hint(object[kind], 11 * PAGE, PAGE));
		TWICE(vm_page_try_to_cache(object[kind], 11));
		get(kind, 11);
		TWICE(vm_object_flush(object[kind], 11 * PAGE, PAGE));
		TWICE(vm_page_try_to_free(object[kind], 11));
		get(kind, 11);
		page = grab(kind, 11, VM_GRAB_WRITE);
		TWICE(vm_page_cache(page));
		vm_page_release(page);
	}
}

static void
run_loan(void)
{
	static const int kinds[] = { POOL, ANON };
	struct vm_page *lent[4];

	for (int k = 0; k < 2; k++) {
		struct vm_object *of = object[kinds[k]];

		TWICE(vm_object_loan(of, 12, 4, lent));
		put(kinds[k], 12);
		TWICE(vm_loan_break(of, 13));
		put(kinds[k], 13);
		for (unsigned i = 0; i < 4; i++)
			vm_unloan(vm, lent[i]);
		TWICE(vm_loan(of, 14, 0, &lent[0]));
		put(kinds[k], 14);
		vm_unloan(vm, lent[0]);
	}
}

/* Grabbed to write, the place gets a copy; without that, the lent page may
 * come back. */
static void
run_adopt(void)
{
	struct vm_page *lent;

	TWICE(vm_loan(object[ANON], 3, 0, &lent));
	vm_page_free(grab(ANON, 3, VM_GRAB_WRITE), 0);
	TWICE(vm_loan_adopt(lent, object[ANON], 3));
	get(ANON, 3);
	put(ANON, 3);
}

static const struct scenario pages[] = {
	{ "grab many", run_grab_many },
	{ "grab async", run_grab_async },
	{ "grab contig", run_grab_contig },
	{ "grab pair", run_grab_pair },
	{ "wire, upgrade, wait", run_grab_others },
	{ "a life", run_life },
	{ "alloc at", run_alloc_at },
	{ "fictitious", run_fictitious },
};

static const struct scenario contents[] = {
	{ "contents", run_content },
	{ "copy", run_copy },
	{ "order", run_order },
};

static const struct scenario loans[] = {
	{ "loans", run_loan },
	{ "adoption", run_adopt },
};

TEST(pages_live_on_whatever_fails)
{
	SCENARIOS_CHECK(pages);
}

TEST(contents_and_order_stay_whatever_fails)
{
	SCENARIOS_CHECK(contents);
}

TEST(loans_end_whatever_fails)
{
	SCENARIOS_CHECK(loans);
}
