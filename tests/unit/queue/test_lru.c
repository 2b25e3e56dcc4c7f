/* SPDX-License-Identifier: BSD-2-Clause */
/* lru against arrays. */
#include "policy_fixture.h"

static struct seq ahead, used;
static unsigned arrivals, arrived_at[PAGES], refusals;

static void
model_enqueue(unsigned number, bool speculative)
{
	arrivals++;
	arrived_at[number] = arrivals;
	put(speculative ? &ahead : &used, 0, number);
}

static void
model_dequeue(unsigned number, enum vm_leave how)
{
	(void)how;
	refusals = 0;
	CHECK(drop(&ahead, number) || drop(&used, number));
}

static void
model_activate(unsigned number)
{
	CHECK(drop(&ahead, number) || drop(&used, number));
	put(&used, 0, number);
}

static void
model_deactivate(unsigned number, bool at_head)
{
	(void)at_head;
	(void)model_referenced(number);
	CHECK(drop(&ahead, number) || drop(&used, number));
	put(&used, used.count, number);
}

static void
model_refused(unsigned number)
{
	CHECK(drop(&ahead, number) || drop(&used, number));
	put(&used, 0, number);
	refusals++;
}

/* The one to look at next, among those not in the proposal. */
static struct seq *
next_line(unsigned proposed_ahead, unsigned proposed_used)
{
	unsigned oldest;

	if (ahead.count > proposed_ahead) {
		oldest = ahead.at[ahead.count - 1 - proposed_ahead];
		if (refusals >= used.count - proposed_used ||
		    arrivals - arrived_at[oldest] >= GRACE)
			return &ahead;
	}
	return used.count > proposed_used ? &used : NULL;
}

static unsigned
model_victims(unsigned *numbers, unsigned want)
{
	unsigned n = 0, in_ahead = 0, in_used = 0;
	unsigned looks = 2 * (want * 16 + 64);

	while (n < want && looks-- > 0) {
		struct seq *line = next_line(in_ahead, in_used);
		unsigned *proposed = line == &ahead ? &in_ahead : &in_used;
		unsigned number;
		bool marked;

		if (line == NULL)
			break;
		number = line->at[line->count - 1 - *proposed];
		marked = model_referenced(number);
		if (wired(number))
			model_refused(number);
		else if (marked)
			model_activate(number);
		else {
			numbers[n++] = number;
			++*proposed;
		}
	}
	return n;
}

TEST(lru_does_what_arrays_do)
{
	static const struct model_ops model = { model_enqueue, model_dequeue,
		model_activate, model_deactivate, model_victims,
		model_refused };

	drive(&vm_policy_lru, &model);
}

/*
 * The rump kernel's list: a million uses, arrivals and removals of pages
 * against an array in order of last use, coldest first.
 */
enum { OPERATIONS = 1000000 };

static void
lru_step(struct vm_policy *state, struct vm_rng *rng, struct seq *order)
{
	unsigned number = (unsigned)vm_rng_below(rng, PAGES);
	struct vm_page *page = &pages[number];
	bool queued = drop(order, number);

	CHECK(queued == (page->list != 0));
	switch (vm_rng_below(rng, 8)) {
	case 0:
		if (queued)
			state->ops->dequeue(state, page, VM_LEAVE_FREED);
		return;
	case 1:
		if (!queued)
			state->ops->enqueue(state, page, false);
		state->ops->deactivate(state, page, true);
		put(order, 0, number);
		return;
	default:
		if (!queued)
			state->ops->enqueue(state, page, false);
		state->ops->activate(state, page);
		put(order, order->count, number);
	}
}

TEST(lru_keeps_the_order_of_a_million_operations)
{
	struct vm_rng rng = { check_seed() };
	struct vm_policy *state = make_policy(&vm_policy_lru);
	struct seq order = { .count = 0 };
	struct vm_page *got[PAGES];

	for (unsigned i = 0; i < OPERATIONS; i++) {
		lru_step(state, &rng, &order);
		CHECK_INT(state->ops->count(state), order.count);
		if (order.count == 0 || i % 4 != 0)
			continue;
		CHECK_INT(state->ops->victims(state, got, PAGES),
		    order.count);
		for (unsigned k = 0; k < order.count; k++)
			CHECK_INT(got[k]->number, order.at[k]);
	}
	free(state);
}

/* With activate at each use, the victim is the one used longest ago. */
TEST(lru_is_exact_where_each_use_is_told)
{
	struct vm_rng rng = { check_seed() };
	struct vm_policy *state = make_policy(&vm_policy_lru);
	unsigned last_use[PAGES], oldest;
	struct vm_page *victim;

	for (unsigned i = 0; i < PAGES; i++) {
		state->ops->enqueue(state, &pages[i], false);
		last_use[i] = i;
	}
	for (unsigned now = PAGES; now < 10000; now++) {
		unsigned number = (unsigned)vm_rng_below(&rng, PAGES);

		state->ops->activate(state, &pages[number]);
		last_use[number] = now;
		oldest = 0;
		for (unsigned i = 1; i < PAGES; i++)
			if (last_use[i] < last_use[oldest])
				oldest = i;
		CHECK_INT(state->ops->victims(state, &victim, 1), 1);
		CHECK_INT(victim->number, oldest);
	}
	free(state);
}
