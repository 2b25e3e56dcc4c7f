/* SPDX-License-Identifier: BSD-2-Clause */
#include "queue/policies/ages.h"

#include "check.h"

static struct vm_ages ages;

/* n pages are used in a memory of 160: groups of 10. */
static uint16_t
enter(unsigned n)
{
	uint16_t stamp = 0;

	while (n-- > 0)
		stamp = vm_ages_enter(&ages, 160);
	return stamp;
}

TEST(the_distance_is_that_of_the_groups_since)
{
	uint16_t first;

	ages = (struct vm_ages){ 0 };
	first = enter(10);
	CHECK_INT(enter(10), first + 1);
	CHECK_INT(enter(7), first + 2);
	CHECK_INT(vm_ages_distance(&ages, first), 10 + 7 + 10 / 2);
	CHECK_INT(vm_ages_distance(&ages, (uint16_t)(first + 1)), 7 + 10 / 2);
	CHECK_INT(vm_ages_distance(&ages, (uint16_t)(first + 2)), 7 / 2);
}

TEST(who_leaves_counts_no_more)
{
	uint16_t first, second;

	ages = (struct vm_ages){ 0 };
	first = enter(10);
	second = enter(10);
	for (unsigned i = 0; i < 10; i++)
		vm_ages_leave(&ages, second);
	(void)enter(10);	/* the sums are made anew */
	CHECK_INT(vm_ages_distance(&ages, first), 10 + 10 / 2);
	vm_ages_leave(&ages, second);	/* one too many does nothing */
	CHECK_INT(vm_ages_distance(&ages, second), 10);
}

TEST(very_old_groups_are_one)
{
	uint16_t first, second;

	ages = (struct vm_ages){ 0 };
	first = enter(10);
	second = enter(10);
	(void)enter(10 * (VM_AGES_KEPT + 4));
	CHECK_INT(vm_ages_age(&ages, first), VM_AGES_KEPT - 1);
	CHECK_INT(vm_ages_clamp(&ages, first), vm_ages_clamp(&ages, second));
	CHECK_INT(vm_ages_distance(&ages, first),
	    vm_ages_distance(&ages, second));
	CHECK(vm_ages_distance(&ages, first) > 10 * (VM_AGES_KEPT - 3));
}

/* As many as there are pages in memory and history, whatever is done. */
TEST(members_add_up_when_stamps_wrap)
{
	uint16_t stamp[40];
	uint32_t sum = 0;

	ages = (struct vm_ages){ 0 };
	for (unsigned i = 0; i < 40; i++)
		stamp[i] = enter(1);
	for (unsigned i = 0; i < 3000000; i++) {
		vm_ages_leave(&ages, stamp[i % 40]);
		stamp[i % 40] = enter(1);
	}
	for (unsigned i = 0; i < VM_AGES_KEPT; i++)
		sum += ages.members[i];
	CHECK_INT(sum, 40);
}

TEST(a_memory_of_one_page_has_groups_of_one)
{
	ages = (struct vm_ages){ 0 };
	for (uint16_t i = 0; i < 300; i++)
		CHECK_INT(vm_ages_enter(&ages, 1), i);
}
