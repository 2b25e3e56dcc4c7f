/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy_play.h"

TEST(a_loop_longer_than_memory_keeps_all_but_the_cold_page)
{
	struct play play = play_begin(&vm_policy_lirs, true);

	(void)play_loop(&play, 2 * PAGES, 3);
	CHECK_INT(play_loop(&play, 2 * PAGES, 10), 10 * (PAGES - 1));
	play_end(&play);
}

/* It takes the place of the hot one used longest ago. */
TEST(who_comes_back_sooner_than_a_hot_page_becomes_hot)
{
	struct play play = play_begin(&vm_policy_lirs, true);

	for (unsigned i = 0; i < PAGES; i++)
		(void)touch(&play, i);
	(void)touch(&play, 100);
	CHECK(touch(&play, 100));
	for (unsigned i = 0; i < 2 * PAGES; i++)
		(void)touch(&play, 200 + i);
	CHECK(touch(&play, 100));
	CHECK(touch(&play, 1));
	CHECK(!touch(&play, 0));
	play_end(&play);
}

TEST(marks_serve_where_uses_are_not_told)
{
	struct play play = play_begin(&vm_policy_lirs, false);

	(void)play_loop(&play, 2 * PAGES, 3);
	CHECK(play_loop(&play, 2 * PAGES, 10) >= 10 * (PAGES - 3));
	play_end(&play);
}
