/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/json.h"

#include "check.h"

static const char text[] =
    " {\"a\": 1, \"b\" : {\"a\": -2.5e1, \"99.000000\": 7},"
    "\"c\":[10, [20, 21], {\"d\": 30}, \"40]\", null],"
    "\"s}\\\"\": {\"deep\": [[[1]]]}, \"last\":true}\n";

static bool
reads(const char *path, double wanted)
{
	double value = -1;

	return json_number(text, path, &value) && value == wanted;
}

static bool
refuses(const char *json, const char *path)
{
	double value;

	return !json_number(json, path, &value);
}

TEST(a_number_is_found_by_names_and_places)
{
	CHECK(reads("a", 1));
	CHECK(reads("b/a", -25));
	CHECK(reads("b/99.000000", 7));
	CHECK(reads("c/0", 10));
	CHECK(reads("c/1/1", 21));
	CHECK(reads("c/2/d", 30));
}

TEST(strings_with_brackets_and_escapes_are_passed_over)
{
	CHECK(refuses(text, "c/3"));
	CHECK(refuses("{\"x\": \"\\\"}\", \"y\": \"z\"}", "y"));
	CHECK(json_number("{\"x\": \"\\\"}\", \"y\": 3}", "y",
	    &(double){0}));
}

TEST(what_is_not_there_or_no_number_is_refused)
{
	CHECK(refuses(text, "d"));
	CHECK(refuses(text, "a/b"));
	CHECK(refuses(text, "b"));
	CHECK(refuses(text, "c"));
	CHECK(refuses(text, "c/5"));
	CHECK(refuses(text, "c/4"));
	CHECK(refuses(text, "last"));
	CHECK(refuses(text, "b/9"));
	CHECK(refuses("[]", "0"));
	CHECK(refuses("{}", "a"));
	CHECK(refuses("", "a"));
	CHECK(refuses("{\"a\": nan}", "a"));
	CHECK(refuses("{\"a\": -inf}", "a"));
	CHECK(refuses("{\"a\": 1e999}", "a"));
	CHECK(refuses("{\"a\": -}", "a"));
	CHECK(refuses("{\"a\": 12x}", "a"));
}

/* Whatever is cut off: refused, or the number that is whole before the cut. */
TEST(a_text_that_ends_early_is_refused_or_right)
{
	static const char *const paths[] = { "a", "b/a", "c/1/1", "c/2/d",
		"last", "zz" };
	static const double values[] = { 1, -25, 21, 30 };
	char cut[sizeof(text)];

	for (size_t length = 0; length < sizeof(text); length++) {
		memcpy(cut, text, length);
		cut[length] = '\0';
		for (size_t i = 0; i < 6; i++) {
			double value = 0;

			if (json_number(cut, paths[i], &value))
				CHECK(i < 4 && value == values[i]);
		}
	}
}

TEST(brackets_that_do_not_match_are_refused)
{
	CHECK(refuses("{\"x\": [1, 2}, \"a\": 1}", "a"));
	CHECK(refuses("{\"x\": {]}, \"a\": 1}", "a"));
	CHECK(refuses("{\"x\" 1, \"a\": 1}", "a"));
	CHECK(refuses("{x: 1, \"a\": 1}", "a"));
	CHECK(refuses("{\"x\": 1 \"a\": 1}", "a"));
}

TEST(depth_is_bounded)
{
	char deep[256] = "{\"x\": ";
	size_t length = strlen(deep);

	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		deep[length++] = '[';
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		deep[length++] = ']';
	memcpy(deep + length, ", \"a\": 1}", sizeof(", \"a\": 1}"));
	CHECK(json_number(deep, "a", &(double){0}));
	/* One more. */
	memmove(deep + 7, deep + 6, strlen(deep + 6) + 1);
	CHECK(refuses(deep, "a"));
}
