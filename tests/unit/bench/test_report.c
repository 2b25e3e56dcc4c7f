/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of samples that were made up: what is said of them. */
#include "bench/report.h"

#include <stdlib.h>
#include <unistd.h>

#include "check.h"

const char bench_commit[] = "abc\"def";
const char bench_build[] = "test";

/* What the table says; the machine is somebody else's file. */
struct rig {
	struct bench bench;
	char *text;
	size_t length;
};

static void
open_rig(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->bench.workload = "work";
	rig->bench.out = open_memstream(&rig->text, &rig->length);
	CHECK(rig->bench.out != NULL);
}

static void
close_rig(struct rig *rig)
{
	bench_results_fini(&rig->bench);
	CHECK_INT(fclose(rig->bench.out), 0);
	free(rig->text);
}

/* A way with these three samples. */
static struct bench_way
way_of(const char *name, double *samples)
{
	struct bench_way way = { .name = name, .runs = 3 };

	way.figures[1] = samples;
	return way;
}

static double slow[] = { 30, 20, 40 };
static double fast[] = { 10, 10, 10 };
static double drift[] = { 60, 10, 20 };

static const char *
verdict(struct rig *rig, const struct bench_way *ours,
    const struct bench_way *against, enum bench_sense sense, double target)
{
	struct bench_way a = *ours, b = { 0 };
	struct bench_row row = { .variant = "v", .unit = "ns", .ours = &a,
		.figure = 1, .sense = sense, .target = target };

	if (against != NULL) {
		b = *against;
		row.against = &b;
	}
	bench_row(&rig->bench, &row);
	return bench_verdict(&rig->bench.results[rig->bench.count - 1]);
}

static double
last_ratio(const struct rig *rig)
{
	return rig->bench.results[rig->bench.count - 1].ratio;
}

TEST(the_median_is_in_the_middle)
{
	double even[] = { 4, 1, 3, 2 };

	CHECK(bench_median(slow, 3) == 30);
	CHECK(bench_median(even, 4) == 2.5);
	CHECK(even[0] == 4);
	CHECK(bench_median(even, 1) == 4);
}

TEST(ratios_are_held_against_the_target)
{
	struct bench_way ours = way_of("slow", slow);
	struct bench_way other = way_of("fast", fast);
	struct rig rig;

	open_rig(&rig);
	CHECK_STR(verdict(&rig, &ours, &other, BENCH_AT_MOST, 3), "pass");
	CHECK(last_ratio(&rig) == 3);
	CHECK_STR(verdict(&rig, &ours, &other, BENCH_AT_MOST, 2.9), "short");
	CHECK_STR(verdict(&rig, &ours, &other, BENCH_AT_LEAST, 3), "pass");
	CHECK_STR(verdict(&rig, &ours, &other, BENCH_AT_LEAST, 3.1), "short");
	CHECK_STR(verdict(&rig, &ours, &other, BENCH_NO_TARGET, 0), "-");
	close_rig(&rig);
}

/* Each round is one half of the other's but for one; medians are 30 and 20. */
TEST(ratios_are_taken_within_a_round)
{
	struct bench_way ours = way_of("slow", slow);
	struct bench_way other = way_of("drift", drift);
	struct rig rig;

	open_rig(&rig);
	CHECK_STR(verdict(&rig, &ours, &other, BENCH_AT_MOST, 2), "pass");
	CHECK(last_ratio(&rig) == 2);
	close_rig(&rig);
}

TEST(without_another_way_the_target_is_for_the_value)
{
	struct bench_way ours = way_of("slow", slow);
	struct rig rig;

	open_rig(&rig);
	CHECK_STR(verdict(&rig, &ours, NULL, BENCH_AT_MOST, 30), "pass");
	CHECK_STR(verdict(&rig, &ours, NULL, BENCH_AT_MOST, 29), "short");
	close_rig(&rig);
}

TEST(what_is_missing_is_never_passed)
{
	struct bench_way ours = way_of("slow", slow);
	struct bench_way other = way_of("fast", fast);
	struct rig rig;

	open_rig(&rig);
	bench_missing(&other, "not installed");
	CHECK_STR(verdict(&rig, &ours, &other, BENCH_AT_MOST, 99),
	    "not here");
	CHECK_STR(verdict(&rig, &other, NULL, BENCH_AT_MOST, 99), "not here");
	fflush(rig.bench.out);
	CHECK(strstr(rig.text, "not here: fast: not installed") != NULL);
	CHECK(strstr(rig.text, "pass") == NULL);
	close_rig(&rig);
}

TEST(a_row_has_value_spread_ratio_and_verdict)
{
	struct bench_way ours = way_of("slow", slow);
	struct bench_way other = way_of("fast", fast);
	struct rig rig;

	open_rig(&rig);
	verdict(&rig, &ours, &other, BENCH_AT_MOST, 2.5);
	fflush(rig.bench.out);
	CHECK(strstr(rig.text, "30.00 ns") != NULL);
	CHECK(strstr(rig.text, "20.00..40.00") != NULL);
	CHECK(strstr(rig.text, "fast") != NULL);
	CHECK(strstr(rig.text, "3.000 <= 2.5") != NULL);
	CHECK(strstr(rig.text, "short\n") != NULL);
	close_rig(&rig);
}

TEST(large_numbers_have_a_suffix)
{
	double many[] = { 12345678, 9999, 1e13 };
	struct bench_way ours = way_of("many", many);
	struct rig rig;

	open_rig(&rig);
	verdict(&rig, &ours, NULL, BENCH_NO_TARGET, 0);
	fflush(rig.bench.out);
	CHECK(strstr(rig.text, "12.35M ns") != NULL);
	CHECK(strstr(rig.text, "9999..10.00T") != NULL);
	close_rig(&rig);
}

TEST(the_summary_counts_each_verdict)
{
	struct bench_way ours = way_of("slow", slow);
	struct bench_way gone = way_of("gone", slow);
	struct rig rig;

	open_rig(&rig);
	bench_missing(&gone, "no");
	verdict(&rig, &ours, NULL, BENCH_AT_MOST, 99);
	verdict(&rig, &ours, NULL, BENCH_AT_MOST, 1);
	verdict(&rig, &ours, NULL, BENCH_NO_TARGET, 1);
	verdict(&rig, &gone, NULL, BENCH_AT_MOST, 1);
	bench_skip(&rig.bench, "no %s", "room");
	bench_summary_print(&rig.bench);
	fflush(rig.bench.out);
	CHECK(strstr(rig.text, "work       not here: no room\n") != NULL);
	CHECK(strstr(rig.text, "4 rows: 1 pass, 1 short, 1 not here, "
	    "1 without a target; workloads not here: 1; 0 s\n") != NULL);
	CHECK_INT(rig.bench.skipped, 1);
	close_rig(&rig);
}

TEST(strings_are_escaped)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	bench_json_string(out, "a\"b\\c\n\x01");
	CHECK_INT(fclose(out), 0);
	CHECK_STR(text, "\"a\\\"b\\\\c\\u000a\\u0001\"");
	free(text);
}

TEST(a_file_that_cannot_be_written_is_an_error)
{
	struct rig rig;

	open_rig(&rig);
	CHECK(bench_json_write(&rig.bench, "/dev/null/file") < 0);
	if (access("/dev/full", W_OK) == 0)
		CHECK(bench_json_write(&rig.bench, "/dev/full") < 0);
	close_rig(&rig);
}
