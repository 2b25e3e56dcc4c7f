/* SPDX-License-Identifier: BSD-2-Clause */
/* What is measured is counted, never timed. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "bench/bench.h"
#include "check.h"

/* A time so short that one operation reaches it. */
static struct bench
bench_of(unsigned runs)
{
	struct bench bench;

	memset(&bench, 0, sizeof(bench));
	bench.options.seconds = 1e-9;
	bench.options.runs = runs;
	return bench;
}

/* Which way was measured, in order. */
static char said[64];
static unsigned said_length;

static int
say(void *self, double figures[BENCH_FIGURES])
{
	CHECK(said_length < sizeof(said) - 1);
	said[said_length++] = *(const char *)self;
	said[said_length] = '\0';
	figures[0] = said_length;
	return 0;
}

static char names[] = "ABC";

static void
ways_of(struct bench_way *ways, unsigned count)
{
	memset(ways, 0, count * sizeof(*ways));
	for (unsigned i = 0; i < count; i++) {
		ways[i].name = "way";
		ways[i].self = &names[i];
		ways[i].once = say;
	}
	said_length = 0;
	said[0] = '\0';
}

TEST(ways_take_turns_and_another_one_begins_each_round)
{
	struct bench bench = bench_of(3);
	struct bench_way ways[3];

	ways_of(ways, 3);
	bench_rounds(&bench, ways, 3, 0);
	CHECK_STR(said, "ABCBCACABABC");
	/* The first round is thrown away. */
	CHECK_INT((int)ways[0].figures[0][0], 6);
	CHECK_INT((int)ways[0].figures[0][2], 10);
	CHECK_INT(ways[0].runs, 3);
	bench_ways_fini(ways, 3);
	CHECK(ways[0].figures[0] == NULL);
}

TEST(one_run_has_no_round_to_warm_up)
{
	struct bench bench = bench_of(9);
	struct bench_way ways[2];

	ways_of(ways, 2);
	bench_rounds(&bench, ways, 2, 1);
	CHECK_STR(said, "AB");
	bench_ways_fini(ways, 2);
}

TEST(a_way_that_is_missing_is_not_measured)
{
	struct bench bench = bench_of(1);
	struct bench_way ways[2];

	ways_of(ways, 2);
	bench_missing(&ways[0], "no %s", "disk");
	bench_missing(&ways[0], "no time");
	bench_rounds(&bench, ways, 2, 0);
	CHECK_STR(said, "B");
	CHECK_STR(ways[0].missing, "no disk");
	bench_ways_fini(ways, 2);
}

static int
refuse(void *self, double figures[BENCH_FIGURES])
{
	(void)figures;
	++*(unsigned *)self;
	return -ENOSPC;
}

TEST(a_way_that_fails_is_missing_from_then_on)
{
	struct bench bench = bench_of(5);
	unsigned calls = 0;
	struct bench_way way = { .name = "way", .self = &calls,
		.once = refuse };

	bench_rounds(&bench, &way, 1, 0);
	CHECK_INT(calls, 1);
	CHECK_STR(way.missing, strerror(ENOSPC));
	bench_ways_fini(&way, 1);
}

/* ---- loops --------------------------------------------------------------- */

struct counted {
	_Atomic uint64_t operations;
	_Atomic uint64_t turns;
	_Atomic uint64_t threads;	/* a bit for each number seen */
	_Atomic uint64_t seeds;		/* summed up */
	unsigned before;
	unsigned after;
};

static void
count(void *self, const struct bench_turn *turn)
{
	struct counted *counted = self;

	CHECK(turn->thread < turn->threads);
	atomic_fetch_add(&counted->operations, turn->count);
	atomic_fetch_add(&counted->turns, 1);
	atomic_fetch_or(&counted->threads, UINT64_C(1) << turn->thread);
	atomic_fetch_add(&counted->seeds, turn->seed);
}

static void
before(void *self)
{
	((struct counted *)self)->before++;
}

static void
after(void *self)
{
	struct counted *counted = self;

	counted->after++;
	CHECK_INT(counted->after, counted->before);
}

TEST(a_loop_does_what_it_is_told_in_each_thread)
{
	struct bench bench = bench_of(2);
	struct counted counted = { 0 };
	struct bench_way way = { .name = "way", .self = &counted,
		.loop = count, .before = before, .after = after,
		.threads = 3, .count = 100 };

	bench_rounds(&bench, &way, 1, 0);
	/* Three rounds, one of them for nothing. */
	CHECK_INT(counted.turns, 9);
	CHECK_INT(counted.operations, 900);
	CHECK_INT(counted.threads, 7);
	CHECK_INT(counted.before, 3);
	CHECK_INT(counted.after, 3);
	for (unsigned run = 0; run < 2; run++)
		for (unsigned figure = 0; figure <= BENCH_RATE; figure++)
			CHECK(way.figures[figure][run] >= 0);
	CHECK(way.figures[BENCH_RATE][0] > 0);
	bench_ways_fini(&way, 1);
}

TEST(a_loop_without_a_count_gets_one)
{
	struct bench bench = bench_of(1);
	struct counted counted = { 0 };
	struct bench_way way = { .name = "way", .self = &counted,
		.loop = count };

	bench_rounds(&bench, &way, 1, 0);
	CHECK(way.count > 0);
	CHECK(counted.turns >= 2);
	bench_ways_fini(&way, 1);
}

TEST(no_two_samples_have_the_same_seed)
{
	struct bench bench = bench_of(2);
	struct counted counted = { 0 };
	struct bench_way way = { .name = "way", .self = &counted,
		.loop = count, .count = 1 };
	uint64_t last;

	bench_rounds(&bench, &way, 1, 1);
	last = counted.seeds;
	bench_rounds(&bench, &way, 1, 1);
	CHECK(counted.seeds != 2 * last);
	bench_ways_fini(&way, 1);
}

/* ---- numbers ------------------------------------------------------------- */

TEST(random_numbers_are_below_their_bound_and_reach_all_below)
{
	struct bench_rng rng = bench_rng(0);
	unsigned seen[7] = { 0 };

	for (unsigned i = 0; i < 7000; i++) {
		uint64_t number = bench_below(&rng, 7);

		CHECK(number < 7);
		seen[number]++;
	}
	/* A thousand each, give or take ten standard deviations. */
	for (unsigned i = 0; i < 7; i++)
		CHECK(seen[i] > 700 && seen[i] < 1300);
	CHECK_INT(bench_below(&rng, 1), 0);
}

TEST(time_and_processor_time_do_not_go_back)
{
	uint64_t now = bench_now_ns(), cpu = bench_cpu_ns();

	CHECK(bench_now_ns() >= now);
	CHECK(bench_cpu_ns() >= cpu);
}
