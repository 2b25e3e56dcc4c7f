/* SPDX-License-Identifier: BSD-2-Clause */
/* The formulas against their documents, and what is refused. */
#include "limit/marks.h"

#include <errno.h>

#include "base/compiler.h"
#include "base/error.h"
#include "check.h"
#include "page/slot.h"

static void
check_marks(const struct vm_marks *m, const uint32_t want[6])
{
	CHECK_INT(m->interrupt, want[0]);
	CHECK_INT(m->reserved, want[1]);
	CHECK_INT(m->severe, want[2]);
	CHECK_INT(m->min, want[3]);
	CHECK_INT(m->low, want[4]);
	CHECK_INT(m->target, want[5]);
}

struct row {
	uint32_t total, want[6];
};

/* Worked out by hand from the formulas; the tables of docs/limit.md. */
TEST(the_ladder_of_freebsd_is_its_formulas)
{
	static const struct row row[] = {
		{ 1000, { 2, 51, 53, 55, 56, 59 } },
		{ 10000, { 2, 63, 87, 111, 318, 510 } },
		{ 1000000, { 2, 1352, 3851, 6350, 22696, 42688 } },
	};
	struct vm_marks m = { 0 };

	for (size_t i = 0; i < VM_COUNT(row); i++) {
		CHECK(vm_marks_freebsd(row[i].total, &m));
		check_marks(&m, row[i].want);
		CHECK_INT(vm_marks_complete(row[i].total, &m), 0);
	}
	CHECK(!vm_marks_freebsd(100, &m));
	CHECK_INT(m.min, 6350);
}

TEST(the_ladder_of_mach_is_its_shares)
{
	static const struct row row[] = {
		{ 2000, { 62, 125, 250, 500, 600, 1000 } },
		{ 10000, { 62, 125, 250, 500, 600, 1000 } },
		{ 1000000, { 6250, 12500, 25000, 50000, 60000, 100000 } },
	};
	struct vm_marks m;

	for (size_t i = 0; i < VM_COUNT(row); i++) {
		CHECK(vm_marks_mach(row[i].total, &m));
		check_marks(&m, row[i].want);
		CHECK_INT(vm_marks_complete(row[i].total, &m), 0);
	}
	CHECK(!vm_marks_mach(1999, &m));
}

TEST(every_formula_rises_wherever_it_is_given)
{
	for (uint32_t total = 16; total < VM_SLOT_PAGES_MAX / 2;
	    total += total / 50 + 1) {
		struct vm_marks m;

		vm_marks_compute(total, &m);
		CHECK_INT(vm_marks_complete(total, &m), 0);
		if (vm_marks_freebsd(total, &m))
			CHECK_INT(vm_marks_complete(total, &m), 0);
		if (vm_marks_mach(total, &m))
			CHECK_INT(vm_marks_complete(total, &m), 0);
	}
}

TEST(each_mark_can_be_given_and_the_others_are_computed)
{
	static const uint32_t ours[6] = { 4, 8, 16, 32, 128, 256 };

	for (unsigned i = 0; i < 6; i++) {
		uint32_t field[6] = { 0 }, want[6];
		struct vm_marks m;

		field[i] = ours[i] + 1;
		memcpy(want, ours, sizeof(want));
		want[i]++;
		m = (struct vm_marks){ field[0], field[1], field[2], field[3],
			field[4], field[5] };
		CHECK_INT(vm_marks_complete(4096, &m), 0);
		check_marks(&m, want);
	}
}

TEST(a_ladder_that_does_not_rise_or_is_too_high_is_refused)
{
	static const struct vm_marks wrong[] = {
		{ .interrupt = 8 }, { .reserved = 16 }, { .severe = 32 },
		{ .min = 128 }, { .low = 256 }, { .target = 128 },
		{ .reserved = 4 }, { .severe = 8 }, { .target = 2049 },
		{ .low = UINT32_MAX }, { .interrupt = UINT32_MAX },
	};
	struct vm_marks most = { .target = 2048 };

	for (size_t i = 0; i < VM_COUNT(wrong); i++) {
		struct vm_marks m = wrong[i];

		CHECK_INT(vm_marks_complete(4096, &m), -EINVAL);
		CHECK(strstr(vm_error_text(), "<= half of 4096 pages does "
		    "not hold") != NULL);
	}
	CHECK_INT(vm_marks_complete(4096, &most), 0);
}
