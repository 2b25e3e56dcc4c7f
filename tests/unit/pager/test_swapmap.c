/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking and giving runs, against an array of flags. */
#include "pager/swapmap.h"

#include <stdlib.h>

#include "base/rng.h"
#include "check.h"

/* Grows as far as the map asks for a run of want pages. */
static void
grow(struct vm_swapmap *map, unsigned want)
{
	size_t bytes;

	while ((bytes = vm_swapmap_growth_bytes(map, want)) > 0)
		free(vm_swapmap_grow(map, calloc(1, bytes), bytes));
}

static void
fini(struct vm_swapmap *map)
{
	free(vm_swapmap_fini(map));
}

TEST(a_new_map_has_no_room_and_asks_for_memory)
{
	struct vm_swapmap map;
	uint64_t first;

	vm_swapmap_init(&map, 100000);
	CHECK_INT(vm_swapmap_take(&map, 1, &first), 0);
	CHECK_INT(vm_swapmap_growth_bytes(&map, 1), 512);
	fini(&map);
}

TEST(runs_that_follow_each_other_lie_behind_each_other)
{
	struct vm_swapmap map;
	uint64_t first;

	vm_swapmap_init(&map, 100000);
	grow(&map, 256);
	for (unsigned i = 0; i < 10; i++) {
		CHECK_INT(vm_swapmap_take(&map, 100, &first), 100);
		CHECK_INT(first, 100 * i);
	}
	vm_swapmap_give(&map, 0, 1000);
	fini(&map);
}

TEST(room_behind_the_last_run_comes_before_room_in_front_of_it)
{
	struct vm_swapmap map;
	uint64_t first;

	vm_swapmap_init(&map, 4096);
	grow(&map, 1);
	CHECK_INT(vm_swapmap_take(&map, 4000, &first), 4000);
	vm_swapmap_give(&map, 0, 100);
	CHECK_INT(vm_swapmap_take(&map, 50, &first), 50);
	CHECK_INT(first, 4000);
	CHECK_INT(vm_swapmap_take(&map, 50, &first), 50);
	CHECK_INT(first, 0);
	vm_swapmap_give(&map, 0, 50);
	vm_swapmap_give(&map, 100, 3950);
	fini(&map);
}

TEST(room_taken_in_vain_is_the_next_to_be_taken)
{
	struct vm_swapmap map;
	uint64_t first;

	vm_swapmap_init(&map, 4096);
	grow(&map, 1);
	CHECK_INT(vm_swapmap_take(&map, 50, &first), 50);
	CHECK_INT(vm_swapmap_take(&map, 50, &first), 50);
	vm_swapmap_give(&map, first, 50);
	CHECK_INT(vm_swapmap_take(&map, 7, &first), 7);
	CHECK_INT(first, 50);
	vm_swapmap_give(&map, 0, 57);
	fini(&map);
}

/* One after the other, in either order. */
TEST(room_given_back_piece_by_piece_is_the_next_to_be_taken)
{
	struct vm_swapmap map;
	uint64_t first;

	vm_swapmap_init(&map, 4096);
	grow(&map, 1);
	CHECK_INT(vm_swapmap_take(&map, 100, &first), 100);
	for (unsigned i = 20; i < 100; i++)
		vm_swapmap_give(&map, i, 1);
	CHECK_INT(vm_swapmap_take(&map, 100, &first), 100);
	CHECK_INT(first, 20);
	for (unsigned i = 120; i-- > 20;)
		vm_swapmap_give(&map, i, 1);
	CHECK_INT(vm_swapmap_take(&map, 5, &first), 5);
	CHECK_INT(first, 20);
	vm_swapmap_give(&map, 0, 25);
	fini(&map);
}

TEST(growing_keeps_what_is_taken_and_ends_at_the_bound)
{
	struct vm_swapmap map;
	uint64_t first;
	unsigned taken = 0, count;

	vm_swapmap_init(&map, 10001);
	do {
		grow(&map, 64);
		count = vm_swapmap_take(&map, 64, &first);
		CHECK(count == 0 || first == taken);
		taken += count;
	} while (count > 0);
	CHECK_INT(taken, 10001);
	CHECK_INT(vm_swapmap_growth_bytes(&map, 1), 0);
	vm_swapmap_give(&map, 0, taken);
	fini(&map);
}

TEST(memory_that_came_too_late_is_handed_back)
{
	struct vm_swapmap map;
	size_t bytes;
	uint64_t *late;

	vm_swapmap_init(&map, 100000);
	bytes = vm_swapmap_growth_bytes(&map, 1);
	late = calloc(1, bytes);
	CHECK(vm_swapmap_grow(&map, calloc(1, bytes), bytes) == NULL);
	CHECK(vm_swapmap_grow(&map, late, bytes) == late);
	free(late);
	fini(&map);
}

TEST(without_a_long_run_the_longest_is_taken)
{
	struct vm_swapmap map;
	uint64_t first;

	vm_swapmap_init(&map, 4096);
	grow(&map, 1);
	CHECK_INT(vm_swapmap_take(&map, 4096, &first), 4096);
	vm_swapmap_give(&map, 10, 3);
	vm_swapmap_give(&map, 63, 66);	/* over two ends of words */
	vm_swapmap_give(&map, 4000, 5);
	CHECK_INT(vm_swapmap_take_within(&map, 256, 0, 63, &first), 3);
	CHECK_INT(first, 10);
	CHECK_INT(vm_swapmap_take(&map, 256, &first), 66);
	CHECK_INT(first, 63);
	CHECK_INT(vm_swapmap_take_within(&map, 256, 0, 4000, &first), 0);
	CHECK_INT(vm_swapmap_take(&map, 256, &first), 5);
	CHECK_INT(vm_swapmap_take(&map, 1, &first), 0);
	vm_swapmap_give(&map, 0, 4096);
	fini(&map);
}

/* Every other page is free, and far behind them a long run. */
TEST(a_long_run_behind_many_short_ones_is_not_looked_for)
{
	struct vm_swapmap map;
	uint64_t first;

	vm_swapmap_init(&map, 4096);
	grow(&map, 1);
	CHECK_INT(vm_swapmap_take(&map, 4096, &first), 4096);
	for (unsigned i = 0; i < VM_SWAPMAP_LOOKS; i++)
		vm_swapmap_give(&map, 2 * i, 1);
	vm_swapmap_give(&map, 31, 1);	/* three free ones */
	vm_swapmap_give(&map, 4000, 10);
	/* That joined two of them: the long one is the last looked at. */
	CHECK_INT(vm_swapmap_take(&map, 10, &first), 10);
	CHECK_INT(first, 4000);
	vm_swapmap_give(&map, 4000, 10);
	vm_swapmap_give(&map, 2 * VM_SWAPMAP_LOOKS, 1);
	vm_swapmap_give(&map, 2 * VM_SWAPMAP_LOOKS + 2, 1);
	CHECK_INT(vm_swapmap_take_within(&map, 10, 0, 4096, &first), 3);
	CHECK_INT(first, 30);
	vm_swapmap_give(&map, 30, 3);
	while (vm_swapmap_take(&map, 4096, &first) != 0)
		continue;
	vm_swapmap_give(&map, 0, 4096);
	fini(&map);
}

TEST(a_run_across_the_place_of_the_last_one_is_found)
{
	struct vm_swapmap map;
	uint64_t first;

	vm_swapmap_init(&map, 4096);
	grow(&map, 1);
	CHECK_INT(vm_swapmap_take(&map, 4096, &first), 4096);
	vm_swapmap_give(&map, 1000, 10);
	CHECK_INT(vm_swapmap_take(&map, 10, &first), 10);
	vm_swapmap_give(&map, 1000, 20);	/* next is 1010 */
	CHECK_INT(vm_swapmap_take(&map, 20, &first), 20);
	CHECK_INT(first, 1000);
	vm_swapmap_give(&map, 0, 4096);
	fini(&map);
}

TEST(a_run_is_looked_for_where_that_is_asked)
{
	struct vm_swapmap map;
	uint64_t first;

	vm_swapmap_init(&map, 4096);
	grow(&map, 1);
	CHECK_INT(vm_swapmap_take_within(&map, 20, 1000, 1010, &first), 10);
	CHECK_INT(first, 1000);
	CHECK_INT(vm_swapmap_take_within(&map, 20, 1005, 1015, &first), 5);
	CHECK_INT(first, 1010);
	vm_swapmap_give(&map, 1000, 15);
	fini(&map);
}

TEST(exactly_these_pages_are_taken_or_none)
{
	struct vm_swapmap map;
	uint64_t first;

	vm_swapmap_init(&map, 4096);
	grow(&map, 1);
	CHECK_INT(vm_swapmap_take(&map, 10, &first), 10);
	CHECK(!vm_swapmap_try(&map, 9, 2));
	CHECK(vm_swapmap_try(&map, 62, 4));	/* over the end of a word */
	CHECK(!vm_swapmap_try(&map, 61, 2));
	CHECK(!vm_swapmap_try(&map, 65, 1));
	CHECK(!vm_swapmap_try(&map, 4095, 2));
	CHECK(vm_swapmap_try(&map, 4095, 1));
	CHECK_INT(map.free_pages, 4096 - 15);
	/* What is behind the last run is still the next one. */
	CHECK_INT(vm_swapmap_take(&map, 10, &first), 10);
	CHECK_INT(first, 10);
	vm_swapmap_give(&map, 0, 20);
	vm_swapmap_give(&map, 62, 4);
	vm_swapmap_give(&map, 4095, 1);
	fini(&map);
}

TEST(giving_what_is_free_dies)
{
	struct vm_swapmap map;

	vm_swapmap_init(&map, 4096);
	grow(&map, 1);
	CHECK_DIES(vm_swapmap_give(&map, 5, 1));
	fini(&map);
}

enum { PAGES = 5000, ROUNDS = 20000 };

static unsigned
longest_free(const unsigned char *taken, uint64_t pages, unsigned want,
    unsigned *runs)
{
	unsigned longest = 0, run = 0;

	*runs = 0;
	for (uint64_t i = 0; i < pages; i++) {
		run = taken[i] ? 0 : run + 1;
		*runs += run == 1;
		if (run > longest)
			longest = run;
	}
	return longest < want ? longest : want;
}

/* Each run is as long as it can be, unless there are many; free before, and
 * taken after. */
TEST(a_map_agrees_with_an_array_of_flags)
{
	static unsigned char taken[PAGES];
	struct vm_rng rng = { check_seed() };
	struct vm_swapmap map;

	memset(taken, 0, sizeof(taken));
	vm_swapmap_init(&map, PAGES);
	for (int round = 0; round < ROUNDS; round++) {
		unsigned expected, runs, n = 1 + (unsigned)vm_rng_below(&rng,
		    100);
		uint64_t at = vm_rng_below(&rng, PAGES), first = 0;

		if (vm_rng_below(&rng, 100) < 52) {
			grow(&map, n);
			expected = longest_free(taken, map.pages, n, &runs);
			n = vm_swapmap_take(&map, n, &first);
			/* One may be cut in two where the search begins. */
			CHECK(n == expected || (n > 0 && n < expected &&
			    runs >= VM_SWAPMAP_LOOKS));
			for (unsigned i = 0; i < n; i++)
				CHECK(!taken[first + i]++);
			continue;
		}
		for (; n > 0 && at < PAGES; at++, n--)
			if (taken[at]) {
				vm_swapmap_give(&map, at, 1);
				taken[at] = 0;
			}
	}
	for (unsigned i = 0; i < PAGES; i++)
		if (taken[i])
			vm_swapmap_give(&map, i, 1);
	fini(&map);
}
