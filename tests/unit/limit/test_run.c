/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs, zeros and retired frames under the limit. */
#include "limit/run.h"

#include "limit_fixture.h"

/* PAGES is 64: NORMAL stops at reserved, SYSTEM at interrupt. */
static const struct vm_run_options eight = { .count = 8 };

TEST(a_run_counts_all_its_pages)
{
	struct fixture x;
	struct vm_page *first;

	setup(&x);
	CHECK_INT(vm_limit_take_run(&x.limit, VM_CLASS_NORMAL, &eight,
	    &first), 0);
	CHECK_INT(atomic_load(&x.limit.free), PAGES - 8);
	vm_limit_give_run(&x.limit, first, 8);
	CHECK_INT(atomic_load(&x.limit.free), PAGES);
	teardown(&x);
}

TEST(a_run_is_promised_as_a_whole_or_not_at_all)
{
	struct fixture x;
	struct vm_page *first;

	setup(&x);
	take_down_to(&x, 8);
	CHECK_INT(vm_limit_take_run(&x.limit, VM_CLASS_NORMAL, &eight,
	    &first), -EAGAIN);
	CHECK_INT(atomic_load(&x.limit.free), 8);
	CHECK(atomic_load(&x.limit.kicked));
	teardown(&x);
}

TEST(neighbours_that_are_not_there_are_an_error_with_a_sentence)
{
	struct fixture x;
	struct vm_run_options two = { .count = 2 };
	struct vm_page *first, *page;
	unsigned given = 0;

	setup(&x);
	take_down_to(&x, 0);
	for (unsigned i = 0; i < x.held_count; i++) {
		page = x.held[i];
		if (page->number % 2 == 0) {
			vm_limit_give(&x.limit, &page, 1);
			x.held[i--] = x.held[--x.held_count];
			given++;
		}
	}
	CHECK_INT(given, PAGES / 2);
	CHECK_INT(vm_limit_take_run(&x.limit, VM_CLASS_NORMAL, &two, &first),
	    -ENOMEM);
	CHECK(strstr(vm_error_text(), "32 pages are free, but no 2") != NULL);
	CHECK_INT(atomic_load(&x.limit.free), PAGES / 2);
	teardown(&x);
}

/*
 * Free are 32 frames that are a block, wherever the arena begins, and of the
 * others each second one; the taker has one of these: *first.  *block: the
 * first of the 32.
 */
static void
scatter(struct fixture *x, struct vm_page **first, uint32_t *block)
{
	take_down_to(x, 0);
	*block = (uint32_t)(-(uintptr_t)x->frames.arena / PAGE_BYTES % 32);
	for (unsigned i = 0; i < x->held_count;) {
		struct vm_page *page = x->held[i];

		if (page->number - *block >= 32 && page->number % 2 == 0) {
			i++;
			continue;
		}
		x->held[i] = x->held[--x->held_count];
		vm_limit_give(&x->limit, &page, 1);
	}
	*first = x->held[--x->held_count];
	CHECK_INT(atomic_load(&x->limit.free), 48);
}

TEST(a_page_is_exchanged_for_one_of_a_row_and_no_promise_is_lost)
{
	struct fixture x;
	struct vm_page *page[32];
	uint32_t block;
	struct vm_take take = { .home = VM_HOME_POOL, .want = 31,
		.flags = VM_TAKE_ROWS | VM_TAKE_OPTIONAL };

	setup(&x);
	scatter(&x, &page[0], &block);
	vm_frames_drain(&x.frames);
	CHECK_INT(vm_limit_take_for(&x.limit, &take, page), 31);
	CHECK_INT(take.why, VM_TAKE_OK);
	CHECK_INT(atomic_load(&x.limit.free), 48 - 31);
	for (unsigned i = 0; i < 32; i++)
		CHECK_INT(page[i]->number, block + i);
	vm_limit_give(&x.limit, page, 32);
	CHECK_INT(atomic_load(&x.limit.free), 49);
	teardown(&x);
}

TEST(who_gets_too_few_for_a_row_or_none_keeps_his_page)
{
	struct fixture x;
	struct vm_page *page[32], *mine;
	uint32_t block;
	struct vm_take take = { .home = VM_HOME_POOL, .want = 6,
		.flags = VM_TAKE_ROWS };

	setup(&x);
	scatter(&x, &page[0], &block);
	mine = page[0];
	CHECK_INT(vm_limit_take_for(&x.limit, &take, page), 6);
	CHECK(page[0] == mine);
	for (unsigned i = 0; i < 6; i++)
		x.held[x.held_count++] = page[1 + i];
	take_down_to(&x, 0);
	take.want = 31;
	CHECK_INT(vm_limit_take_for(&x.limit, &take, page), 0);
	CHECK(page[0] == mine);
	vm_limit_give(&x.limit, page, 1);
	teardown(&x);
}

TEST(a_run_does_not_pass_those_who_wait)
{
	struct fixture x;
	struct vm_run_options one = { .count = 1 };
	struct waiter w;
	struct vm_page *first;

	setup(&x);
	take_down_to(&x, 1);
	start_waiter(&w, &x);
	CHECK_INT(vm_limit_take_run(&x.limit, VM_CLASS_NORMAL, &one, &first),
	    -EAGAIN);
	CHECK_INT(vm_limit_take_run(&x.limit, VM_CLASS_INTERRUPT, &one,
	    &first), 0);
	give_one(&x);
	vm_limit_give_run(&x.limit, first, 1);
	join_with_page(&w);
	teardown(&x);
}

TEST(what_is_stolen_or_retired_is_not_of_the_limit)
{
	struct fixture x;
	struct vm_page *page;
	void *memory;

	setup(&x);
	vm_limit_fini(&x.limit);
	vm_boot_begin(&x.frames.boot, &x.frames);
	CHECK_INT(vm_boot_take(&x.frames.boot, 3 * PAGE_BYTES, &memory), 0);
	vm_boot_end(&x.frames.boot);
	vm_limit_init(&x.limit, &x.frames);
	CHECK_INT(x.limit.total, PAGES - 3);
	CHECK_INT(atomic_load(&x.limit.free), PAGES - 3);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page, 1), 1);
	vm_limit_retire(&x.limit, page);
	CHECK_INT(x.limit.total, PAGES - 4);
	CHECK_INT(atomic_load(&x.limit.free), PAGES - 4);
	teardown(&x);
}

TEST(who_wants_zeros_is_told_which_pages_are)
{
	struct fixture x;
	struct vm_page *page;

	setup(&x);
	CHECK_INT(vm_limit_take(&x.limit, VM_HOME_POOL, VM_CLASS_NORMAL,
	    VM_TAKE_ZERO, &page, 1), 1);
	CHECK((atomic_load(&page->flags) & VM_PGA_ZERO) != 0);
	CHECK_INT(*(char *)vm_frame_data(&x.frames, page), 0);
	vm_limit_give(&x.limit, &page, 1);
	CHECK_INT(vm_frames_zeroed(&x.frames), 1);
	teardown(&x);
}

/* -- waiting --------------------------------------------------------------- */

static void *
wait_for_run(void *arg)
{
	struct waiter *w = arg;

	w->result = vm_limit_wait_run(&w->x->limit, &eight, w->timeout_ns,
	    &w->page);
	return NULL;
}

TEST(who_waits_for_a_run_gets_it_when_there_are_enough)
{
	struct fixture x;
	struct waiter w;

	setup(&x);
	take_down_to(&x, 4);
	w = (struct waiter){ .x = &x, .timeout_ns = UINT64_MAX };
	CHECK(pthread_create(&w.thread, NULL, wait_for_run, &w) == 0);
	while (atomic_load(&x.limit.waiting) == 0)
		sched_yield();
	/* At once: of some of them no eight might be neighbours. */
	vm_limit_give(&x.limit, x.held, x.held_count);
	x.held_count = 0;
	join(&w);
	CHECK_INT(w.result, 0);
	CHECK_INT(atomic_load(&x.limit.free), PAGES - 8);
	for (unsigned i = 0; i < 8; i++)
		CHECK_INT(w.page[i].number, w.page->number + i);
	vm_limit_give_run(&x.limit, w.page, 8);
	teardown(&x);
}

TEST(who_waits_too_long_gives_back_what_he_has)
{
	struct fixture x;
	struct vm_page *first;

	setup(&x);
	take_down_to(&x, 4);
	CHECK_INT(vm_limit_wait_run(&x.limit, &eight, 0, &first), -ENOMEM);
	CHECK_INT(atomic_load(&x.limit.free), 4);
	teardown(&x);
}

TEST(waiting_does_not_make_neighbours)
{
	struct fixture x;
	struct vm_page *first, *page, *kept[PAGES / 2];
	unsigned count = 0;

	setup(&x);
	take_down_to(&x, 0);
	for (unsigned i = 0; i < PAGES; i++) {
		page = x.held[i];
		if (page->number % 2 == 0)
			vm_limit_give(&x.limit, &page, 1);
		else
			kept[count++] = page;
	}
	x.held_count = 0;
	CHECK_INT(vm_limit_wait_run(&x.limit, &eight, UINT64_MAX, &first),
	    -ENOMEM);
	CHECK(strstr(vm_error_text(), "neighbours") != NULL);
	CHECK_INT(atomic_load(&x.limit.free), PAGES / 2);
	vm_limit_give(&x.limit, kept, count);
	teardown(&x);
}
