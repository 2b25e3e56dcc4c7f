/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of zeros: who gets them, who may vouch for them, and the thread that
 * makes them. */
#include "frame/zero.h"

#include "frames_fixture.h"

enum { COUNT = 1000 };

static const struct vm_frames_options plain;

static bool
zeroed(const struct vm_page *page)
{
	return (atomic_load(&page->flags) & VM_PGA_ZERO) != 0;
}

/* All frames, warm and not zero. */
static void
take_dirty(struct vm_frames *f, struct vm_page **page)
{
	CHECK_INT(vm_frame_take(f, VM_HOME_POOL, page, COUNT), COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		memset(vm_frame_data(f, page[i]), 1, FRAME_BYTES);
}

static void
give_as_zero(struct vm_frames *f, struct vm_page *page)
{
	memset(vm_frame_data(f, page), 0, FRAME_BYTES);
	atomic_fetch_or(&page->flags, VM_PGA_ZERO);
	give_one(f, page);
}

TEST(plain_takers_get_the_last_plain_frame_and_zero_takers_the_zeroed)
{
	struct vm_frames f;
	struct vm_page *page[COUNT], *got;

	frames_create(&f, COUNT, plain);
	take_dirty(&f, page);
	give_one(&f, page[0]);
	give_as_zero(&f, page[10]);
	give_one(&f, page[20]);
	CHECK_INT(vm_frames_zeroed(&f), 1);
	CHECK(take_one(&f) == page[20]);
	CHECK_INT(vm_frame_take_zero(&f, &got, 1), 1);
	CHECK(got == page[10] && zeroed(got));
	CHECK_INT(vm_frames_zeroed(&f), 0);
	CHECK(take_one(&f) == page[0]);
	for (unsigned i = 0; i < COUNT; i++)
		atomic_store(&page[i]->flags, VM_PGA_WARM);
	vm_frame_give(&f, page, COUNT);
	frames_end(&f);
}

TEST(a_frame_given_plainly_is_never_handed_out_as_zeroed)
{
	struct vm_frames f;
	struct vm_page *page[COUNT], *got;

	frames_create(&f, COUNT, plain);
	take_dirty(&f, page);
	give_one(&f, page[3]);
	CHECK_INT(vm_frame_take_zero(&f, &got, 1), 1);
	CHECK(got == page[3] && !zeroed(got));
	vm_frame_give(&f, page, COUNT);
	frames_end(&f);
}

TEST(who_wants_zeros_gets_fresh_frames_before_used_ones)
{
	struct vm_frames f;
	struct vm_page *used, *got;

	frames_create(&f, COUNT, plain);
	used = take_one(&f);
	memset(vm_frame_data(&f, used), 1, FRAME_BYTES);
	give_one(&f, used);
	CHECK_INT(vm_frame_take_zero(&f, &got, 1), 1);
	CHECK(got != used && zeroed(got));
	CHECK_INT(*(char *)vm_frame_data(&f, got), 0);
	give_one(&f, got);
	CHECK_INT(vm_frames_zeroed(&f), 1);	/* it vouched */
	frames_end(&f);
}

TEST(plain_takers_never_see_the_flag)
{
	struct vm_frames f;
	struct vm_page *page[COUNT];

	frames_create(&f, COUNT, plain);
	take_dirty(&f, page);
	for (unsigned i = 0; i < COUNT; i++)
		give_as_zero(&f, page[i]);
	CHECK_INT(vm_frames_zeroed(&f), COUNT);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		CHECK_INT(atomic_load(&page[i]->flags), VM_PGA_WARM);
	vm_frame_give(&f, page, COUNT);
	frames_end(&f);
}

#ifdef VM_DEBUG	/* others believe it */
TEST(in_debug_builds_vouching_for_dirty_bytes_dies)
{
	struct vm_frames f;
	struct vm_page *page;

	frames_create(&f, COUNT, plain);
	page = take_one(&f);
	atomic_fetch_or(&page->flags, VM_PGA_ZERO);
	CHECK_DIES(memset((char *)vm_frame_data(&f, page) + 4095, 1, 1);
	    give_one(&f, page));
	give_one(&f, page);
	frames_end(&f);
}
#endif

TEST(zeroed_frames_become_hollow_when_the_store_needs_them)
{
	struct vm_frames f;
	struct vm_page *page[COUNT];

	frames_create(&f, COUNT, plain);
	take_dirty(&f, page);
	for (unsigned i = 0; i < COUNT; i++)
		give_as_zero(&f, page[i]);
	CHECK_INT(vm_frame_take(&f, VM_HOME_STORE, page, COUNT), COUNT);
	CHECK_INT(vm_frames_zeroed(&f), 0);
	vm_frame_give(&f, page, COUNT);
	frames_end(&f);
}

/* -- the thread ------------------------------------------------------------ */

/* Until the zeroer has nothing to do: no sleep, only others' turns. */
static void
settle(struct vm_frames *f)
{
	bool idle;

	do {
		sched_yield();
		vm_lock(&f->lock);
		vm_zeroer_hint_locked(f);
		idle = !f->zeroer.running;
		vm_unlock(&f->lock);
	} while (!idle);
}

/* Percent of zeroed frames among free ones with memory. */
static unsigned
share(struct vm_frames *f)
{
	struct vm_segment_count count;

	vm_frames_count(f, 0, &count);
	return count.zeroed * 100 / (count.free - count.magazines -
	    count.fresh - count.hollow);
}

TEST(the_share_of_zeroed_frames_stays_between_low_and_high)
{
	struct vm_frames f;
	struct vm_page *page[COUNT], *got[COUNT];
	unsigned taken = 0;

	frames_create(&f, COUNT, (struct vm_frames_options){
		.zero_low_percent = 66, .zero_high_percent = 80 });
	take_dirty(&f, page);
	CHECK_INT(vm_frames_zeroed(&f), 0);
	vm_frame_give(&f, page, COUNT);
	while (vm_frames_zeroed(&f) < COUNT * 79 / 100)
		settle(&f);
	CHECK_INT(share(&f), 80);
	while (share(&f) > 66) {
		CHECK_INT(vm_frame_take_zero(&f, &got[taken], 1), 1);
		CHECK(zeroed(got[taken]));
		CHECK_INT(*(char *)vm_frame_data(&f, got[taken]), 0);
		taken++;
		CHECK(share(&f) <= 80);
	}
	/* Below low now, and so it begins again, up to high. */
	CHECK_INT(vm_frame_take_zero(&f, &got[taken], 30), 30);
	taken += 30;
	while (share(&f) < 79)
		settle(&f);
	CHECK(share(&f) <= 80);
	CHECK(f.zeroer.zeroed <= COUNT);
	vm_frame_give(&f, got, taken);
	frames_end(&f);
}

TEST(it_does_nothing_for_frames_that_have_no_memory)
{
	struct vm_frames f;

	frames_create(&f, COUNT, (struct vm_frames_options){
		.zero_low_percent = 100, .zero_high_percent = 100 });
	settle(&f);
	CHECK_INT(f.zeroer.zeroed, 0);
	frames_end(&f);
}

static _Atomic unsigned turns;

static void
count_turns(void)
{
	atomic_fetch_add(&turns, 1);
	sched_yield();
}

TEST(it_leaves_frames_alone_while_magazines_are_drained)
{
	struct vm_frames f;
	struct vm_page *page[COUNT];
	uint64_t before;

	frames_create(&f, COUNT, plain);
	machine.yield = count_turns;
	CHECK_INT(vm_zeroer_start(&f, 100, 100), 0);
	take_dirty(&f, page);
	vm_magazines_drain_begin(&f);
	before = f.zeroer.zeroed;
	atomic_store(&turns, 0);
	vm_frame_give(&f, page, COUNT);
	while (atomic_load(&turns) < 100)
		sched_yield();
	CHECK_INT(f.zeroer.zeroed, before);
	vm_magazines_drain_end(&f);
	frames_end(&f);
}

TEST(a_thread_that_cannot_be_started_is_an_error_and_leaves_nothing)
{
	struct vm_segment_options segment = { .bytes = COUNT * FRAME_BYTES };
	struct vm_frames_options o = { .page_bytes = FRAME_BYTES,
		.segments = &segment, .segment_count = 1,
		.zero_high_percent = 50 };
	struct vm_frames f;
	unsigned failed = 0;

	for (unsigned i = 1;; i++) {
		int error;

		machine_reset();
		atomic_store(&machine_fails, i);
		error = vm_frames_init_with(&f, &machine, &o);
		if (error == 0)
			break;
		CHECK(error == (i < 5 ? -ENOMEM : -EAGAIN));
		CHECK(vm_error_text()[0] != '\0');
		failed++;
	}
	/* Segments, magazines, arena, descriptors, thread. */
	CHECK_INT(failed, 5);
	frames_end(&f);
}
