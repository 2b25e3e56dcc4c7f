/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/resize.c - the limit changes while the system runs.
 *
 * Frames that the limit does not cover are free in their lists and not counted
 * here.  Where more is in use than the new limit, the difference is a debt:
 * what is given back pays it before it is free.
 *
 *	free + in use == total + debt
 */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "limit/limit.h"
#include "limit/limit_private.h"

void
vm_limit_move_begin_locked(struct vm_limit *limit)
{
	vm_lock_assert_held(&limit->lock);
	atomic_fetch_add(&limit->moves, 1);
}

void
vm_limit_move_end_locked(struct vm_limit *limit)
{
	uint32_t before = atomic_fetch_add(&limit->moves, 1);

	vm_assert(before % 2 == 1);
}

/* Takes up to want out of free. */
static uint32_t
withhold(struct vm_limit *limit, uint32_t want)
{
	uint32_t free = atomic_load(&limit->free), got;

	do {
		got = free < want ? free : want;
	} while (!atomic_compare_exchange_weak(&limit->free, &free,
	    free - got));
	return got;
}

static void
pay_debt_locked(struct vm_limit *limit)
{
	uint32_t debt = atomic_load(&limit->debt);

	vm_lock_assert_held(&limit->lock);
	atomic_store(&limit->debt, debt - withhold(limit, debt));
}

void
vm_limit_pay_debt(struct vm_limit *limit)
{
	vm_lock(&limit->lock);
	vm_limit_move_begin_locked(limit);
	pay_debt_locked(limit);
	vm_limit_move_end_locked(limit);
	vm_unlock(&limit->lock);
}

static void
grow_locked(struct vm_limit *limit, uint32_t count)
{
	uint32_t debt = atomic_load(&limit->debt);
	uint32_t paid = debt < count ? debt : count;

	atomic_store(&limit->debt, debt - paid);
	atomic_fetch_add(&limit->free, count - paid);
}

static void
shrink_locked(struct vm_limit *limit, uint32_t count)
{
	/* Before free is looked at: who gives adds first and looks then. */
	atomic_fetch_add(&limit->debt, count);
	pay_debt_locked(limit);
}

/* Both, or neither: false when the given watermarks do not fit. */
static bool
change_total_locked(struct vm_limit *limit, uint32_t total)
{
	uint32_t old = atomic_load(&limit->total);

	if (total < old)
		shrink_locked(limit, old - total);
	atomic_store(&limit->total, total);
	if (vm_limit_set_ladder_locked(limit)) {
		if (total > old)
			grow_locked(limit, total - old);
		return true;
	}
	atomic_store(&limit->total, old);
	if (total < old)
		grow_locked(limit, old - total);
	return false;
}

static bool
resize_locked(struct vm_limit *limit, uint32_t total)
{
	bool fits;

	vm_limit_move_begin_locked(limit);
	fits = change_total_locked(limit, total);
	vm_limit_move_end_locked(limit);
	vm_limit_serve_locked(limit);
	return fits;
}

int
vm_limit_set_total(struct vm_limit *limit, uint32_t total, uint32_t *above)
{
	bool fits;

	if (total < VM_LIMIT_PAGES_MIN || total > limit->frames->count)
		return vm_error(EINVAL, "limit: %u pages are not between %u "
		    "and %u", total, VM_LIMIT_PAGES_MIN,
		    limit->frames->count);
	(void)vm_shelves_shut(limit);
	vm_lock(&limit->lock);
	fits = total <= limit->capacity ? resize_locked(limit, total) :
	    vm_error(EINVAL, "limit: frames are gone for good, %u are left",
	    limit->capacity) == 0;
	*above = atomic_load(&limit->debt);
	vm_unlock(&limit->lock);
	vm_shelves_open(limit);
	if (!fits)
		return -EINVAL;		/* the sentence is there */
	if (*above != 0 || vm_limit_available(limit) < limit->low)
		vm_limit_kick(limit);
	vm_limit_notify(limit);
	return 0;
}

void
vm_limit_withdraw(struct vm_limit *limit, uint32_t count)
{
	vm_lock(&limit->lock);
	vm_assert(count <= atomic_load(&limit->total));
	vm_assert(count <= atomic_load(&limit->total) + atomic_load(
	    &limit->debt) - atomic_load(&limit->free));
	vm_limit_move_begin_locked(limit);
	atomic_fetch_sub(&limit->total, count);
	vm_limit_move_end_locked(limit);
	if (vm_budget_limited(&limit->budget))
		vm_budget_give(&limit->budget, (uint64_t)count *
		    limit->frames->page_bytes);
	limit->capacity -= count;
	/* Given watermarks stay as they are where they no longer fit. */
	(void)vm_limit_set_ladder_locked(limit);
	vm_unlock(&limit->lock);
}
