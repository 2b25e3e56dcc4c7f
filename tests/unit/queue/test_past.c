/* SPDX-License-Identifier: BSD-2-Clause */
#include "queue/policies/past.h"

#include "base/hash.h"
#include "check.h"

static struct vm_past_set sets[4];
static struct vm_past past;

static void
begin(uint32_t count_sets)
{
	memset(sets, 0, sizeof(sets));
	past = (struct vm_past){ sets, count_sets };
}

TEST(what_is_added_is_found_once_with_its_stamp)
{
	uint32_t stamp = 0, dropped;

	begin(4);
	CHECK(!vm_past_add(&past, 7, 1234, &dropped));
	CHECK(!vm_past_take(&past, 8, &stamp));
	CHECK(vm_past_take(&past, 7, &stamp));
	CHECK_INT(stamp, 1234);
	CHECK(!vm_past_take(&past, 7, &stamp));
}

TEST(an_identity_whose_print_would_be_0_is_found_too)
{
	uint32_t stamp, dropped;

	begin(1);
	CHECK(!vm_past_take(&past, 0, &stamp));
	CHECK(!vm_past_add(&past, 0, 5, &dropped));
	CHECK(vm_past_take(&past, 0, &stamp));
}

TEST(the_oldest_of_a_full_set_is_dropped)
{
	uint32_t stamp, dropped = 0;

	begin(1);
	for (uint32_t i = 1; i <= VM_PAST_WAYS; i++)
		CHECK(!vm_past_add(&past, i, 100 + i, &dropped));
	CHECK(vm_past_add(&past, 50, 150, &dropped));
	CHECK_INT(dropped, 101);
	CHECK(!vm_past_take(&past, 1, &stamp));
	CHECK(vm_past_take(&past, 4, &stamp));
	CHECK(!vm_past_add(&past, 51, 151, &dropped));
	CHECK(vm_past_add(&past, 52, 152, &dropped));
	CHECK_INT(dropped, 102);
}

TEST(a_history_has_room_for_what_it_was_made_for)
{
	for (uint64_t n = 1; n < 1000; n++)
		CHECK(vm_past_sets(n) * VM_PAST_WAYS >= n);
}

TEST(a_history_without_sets_dies)
{
	uint32_t stamp;

	begin(0);
	CHECK_DIES((void)vm_past_take(&past, 1, &stamp));
}
