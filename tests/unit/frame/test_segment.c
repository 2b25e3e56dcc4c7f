/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of memory: rounding, overlap, order, and both ways between frame and
 * address. */
#include "frame/segment.h"

#include "frames_fixture.h"

enum { PAGES = 64 };

/* Page aligned; nothing but its addresses matters. */
static _Alignas(4096) char lent[PAGES * 4096];
static _Alignas(4096) char arena[PAGES * 4096];

static int
plan(struct vm_segments *s, const struct vm_segment_options *o,
    unsigned count)
{
	static struct vm_frame_segment array[VM_SEGMENTS_MAX];
	int error;

	memset(array, 0, sizeof(array));
	*s = (struct vm_segments){ .array = array };
	error = vm_segments_plan(s, o, count, FRAME_BYTES);
	if (error == 0)
		vm_segments_place(s, arena, FRAME_BYTES);
	return error;
}

TEST(ranges_are_rounded_inward)
{
	struct vm_segments s;
	struct vm_segment_options o[] = {
		{ .base = lent + 1, .bytes = 3 * 4096 },	/* two whole */
		{ .base = lent + 10 * 4096, .bytes = 4096 },	/* one */
		{ .base = lent + 20 * 4096 + 1, .bytes = 4096 },  /* none */
		{ .base = lent + 30 * 4096, .bytes = 0 },	/* none */
		{ .bytes = 2 * 4096 + 4095 },			/* two */
	};

	CHECK_INT(plan(&s, o, 5), 0);
	CHECK_INT(s.array[0].end - s.array[0].first, 2);
	CHECK(s.array[0].base == lent + 4096);
	CHECK_INT(s.array[1].end - s.array[1].first, 1);
	CHECK_INT(s.array[2].end - s.array[2].first, 0);
	CHECK_INT(s.array[3].end - s.array[3].first, 0);
	CHECK_INT(s.array[4].end - s.array[4].first, 2);
	CHECK_INT(s.own_frames, 2);
	CHECK_INT(s.frames, 5);
	CHECK_INT(s.array[4].first, 0);	/* the arena's come first */
}

TEST(ranges_that_overlap_are_refused_whatever_their_order)
{
	struct vm_segments s;
	struct vm_segment_options o[] = {
		{ .name = "b", .base = lent + 4 * 4096, .bytes = 4 * 4096 },
		{ .name = "a", .base = lent, .bytes = 5 * 4096 },
	};

	CHECK_INT(plan(&s, o, 2), -EINVAL);
	CHECK(strstr(vm_error_text(), "\"b\" overlaps \"a\"") != NULL);
	o[1].bytes = 4 * 4096;
	CHECK_INT(plan(&s, o, 2), 0);
	o[0].base = lent;	/* the same begin */
	CHECK_INT(plan(&s, o, 2), -EINVAL);
	o[1].bytes = 0;		/* one that is not there overlaps nothing */
	CHECK_INT(plan(&s, o, 2), 0);
}

TEST(ranges_that_cannot_be_are_refused)
{
	struct vm_segments s;
	struct vm_segment_options wraps = { .base = lent,
		.bytes = UINT64_MAX };
	struct vm_segment_options large[] = {
		{ .bytes = (UINT64_C(1) << 28) * 4096 - 4096 },
		{ .bytes = 4096 },
	};

	CHECK_INT(plan(&s, &wraps, 1), -EINVAL);
	CHECK(strstr(vm_error_text(), "wrap") != NULL);
	CHECK_INT(plan(&s, large, 1), 0);
	CHECK_INT(plan(&s, large, 2), -EINVAL);
	CHECK(strstr(vm_error_text(), "segment 1") != NULL);
	CHECK_DIES(plan(&s, large, 0));
	CHECK_DIES(plan(&s, large, VM_SEGMENTS_MAX + 1));
}

TEST(every_frame_is_in_its_segment)
{
	struct vm_segments s;
	struct vm_segment_options o[] = {
		{ .bytes = 3 * 4096 }, { .bytes = 1 }, { .bytes = 5 * 4096 },
		{ .base = lent + 8 * 4096, .bytes = 2 * 4096 },
		{ .base = lent, .bytes = 4096 },
	};

	CHECK_INT(plan(&s, o, 5), 0);
	CHECK_INT(s.frames, 11);
	for (uint32_t i = 0; i < s.frames; i++) {
		struct vm_frame_segment *segment = vm_segment_of(&s, i);
		uint32_t number;

		CHECK(i >= segment->first && i < segment->end);
		CHECK(vm_segment_find(&s, segment->base +
		    (size_t)(i - segment->first) * 4096 + 4095, FRAME_BYTES,
		    &number));
		CHECK_INT(number, i);
	}
	CHECK_DIES(vm_segment_of(&s, 11));
}

TEST(an_address_outside_is_in_no_frame)
{
	struct vm_segments s;
	struct vm_segment_options o = { .base = lent + 4096,
		.bytes = 2 * 4096 };
	uint32_t number;

	CHECK_INT(plan(&s, &o, 1), 0);
	CHECK(!vm_segment_find(&s, lent, FRAME_BYTES, &number));
	CHECK(!vm_segment_find(&s, lent + 4095, FRAME_BYTES, &number));
	CHECK(vm_segment_find(&s, lent + 4096, FRAME_BYTES, &number));
	CHECK(!vm_segment_find(&s, lent + 3 * 4096, FRAME_BYTES, &number));
	CHECK(!vm_segment_find(&s, NULL, FRAME_BYTES, &number));
}

TEST(a_long_name_is_cut)
{
	struct vm_segments s;
	struct vm_segment_options o[] = {
		{ .name = "a name that is longer than there is room",
		    .bytes = 4096 },
		{ .bytes = 4096 },
	};

	CHECK_INT(plan(&s, o, 2), 0);
	CHECK_STR(s.array[0].name, "a name that is longer than ther");
	CHECK_STR(s.array[1].name, "");
}

/* -- frames over them ------------------------------------------------------ */

TEST(ordinary_takers_get_the_highest_priority_first)
{
	struct vm_segment_options o[] = {
		{ .name = "low", .bytes = 2 * 4096, .priority = -1 },
		{ .name = "high", .bytes = 2 * 4096, .priority = 7 },
		{ .name = "middle", .base = lent, .bytes = 2 * 4096 },
	};
	struct vm_frames f;
	struct vm_page *page[6];

	frames_create(&f, 0, (struct vm_frames_options){ .segments = o,
		.segment_count = 3, .colours = 2 });
	for (unsigned i = 0; i < 6; i++)
		page[i] = take_one(&f);
	CHECK(page[0]->number == 2 && page[1]->number == 3);
	CHECK(page[2]->number == 4 && page[3]->number == 5);
	CHECK(page[4]->number == 0 && page[5]->number == 1);
	CHECK(vm_frame_data(&f, page[2]) == lent);
	CHECK(vm_frame_data(&f, page[3]) == lent + 4096);
	for (unsigned i = 0; i < 6; i++)
		CHECK(vm_frame_of_address(&f, vm_frame_data(&f, page[i])) ==
		    page[i]);
	CHECK(vm_frame_of_address(&f, lent + 2 * 4096) == NULL);
	vm_frame_give(&f, page, 6);
	frames_end(&f);
}

TEST(lent_memory_serves_the_pool_only_and_is_never_dropped)
{
	struct vm_segment_options o[] = {
		{ .base = lent, .bytes = 8 * 4096, .priority = 1 },
		{ .bytes = 4 * 4096 },
	};
	struct vm_frames f;
	struct vm_page *page[12];

	memset(lent, 9, sizeof(lent));
	frames_create(&f, 0, (struct vm_frames_options){ .segments = o,
		.segment_count = 2 });
	CHECK_INT(vm_frame_take(&f, VM_HOME_STORE, page, 12), 4);
	vm_frame_give(&f, page, 4);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, 12), 12);
	vm_frame_give(&f, page, 12);
	CHECK_INT(vm_frame_take(&f, VM_HOME_STORE, page, 12), 4);
	for (unsigned i = 0; i < 8 * 4096; i++)
		CHECK(lent[i] == 9);
	vm_frame_give(&f, page, 4);
	CHECK_INT(vm_frames_trim(&f, UINT32_MAX), 0);
	frames_end(&f);
}

TEST(large_pages_are_a_wish_that_may_be_refused)
{
	struct vm_segment_options o[] = {
		{ .bytes = 4096 * 512, .huge = true }, { .bytes = 4096 },
	};
	struct vm_frames f;

	frames_create(&f, 0, (struct vm_frames_options){ .segments = o,
		.segment_count = 2 });
	CHECK_INT(machine_huge, 1);
	CHECK_INT((uintptr_t)f.arena % VM_HUGE_BYTES, 0);
	frames_end(&f);
}
