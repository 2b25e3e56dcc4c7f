/* SPDX-License-Identifier: BSD-2-Clause */
/* freebsd against arrays, and FreeBSD's rules one by one. */
#include <errno.h>

#include "policy_fixture.h"

enum { AHEAD, INACTIVE, ACTIVE, LINES };
static struct seq line[LINES];
static unsigned arrivals, arrived_at[PAGES], refusals;
static unsigned act[PAGES];
static bool second_round[PAGES];

static bool
in(unsigned i, unsigned number)
{
	for (unsigned k = 0; k < line[i].count; k++)
		if (line[i].at[k] == number)
			return true;
	return false;
}

static void
take_out(unsigned number)
{
	for (unsigned i = 0; i < LINES; i++)
		if (drop(&line[i], number))
			return;
	CHECK(false);
}

static void
put_active(unsigned number, unsigned count)
{
	act[number] = count;
	second_round[number] = false;
	put(&line[ACTIVE], 0, number);
}

static void
model_enqueue(unsigned number, bool speculative)
{
	arrivals++;
	arrived_at[number] = arrivals;
	soiled[number] = pages[number].pindex % 4 == 0;
	act[number] = 0;
	second_round[number] = false;
	if (speculative)
		put(&line[AHEAD], 0, number);
	else
		put_active(number, 5);
}

static void
model_dequeue(unsigned number, enum vm_leave how)
{
	(void)how;
	refusals = 0;
	take_out(number);
}

static unsigned
least(unsigned count)
{
	return count < 5 ? 5 : count;
}

static void
model_activate(unsigned number)
{
	if (in(ACTIVE, number)) {
		act[number] = least(act[number]);
		return;
	}
	take_out(number);
	put_active(number, least(act[number]));
}

static void
model_deactivate(unsigned number, bool at_head)
{
	if (in(INACTIVE, number))
		return;
	(void)model_referenced(number);
	take_out(number);
	second_round[number] = false;
	put(&line[INACTIVE], at_head ? line[INACTIVE].count : 0, number);
}

static void
model_refused(unsigned number)
{
	take_out(number);
	put_active(number, least(act[number]));
	refusals++;
}

static unsigned proposed[LINES], looks;

static unsigned
left(unsigned i)
{
	return line[i].count - proposed[i];
}

static unsigned
coldest(unsigned i)
{
	return line[i].at[line[i].count - 1 - proposed[i]];
}

static unsigned
raised(unsigned count)
{
	return count + 3 > 64 ? 64 : count + 3;
}

/* Whether the page goes. */
static bool
model_look(unsigned i)
{
	unsigned number = coldest(i);
	bool marked = model_referenced(number), save = looks > 0;

	looks -= save;
	if (wired(number)) {
		model_refused(number);
	} else if (marked && save) {
		take_out(number);
		put_active(number, raised(least(act[number])));
	} else if (save && i == INACTIVE && soiled[number] &&
	    !second_round[number]) {
		second_round[number] = true;
		take_out(number);
		put(&line[INACTIVE], 0, number);
	} else
		return true;
	return false;
}

static bool
model_scan(void)
{
	unsigned number = coldest(ACTIVE);
	bool marked = model_referenced(number), save = looks > 0;

	looks -= save;
	if (wired(number)) {
		model_refused(number);
		return false;
	}
	if (!save)
		return true;
	take_out(number);
	act[number] = marked ? raised(act[number]) :
	    act[number] - (act[number] > 0);
	second_round[number] = false;
	put(&line[act[number] == 0 ? INACTIVE : ACTIVE], 0, number);
	return false;
}

/* LINES: nothing is left. */
static unsigned
next_line(void)
{
	if (left(AHEAD) > 0 && (refusals >= left(INACTIVE) + left(ACTIVE) ||
	    arrivals - arrived_at[coldest(AHEAD)] >= GRACE))
		return AHEAD;
	if (left(ACTIVE) > 0 && (left(INACTIVE) == 0 || (looks > 0 &&
	    left(INACTIVE) <= PAGES * 3 / 32)))
		return ACTIVE;
	return left(INACTIVE) > 0 ? INACTIVE : LINES;
}

static unsigned
model_victims(unsigned *numbers, unsigned want)
{
	unsigned n = 0, steps;

	memset(proposed, 0, sizeof(proposed));
	looks = want * 16 + 64;
	for (steps = 2 * looks; n < want && steps > 0; steps--) {
		unsigned i = next_line(), number;

		if (i == LINES)
			break;
		number = coldest(i);
		if (i == ACTIVE ? model_scan() : model_look(i)) {
			numbers[n++] = number;
			proposed[i]++;
		}
	}
	return n;
}

TEST(freebsd_does_what_arrays_do)
{
	static const struct model_ops model = { model_enqueue, model_dequeue,
		model_activate, model_deactivate, model_victims,
		model_refused };

	drive(&vm_policy_freebsd, &model);
}

static uint32_t
activity(struct vm_policy *state, unsigned number)
{
	return state->ops->activity(state, &pages[number]);
}

static bool
inactive(struct vm_policy *state, unsigned number)
{
	return state->ops->idle(state, &pages[number]);
}

/* One idle scan of the active line: as many looks as it has pages.  A page
 * that nobody can take is the only victim, so that the scan goes on. */
static void
scan(struct vm_policy *state, unsigned times)
{
	struct vm_page *victim;

	for (unsigned i = 0; i < times; i++)
		(void)state->ops->victims(state, &victim, 1);
}

TEST(a_page_survives_as_many_idle_scans_as_its_count_says)
{
	struct vm_policy *state = make_policy(&vm_policy_freebsd);
	struct vm_page *victim;

	state->ops->enqueue(state, &pages[0], false);
	CHECK_INT(activity(state, 0), 5);
	looked = 0;
	CHECK_INT(state->ops->victims(state, &victim, 1), 1);
	CHECK_INT(looked, 5 + 1);	/* active scans, then as a victim */
	CHECK(inactive(state, 0));
	free(state);
}

TEST(a_use_is_worth_three_looks_and_the_count_ends_at_64)
{
	struct vm_policy *state = make_policy(&vm_policy_freebsd);

	state->ops->enqueue(state, &pages[0], false);
	mark[0] = true;
	scan(state, 1);
	CHECK(inactive(state, 0));
	always_marked = true;
	scan(state, 1);
	always_marked = false;
	CHECK_INT(activity(state, 0), 64);
	free(state);
}

TEST(activate_raises_the_count_of_an_active_page_and_moves_it_not)
{
	struct vm_policy *state = make_policy(&vm_policy_freebsd);
	struct vm_page *victim;

	state->ops->enqueue(state, &pages[0], false);
	state->ops->enqueue(state, &pages[1], false);
	state->ops->cool(state, &pages[0]);
	CHECK_INT(activity(state, 0), 4);
	state->ops->activate(state, &pages[0]);
	CHECK_INT(activity(state, 0), 5);
	CHECK_INT(state->ops->victims(state, &victim, 1), 1);
	CHECK_INT(victim->number, 0);	/* still the oldest */
	free(state);
}

TEST(activate_makes_an_inactive_page_active_with_its_count)
{
	struct vm_policy *state = make_policy(&vm_policy_freebsd);

	state->ops->enqueue(state, &pages[0], false);
	scan(state, 1);
	CHECK(inactive(state, 0));
	CHECK_INT(activity(state, 0), 0);
	state->ops->activate(state, &pages[0]);
	CHECK(!inactive(state, 0));
	CHECK_INT(activity(state, 0), 5);
	free(state);
}

TEST(deactivated_pages_go_from_head_to_tail)
{
	struct vm_policy *state = make_policy(&vm_policy_freebsd);
	static const unsigned order[] = { 3, 1, 0, 2 };
	struct vm_page *got[4];

	for (unsigned i = 0; i < 4; i++)
		state->ops->enqueue(state, &pages[i], false);
	state->ops->deactivate(state, &pages[0], false);
	state->ops->deactivate(state, &pages[1], true);
	state->ops->deactivate(state, &pages[2], false);
	state->ops->deactivate(state, &pages[3], true);
	CHECK_INT(state->ops->victims(state, got, 4), 4);
	for (unsigned i = 0; i < 4; i++)
		CHECK_INT(got[i]->number, order[i]);
	free(state);
}

TEST(deactivating_an_inactive_page_does_nothing)
{
	struct vm_policy *state = make_policy(&vm_policy_freebsd);
	struct vm_page *victim;

	for (unsigned i = 0; i < 2; i++) {
		state->ops->enqueue(state, &pages[i], false);
		state->ops->deactivate(state, &pages[i], false);
	}
	mark[1] = true;
	state->ops->deactivate(state, &pages[1], true);
	CHECK(mark[1]);
	CHECK_INT(state->ops->victims(state, &victim, 1), 1);
	CHECK_INT(victim->number, 0);
	free(state);
}

/* WINATCFLS: who is dirty is passed over once, and written then. */
TEST(a_dirty_page_goes_round_twice)
{
	struct vm_policy *state = make_policy(&vm_policy_freebsd);
	struct vm_page *got[3];

	for (unsigned i = 0; i < 3; i++) {
		state->ops->enqueue(state, &pages[i], false);
		state->ops->deactivate(state, &pages[i], false);
	}
	soiled[0] = soiled[1] = true;
	CHECK_INT(state->ops->victims(state, got, 1), 1);
	CHECK_INT(got[0]->number, 2);
	state->ops->dequeue(state, got[0], VM_LEAVE_EVICTED);
	CHECK_INT(state->ops->victims(state, got, 2), 2);
	CHECK_INT(got[0]->number, 0);
	CHECK_INT(got[1]->number, 1);
	free(state);
}

TEST(a_dirty_page_that_was_activated_has_both_rounds_again)
{
	struct vm_policy *state = make_policy(&vm_policy_freebsd);
	struct vm_page *got;

	for (unsigned i = 0; i < 2; i++) {
		state->ops->enqueue(state, &pages[i], false);
		state->ops->deactivate(state, &pages[i], false);
	}
	soiled[0] = true;
	CHECK_INT(state->ops->victims(state, &got, 1), 1);
	CHECK_INT(got->number, 1);	/* page 0 went round once */
	state->ops->activate(state, &pages[0]);
	state->ops->deactivate(state, &pages[0], true);
	CHECK_INT(state->ops->victims(state, &got, 1), 1);
	CHECK_INT(got->number, 1);
	free(state);
}

/* What vm_page_dontneed does to those it leaves. */
TEST(cooling_takes_one_down_to_four)
{
	struct vm_policy *state = make_policy(&vm_policy_freebsd);

	state->ops->enqueue(state, &pages[0], false);
	state->ops->cool(state, &pages[0]);
	CHECK_INT(activity(state, 0), 4);
	state->ops->cool(state, &pages[0]);
	CHECK_INT(activity(state, 0), 4);
	free(state);
}

TEST(counts_that_are_not_given_are_freebsds)
{
	struct vm_act counts = { 0 };

	CHECK_INT(vm_act_complete(&counts), 0);
	CHECK_INT(counts.initial, 5);
	CHECK_INT(counts.advance, 3);
	CHECK_INT(counts.decline, 1);
	CHECK_INT(counts.max, 64);
}

static struct vm_policy *
make_with(struct vm_act counts)
{
	struct vm_policy *state = make_policy(&vm_policy_freebsd);

	state->act = counts;
	CHECK_INT(vm_act_complete(&state->act), 0);
	return state;
}

TEST(counts_can_be_given)
{
	struct vm_policy *state = make_with((struct vm_act){ .initial = 7,
		.advance = 10, .decline = 2, .max = 20 });
	struct vm_page *victim;

	state->ops->enqueue(state, &pages[0], false);
	CHECK_INT(activity(state, 0), 7);
	looked = 0;
	CHECK_INT(state->ops->victims(state, &victim, 1), 1);
	CHECK_INT(looked, 4 + 1);	/* 7, 5, 3, 1, and as a victim */
	state->ops->activate(state, &pages[0]);
	CHECK_INT(activity(state, 0), 7);
	state->ops->cool(state, &pages[0]);
	state->ops->cool(state, &pages[0]);
	CHECK_INT(activity(state, 0), 6);
	always_marked = true;
	scan(state, 1);
	always_marked = false;
	CHECK_INT(activity(state, 0), 20);
	free(state);
}

/* What one use is worth: an inactive page that was used has as much more as
 * was given, and survives so many looks. */
TEST(a_use_is_worth_what_was_given)
{
	struct vm_policy *state = make_with((struct vm_act){ .advance = 10 });
	struct vm_page *victim;

	state->ops->enqueue(state, &pages[0], false);
	state->ops->deactivate(state, &pages[0], false);
	mark[0] = true;
	looked = 0;
	CHECK_INT(state->ops->victims(state, &victim, 1), 1);
	CHECK_INT(looked, 1 + 15 + 1);
	free(state);
}

TEST(counts_are_255_at_most_and_begin_below_their_end)
{
	const struct vm_act wrong[] = {
		{ .initial = 256, .max = 255 }, { .advance = 256 },
		{ .decline = 256 }, { .max = 256 }, { .max = UINT32_MAX },
		{ .initial = 65 }, { .max = 4 }, { .initial = 9, .max = 8 },
	};
	const struct vm_act right[] = {
		{ .initial = 255, .advance = 255, .decline = 255, .max = 255 },
		{ .initial = 64 }, { .max = 5 },
		{ .initial = 1, .advance = 1, .decline = 1, .max = 1 },
	};

	for (unsigned i = 0; i < VM_COUNT(wrong); i++) {
		struct vm_act counts = wrong[i];

		CHECK_INT(vm_act_complete(&counts), -EINVAL);
	}
	for (unsigned i = 0; i < VM_COUNT(right); i++) {
		struct vm_act counts = right[i];

		CHECK_INT(vm_act_complete(&counts), 0);
		CHECK(counts.initial <= counts.max);
	}
}
