/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequences that fail for a known reason are made as small as the reason. */
#include "step.h"

#include <unistd.h>

#include "check.h"

enum { COUNT = 1000 };

static struct step steps[COUNT];

static void
number_them(void)
{
	for (unsigned i = 0; i < COUNT; i++)
		steps[i] = (struct step){ .op = i % 10, .thing = i % 3,
			.seed = i };
}

/* Fails when the steps of two seeds are there, in this order. */
static bool
has_two(void *arg, const struct step *candidate, unsigned count)
{
	const uint64_t *seeds = arg;
	unsigned found = 0;

	for (unsigned i = 0; i < count && found < 2; i++)
		found += candidate[i].seed == seeds[found];
	return found == 2;
}

/* Fails as long as n of its steps are of one kind. */
static bool
has_many(void *arg, const struct step *candidate, unsigned count)
{
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++)
		found += candidate[i].op == 7;
	return found >= *(unsigned *)arg;
}

TEST(what_does_not_matter_is_dropped)
{
	uint64_t seeds[] = { 123, 877 };
	const struct judge judge = { has_two, seeds, 1000000 };

	number_them();
	CHECK_INT(steps_shrink(steps, COUNT, &judge), 2);
	CHECK_INT(steps[0].seed, 123);
	CHECK_INT(steps[1].seed, 877);
}

TEST(as_many_steps_stay_as_it_takes)
{
	unsigned many = 42;
	const struct judge judge = { has_many, &many, 1000000 };

	number_them();
	CHECK_INT(steps_shrink(steps, COUNT, &judge), 42);
	CHECK(has_many(&many, steps, 42));
}

TEST(a_bound_on_the_tries_leaves_a_sequence_that_fails)
{
	uint64_t seeds[] = { 500, 501 };
	const struct judge judge = { has_two, seeds, 3 };
	unsigned count;

	number_them();
	count = steps_shrink(steps, COUNT, &judge);
	CHECK(count > 2 && count < COUNT);
	CHECK(has_two(seeds, steps, count));
}

TEST(steps_are_written_and_read_back)
{
	const struct step some[] = { { 77, 2, 0 }, { UINT64_MAX, 9, 4 } };
	struct step back[3];
	char text[100] = "";
	int ends[2];

	CHECK(pipe(ends) == 0);
	steps_write(ends[1], some, 2);
	CHECK(read(ends[0], text, sizeof(text) - 1) > 0);
	CHECK_STR(text, "2:0:77 9:4:18446744073709551615");
	CHECK_INT(steps_read(text, back, 3), 2);
	CHECK(back[1].seed == UINT64_MAX);
	CHECK_INT(back[1].op, 9);
	CHECK_INT(back[1].thing, 4);
	CHECK_INT(steps_read(text, back, 1), 1);
	CHECK_INT(steps_read("2:x:1", back, 3), 0);
	close(ends[0]);
	close(ends[1]);
}

TEST(the_same_seed_draws_the_same_numbers)
{
	uint64_t a = 5, b = 5;

	for (int i = 0; i < 100; i++)
		CHECK(steps_random(&a) == steps_random(&b));
}
