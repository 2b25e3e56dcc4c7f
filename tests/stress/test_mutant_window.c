/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same as test_window.c with a library that protects no page before it
 * writes it (mutant_view.c): writes must be lost, or test_window.c shows
 * nothing.
 */
#include "check.h"
#include "counting.h"

TEST(without_protection_writes_to_a_window_are_lost)
{
	const struct counting how = { .mapped = 2, .evictions = 20000 };

	CHECK(counting_run(&how) > 0);
}
