/* SPDX-License-Identifier: BSD-2-Clause */
/* clock2 against arrays, and Mach's rules one by one. */
#include "policy_fixture.h"

enum { AHEAD, IN_EX, IN_IN, AC_EX, AC_IN, LINES };
static struct seq line[LINES];
static unsigned arrivals, arrived_at[PAGES], refusals;

static void
take_out(unsigned number)
{
	for (unsigned i = 0; i < LINES; i++)
		if (drop(&line[i], number))
			return;
	CHECK(false);
}

static void
put_active(unsigned number)
{
	put(&line[foreign[number] ? AC_EX : AC_IN], 0, number);
}

static void
put_inactive(unsigned number, bool at_head)
{
	struct seq *seq = &line[foreign[number] ? IN_EX : IN_IN];

	put(seq, at_head ? seq->count : 0, number);
}

static bool
in(unsigned i, unsigned number)
{
	for (unsigned k = 0; k < line[i].count; k++)
		if (line[i].at[k] == number)
			return true;
	return false;
}

static void
model_enqueue(unsigned number, bool speculative)
{
	arrivals++;
	arrived_at[number] = arrivals;
	foreign[number] = pages[number].pindex % 3 == 0;
	if (speculative)
		put(&line[AHEAD], 0, number);
	else
		put_active(number);
}

static void
model_dequeue(unsigned number, enum vm_leave how)
{
	(void)how;
	refusals = 0;
	take_out(number);
}

static void
model_activate(unsigned number)
{
	take_out(number);
	put_active(number);
}

static void
model_deactivate(unsigned number, bool at_head)
{
	bool used = model_referenced(number);

	if (!used && !at_head && (in(IN_EX, number) || in(IN_IN, number)))
		return;
	take_out(number);
	put_inactive(number, at_head);
}

static void
model_refused(unsigned number)
{
	model_activate(number);
	refusals++;
}

/* One call: what was proposed lies at the cold end of each line. */
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

static void
model_refill(void)
{
	unsigned number = coldest(left(AC_EX) > 0 ? AC_EX : AC_IN);

	(void)model_referenced(number);
	if (wired(number)) {
		model_refused(number);
	} else {
		take_out(number);
		put_inactive(number, false);
	}
	looks--;
}

/* The line to look at; LINES: refill instead. */
static unsigned
next_line(void)
{
	unsigned inactive = left(IN_EX) + left(IN_IN);
	unsigned active = left(AC_EX) + left(AC_IN);

	if (left(AHEAD) > 0 && (refusals >= inactive + active ||
	    arrivals - arrived_at[coldest(AHEAD)] >= GRACE))
		return AHEAD;
	if (looks > 0 && active > (inactive + active) / 3)
		return LINES;
	for (unsigned i = IN_EX; i < LINES; i++)
		if (left(i) > 0)
			return i;
	return AHEAD;
}

static unsigned
model_victims(unsigned *numbers, unsigned want)
{
	unsigned n = 0, steps;

	memset(proposed, 0, sizeof(proposed));
	looks = want * 16 + 64;
	for (steps = 2 * looks; n < want && steps > 0; steps--) {
		unsigned i = next_line(), number;
		bool marked;

		if (i == LINES) {
			model_refill();
			continue;
		}
		if (i == AHEAD && (left(AHEAD) == 0 || (refusals < left(AC_EX)
		    + left(AC_IN) + left(IN_EX) + left(IN_IN) && arrivals -
		    arrived_at[coldest(AHEAD)] < GRACE)))
			break;
		number = coldest(i);
		marked = model_referenced(number);
		if (wired(number))
			model_refused(number);
		else if (marked && looks > 0)
			model_activate(number);
		else {
			numbers[n++] = number;
			proposed[i]++;
		}
		if (looks > 0)
			looks--;
	}
	return n;
}

TEST(clock2_does_what_arrays_do)
{
	static const struct model_ops model = { model_enqueue, model_dequeue,
		model_activate, model_deactivate, model_victims,
		model_refused };

	drive(&vm_policy_clock2, &model);
}

static uint32_t
length(struct vm_policy *state, const char *wanted)
{
	const char *name;
	uint32_t count;

	for (unsigned i = 0; state->ops->list(state, i, &name, &count); i++)
		if (strcmp(name, wanted) == 0)
			return count;
	CHECK(false);
	return 0;
}

static struct vm_policy *
twelve_pages(void)
{
	struct vm_policy *state = make_policy(&vm_policy_clock2);

	for (unsigned i = 0; i < 12; i++) {
		foreign[i] = i % 2 == 0;
		state->ops->enqueue(state, &pages[i], false);
	}
	return state;
}

TEST(inactive_is_refilled_until_a_third_is_active)
{
	struct vm_policy *state = twelve_pages();
	struct vm_page *victim;

	CHECK_INT(length(state, "active external"), 6);
	CHECK_INT(length(state, "active internal"), 6);
	CHECK_INT(state->ops->victims(state, &victim, 1), 1);
	CHECK_INT(length(state, "inactive external"), 6);
	CHECK_INT(length(state, "inactive internal"), 2);
	CHECK_INT(length(state, "active internal"), 4);
	free(state);
}

TEST(external_pages_go_before_internal_and_inactive_before_active)
{
	static const unsigned order[] = { 0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9,
		11 };
	struct vm_policy *state = twelve_pages();
	struct vm_page *got[12];

	CHECK_INT(state->ops->victims(state, got, 12), 12);
	for (unsigned i = 0; i < 12; i++)
		CHECK_INT(got[i]->number, order[i]);
	free(state);
}

TEST(an_inactive_page_that_was_used_has_a_second_chance)
{
	static const unsigned order[] = { 2, 4, 6, 8, 10, 0 };
	struct vm_policy *state = twelve_pages();
	struct vm_page *got[6];

	CHECK_INT(state->ops->victims(state, got, 1), 1);
	CHECK_INT(got[0]->number, 0);
	mark[0] = true;
	CHECK_INT(state->ops->victims(state, got, 6), 6);
	for (unsigned i = 0; i < 6; i++)
		CHECK_INT(got[i]->number, order[i]);
	free(state);
}

/* Mach's vm_page_activate dequeues first, whatever list the page is on. */
TEST(activate_always_moves_to_the_end)
{
	struct vm_policy *state = twelve_pages();
	struct vm_page *got[12];

	state->ops->activate(state, &pages[1]);
	CHECK_INT(state->ops->victims(state, got, 12), 12);
	CHECK_INT(got[6]->number, 3);
	CHECK_INT(got[11]->number, 1);
	free(state);
}

/* An inactive page stays where it is unless it was used since. */
TEST(deactivating_an_inactive_page_moves_it_only_if_it_was_used)
{
	struct vm_policy *state = twelve_pages();
	struct vm_page *got[3];

	state->ops->deactivate(state, &pages[0], false);
	state->ops->deactivate(state, &pages[2], false);
	state->ops->deactivate(state, &pages[4], false);
	state->ops->deactivate(state, &pages[0], false);
	CHECK_INT(state->ops->victims(state, got, 3), 3);
	CHECK_INT(got[0]->number, 0);
	mark[0] = true;
	state->ops->deactivate(state, &pages[0], false);
	CHECK(!mark[0]);
	CHECK_INT(state->ops->victims(state, got, 3), 3);
	CHECK_INT(got[0]->number, 2);
	state->ops->deactivate(state, &pages[4], true);
	CHECK_INT(state->ops->victims(state, got, 3), 3);
	CHECK_INT(got[0]->number, 4);
	free(state);
}
