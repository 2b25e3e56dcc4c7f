/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/policies/ages.c - ages.h has the theory. */
#include "queue/policies/ages.h"

static uint32_t
slot_of(uint16_t group)
{
	return group % VM_AGES_KEPT;
}

uint32_t
vm_ages_distance(const struct vm_ages *ages, uint16_t stamp)
{
	uint32_t at = slot_of(vm_ages_clamp(ages, stamp));
	uint32_t now = slot_of(ages->now);

	if (at == now)
		return ages->members[now] / 2;
	return ages->younger[at] + ages->members[now] + ages->members[at] / 2;
}

/* The oldest group and the one before it become one; its place is now's. */
static void
begin_group(struct vm_ages *ages)
{
	uint32_t now, oldest, sum = 0;

	ages->now++;
	ages->seen = 0;
	now = slot_of(ages->now);
	oldest = slot_of((uint16_t)(ages->now + 1));
	ages->members[oldest] += ages->members[now];
	ages->members[now] = 0;
	for (uint32_t age = 1; age < VM_AGES_KEPT; age++) {
		uint32_t at = slot_of((uint16_t)(ages->now - age));

		ages->younger[at] = sum;
		sum += ages->members[at];
	}
}

uint16_t
vm_ages_enter(struct vm_ages *ages, uint32_t pages)
{
	uint16_t stamp = ages->now;

	ages->members[slot_of(stamp)]++;
	if (++ages->seen >= pages / VM_AGES_PER_MEMORY)
		begin_group(ages);
	return stamp;
}

/* A stamp that was too old to be told may count in a group without members. */
void
vm_ages_leave(struct vm_ages *ages, uint16_t stamp)
{
	uint32_t at = slot_of(vm_ages_clamp(ages, stamp));

	if (ages->members[at] > 0)
		ages->members[at]--;
}
