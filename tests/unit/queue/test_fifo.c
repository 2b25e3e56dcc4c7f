/* SPDX-License-Identifier: BSD-2-Clause */
/* fifo against an array. */
#include "policy_fixture.h"

static struct seq line;

static void
model_enqueue(unsigned number, bool speculative)
{
	(void)speculative;
	put(&line, 0, number);
}

static void
model_dequeue(unsigned number, enum vm_leave how)
{
	(void)how;
	CHECK(drop(&line, number));
}

static void
model_activate(unsigned number)
{
	CHECK(drop(&line, number));
	put(&line, 0, number);
}

static void
model_deactivate(unsigned number, bool at_head)
{
	(void)at_head;
	CHECK(drop(&line, number));
	put(&line, line.count, number);
}

static unsigned
model_victims(unsigned *numbers, unsigned want)
{
	unsigned n = 0;

	for (unsigned left = line.count; left > 0 && n < want; left--) {
		unsigned number = line.at[line.count - 1 - n];

		if (wired(number))
			model_activate(number);
		else
			numbers[n++] = number;
	}
	return n;
}

TEST(fifo_does_what_an_array_does)
{
	static const struct model_ops model = { model_enqueue, model_dequeue,
		model_activate, model_deactivate, model_victims,
		model_activate };

	drive(&vm_policy_fifo, &model);
}

TEST(uses_change_nothing)
{
	struct vm_policy *state = make_policy(&vm_policy_fifo);
	struct vm_page *got[PAGES];

	for (unsigned i = 0; i < PAGES; i++)
		state->ops->enqueue(state, &pages[i], i % 2 == 0);
	looked = 0;
	always_marked = true;
	CHECK_INT(state->ops->victims(state, got, PAGES), PAGES);
	always_marked = false;
	CHECK_INT(looked, 0);
	for (unsigned i = 0; i < PAGES; i++)
		CHECK_INT(got[i]->number, i);
	free(state);
}
