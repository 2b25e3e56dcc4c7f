/* SPDX-License-Identifier: BSD-2-Clause */
/* Neighbours: counts, alignment, boundaries, segments, fragments. */
#include "frames_fixture.h"

enum { COUNT = 4096 };

static const struct vm_frames_options plain;

static void
check_run(const struct vm_frames *f, const struct vm_page *first,
    const struct vm_run_options *o)
{
	uintptr_t address;

	CHECK(first != NULL);
	address = (uintptr_t)vm_frame_data(f, first);
	for (uint32_t i = 0; i < o->count; i++) {
		CHECK_INT(first[i].number, first->number + i);
		CHECK((atomic_load(&first[i].flags) & VM_PGA_FREE) == 0);
		CHECK((uintptr_t)vm_frame_data(f, first + i) ==
		    address + i * FRAME_BYTES);
	}
	if (o->align_bytes != 0)
		CHECK_INT(address % o->align_bytes, 0);
	if (o->boundary_bytes != 0)
		CHECK(address / o->boundary_bytes == (address +
		    o->count * FRAME_BYTES - 1) / o->boundary_bytes);
}

TEST(a_run_has_exactly_the_frames_asked_for)
{
	struct vm_frames f;

	frames_create(&f, COUNT, plain);
	for (uint32_t n = 1; n <= VM_ORDER_PAGES_MAX; n = n < 9 ? n + 1 :
	    n * 2 - 3) {
		struct vm_run_options o = { .count = n };
		struct vm_page *first;
		struct vm_segment_count count;

		CHECK_INT(vm_run_check(&f, &o), 0);
		first = vm_frame_take_run(&f, &o);
		check_run(&f, first, &o);
		vm_frames_count(&f, 0, &count);
		CHECK_INT(count.free, COUNT - n);
		vm_frame_give_run(&f, first, n);
		CHECK(vm_frames_audit(&f) == NULL);
	}
	frames_end(&f);
}

TEST(alignment_and_boundary_are_kept)
{
	struct vm_frames f;

	frames_create(&f, COUNT, plain);
	for (uint64_t align = 1; align <= 1024 * FRAME_BYTES; align *= 2)
		for (uint32_t n = 1; n <= 512; n = n * 2 + 1) {
			struct vm_run_options o = { .count = n,
				.align_bytes = align,
				.boundary_bytes = UINT64_C(1) << 21 };
			struct vm_page *first = vm_frame_take_run(&f, &o);

			CHECK_INT(vm_run_check(&f, &o), 0);
			check_run(&f, first, &o);
			vm_frame_give_run(&f, first, n);
		}
	frames_end(&f);
}

TEST(a_run_that_cannot_be_is_refused_with_a_sentence)
{
	static const struct {
		struct vm_run_options o;
		const char *text;
	} bad[] = {
		{ { .count = 0 }, "not 1 to 1024" },
		{ { .count = 1025 }, "not 1 to 1024" },
		{ { .count = 1, .align_bytes = 12288 }, "powers of two" },
		{ { .count = 1, .boundary_bytes = 12288 }, "powers of two" },
		{ { .count = 3, .boundary_bytes = 8192 }, "every boundary" },
		{ { .count = 1, .align_bytes = 8 << 20 }, "alignment" },
	};
	struct vm_frames f;

	frames_create(&f, COUNT, plain);
	for (unsigned i = 0; i < 6; i++) {
		CHECK_INT(vm_run_check(&f, &bad[i].o), -EINVAL);
		CHECK(strstr(vm_error_text(), bad[i].text) != NULL);
	}
	frames_end(&f);
}

TEST(frames_in_magazines_and_of_other_kinds_join_a_run)
{
	struct vm_frames f;
	struct vm_page *page[COUNT], *first;
	struct vm_run_options o = { .count = 1024 };

	frames_create(&f, COUNT, plain);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		/* Hollow, warm, and zeroed: all of them neighbours. */
		atomic_store(&page[i]->flags, i % 3 == 0 ? 0 : i % 3 == 1 ?
		    VM_PGA_WARM : VM_PGA_WARM | VM_PGA_ZERO);
		give_one(&f, page[i]);
	}
	first = vm_frame_take_run(&f, &o);
	check_run(&f, first, &o);
	vm_frame_give_run(&f, first, o.count);
	frames_end(&f);
}

TEST(fragments_make_no_run_until_they_are_given)
{
	struct vm_frames f;
	struct vm_page *page[COUNT], *first;
	struct vm_run_options o = { .count = 2 };

	frames_create(&f, COUNT, plain);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		if (page[i]->number % 2 == 0)
			give_one(&f, page[i]);
	CHECK(vm_frame_take_run(&f, &o) == NULL);
	for (unsigned i = 0; i < COUNT; i++)
		if (page[i]->number % 2 == 1)
			give_one(&f, page[i]);
	first = vm_frame_take_run(&f, &o);
	check_run(&f, first, &o);
	vm_frame_give_run(&f, first, 2);
	frames_end(&f);
}

/* How many pieces frames in ascending order are. */
static unsigned
pieces(struct vm_page *const *page, unsigned count)
{
	unsigned n = 1;

	for (unsigned i = 1; i < count; i++)
		n += page[i]->number != page[i - 1]->number + 1;
	return n;
}

TEST(rows_are_taken_before_single_frames_and_of_whole_blocks)
{
	struct vm_frames f;
	struct vm_page *page[COUNT], *row[64];
	uint32_t at;

	frames_create(&f, COUNT, plain);
	at = 2048 + (uint32_t)(-(uintptr_t)f.arena / FRAME_BYTES % 32);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT);
	/* Single ones, and then two blocks of 32 elsewhere. */
	for (unsigned i = 0; i < COUNT; i++)
		if ((page[i]->number < 1024 && page[i]->number % 2 == 0) ||
		    page[i]->number - at < 32 ||
		    page[i]->number - at - 1024 < 32)
			give_one(&f, page[i]);
	vm_frames_drain(&f);
	CHECK_INT(vm_frame_take_rows(&f, row, 32), 32);
	CHECK_INT(pieces(row, 32), 1);
	CHECK_INT(atomic_load(&row[0]->flags), VM_PGA_WARM);
	CHECK_INT(vm_frame_take_rows(&f, row + 32, 24), 24);
	CHECK_INT(pieces(row + 32, 24), 1);	/* 16 and 8 of one block */
	CHECK(vm_frames_audit(&f) == NULL);
	vm_frame_give(&f, row, 56);
	for (unsigned i = 0; i < COUNT; i++)
		if ((atomic_load(&page[i]->flags) & VM_PGA_FREE) == 0 &&
		    page[i]->pindex != VM_PINDEX_MAGAZINE)
			give_one(&f, page[i]);
	frames_end(&f);
}

TEST(where_there_are_no_rows_single_frames_serve)
{
	struct vm_frames f;
	struct vm_page *page[COUNT], *row[64];

	frames_create(&f, COUNT, plain);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		if (page[i]->number < 80 && page[i]->number % 2 == 0)
			give_one(&f, page[i]);
	CHECK_INT(vm_frame_take_rows(&f, row, 32), 32);
	/* And fewer than were asked for when there are no more. */
	CHECK_INT(vm_frame_take_rows(&f, row + 32, 32), 8);
	vm_frame_give(&f, row, 40);
	for (unsigned i = 0; i < COUNT; i++)
		if (page[i]->number >= 80 || page[i]->number % 2 != 0)
			give_one(&f, page[i]);
	frames_end(&f);
}

TEST(a_mask_selects_segments_whatever_their_priority)
{
	struct vm_segment_options s[] = {
		{ .bytes = 64 * FRAME_BYTES, .priority = 9 },
		{ .bytes = 64 * FRAME_BYTES },
	};
	struct vm_run_options o = { .count = 2, .segments = 2 };
	struct vm_frames f;
	struct vm_page *a, *b;

	frames_create(&f, 0, (struct vm_frames_options){ .segments = s,
		.segment_count = 2 });
	a = vm_frame_take_run(&f, &o);
	check_run(&f, a, &o);
	CHECK(a->number >= 64);
	o.segments = 0;
	b = vm_frame_take_run(&f, &o);
	CHECK(b->number < 64);
	vm_frame_give_run(&f, a, 2);
	vm_frame_give_run(&f, b, 2);
	o.segments = 4;
	CHECK(vm_frame_take_run(&f, &o) == NULL);
	frames_end(&f);
}

TEST(a_run_for_who_wants_zeros_says_which_frames_are)
{
	struct vm_run_options o = { .count = 8, .zero = true };
	struct vm_frames f;
	struct vm_page *first;

	frames_create(&f, 16, plain);
	first = vm_frame_take_run(&f, &o);	/* of fresh ones */
	CHECK((atomic_load(&first[7].flags) & VM_PGA_ZERO) != 0);
	CHECK_INT(*(char *)vm_frame_data(&f, first), 0);
	memset(vm_frame_data(&f, first), 1, 8 * FRAME_BYTES);
	for (unsigned i = 0; i < 8; i++)
		atomic_store(&first[i].flags, VM_PGA_WARM);
	vm_frame_give_run(&f, first, 8);
	o.zero = false;
	CHECK(vm_frame_take_run(&f, &o) == first);	/* warm before fresh */
	CHECK_INT(atomic_load(&first[7].flags), VM_PGA_WARM);
	vm_frame_give_run(&f, first, 8);
	frames_end(&f);
}

TEST(a_frame_of_a_colour_can_be_had)
{
	struct vm_frames f;
	struct vm_page *page[64];

	frames_create(&f, 64, (struct vm_frames_options){ .colours = 8 });
	for (unsigned i = 0; i < 32; i++) {
		struct vm_run_options o = { .count = 1, .coloured = true,
			.colour = i };

		page[i] = vm_frame_take_run(&f, &o);
		check_run(&f, page[i], &o);
		CHECK_INT(vm_buddy_colour(&f.segments.array[0].buddy,
		    page[i]->number), i % 8);
	}
	vm_frame_give(&f, page, 32);
	frames_end(&f);
}

TEST(giving_a_run_twice_dies_and_one_given_is_a_block_again)
{
	struct vm_run_options o = { .count = 1024 };
	struct vm_frames f;
	struct vm_page *first;
	struct vm_segment_count before, after;

	frames_create(&f, COUNT, plain);
	first = vm_frame_take_run(&f, &o);
	vm_frames_count(&f, 0, &before);
	vm_frame_give_run(&f, first, 1024);
	vm_frames_count(&f, 0, &after);
	CHECK_INT(after.blocks[10], before.blocks[10] + 1);
	CHECK_DIES(vm_frame_give_run(&f, first, 1024));
	frames_end(&f);
}

TEST(a_wired_frame_of_a_run_cannot_be_given)
{
	struct vm_run_options o = { .count = 4 };
	struct vm_frames f;
	struct vm_page *first;

	frames_create(&f, COUNT, plain);
	first = vm_frame_take_run(&f, &o);
	CHECK_DIES(atomic_store(&first[2].wires, 1);
	    vm_frame_give_run(&f, first, 4));
	CHECK_DIES(first[3].object = (void *)&f;
	    vm_frame_give_run(&f, first, 4));
	vm_frame_give_run(&f, first, 4);
	frames_end(&f);
}
