/* SPDX-License-Identifier: BSD-2-Clause */
#include "queue/policies/brief.h"

#include "base/hash.h"
#include "base/rng.h"
#include "check.h"

#define SETS 100u

static struct vm_brief_set sets[SETS];
static struct vm_brief brief;

static void
begin(uint32_t count_sets)
{
	memset(sets, 0, sizeof(sets));
	brief = (struct vm_brief){ sets, count_sets };
}

TEST(what_is_added_is_found_once_with_its_stamp)
{
	uint32_t stamp = 0, dropped;

	begin(4);
	CHECK(!vm_brief_add(&brief, 7, VM_BRIEF_STAMPS - 1, &dropped));
	CHECK(!vm_brief_take(&brief, 8, &stamp));
	CHECK(vm_brief_take(&brief, 7, &stamp));
	CHECK_INT(stamp, VM_BRIEF_STAMPS - 1);
	CHECK(!vm_brief_take(&brief, 7, &stamp));
}

TEST(each_stamp_comes_back_as_it_was)
{
	uint32_t got, dropped;

	begin(1);
	for (uint32_t stamp = 0; stamp < VM_BRIEF_STAMPS; stamp++) {
		(void)vm_brief_add(&brief, 0x3fff, stamp, &dropped);
		CHECK(vm_brief_take(&brief, 0x3fff, &got));
		CHECK_INT(got, stamp);
	}
}

TEST(an_identity_whose_print_would_be_0_is_found_too)
{
	uint32_t stamp, dropped;

	begin(1);
	CHECK(!vm_brief_take(&brief, 0, &stamp));
	CHECK(!vm_brief_add(&brief, 0, 5, &dropped));
	CHECK(vm_brief_take(&brief, 0, &stamp));
}

TEST(the_oldest_of_a_full_set_is_dropped)
{
	uint32_t stamp, dropped = 0;

	begin(1);
	for (uint32_t i = 1; i <= VM_BRIEF_WAYS; i++)
		CHECK(!vm_brief_add(&brief, i, 100 + i, &dropped));
	CHECK(vm_brief_add(&brief, 50, 150, &dropped));
	CHECK_INT(dropped, 101);
	CHECK(!vm_brief_take(&brief, 1, &stamp));
	CHECK(vm_brief_take(&brief, 4, &stamp));
	CHECK(!vm_brief_add(&brief, 51, 151, &dropped));
	CHECK(vm_brief_add(&brief, 52, 152, &dropped));
	CHECK_INT(dropped, 102);
}

/* The others stay, in their order and with their stamps. */
TEST(who_is_taken_leaves_no_gap)
{
	uint32_t stamp, dropped;

	begin(1);
	for (uint32_t i = 1; i <= VM_BRIEF_WAYS; i++)
		CHECK(!vm_brief_add(&brief, i, 10 * i, &dropped));
	CHECK(vm_brief_take(&brief, 9, &stamp));
	CHECK(vm_brief_take(&brief, VM_BRIEF_WAYS, &stamp));
	CHECK(!vm_brief_add(&brief, 30, 30, &dropped));
	CHECK(!vm_brief_add(&brief, 31, 31, &dropped));
	CHECK(vm_brief_add(&brief, 32, 32, &dropped));
	CHECK_INT(dropped, 10);
	for (uint32_t i = 2; i < VM_BRIEF_WAYS; i++)
		if (i != 9) {
			CHECK(vm_brief_take(&brief, i, &stamp));
			CHECK_INT(stamp, 10 * i);
		}
}

TEST(a_history_has_room_for_what_it_was_made_for)
{
	for (uint64_t n = 1; n < 1000; n++)
		CHECK(vm_brief_sets(n) * VM_BRIEF_WAYS >= n);
}

/* 14 bits, 21 entries: one in 780. */
TEST(hardly_anybody_is_taken_for_another)
{
	struct vm_rng rng = { check_seed() };
	uint64_t first = vm_rng_next(&rng);
	unsigned wrong = 0;
	uint32_t stamp, dropped;

	begin(SETS);
	for (uint64_t i = 0; i < 2 * SETS * VM_BRIEF_WAYS; i++)
		(void)vm_brief_add(&brief, vm_hash_pair(first, i), 1,
		    &dropped);
	for (uint64_t i = 0; i < 100000; i++)
		wrong += vm_brief_take(&brief, vm_hash_pair(first + 1, i),
		    &stamp);
	CHECK(wrong < 100000 / 780 * 2);
}

TEST(asking_for_its_memory_changes_nothing)
{
	uint32_t stamp, dropped;

	begin(4);
	vm_brief_expect(&brief, 7);
	CHECK(!vm_brief_take(&brief, 7, &stamp));
	CHECK(!vm_brief_add(&brief, 7, 1, &dropped));
	vm_brief_expect(&brief, 7);
	CHECK(vm_brief_take(&brief, 7, &stamp));
}

TEST(misuse_dies)
{
	uint32_t stamp, dropped;

	begin(0);
	CHECK_DIES((void)vm_brief_take(&brief, 1, &stamp));
	begin(1);
	CHECK_DIES((void)vm_brief_add(&brief, 1, VM_BRIEF_STAMPS, &dropped));
}
