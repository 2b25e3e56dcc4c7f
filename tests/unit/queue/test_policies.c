/* SPDX-License-Identifier: BSD-2-Clause */
/* What every policy of the table promises. */
/* Before the fixture, which has names that its parameters have, too. */
#include "queue/policies/ahead.h"

#include "policy_fixture.h"

#define FOR_EACH_POLICY(state) \
	for (const struct vm_policy_ops *const *each = vm_policies; \
	    *each != NULL && (state = make_policy(*each)); each++, free(state))

/* fifo does not look at uses, nor at what was fetched ahead: test_fifo.c. */
#define FOR_EACH_THAT_LOOKS(state) \
	FOR_EACH_POLICY(state) \
		if (*each != &vm_policy_fifo)

static void
enqueue_all(struct vm_policy *state, bool speculative)
{
	for (unsigned i = 0; i < PAGES; i++)
		state->ops->enqueue(state, &pages[i], speculative);
}

TEST(no_page_is_proposed_twice_and_all_are_in_the_end)
{
	struct vm_policy *state;

	FOR_EACH_POLICY(state) {
		struct vm_page *got[PAGES + 1];
		bool seen[PAGES] = { false };

		enqueue_all(state, false);
		for (unsigned i = 0; i < PAGES; i++)
			mark[i] = i % 3 == 0;
		CHECK_INT(state->ops->victims(state, got, PAGES + 1), PAGES);
		for (unsigned i = 0; i < PAGES; i++) {
			CHECK(!seen[got[i]->number]);
			seen[got[i]->number] = true;
		}
		CHECK_INT(state->ops->count(state), PAGES);
		for (unsigned i = 0; i < PAGES; i++)
			state->ops->dequeue(state, got[i], VM_LEAVE_EVICTED);
		CHECK_INT(state->ops->count(state), 0);
		CHECK_INT(state->ops->victims(state, got, 1), 0);
	}
}

TEST(who_is_refused_comes_after_the_others)
{
	struct vm_policy *state;

	FOR_EACH_POLICY(state) {
		struct vm_page *got[PAGES], *first;

		enqueue_all(state, false);
		CHECK_INT(state->ops->victims(state, &first, 1), 1);
		state->ops->refused(state, first);
		CHECK_INT(state->ops->victims(state, got, PAGES), PAGES);
		CHECK(got[PAGES - 1] == first);
	}
}

TEST(a_wired_page_is_never_proposed)
{
	struct vm_policy *state;

	FOR_EACH_POLICY(state) {
		struct vm_page *got[PAGES];

		enqueue_all(state, false);
		for (unsigned i = 0; i < PAGES; i += 2)
			atomic_store(&pages[i].wires, 1);
		CHECK_INT(state->ops->victims(state, got, PAGES), PAGES / 2);
		for (unsigned i = 0; i < PAGES / 2; i++)
			CHECK(!wired(got[i]->number));
	}
}

/* clock2 looks at marks of inactive pages only: test_clock2.c. */
TEST(marked_pages_outlive_the_others)
{
	struct vm_policy *state;

	FOR_EACH_THAT_LOOKS(state) {
		struct vm_page *got[PAGES];

		if (*each == &vm_policy_clock2)
			continue;
		enqueue_all(state, false);
		for (unsigned i = 0; i < PAGES; i += 2)
			mark[i] = true;
		CHECK_INT(state->ops->victims(state, got, PAGES / 2),
		    PAGES / 2);
		for (unsigned i = 0; i < PAGES / 2; i++)
			CHECK(got[i]->number % 2 == 1);
	}
}

/* Every page is marked again as soon as it was looked at, all the time. */
TEST(the_work_is_bounded_when_everything_is_in_use)
{
	struct vm_policy *state;

	FOR_EACH_POLICY(state) {
		struct vm_page *got[PAGES];

		enqueue_all(state, false);
		looked = 0;
		always_marked = true;
		for (int round = 0; round < 100; round++)
			CHECK_INT(state->ops->victims(state, got, 4), 4);
		always_marked = false;
		CHECK(looked <= 100 * (4 * 16 + 64 + 4));
	}
}

TEST(pages_fetched_ahead_go_first_once_their_grace_is_over)
{
	struct vm_policy *state;

	FOR_EACH_THAT_LOOKS(state) {
		struct vm_page *victim;
		unsigned over = PAGES - PAGES / VM_AHEAD_GRACE_SHARE - 1;

		for (unsigned i = 0; i < PAGES; i++)
			state->ops->enqueue(state, &pages[i],
			    i == 5 || i >= over);
		CHECK_INT(state->ops->victims(state, &victim, 1), 1);
		CHECK_INT(victim->number, 5);
		state->ops->dequeue(state, victim, VM_LEAVE_EVICTED);
		CHECK_INT(state->ops->victims(state, &victim, 1), 1);
		CHECK_INT(victim->number, over);
		state->ops->dequeue(state, victim, VM_LEAVE_EVICTED);
		CHECK_INT(state->ops->victims(state, &victim, 1), 1);
		CHECK_INT(victim->number, 0);	/* the rest is in its grace */
	}
}

TEST(pages_fetched_ahead_go_when_nothing_else_is_left)
{
	struct vm_policy *state;

	FOR_EACH_POLICY(state) {
		struct vm_page *got[PAGES];

		enqueue_all(state, true);
		CHECK_INT(state->ops->victims(state, got, PAGES), PAGES);
		CHECK_INT(got[0]->number, 0);
	}
}

TEST(a_page_fetched_ahead_and_used_is_like_any_other)
{
	struct vm_policy *state;

	FOR_EACH_THAT_LOOKS(state) {
		struct vm_page *got[PAGES];
		unsigned over = PAGES - PAGES / VM_AHEAD_GRACE_SHARE - 2;

		enqueue_all(state, true);
		mark[0] = true;
		state->ops->activate(state, &pages[1]);
		CHECK_INT(state->ops->victims(state, got, over + 2), over + 2);
		for (unsigned i = 0; i < over; i++)
			CHECK_INT(got[i]->number, i + 2);
		CHECK(got[over]->number < 2 && got[over + 1]->number < 2);
	}
}

TEST(what_is_deactivated_goes_before_what_is_not)
{
	struct vm_policy *state;

	FOR_EACH_POLICY(state) {
		struct vm_page *victim;

		enqueue_all(state, false);
		mark[9] = true;
		state->ops->deactivate(state, &pages[9], false);
		CHECK_INT(state->ops->victims(state, &victim, 1), 1);
		CHECK_INT(victim->number, 9);
	}
}

/* Newcomers that are all wired, or refused, while older pages could go. */
TEST(pages_that_cannot_go_hide_none_that_can)
{
	struct vm_policy *state;

	FOR_EACH_POLICY(state) {
		struct vm_page *got[4];
		unsigned half = PAGES / 2;

		enqueue_all(state, false);
		for (unsigned i = 0; i < half; i++)
			state->ops->activate(state, &pages[i]);
		for (unsigned i = half; i < PAGES; i++)
			atomic_store(&pages[i].wires, i % 2);
		for (unsigned turn = 0; turn < PAGES; turn++) {
			CHECK_INT(state->ops->victims(state, got, 4), 4);
			for (unsigned i = 0; i < 4; i++)
				if (got[i]->number >= half)
					state->ops->refused(state, got[i]);
		}
		CHECK(got[0]->number < half || got[1]->number < half);
	}
}

/* All but one page are held, and that one is where nobody looks first. */
TEST(the_only_page_that_can_go_is_found)
{
	struct vm_policy *state;

	for (unsigned kind = 0; kind < 2; kind++) {
		FOR_EACH_POLICY(state) {
			struct vm_page *got = NULL;
			unsigned turn = 0;

			for (unsigned i = 0; i < PAGES - 1; i++) {
				state->ops->enqueue(state, &pages[i], false);
				state->ops->activate(state, &pages[i]);
			}
			state->ops->enqueue(state, &pages[PAGES - 1],
			    kind == 1);
			while (got != &pages[PAGES - 1]) {
				CHECK(turn++ < 3 * PAGES);
				CHECK_INT(state->ops->victims(state, &got, 1),
				    1);
				if (got != &pages[PAGES - 1])
					state->ops->refused(state, got);
			}
		}
	}
}

/* 1 % of pages of 4 KiB: 40 bytes each; what they need to start with apart,
 * one page. */
TEST(the_state_is_below_one_percent_of_memory)
{
	for (int i = 0; vm_policies[i] != NULL; i++)
		for (uint32_t n = 1; n < UINT32_C(1) << 28; n *= 2)
			CHECK(vm_policies[i]->bytes(n) <=
			    4096 + (size_t)n * 40);
}

TEST(a_page_on_no_line_dies)
{
	struct vm_policy *state;

	FOR_EACH_POLICY(state) {
		CHECK_DIES(state->ops->dequeue(state, &pages[0],
		    VM_LEAVE_FREED));
		CHECK_DIES(state->ops->refused(state, &pages[0]));
	}
}
