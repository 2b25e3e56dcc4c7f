/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes: tables of what is read, what is refused and why, what is written. */
#include "base/size.h"

#include <errno.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/rng.h"
#include "check.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

TEST(every_way_to_write_a_size_is_read)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} row[] = {
		{ "0", 0 }, { "1", 1 }, { "131073", 131073 },
		{ "007", 7 }, { "0k", 0 }, { "0016m", 16 * MIB },
		{ "1k", KIB }, { "1K", KIB }, { "1KiB", KIB }, { "1kiB", KIB },
		{ "1m", MIB }, { "1M", MIB }, { "1MiB", MIB }, { "1miB", MIB },
		{ "1g", GIB }, { "1G", GIB }, { "1GiB", GIB }, { "1giB", GIB },
		{ "1t", TIB }, { "1T", TIB }, { "1TiB", TIB }, { "1tiB", TIB },
		{ "256M", 256 * MIB }, { "129k", 129 * KIB },
		{ "18446744073709551615", UINT64_MAX },
		{ "18014398509481983k", UINT64_MAX - KIB + 1 },
		{ "16777215t", UINT64_MAX - TIB + 1 },
		{ "00000000000000000000000000000000000000000001", 1 },
	};

	for (size_t i = 0; i < VM_COUNT(row); i++) {
		uint64_t bytes = 42;

		CHECK_INT(vm_size_parse_text(row[i].text, &bytes), 0);
		CHECK(bytes == row[i].bytes);
	}
}

#define OTHER "may end in k, m, g, t, KiB, MiB, GiB or TiB only"
#define LARGE "is more than 2^64 - 1 bytes"
#define NO_DIGIT "does not begin with a digit"
#define SPACE "has a space in it"
#define SIGN "has a sign"

static const struct {
	const char *text, *quoted, *reason;
} refused[] = {
	{ "", "", "is empty" },
	{ "-1", "-1", SIGN }, { "-1k", "-1k", SIGN }, { "+4m", "+4m", SIGN },
	{ "-", "-", SIGN }, { "+", "+", SIGN }, { "--5", "--5", SIGN },
	{ "m", "m", NO_DIGIT }, { "KiB", "KiB", NO_DIGIT },
	{ "k1", "k1", NO_DIGIT }, { ".5g", ".5g", NO_DIGIT },
	{ "unlimited", "unlimited", NO_DIGIT },
	{ " ", " ", SPACE }, { " 4m", " 4m", SPACE }, { "4 m", "4 m", SPACE },
	{ "4m ", "4m ", SPACE }, { "1 2", "1 2", SPACE },
	{ "4m\n", "4m\\x0a", SPACE }, { "4\tm", "4\\x09m", SPACE },
	{ "1kb", "1kb", OTHER }, { "1kB", "1kB", OTHER },
	{ "1KB", "1KB", OTHER }, { "1b", "1b", OTHER }, { "1B", "1B", OTHER },
	{ "1kib", "1kib", OTHER }, { "1KIB", "1KIB", OTHER },
	{ "1ki", "1ki", OTHER }, { "1iB", "1iB", OTHER },
	{ "1KiBs", "1KiBs", OTHER }, { "1KiBk", "1KiBk", OTHER },
	{ "4mm", "4mm", OTHER }, { "1p", "1p", OTHER }, { "1e", "1e", OTHER },
	{ "1k2", "1k2", OTHER }, { "1.5g", "1.5g", OTHER },
	{ "1,5g", "1,5g", OTHER }, { "1_000", "1_000", OTHER },
	{ "0x100000", "0x100000", OTHER }, { "1e6", "1e6", OTHER },
	{ "1k-", "1k-", OTHER }, { "1-", "1-", OTHER },
	{ "18446744073709551616", "18446744073709551616", LARGE },
	{ "17179869184g", "17179869184g", LARGE },
	{ "18014398509481984k", "18014398509481984k", LARGE },
	{ "16777216t", "16777216t", LARGE },
	{ "99999999999999999999", "99999999999999999999", LARGE },
	{ "99999999999999999999k", "99999999999999999999k", LARGE },
	/* 10 * 2^64: wraps to 0 where only the last step is checked. */
	{ "184467440737095516160", "184467440737095516160", LARGE },
	{ "1\x1b[31m", "1\\x1b[31m", OTHER },
	{ "\"", "\\x22", NO_DIGIT }, { "1\\", "1\\x5c", OTHER },
	{ "1\xc3\xbc", "1\\xc3\\xbc", OTHER }, { "\x7f", "\\x7f", NO_DIGIT },
	{ "%s%n", "%s%n", NO_DIGIT },
	/* 40 characters whole, 41 not. */
	{ "x234567890123456789012345678901234567890",
	    "x234567890123456789012345678901234567890", NO_DIGIT },
	{ "x2345678901234567890123456789012345678901",
	    "x234567890123456789012345678901234567890...", NO_DIGIT },
};

TEST(every_refusal_quotes_the_text_and_says_why)
{
	for (size_t i = 0; i < VM_COUNT(refused); i++) {
		int err = strcmp(refused[i].reason, LARGE) == 0
		    ? -ERANGE : -EINVAL;
		uint64_t bytes = 42;
		char wanted[256];

		CHECK_INT(vm_size_parse_text(refused[i].text, &bytes), err);
		CHECK_INT(bytes, 42);
		snprintf(wanted, sizeof(wanted), "size \"%s\": %s",
		    refused[i].quoted, refused[i].reason);
		CHECK_STR(vm_error_text(), wanted);
	}
}

TEST(a_megabyte_of_text_is_refused_in_one_short_line)
{
	static char text[1 << 20];
	uint64_t bytes;

	memset(text, '\x01', sizeof(text) - 1);
	CHECK_INT(vm_size_parse_text(text, &bytes), -EINVAL);
	CHECK(strlen(vm_error_text()) < 250);
	memset(text, '9', sizeof(text) - 1);
	CHECK_INT(vm_size_parse_text(text, &bytes), -ERANGE);
	CHECK(strlen(vm_error_text()) < 250);
}

/* What strtoul(3) makes of a text, which the rump kernel asks. */
TEST(every_text_is_read_as_the_rump_kernel_reads_it)
{
	static const struct {
		const char *text;
		int result;
		uint64_t bytes;
	} row[] = {
		{ "", 0, 0 }, { "0", 0, 0 }, { "m", 0, 0 }, { "k", 0, 0 },
		{ "1k", 0, KIB }, { "128k", 0, 128 * KIB },
		{ "129k", 0, 129 * KIB }, { "131073", 0, 131073 },
		{ "1m", 0, MIB }, { "1g", 0, GIB }, { " 4m", 0, 4 * MIB },
		{ "\t\n 4m", 0, 4 * MIB }, { "+4m", 0, 4 * MIB },
		{ "-1", 0, UINT64_MAX }, { "-0", 0, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "99999999999999999999", 0, UINT64_MAX },
		{ "-99999999999999999999", 0, UINT64_MAX },
		{ "1M", -EINVAL, 0 }, { "1kb", -EINVAL, 0 },
		{ "1t", -EINVAL, 0 }, { "4 m", -EINVAL, 0 },
		{ "4mm", -EINVAL, 0 }, { "4 ", -EINVAL, 0 },
		{ "0x100000", -EINVAL, 0 }, { "- 4", -EINVAL, 0 },
		{ "-", -EINVAL, 0 }, { "+", -EINVAL, 0 },
		{ "+-4", -EINVAL, 0 }, { " ", -EINVAL, 0 },
		{ "-1k", -ERANGE, 0 }, { "17179869184g", -ERANGE, 0 },
		{ "99999999999999999999k", -ERANGE, 0 },
	};

	for (size_t i = 0; i < VM_COUNT(row); i++) {
		uint64_t bytes = 0;

		CHECK_INT(vm_size_parse_rump(row[i].text, &bytes),
		    row[i].result);
		CHECK(bytes == row[i].bytes);
	}
	CHECK_STR(vm_error_text(),
	    "size \"99999999999999999999k\": is more than 2^64 - 1 bytes");
}

TEST(parsing_nothing_dies)
{
	uint64_t bytes;

	CHECK_DIES((void)!vm_size_parse_text(NULL, &bytes));
	CHECK_DIES((void)!vm_size_parse_text("1", NULL));
	CHECK_DIES((void)!vm_size_parse_rump(NULL, &bytes));
	CHECK_DIES((void)!vm_size_parse_rump("1", NULL));
}

/* No text, however wild, does more than fail with a printable sentence. */
TEST(random_texts_never_put_a_control_character_into_the_sentence)
{
	struct vm_rng rng = { .state = check_seed() };

	for (int i = 0; i < 20000; i++) {
		char text[64];
		size_t length = vm_rng_below(&rng, sizeof(text));
		uint64_t bytes;

		for (size_t at = 0; at < length; at++)
			text[at] = (char)(vm_rng_below(&rng, 2) == 0
			    ? vm_rng_below(&rng, 256)
			    : (uint64_t)"0123456789kmgtiB"
			    [vm_rng_below(&rng, 16)]);
		text[length] = '\0';
		if (vm_size_parse_text(text, &bytes) == 0)
			continue;
		for (const char *c = vm_error_text(); *c != '\0'; c++)
			CHECK(*c >= ' ' && *c < 0x7f);
	}
}
