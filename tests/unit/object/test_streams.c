/* SPDX-License-Identifier: BSD-2-Clause */
/* What is fetched for sequential, interleaved, near and random misses. */
#include "object/streams.h"

#include "check.h"

enum { CLUSTER = 16, WINDOW = 256, PAGES = 1 << 20 };

static struct vm_streams streams;

static void
set_up(void)
{
	vm_streams_init(&streams, CLUSTER, WINDOW);
}

static struct vm_plan
miss(vm_pindex_t pindex)
{
	struct vm_plan plan = vm_streams_miss(&streams, pindex, PAGES);

	CHECK(plan.first <= pindex && pindex < plan.first + plan.count);
	CHECK(plan.first + plan.count <= PAGES);
	CHECK(plan.count <= WINDOW);
	return plan;
}

static unsigned random_state = 1;

static vm_pindex_t
far_away(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 4 & (PAGES - 1);
}

/* Random misses until single pages are fetched. */
static void
become_random(void)
{
	for (int i = 0; i < 100; i++)
		miss(far_away());
	CHECK_INT(miss(far_away()).count, 1);
}

/* Runs that are asked for as a whole. */
TEST(a_run_fetches_itself_and_one_that_goes_on_a_window)
{
	set_up();
	CHECK_INT(vm_streams_run(&streams, 1000, 64, PAGES), 1064);
	CHECK_INT(vm_streams_run(&streams, 1064, 64, PAGES), 1064 + 128);
	CHECK_INT(vm_streams_run(&streams, 1192, 64, PAGES), 1192 + 256);
	CHECK_INT(vm_streams_run(&streams, 1448, 64, PAGES), 1448 + 256);
	/* Elsewhere it is a new one; at the end nothing is behind it. */
	CHECK_INT(vm_streams_run(&streams, 5000, 64, PAGES), 5064);
	CHECK_INT(vm_streams_run(&streams, 5064, 64, 5100 + 28), 5128);
	/* Larger than any window: as it is. */
	CHECK_INT(vm_streams_run(&streams, 9000, 300, PAGES), 9300);
	streams.pattern = VM_PATTERN_SEQUENTIAL;
	CHECK_INT(vm_streams_run(&streams, 20000, 8, PAGES), 20000 + WINDOW);
	streams.pattern = VM_PATTERN_RANDOM;
	CHECK_INT(vm_streams_run(&streams, 20256, 8, PAGES), 20264);
}

TEST(the_first_miss_fetches_its_cluster)
{
	struct vm_plan plan;

	set_up();
	plan = miss(100);
	CHECK_INT(plan.first, 96);
	CHECK_INT(plan.count, CLUSTER);
}

TEST(a_sequential_reader_gets_windows_that_double)
{
	vm_pindex_t at = 0;
	uint32_t last = 0;

	set_up();
	for (int i = 0; i < 10; i++) {
		struct vm_plan plan = miss(at);

		CHECK(plan.count >= last && plan.count <= 2 * (last +
		    CLUSTER));
		last = plan.count;
		CHECK_INT(plan.first, at);
		at = plan.first + plan.count;
	}
	CHECK_INT(last, WINDOW);
}

/* A reader that begins among random ones is known at its second miss. */
TEST(a_stream_is_found_among_random_misses)
{
	struct vm_plan plan;

	set_up();
	become_random();
	plan = miss(5000);
	CHECK_INT(plan.count, 1);
	plan = miss(5001);
	CHECK_INT(plan.first, 5001);
	CHECK_INT(plan.count, CLUSTER);
	plan = miss(5001 + CLUSTER);
	CHECK_INT(plan.count, 2 * CLUSTER);
}

TEST(eight_interleaved_readers_each_get_their_window)
{
	vm_pindex_t at[VM_STREAMS];
	struct vm_plan plan = { 0, 0 };

	set_up();
	for (unsigned i = 0; i < VM_STREAMS; i++)
		at[i] = i * 50000;
	for (int turn = 0; turn < 10; turn++)
		for (unsigned i = 0; i < VM_STREAMS; i++) {
			plan = miss(at[i]);
			at[i] = plan.first + plan.count;
			CHECK(turn < 6 || plan.count == WINDOW);
		}
}

TEST(random_misses_fetch_single_pages)
{
	int clusters = 0;

	set_up();
	for (int i = 0; i < 1000; i++)
		clusters += miss(far_away()).count > 1;
	CHECK(clusters <= 8);
}

TEST(near_misses_fetch_clusters_again)
{
	struct vm_plan plan;

	set_up();
	become_random();
	/* Backwards: nothing a stream goes on with. */
	for (vm_pindex_t at = 70000; at > 70000 - 3 * CLUSTER; at -= 5)
		plan = miss(at);
	CHECK_INT(plan.count, CLUSTER);
	CHECK_INT(plan.first % CLUSTER, 0);
}

TEST(advice_is_followed_at_once)
{
	set_up();
	streams.pattern = VM_PATTERN_RANDOM;
	for (vm_pindex_t at = 0; at < 20; at++)
		CHECK_INT(miss(at).count, 1);
	streams.pattern = VM_PATTERN_SEQUENTIAL;
	CHECK_INT(miss(40000).count, WINDOW);
	CHECK_INT(miss(40000 + WINDOW).count, WINDOW);
}

TEST(nothing_is_fetched_behind_the_end)
{
	struct vm_plan plan;

	set_up();
	plan = vm_streams_miss(&streams, 7, 8);
	CHECK_INT(plan.first + plan.count, 8);
	plan = vm_streams_miss(&streams, 0, 1);
	CHECK_INT(plan.count, 1);
	CHECK_DIES(vm_streams_miss(&streams, 8, 8));
}

TEST(clusters_of_one_page_mean_none)
{
	vm_streams_init(&streams, 1, 1);
	for (vm_pindex_t at = 0; at < 50; at++)
		CHECK_INT(miss(at).count, 1);
	CHECK_DIES(vm_streams_init(&streams, 0, 1));
	CHECK_DIES(vm_streams_init(&streams, 1, 0));
}

TEST(a_window_is_no_smaller_than_a_cluster)
{
	vm_streams_init(&streams, CLUSTER, 1);
	CHECK_INT(streams.window_pages, CLUSTER);
}
