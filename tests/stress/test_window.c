/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No write to a window is lost, whoever writes it out meanwhile.  That the
 * method finds lost writes is shown by test_mutant_window.c.
 */
#include "check.h"
#include "counting.h"

TEST(no_write_to_a_window_is_lost)
{
	const struct counting how = { .mapped = 2, .evictions = 20000 };

	CHECK_INT(counting_run(&how), 0);
}

TEST(no_write_is_lost_to_those_who_grab_and_sync)
{
	const struct counting how = { .mapped = 2, .grabbing = 2,
		.sync = true, .evictions = 10000 };

	CHECK_INT(counting_run(&how), 0);
}

TEST(no_write_is_lost_when_the_window_becomes_a_store)
{
	const struct counting how = { .mapped = 2, .grabbing = 1,
		.store = true, .evictions = 10000 };

	CHECK_INT(counting_run(&how), 0);
}
