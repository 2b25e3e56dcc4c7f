/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy_play.h"

static uint32_t
length_of(const struct vm_policy *state, unsigned line)
{
	const char *name;
	uint32_t count;

	CHECK(state->ops->list(state, line, &name, &count));
	return count;
}

TEST(who_was_used_and_who_comes_back_is_frequent)
{
	struct play play = play_begin(&vm_policy_car, false);

	for (unsigned i = 0; i < PAGES; i++)
		(void)touch(&play, i);
	CHECK(touch(&play, 0));
	CHECK(!touch(&play, 100));	/* the hand meets 0, then takes 1 */
	CHECK_INT(length_of(play.state, 2), 1);
	CHECK(!touch(&play, 1));
	CHECK_INT(length_of(play.state, 2), 2);
	play_end(&play);
}

TEST(a_scan_leaves_what_is_frequent_alone)
{
	struct play play = play_begin(&vm_policy_car, false);
	unsigned lost = 0;

	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < PAGES / 2; i++)
			lost += !touch(&play, i);
		for (unsigned i = 0; i < PAGES / 2; i++)
			(void)touch(&play, 1000 + round * PAGES + i);
	}
	CHECK(lost < 2 * PAGES);
	play_end(&play);
}
