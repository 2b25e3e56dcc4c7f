/* SPDX-License-Identifier: BSD-2-Clause */
/* s3fifo against arrays. */
#include "policy_fixture.h"

enum { HISTORY = 16 };

static struct seq ahead, small, main_line;
enum { AHEAD, SMALL, MAIN, LINES };
static struct seq *const lines[LINES] = { &ahead, &small, &main_line };
static unsigned arrivals, arrived_at[PAGES], refusals;
static unsigned marks[PAGES];	/* seen, 3 at most */
static uint64_t history[HISTORY + 1];	/* newest first */
static unsigned history_count;

static bool
forget(uint64_t pindex)
{
	unsigned i = 0;

	while (i < history_count && history[i] != pindex)
		i++;
	if (i == history_count)
		return false;
	for (history_count--; i < history_count; i++)
		history[i] = history[i + 1];
	return true;
}

static void
remember(uint64_t pindex)
{
	for (unsigned i = history_count; i > 0; i--)
		history[i] = history[i - 1];
	history[0] = pindex;
	if (history_count < HISTORY)
		history_count++;
}

static void
arrive(unsigned number)
{
	marks[number] = 0;
	put(forget(pages[number].pindex) ? &main_line : &small, 0, number);
}

static void
model_enqueue(unsigned number, bool speculative)
{
	arrivals++;
	arrived_at[number] = arrivals;
	if (speculative)
		put(&ahead, 0, number);
	else
		arrive(number);
}

static void
model_dequeue(unsigned number, enum vm_leave how)
{
	refusals = 0;
	if (drop(&small, number)) {
		if (how == VM_LEAVE_EVICTED)
			remember(pages[number].pindex);
		return;
	}
	CHECK(drop(&ahead, number) || drop(&main_line, number));
}

static void
model_activate(unsigned number)
{
	if (drop(&ahead, number)) {
		arrive(number);
		return;
	}
	CHECK(drop(&small, number) || drop(&main_line, number));
	marks[number] += marks[number] < 3;
	put(&main_line, 0, number);
}

static void
model_deactivate(unsigned number, bool at_head)
{
	(void)at_head;
	(void)model_referenced(number);
	CHECK(drop(&ahead, number) || drop(&small, number) ||
	    drop(&main_line, number));
	marks[number] = 0;
	put(&small, small.count, number);
}

static void
model_refused(unsigned number)
{
	unsigned which = AHEAD;

	while (which < LINES && !drop(lines[which], number))
		which++;
	CHECK(which < LINES);
	if (which == AHEAD)
		marks[number] = 0;
	put(lines[MAIN], 0, number);
	refusals++;
}

/* Which line to look at next; LINES when all are in the proposal. */
static unsigned
next_line(const unsigned *proposed)
{
	unsigned left_small = small.count - proposed[SMALL];
	unsigned left_main = main_line.count - proposed[MAIN];
	unsigned oldest;

	if (ahead.count > proposed[AHEAD]) {
		oldest = ahead.at[ahead.count - 1 - proposed[AHEAD]];
		if (refusals >= left_small + left_main ||
		    arrivals - arrived_at[oldest] >= GRACE)
			return AHEAD;
	}
	if (left_small > 0 && (refusals >= left_main ||
	    left_small >= (left_small + left_main) / 20))
		return SMALL;
	return left_main > 0 ? MAIN : LINES;
}

static unsigned
model_victims(unsigned *numbers, unsigned want)
{
	unsigned n = 0, proposed[LINES] = { 0 };
	unsigned looks = 2 * (want * 16 + 64);

	while (n < want && looks-- > 0) {
		unsigned which = next_line(proposed), number;
		bool marked;

		if (which == LINES)
			break;
		number = lines[which]->at[lines[which]->count - 1 -
		    proposed[which]];
		marked = model_referenced(number);
		if (wired(number)) {
			model_refused(number);
		} else if (marked) {
			model_activate(number);
		} else if (which == MAIN && marks[number] > 1) {
			marks[number]--;
			CHECK(drop(&main_line, number));
			put(&main_line, 0, number);
		} else {
			numbers[n++] = number;
			proposed[which]++;
		}
	}
	return n;
}

TEST(s3fifo_does_what_arrays_do)
{
	static const struct model_ops model = { model_enqueue, model_dequeue,
		model_activate, model_deactivate, model_victims,
		model_refused };

	drive(&vm_policy_s3fifo, &model);
}

/* Pages used twice stay while four times the memory passes by once. */
TEST(a_scan_leaves_what_is_used_alone)
{
	struct vm_policy *state = make_policy(&vm_policy_s3fifo);
	const struct vm_policy_ops *ops = state->ops;
	struct vm_page *victim;

	for (unsigned i = 0; i < PAGES; i++) {
		ops->enqueue(state, &pages[i], false);
		mark[i] = i < PAGES / 2;
	}
	for (unsigned i = 0; i < 4 * PAGES; i++) {
		CHECK_INT(ops->victims(state, &victim, 1), 1);
		CHECK(victim->number >= PAGES / 2);
		ops->dequeue(state, victim, VM_LEAVE_EVICTED);
		victim->pindex = 1000 + i;
		ops->enqueue(state, victim, false);
	}
	free(state);
}

/* Used between 3 looks in a row, then no more: two rounds are left. */
TEST(who_was_used_often_has_more_rounds)
{
	struct vm_policy *state = make_policy(&vm_policy_s3fifo);
	const struct vm_policy_ops *ops = state->ops;
	struct vm_page *got[PAGES];

	for (unsigned i = 0; i < PAGES; i++) {
		ops->enqueue(state, &pages[i], false);
		ops->activate(state, &pages[i]);
	}
	for (unsigned turn = 0; turn < 5; turn++)
		ops->activate(state, &pages[0]);
	CHECK_INT(pages[0].weight, 3);
	CHECK_INT(ops->victims(state, got, PAGES - 1), PAGES - 1);
	for (unsigned i = 0; i < PAGES - 1; i++)
		CHECK(got[i] != &pages[0]);
	CHECK_INT(ops->victims(state, got, PAGES), PAGES);
	CHECK_INT(pages[0].weight, 1);
	free(state);
}

TEST(who_comes_back_soon_stays_but_not_who_was_freed)
{
	struct vm_policy *state = make_policy(&vm_policy_s3fifo);
	const struct vm_policy_ops *ops = state->ops;
	struct vm_page *got[PAGES];

	for (unsigned i = 0; i < PAGES; i++)
		ops->enqueue(state, &pages[i], false);
	ops->dequeue(state, &pages[0], VM_LEAVE_EVICTED);
	ops->dequeue(state, &pages[1], VM_LEAVE_FREED);
	ops->enqueue(state, &pages[0], false);
	ops->enqueue(state, &pages[1], false);
	CHECK_INT(ops->victims(state, got, PAGES), PAGES);
	CHECK_INT(got[PAGES - 2]->number, 1);	/* the hot end of small */
	CHECK_INT(got[PAGES - 1]->number, 0);	/* main */
	free(state);
}
