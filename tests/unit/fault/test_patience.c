/* SPDX-License-Identifier: BSD-2-Clause */
/* How long is waited for a pager that has no room. */
#include "fault/patience.h"

#include "check.h"

enum { MS = 1000000 };

TEST(pauses_double_up_to_128_ms)
{
	static const uint64_t ms[] = { 1, 2, 4, 8, 16, 32, 64, 128, 128, 128 };
	struct vm_patience patience = { 0, 0 };
	uint64_t now = 77;

	for (unsigned i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
		CHECK_INT(vm_patience_pause(&patience, now,
		    UINT64_C(30000) * MS), ms[i] * MS);
		now += ms[i] * MS;
	}
}

TEST(the_last_pause_ends_where_the_bound_does)
{
	struct vm_patience patience = { 0, 0 };

	CHECK_INT(vm_patience_pause(&patience, 5, 4 * MS), 1 * MS);
	CHECK_INT(vm_patience_pause(&patience, 5 + 1 * MS, 4 * MS), 2 * MS);
	CHECK_INT(vm_patience_pause(&patience, 5 + 3 * MS, 4 * MS), 1 * MS);
	CHECK_INT(vm_patience_pause(&patience, 5 + 4 * MS, 4 * MS), 0);
	CHECK_INT(vm_patience_pause(&patience, 6 + 4 * MS, 4 * MS), 0);
}

TEST(a_bound_beyond_the_end_of_time_is_none)
{
	struct vm_patience patience = { 0, 0 };

	CHECK_INT(vm_patience_pause(&patience, 5, UINT64_MAX), 1 * MS);
	CHECK_INT(vm_patience_pause(&patience, UINT64_MAX - 1, UINT64_MAX),
	    1);
}
