/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No write is lost, however often its page is written to the file, evicted and
 * fetched again; test_mutant.c shows that these tests would notice.
 *
 *	RESIDENT_EVICTIONS=1000000 build/tests/stress_space_writes
 */
#include "client.h"
#include "writers.h"

/* 30,000 evictions of dirty pages a test: a second or two. */
#define EVICTIONS 30000

static uint64_t
evictions(void)
{
	return number_of("RESIDENT_EVICTIONS", EVICTIONS);
}

TEST(two_writers_lose_nothing_to_eviction)
{
	const struct writers how = { .threads = 2, .pages = 512,
		.limit_pages = 128, .readahead_bytes = 1,
		.evictions = evictions() };

	CHECK_INT(writers_run(&how), 0);
}

TEST(two_writers_lose_nothing_where_clusters_are_read)
{
	const struct writers how = { .threads = 2, .pages = 2048,
		.limit_pages = 512, .evictions = evictions() };

	CHECK_INT(writers_run(&how), 0);
}

TEST(two_writers_lose_nothing_on_a_disk)
{
	const struct writers how = { .disk = true, .threads = 2,
		.pages = 1024, .limit_pages = 256,
		.evictions = evictions() / 4 };

	CHECK_INT(writers_run(&how), 0);
}

TEST(eight_writers_in_sixteen_pages_lose_nothing)
{
	const struct writers how = { .threads = 8, .pages = 48,
		.limit_pages = 16, .readahead_bytes = 1,
		.evictions = evictions() };

	CHECK_INT(writers_run(&how), 0);
}

TEST(a_client_that_drops_its_page_tables_loses_nothing)
{
	const struct writers how = { .threads = 2, .pages = 512,
		.limit_pages = 128, .dontneed = true,
		.evictions = evictions() };

	CHECK_INT(writers_run(&how), 0);
}
