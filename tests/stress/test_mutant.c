/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same as test_writes.c with a library that does not protect pages before
 * it writes them (mutant_store.c): writes must be lost, or test_writes.c shows
 * nothing.
 */
#include "writers.h"

#include "check.h"

TEST(without_protection_writes_are_lost)
{
	const struct writers how = { .threads = 2, .pages = 64,
		.limit_pages = 32, .readahead_bytes = 1,
		.evictions = 20000 };

	CHECK(writers_run(&how) > 0);
}
