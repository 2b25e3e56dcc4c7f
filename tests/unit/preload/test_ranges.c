/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts by hand, then random insertions and removals against an array with one
 * member per page: what file and offset does each page show?
 */
#include <stdlib.h>

#include "../../../preload/ranges.h"
#include "check.h"

#define PAGE UINT64_C(4096)

static void
add(struct vm_ranges *ranges, uint64_t start, uint64_t end, uint64_t offset)
{
	struct vm_shim_range entry = {
		.start = start * PAGE, .end = end * PAGE,
		.offset = offset * PAGE, .file = 7,
	};

	CHECK_INT(vm_ranges_reserve(ranges, 1), 0);
	vm_ranges_insert(ranges, &entry);
}

static void
cut(struct vm_ranges *ranges, uint64_t start, uint64_t end)
{
	CHECK_INT(vm_ranges_reserve(ranges, 1), 0);
	vm_ranges_remove(ranges, start * PAGE, end * PAGE);
}

static void
check_entry(const struct vm_ranges *ranges, size_t i, uint64_t start,
    uint64_t end)
{
	CHECK(i < ranges->count);
	CHECK_INT(ranges->range[i].start, start * PAGE);
	CHECK_INT(ranges->range[i].end, end * PAGE);
}

TEST(entries_are_sorted_and_bounded)
{
	struct vm_ranges ranges = { 0 };

	CHECK(!vm_ranges_near(&ranges, 0, UINT64_MAX));
	add(&ranges, 20, 30, 0);
	add(&ranges, 10, 20, 0);
	add(&ranges, 40, 41, 0);
	CHECK_INT(ranges.count, 3);
	check_entry(&ranges, 0, 10, 20);
	check_entry(&ranges, 1, 20, 30);
	check_entry(&ranges, 2, 40, 41);
	CHECK(vm_ranges_near(&ranges, 5 * PAGE, 11 * PAGE));
	CHECK(!vm_ranges_near(&ranges, 5 * PAGE, 10 * PAGE));
	CHECK(!vm_ranges_near(&ranges, 41 * PAGE, 50 * PAGE));
	cut(&ranges, 0, 100);
	CHECK_INT(ranges.count, 0);
	CHECK(!vm_ranges_near(&ranges, 0, UINT64_MAX));
}

TEST(a_hole_in_the_middle_makes_two_entries)
{
	struct vm_ranges ranges = { 0 };

	add(&ranges, 10, 20, 100);
	cut(&ranges, 13, 15);
	CHECK_INT(ranges.count, 2);
	check_entry(&ranges, 0, 10, 13);
	check_entry(&ranges, 1, 15, 20);
	CHECK_INT(ranges.range[1].offset, 105 * PAGE);
}

TEST(cuts_take_heads_tails_and_whole_entries)
{
	struct vm_ranges ranges = { 0 };

	add(&ranges, 10, 20, 100);
	add(&ranges, 20, 30, 0);
	add(&ranges, 30, 40, 200);
	cut(&ranges, 15, 35);
	CHECK_INT(ranges.count, 2);
	check_entry(&ranges, 0, 10, 15);
	check_entry(&ranges, 1, 35, 40);
	CHECK_INT(ranges.range[1].offset, 205 * PAGE);
	CHECK(vm_ranges_first(&ranges, 15 * PAGE, 35 * PAGE) == NULL);
	CHECK(vm_ranges_first(&ranges, 0, 36 * PAGE) == &ranges.range[0]);
}

TEST(an_empty_interval_meets_nothing)
{
	struct vm_ranges ranges = { 0 };

	add(&ranges, 10, 20, 0);
	CHECK(vm_ranges_first(&ranges, 12 * PAGE, 12 * PAGE) == NULL);
	CHECK(vm_ranges_first(&ranges, 20 * PAGE, 20 * PAGE) == NULL);
}

/* 512 pages hold some hundred ranges at a time. */
enum { PAGES = 512, STEPS = 20000 };

struct page {
	uint32_t file;		/* 0: none */
	uint64_t offset;
};

static void
audit(const struct vm_ranges *ranges, const struct page *page)
{
	uint64_t last = 0;

	for (size_t i = 0; i < ranges->count; i++) {
		const struct vm_shim_range *r = &ranges->range[i];

		CHECK(r->start >= last && r->start < r->end);
		last = r->end;
	}
	for (uint64_t p = 0; p < PAGES; p++) {
		const struct vm_shim_range *r = vm_ranges_first(ranges,
		    p * PAGE, (p + 1) * PAGE);

		CHECK_INT(r == NULL ? 0 : r->file, page[p].file);
		CHECK(r == NULL || r->offset + (p * PAGE - r->start) ==
		    page[p].offset);
	}
}

static void
random_step(struct vm_ranges *ranges, struct page *page, unsigned *seed)
{
	uint64_t start = (uint64_t)rand_r(seed) % PAGES;
	uint64_t end = start + 1 + (uint64_t)rand_r(seed) % 12;
	bool insert = rand_r(seed) % 3 != 0;
	struct vm_shim_range entry = {
		.start = start * PAGE, .file = 1 + (uint32_t)rand_r(seed) % 9,
		.offset = (uint64_t)rand_r(seed) % 1000 * PAGE,
	};

	if (end > PAGES)
		end = PAGES;
	entry.end = end * PAGE;
	CHECK_INT(vm_ranges_reserve(ranges, 2), 0);
	vm_ranges_remove(ranges, start * PAGE, end * PAGE);
	if (insert)
		vm_ranges_insert(ranges, &entry);
	for (uint64_t p = start; p < end; p++)
		page[p] = (struct page){ insert ? entry.file : 0,
			entry.offset + (p - start) * PAGE };
}

TEST(random_changes_agree_with_an_array_of_pages)
{
	static struct page page[PAGES];
	struct vm_ranges ranges = { 0 };
	unsigned seed = (unsigned)check_seed();

	for (int i = 0; i < STEPS; i++) {
		random_step(&ranges, page, &seed);
		if (i % 100 == 0)
			audit(&ranges, page);
	}
	audit(&ranges, page);
}
