/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes: bounds, mark, and that they hold among threads. */
#include "limit/budget.h"

#include <errno.h>
#include <pthread.h>

#include "base/error.h"
#include "check.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

/* What RUMP_MEMLIMIT=1m gives. */
TEST(the_bounds_are_those_of_the_rump_kernel)
{
	struct vm_budget b;

	CHECK_INT(vm_budget_init(&b, MIB, VM_BUDGET_RESERVE_BYTES), 0);
	CHECK_INT(b.given, 1048576);
	CHECK_INT(b.limit, 917504);
	CHECK_INT(b.mark, 825750);
	CHECK_INT((b.limit - b.mark) / 4096, 22);
	CHECK(vm_budget_limited(&b));
}

TEST(a_limit_is_more_than_its_reserve)
{
	struct vm_budget b;

	CHECK_INT(vm_budget_init(&b, 0, VM_BUDGET_RESERVE_BYTES), -EINVAL);
	CHECK_INT(vm_budget_init(&b, 131072, VM_BUDGET_RESERVE_BYTES),
	    -EINVAL);
	CHECK(strstr(vm_error_text(), "131072 bytes are not more than the "
	    "reserve of 131072") != NULL);
	CHECK_INT(vm_budget_init(&b, 131073, VM_BUDGET_RESERVE_BYTES), 0);
	CHECK_INT(b.limit, 1);
	CHECK_INT(b.mark, 0);
	CHECK_INT(vm_budget_init(&b, UINT64_MAX, VM_BUDGET_RESERVE_BYTES), 0);
	CHECK(vm_budget_limited(&b));
}

TEST(the_daemon_is_needed_above_the_mark_and_not_at_it)
{
	struct vm_budget b;

	CHECK_INT(vm_budget_init(&b, MIB, VM_BUDGET_RESERVE_BYTES), 0);
	CHECK_INT(vm_budget_take(&b, b.mark, 1, false), 1);
	CHECK(!vm_budget_needs_daemon(&b));
	CHECK_INT(vm_budget_take(&b, 1, 1, false), 1);
	CHECK(vm_budget_needs_daemon(&b));
	CHECK_INT(vm_budget_excess(&b), 1);
	vm_budget_give(&b, 1);
	CHECK(!vm_budget_needs_daemon(&b));
}

TEST(without_a_limit_everything_fits_and_is_counted)
{
	struct vm_budget b;

	vm_budget_init_none(&b);
	CHECK(!vm_budget_limited(&b));
	CHECK_INT(vm_budget_take(&b, UINT64_MAX / 2, 1, false), 1);
	CHECK(!vm_budget_needs_daemon(&b));
	CHECK(b.used == UINT64_MAX / 2);
	vm_budget_give(&b, UINT64_MAX / 2);
	CHECK_INT(b.used, 0);
	CHECK_DIES(vm_budget_give(&b, 1));
	CHECK_DIES(vm_budget_take(&b, 0, 1, false));
}

TEST(only_the_daemon_takes_of_the_reserve)
{
	struct vm_budget b;

	CHECK_INT(vm_budget_init(&b, MIB, VM_BUDGET_RESERVE_BYTES), 0);
	CHECK_INT(vm_budget_take(&b, 4096, 1000, false), 224);
	CHECK_INT(b.used, b.limit);
	CHECK_INT(vm_budget_take(&b, 1, 1, false), 0);
	CHECK(!vm_budget_fits(&b, 1, false));
	CHECK(vm_budget_fits(&b, 131072, true));
	CHECK(!vm_budget_fits(&b, 131073, true));
	CHECK_INT(vm_budget_take(&b, 4096, 1000, true), 32);
	CHECK_INT(b.used, b.given);
	CHECK_INT(vm_budget_take(&b, 1, 1, true), 0);
	vm_budget_give(&b, 4096);
	CHECK_INT(vm_budget_take(&b, 1, 1, false), 0);	/* above limit still */
}

enum { FILLERS = 4, FILLS = 20000 };

static void *
fill_up(void *arg)
{
	struct vm_budget *b = arg;

	for (int i = 0; i < FILLS; i++) {
		uint32_t got = vm_budget_take(b, 4096, 100, false);

		CHECK(atomic_load(&b->used) <= b->limit);
		if (got != 0)
			vm_budget_give(b, got * UINT64_C(4096));
	}
	return NULL;
}

TEST(those_who_race_never_exceed_the_limit)
{
	struct vm_budget b;
	pthread_t thread[FILLERS];

	CHECK_INT(vm_budget_init(&b, MIB, VM_BUDGET_RESERVE_BYTES), 0);
	for (int i = 0; i < FILLERS; i++)
		CHECK(pthread_create(&thread[i], NULL, fill_up, &b) == 0);
	for (int i = 0; i < FILLERS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_INT(b.used, 0);
}
