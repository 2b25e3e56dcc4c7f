/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/budget.c - budget.h has the theory. */
#include "limit/budget.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/error.h"

void
vm_budget_init_none(struct vm_budget *budget)
{
	*budget = (struct vm_budget){ .given = UINT64_MAX,
		.limit = UINT64_MAX, .mark = UINT64_MAX };
}

/* Nine tenths, divided first as the rump kernel does: nothing overflows. */
int
vm_budget_init(struct vm_budget *budget, uint64_t given, uint64_t reserve)
{
	if (given <= reserve)
		return vm_error(EINVAL, "memory limit: %" PRIu64 " bytes are "
		    "not more than the reserve of %" PRIu64, given, reserve);
	*budget = (struct vm_budget){ .given = given,
		.limit = given - reserve,
		.mark = 9 * ((given - reserve) / 10) };
	return 0;
}

static uint64_t
room(const struct vm_budget *budget, uint64_t used, bool reserve)
{
	uint64_t bound = reserve ? budget->given : budget->limit;

	return used < bound ? bound - used : 0;
}

uint32_t
vm_budget_take(struct vm_budget *budget, uint64_t unit, uint32_t want,
    bool reserve)
{
	uint64_t used = atomic_load(&budget->used), fit;

	vm_assert(unit != 0);
	do {
		fit = room(budget, used, reserve) / unit;
		if (fit > want)
			fit = want;
		if (fit == 0)
			return 0;
	} while (!atomic_compare_exchange_weak(&budget->used, &used,
	    used + fit * unit));
	return (uint32_t)fit;
}

bool
vm_budget_fits(const struct vm_budget *budget, uint64_t bytes, bool reserve)
{
	return bytes <= room(budget, atomic_load(&budget->used), reserve);
}

void
vm_budget_give(struct vm_budget *budget, uint64_t bytes)
{
	uint64_t used = atomic_fetch_sub(&budget->used, bytes);

	vm_assert(used >= bytes);
}

bool
vm_budget_needs_daemon(const struct vm_budget *budget)
{
	return vm_budget_excess(budget) != 0;
}

uint64_t
vm_budget_excess(const struct vm_budget *budget)
{
	uint64_t used = atomic_load(&budget->used);

	if (!vm_budget_limited(budget) || used <= budget->mark)
		return 0;
	return used - budget->mark;
}
