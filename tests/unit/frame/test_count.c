/* SPDX-License-Identifier: BSD-2-Clause */
/* Figures of a segment, an audit of all, and a page size of one's own. */
#include "frames_fixture.h"

enum { COUNT = 2048 };

static const struct vm_frames_options plain;

TEST(a_segments_figures_add_up)
{
	struct vm_segment_options s[] = {
		{ .bytes = COUNT * FRAME_BYTES },
		{ .bytes = 16 * FRAME_BYTES, .priority = -1 },
	};
	struct vm_frames f;
	struct vm_page *page[100];
	struct vm_segment_count c;
	uint32_t on_lists = 0;

	frames_create(&f, 0, (struct vm_frames_options){ .segments = s,
		.segment_count = 2 });
	vm_boot_begin(&f.boot, &f);
	vm_boot_end(&f.boot);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, 100), 100);
	atomic_fetch_or(&page[0]->flags, VM_PGA_ZERO);	/* never touched */
	give_one(&f, page[0]);
	vm_frames_retire(&f, page[1]);
	give_one(&f, page[2]);
	vm_frames_count(&f, 0, &c);
	CHECK_INT(c.frames, COUNT);
	CHECK_INT(c.free, COUNT - 98);
	CHECK_INT(c.zeroed, 1);
	CHECK_INT(c.retired, 1);
	CHECK_INT(c.magazines, 1);
	for (unsigned i = 0; i < VM_ORDERS; i++)
		on_lists += c.blocks[i] << i;
	CHECK_INT(on_lists + c.fresh + c.magazines, c.free);
	vm_frames_count(&f, 1, &c);
	CHECK_INT(c.frames, 16);
	CHECK_INT(c.free, 16);
	CHECK_INT(c.fresh, 16);
	CHECK_DIES(vm_frames_count(&f, 2, &c));
	vm_frame_give(&f, page + 3, 97);
	frames_end(&f);
}

TEST(the_count_of_zeroed_frames_is_what_the_lists_have)
{
	struct vm_frames f;
	struct vm_page *page[COUNT];
	uint32_t counted = 0;

	frames_create(&f, COUNT, plain);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		if (i % 3 == 0)
			atomic_fetch_or(&page[i]->flags, VM_PGA_ZERO);
		give_one(&f, page[i]);
	}
	for (unsigned i = 0; i < COUNT; i++)
		counted += (atomic_load(&f.pages[i].flags) &
		    VM_PGA_ZERO) != 0;
	CHECK_INT(vm_frames_zeroed(&f), counted);
	CHECK_INT(counted, (COUNT + 2) / 3);
	frames_end(&f);
}

TEST(every_frame_and_address_name_each_other)
{
	struct vm_frames f;

	frames_create(&f, COUNT, plain);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct vm_page page = { .number = i };
		char *data = vm_frame_data(&f, &page);

		CHECK(data == f.arena + (size_t)i * FRAME_BYTES);
		CHECK(vm_frame_of_address(&f, data) == &f.pages[i]);
		CHECK(vm_frame_of_address(&f, data + FRAME_BYTES - 1) ==
		    &f.pages[i]);
	}
	CHECK(vm_frame_of_address(&f, f.arena - 1) == NULL);
	CHECK(vm_frame_of_address(&f, f.arena + COUNT * FRAME_BYTES) == NULL);
	frames_end(&f);
}

TEST(the_audit_sees_a_reserved_frame_that_nobody_counted)
{
	struct vm_frames f;
	struct vm_page *page;

	frames_create(&f, COUNT, plain);
	page = take_one(&f);
	atomic_fetch_or(&page->flags, VM_PGA_RESERVED);
	CHECK(strstr(vm_frames_audit(&f), "reserved") != NULL);
	atomic_store(&page->flags, VM_PGA_WARM);
	give_one(&f, page);
	frames_end(&f);
}

TEST(pages_of_16_and_64_kib_and_2_mib_are_aligned_to_their_size)
{
	static const uint32_t sizes[] = { 4096, 16384, 65536, 2 << 20 };

	for (unsigned i = 0; i < 4; i++) {
		struct vm_run_options run = { .count = 4,
			.align_bytes = 4 * (uint64_t)sizes[i] };
		struct vm_frames f;
		struct vm_page *page;

		machine_reset();
		CHECK_INT(vm_frames_init(&f, &machine, 64, sizes[i]), 0);
		CHECK_INT((uintptr_t)f.arena % sizes[i], 0);
		page = take_one(&f);
		memset(vm_frame_data(&f, page), 1, sizes[i]);
		CHECK(vm_frame_of_address(&f, (char *)vm_frame_data(&f, page)
		    + sizes[i] - 1) == page);
		give_one(&f, page);
		page = vm_frame_take_run(&f, &run);
		CHECK(page != NULL && (uintptr_t)vm_frame_data(&f, page) %
		    run.align_bytes == 0);
		vm_frame_give_run(&f, page, 4);
		CHECK(vm_frames_trim(&f, 64) >= 4);
		frames_end(&f);
	}
}

TEST(two_sets_of_frames_share_nothing)
{
	struct vm_frames a, b;
	struct vm_page *page;

	frames_create(&a, COUNT, plain);
	frames_create(&b, COUNT, plain);
	page = take_one(&a);
	CHECK(vm_frame_of_address(&b, vm_frame_data(&a, page)) == NULL);
	CHECK_DIES(give_one(&b, page));
	give_one(&a, page);
	frames_end(&b);
	frames_end(&a);
}

TEST(a_frame_that_is_reserved_and_free_is_found)
{
	struct vm_frames f;

	frames_create(&f, COUNT, plain);
	give_one(&f, take_one(&f));
	CHECK(vm_frames_audit(&f) == NULL);
	for (uint32_t i = 0; i < COUNT; i++)
		if ((atomic_load(&f.pages[i].flags) & VM_PGA_FREE) != 0) {
			atomic_fetch_or(&f.pages[i].flags, VM_PGA_RESERVED);
			CHECK_STR(vm_frames_audit(&f),
			    "a reserved frame is free");
			atomic_fetch_and(&f.pages[i].flags,
			    (uint16_t)~VM_PGA_RESERVED);
		}
	CHECK(vm_frames_audit(&f) == NULL);
	atomic_fetch_add(&f.retired, 1);
	CHECK_STR(vm_frames_audit(&f),
	    "the count of reserved frames is wrong");
	atomic_fetch_sub(&f.retired, 1);
	frames_end(&f);
}
