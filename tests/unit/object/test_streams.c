/* SPDX-License-Identifier: BSD-2-Clause */
/* What is fetched for sequential, interleaved, near and random misses. */
#include "object/streams.h"

#include "check.h"

enum { CLUSTER = 16, WINDOW = 256, PAGES = 1 << 20 };

static struct vm_streams streams;
static uint32_t who;		/* whose misses */

static void
set_up(void)
{
	vm_streams_init(&streams, CLUSTER, WINDOW);
	who = VM_WHO_CALLERS;
}

static struct vm_plan
miss(vm_pindex_t pindex)
{
	struct vm_plan plan = vm_streams_miss(&streams, who,
	    pindex, PAGES);

	CHECK(plan.first <= pindex && pindex < plan.first + plan.count);
	CHECK(plan.first + plan.count <= PAGES);
	CHECK(plan.count <= WINDOW);
	return plan;
}

static unsigned random_state = 1;

static vm_pindex_t
far_away(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 4 & (PAGES - 1);
}

/* Random misses until single pages are fetched. */
static void
become_random(void)
{
	for (int i = 0; i < 100; i++)
		miss(far_away());
	CHECK_INT(miss(far_away()).count, 1);
}

/* Runs that are asked for as a whole. */
TEST(a_run_fetches_itself_and_one_that_goes_on_a_window)
{
	set_up();
	CHECK_INT(vm_streams_run(&streams, 1000, 64, PAGES), 1064);
	CHECK_INT(vm_streams_run(&streams, 1064, 64, PAGES), 1064 + 128);
	CHECK_INT(vm_streams_run(&streams, 1192, 64, PAGES), 1192 + 256);
	CHECK_INT(vm_streams_run(&streams, 1448, 64, PAGES), 1448 + 256);
	/* Elsewhere it is a new one; at the end nothing is behind it. */
	CHECK_INT(vm_streams_run(&streams, 5000, 64, PAGES), 5064);
	CHECK_INT(vm_streams_run(&streams, 5064, 64, 5100 + 28), 5128);
	/* Larger than any window: as it is. */
	CHECK_INT(vm_streams_run(&streams, 9000, 300, PAGES), 9300);
	streams.pattern = VM_PATTERN_SEQUENTIAL;
	CHECK_INT(vm_streams_run(&streams, 20000, 8, PAGES), 20000 + WINDOW);
	streams.pattern = VM_PATTERN_RANDOM;
	CHECK_INT(vm_streams_run(&streams, 20256, 8, PAGES), 20264);
}

TEST(the_first_miss_fetches_its_cluster)
{
	struct vm_plan plan;

	set_up();
	plan = miss(100);
	CHECK_INT(plan.first, 96);
	CHECK_INT(plan.count, CLUSTER);
}

TEST(a_sequential_reader_gets_windows_that_double)
{
	vm_pindex_t at = 0;
	uint32_t last = 0;

	set_up();
	for (int i = 0; i < 10; i++) {
		struct vm_plan plan = miss(at);

		CHECK(plan.count >= last && plan.count <= 2 * (last +
		    CLUSTER));
		last = plan.count;
		CHECK_INT(plan.first, at);
		at = plan.first + plan.count;
	}
	CHECK_INT(last, WINDOW);
}

/* A reader that begins among random ones is known at its second miss. */
TEST(a_stream_is_found_among_random_misses)
{
	struct vm_plan plan;

	set_up();
	become_random();
	plan = miss(5000);
	CHECK_INT(plan.count, 1);
	plan = miss(5001);
	CHECK_INT(plan.first, 5001);
	CHECK_INT(plan.count, CLUSTER);
	plan = miss(5001 + CLUSTER);
	CHECK_INT(plan.count, 2 * CLUSTER);
}

TEST(interleaved_readers_each_get_their_window)
{
	vm_pindex_t at[VM_STREAMS];
	struct vm_plan plan = { .count = 0 };

	set_up();
	for (unsigned i = 0; i < VM_STREAMS; i++)
		at[i] = i * 50000;
	for (int turn = 0; turn < 10; turn++)
		for (unsigned i = 0; i < VM_STREAMS; i++) {
			plan = miss(at[i]);
			at[i] = plan.first + plan.count;
			CHECK(turn < 6 || plan.count == WINDOW);
		}
}

TEST(random_misses_fetch_single_pages)
{
	int clusters = 0;

	set_up();
	for (int i = 0; i < 1000; i++)
		clusters += miss(far_away()).count > 1;
	CHECK(clusters <= 8);
}

TEST(near_misses_fetch_clusters_again)
{
	static const vm_pindex_t at[] = { 70008, 69994, 69973, 69963, 69945,
		69930, 69910 };
	struct vm_plan plan;

	set_up();
	become_random();
	/* Nothing a stream goes on with, forward or backwards. */
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		plan = miss(at[i]);
	CHECK_INT(plan.count, CLUSTER);
	CHECK_INT(plan.first % CLUSTER, 0);
}

TEST(advice_is_followed_at_once)
{
	set_up();
	streams.pattern = VM_PATTERN_RANDOM;
	for (vm_pindex_t at = 0; at < 20; at++)
		CHECK_INT(miss(at).count, 1);
	streams.pattern = VM_PATTERN_SEQUENTIAL;
	CHECK_INT(miss(40000).count, WINDOW);
	CHECK_INT(miss(40000 + WINDOW).count, WINDOW);
}

TEST(nothing_is_fetched_behind_the_end)
{
	struct vm_plan plan;

	set_up();
	plan = vm_streams_miss(&streams, 0, 7, 8);
	CHECK_INT(plan.first + plan.count, 8);
	plan = vm_streams_miss(&streams, 0, 0, 1);
	CHECK_INT(plan.count, 1);
	CHECK_DIES(vm_streams_miss(&streams, 0, 8, 8));
}

TEST(clusters_of_one_page_mean_none)
{
	vm_streams_init(&streams, 1, 1);
	for (vm_pindex_t at = 0; at < 50; at++)
		CHECK_INT(miss(at).count, 1);
	CHECK_DIES(vm_streams_init(&streams, 0, 1));
	CHECK_DIES(vm_streams_init(&streams, 1, 0));
}

TEST(a_window_is_no_smaller_than_a_cluster)
{
	vm_streams_init(&streams, CLUSTER, 1);
	CHECK_INT(streams.window_pages, CLUSTER);
}

TEST(a_window_never_exceeds_the_room_but_a_cluster_is_always_had)
{
	set_up();
	miss(0);
	for (vm_pindex_t at = CLUSTER; at < 100000;)
		at += miss(at).count;
	streams.room_pages = 40;
	streams.stream[0].armed = false;
	become_random();
	miss(200000);
	CHECK_INT(miss(200001).count, CLUSTER);
	CHECK_INT(miss(200001 + CLUSTER).count, 2 * CLUSTER);
	CHECK_INT(miss(200001 + 3 * CLUSTER).count, 40);
	streams.room_pages = 0;
	CHECK_INT(miss(200041 + 3 * CLUSTER).count, CLUSTER);
}

/* ---- triggers ------------------------------------------------------------ */

static struct vm_step
touch(vm_pindex_t pindex)
{
	struct vm_step step;

	CHECK(vm_streams_touch(&streams, pindex, PAGES, &step));
	return step;
}

/* The only page, of all, whose use moves a window. */
static vm_pindex_t
trigger(void)
{
	vm_pindex_t found = PAGES;

	for (unsigned i = 0; i < VM_STREAMS; i++)
		if (streams.stream[i].armed) {
			CHECK_INT(found, PAGES);
			found = streams.stream[i].trigger;
		}
	CHECK(found < PAGES);
	CHECK((vm_streams_bits(&streams) & vm_streams_bit(found)) != 0);
	return found;
}

/* A stream from page 0, whose window is 64; where it goes on. */
static vm_pindex_t
stream_forward(void)
{
	vm_pindex_t at = 0;
	uint32_t count;

	do {
		count = miss(at).count;
		at += count;
	} while (count < 64);
	return at;
}

TEST(the_use_of_a_trigger_moves_the_window_before_its_end)
{
	struct vm_step step;
	vm_pindex_t next, at;

	set_up();
	next = stream_forward();
	at = trigger();
	CHECK_INT(at, next - 32);
	step = touch(at);
	CHECK_INT(step.ahead.first, next);
	CHECK_INT(step.ahead.count, 1);
	CHECK_INT(step.ahead.first + step.ahead.pages, at + 128);
	CHECK_INT(trigger(), at + 64);
	/* Another use of it is none. */
	CHECK(!vm_streams_touch(&streams, at, PAGES, &step));
}

TEST(a_window_that_has_its_size_moves_in_parts)
{
	vm_pindex_t next, at;

	vm_streams_init(&streams, CLUSTER, 2048);
	next = stream_forward();
	for (int i = 0; i < 6; i++) {
		struct vm_step step = touch(trigger());

		next = step.ahead.first + step.ahead.pages;
	}
	for (int i = 0; i < 20; i++) {
		struct vm_step step;

		at = trigger();
		step = touch(at);
		CHECK_INT(step.ahead.first, next);
		CHECK(i == 0 || step.ahead.pages == 256);
		next = step.ahead.first + step.ahead.pages;
		CHECK_INT(next % 256, 0);
		CHECK(next <= at + 2048 && next > at + 2048 - 256);
	}
}

TEST(small_windows_have_no_trigger)
{
	vm_streams_init(&streams, CLUSTER, 63);
	for (vm_pindex_t at = 0; at < 1000;)
		at += miss(at).count;
	CHECK_INT(vm_streams_bits(&streams), 0);
}

TEST(a_window_stops_at_the_end_and_where_the_object_was_cut)
{
	struct vm_step step;
	vm_pindex_t next, at;

	set_up();
	next = stream_forward();
	at = trigger();
	CHECK(!vm_streams_touch(&streams, at, at, &step));
	CHECK(vm_streams_touch(&streams, at, next + 5, &step));
	CHECK_INT(step.ahead.first, next);
	CHECK_INT(step.ahead.pages, 5);
	set_up();
	next = stream_forward();
	CHECK(vm_streams_touch(&streams, trigger(), next - 1, &step));
	CHECK_INT(step.ahead.count, 0);
}

TEST(random_advice_disarms_triggers)
{
	struct vm_step step;

	set_up();
	stream_forward();
	streams.pattern = VM_PATTERN_RANDOM;
	CHECK(!vm_streams_touch(&streams, trigger(), PAGES, &step));
}

/* ---- backwards ----------------------------------------------------------- */

TEST(a_reader_that_comes_from_behind_gets_windows_that_end_at_his_page)
{
	vm_pindex_t at = 50000;
	struct vm_plan plan;
	struct vm_step step;

	set_up();
	become_random();
	miss(at);
	plan = miss(at - 1);
	CHECK_INT(plan.first + plan.count, at);
	CHECK_INT(plan.count, CLUSTER);
	for (int i = 0; i < 3; i++) {
		at = plan.first - 1;
		plan = miss(at);
		CHECK_INT(plan.first + plan.count, at + 1);
	}
	CHECK_INT(plan.count, 128);
	at = trigger();
	CHECK_INT(at, plan.first + 127 - 64);
	step = touch(at);
	CHECK_INT(step.ahead.first, at - 256);
	CHECK_INT(step.ahead.first + step.ahead.pages, plan.first);
}

TEST(backwards_ends_at_page_0)
{
	struct vm_plan plan;
	vm_pindex_t at = 300;

	set_up();
	become_random();
	miss(at);
	for (at--;; at = plan.first - 1) {
		plan = miss(at);
		if (plan.first == 0)
			break;
	}
	CHECK_INT(plan.count, at + 1);
}

/* ---- strides ------------------------------------------------------------- */

TEST(the_fourth_miss_as_far_from_the_last_makes_steps)
{
	struct vm_plan plan = { .count = 0 };
	struct vm_step step;

	set_up();
	become_random();
	for (vm_pindex_t i = 0; i < 3; i++)
		CHECK_INT(miss(10000 + 100 * i).ahead.count, 0);
	plan = miss(10300);
	CHECK_INT(plan.count, 1);
	CHECK_INT(plan.ahead.first, 10400);
	CHECK_INT(plan.ahead.step, 100);
	CHECK_INT(plan.ahead.pages, 1);
	CHECK_INT(plan.ahead.count, 4);
	/* Halfway, and whenever those of the next are used. */
	CHECK_INT(trigger(), 10500);
	step = touch(10500);
	CHECK_INT(step.ahead.first, 10800);
	CHECK_INT(step.ahead.count, 8);
	CHECK_INT(trigger(), 10800);
	step = touch(10800);
	CHECK_INT(step.ahead.first, 11600);
	CHECK_INT(step.ahead.count, 16);
	/* And by a miss behind what was fetched. */
	plan = miss(11600 + 1600);
	CHECK_INT(plan.ahead.count, 32);
}

TEST(steps_go_backwards_too_and_end_with_the_object)
{
	struct vm_plan plan = { .count = 0 };

	set_up();
	become_random();
	for (vm_pindex_t i = 0; i < 4; i++)
		plan = miss(700 - 150 * i);
	CHECK_INT(plan.ahead.step, -150);
	CHECK_INT(plan.ahead.first, 100);
	CHECK_INT(plan.ahead.count, 1);
	become_random();
	for (vm_pindex_t i = 0; i < 4; i++)
		plan = miss(PAGES - 600 + 180 * i);
	CHECK_INT(plan.ahead.count, 0);
	CHECK_INT(vm_streams_bits(&streams), 0);
}

TEST(two_strided_readers_are_told_apart)
{
	struct vm_plan a = { .count = 0 }, b = { .count = 0 };

	set_up();
	become_random();
	for (vm_pindex_t i = 0; i < 4; i++) {
		a = miss(20000 + 70 * i);
		b = miss(90000 - 50 * i);
	}
	CHECK_INT(a.ahead.step, 70);
	CHECK_INT(b.ahead.step, -50);
}

/* ---- whose --------------------------------------------------------------- */

TEST(the_misses_of_one_mapping_say_nothing_of_another)
{
	set_up();
	who = 77;
	become_random();
	who = 78;
	CHECK_INT(miss(3000).count, CLUSTER);
	who = 77;
	CHECK_INT(miss(500000).count, 1);
	/* Where 77 would go on. */
	who = 79;
	CHECK_INT(miss(500001).count, CLUSTER);
	who = 77;
	CHECK_INT(miss(500001).first, 500001);
	/* More than there are scores: callers and maps keep theirs. */
	who = VM_WHO_CALLERS;
	become_random();
	for (who = 100; who < 110; who++)
		miss(far_away());
	who = VM_WHO_CALLERS;
	CHECK_INT(miss(700000).count, 1);
}

/* ---- what came of it ----------------------------------------------------- */

TEST(windows_shrink_where_pages_go_unused_and_grow_again_where_they_are_used)
{
	uint32_t used = 0, unused = 0;

	set_up();
	stream_forward();
	vm_streams_learn(&streams, used, unused += 2 * CLUSTER);
	CHECK_INT(streams.most, WINDOW / 2);
	for (int i = 0; i < 10; i++)
		vm_streams_learn(&streams, used, unused += 2 * CLUSTER);
	CHECK_INT(streams.most, CLUSTER);
	/* Some and some: as it is. */
	vm_streams_learn(&streams, used += 80, unused += 20);
	CHECK_INT(streams.most, CLUSTER);
	vm_streams_learn(&streams, used += 80, unused);
	CHECK_INT(streams.most, 2 * CLUSTER);
	for (int i = 0; i < 10; i++)
		vm_streams_learn(&streams, used += 80, unused);
	CHECK_INT(streams.most, WINDOW);
	/* Too few to say. */
	vm_streams_learn(&streams, used, unused + 2 * CLUSTER - 1);
	CHECK_INT(streams.most, WINDOW);
}

TEST(clusters_that_are_used_go_on_being_fetched_and_others_do_not)
{
	uint32_t used = 0, unused = 0;

	set_up();
	for (int i = 0; i < 200; i++) {
		CHECK_INT(miss(far_away()).count, CLUSTER);
		vm_streams_learn(&streams, used += CLUSTER, unused);
	}
	for (int i = 0; i < 8; i++) {
		miss(far_away());
		vm_streams_learn(&streams, used, unused += CLUSTER);
	}
	CHECK_INT(miss(far_away()).count, 1);
}

/* ---- behind -------------------------------------------------------------- */

TEST(only_a_long_stream_leaves_pages_behind_and_each_once)
{
	vm_pindex_t left = PAGES;

	set_up();
	streams.long_pages = 2000;
	stream_forward();
	for (int i = 0; i < 60; i++) {
		vm_pindex_t at = trigger();
		struct vm_step step = touch(at);

		if (step.left.count == 0) {
			CHECK(at < 2100);
			continue;
		}
		CHECK(at > 2000 - WINDOW);
		CHECK_INT(step.left.count, 1);
		CHECK(left == PAGES || step.left.first == left);
		left = step.left.first + step.left.pages;
		CHECK(left <= at - 128);
		CHECK_INT(step.passing_first, at);
		CHECK_INT(step.passing_end, step.ahead.first +
		    step.ahead.pages);
	}
	CHECK(left != PAGES);
}

TEST(who_comes_down_leaves_what_is_above_him)
{
	vm_pindex_t at = 50000, left = PAGES, top = at;

	set_up();
	become_random();
	streams.long_pages = 2000;
	miss(at);
	for (uint32_t count = 1; count < 64;) {
		struct vm_plan plan = miss(at - 1);

		at = plan.first;
		count = plan.count;
	}
	for (int i = 0; i < 60; i++) {
		struct vm_step step;

		at = trigger();
		step = touch(at);
		if (step.left.count == 0) {
			CHECK(at > top - 2200);
			continue;
		}
		CHECK(at < top - 2000 + WINDOW);
		CHECK_INT(step.left.count, 1);
		CHECK_INT(step.left.first + step.left.pages,
		    left == PAGES ? top : left);
		left = step.left.first;
		CHECK(left > at + 128);
		CHECK_INT(step.passing_end, at + 1);
		CHECK_INT(step.passing_first, step.ahead.first);
	}
	CHECK(left != PAGES);
}

/* Every page of the steps is left once, in their order, and none that is not
 * theirs. */
static void
leave_steps(int64_t by)
{
	vm_pindex_t first = PAGES / 2, left = first;

	set_up();
	become_random();
	streams.long_pages = 200;
	for (int64_t i = 0; i < 4; i++)
		miss(first + (vm_pindex_t)(by * i));
	left += (vm_pindex_t)(3 * by);
	for (int i = 0; i < 20; i++) {
		vm_pindex_t at = trigger();
		struct vm_step step = touch(at);
		uint32_t count = step.left.count;

		if (count == 0)
			continue;
		CHECK_INT(step.left.first, left);
		CHECK_INT(step.left.step, by);
		CHECK_INT(step.left.pages, 1);
		CHECK_INT(vm_reach_page(&step.left, count - 1),
		    left + (vm_pindex_t)((count - 1) * by));
		left += (vm_pindex_t)(count * by);
		CHECK((int64_t)(at - left) / by >= 64);
		CHECK(at >= step.passing_first && at < step.passing_end);
		CHECK(step.passing_end - step.passing_first > 64 * 70);
	}
	CHECK((int64_t)(left - first) / by > 400);
}

TEST(steps_leave_the_pages_of_their_own_behind)
{
	leave_steps(70);
	leave_steps(-70);
}
