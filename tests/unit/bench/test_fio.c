/* SPDX-License-Identifier: BSD-2-Clause */
/* What fio 3.33 writes, with the members that nobody looks at left out. */
#include "bench/peers/fio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static const char canned[] =
    "note: both iodepth >= 1 and synchronous I/O engine are selected\n"
    "{\n"
    "  \"fio version\" : \"fio-3.33\",\n"
    "  \"timestamp_ms\" : 1700000000123,\n"
    "  \"jobs\" : [\n"
    "    {\n"
    "      \"jobname\" : \"peer\",\n"
    "      \"error\" : 0,\n"
    "      \"job options\" : {\n"
    "        \"name\" : \"peer\",\n"
    "        \"filename\" : \"/var/tmp/a{b[c\"\n"
    "      },\n"
    "      \"read\" : {\n"
    "        \"io_bytes\" : 16384000,\n"
    "        \"iops\" : 3980.1,\n"
    "        \"runtime\" : 1000,\n"
    "        \"total_ios\" : 4000,\n"
    "        \"clat_ns\" : {\n"
    "          \"min\" : 47000,\n"
    "          \"max\" : 900000,\n"
    "          \"percentile\" : {\n"
    "            \"50.000000\" : 120000,\n"
    "            \"99.000000\" : 250500,\n"
    "            \"99.900000\" : 800000\n"
    "          }\n"
    "        }\n"
    "      },\n"
    "      \"write\" : {\n"
    "        \"runtime\" : 500,\n"
    "        \"total_ios\" : 100\n"
    "      },\n"
    "      \"job_runtime\" : 1000,\n"
    "      \"usr_cpu\" : 3.5,\n"
    "      \"sys_cpu\" : 16.5\n"
    "    }\n"
    "  ]\n"
    "}\n";

static const struct fio_job reading = {.latency = true};

static bool
near(double a, double b)
{
	return a > b * 0.999999 && a < b * 1.000001;
}

TEST(figures_are_read)
{
	struct fio_result result;

	CHECK_INT(fio_parse(canned, &reading, &result), 0);
	CHECK(near(result.ios, 4000));
	CHECK(near(result.seconds, 1));
	CHECK(near(result.ios_per_s, 4000));
	CHECK(near(result.bytes_per_s, 4000 * 4096));
	/* A fifth of a second over 4000. */
	CHECK(near(result.cpu_us_per_io, 50));
	CHECK(near(result.p50_us, 120));
	CHECK(near(result.p99_us, 250.5));
	CHECK(near(result.most_us, 900));
}

TEST(the_side_of_the_pattern_is_read)
{
	static const struct fio_job writing = {
		.pattern = FIO_WRITE, .block_bytes = 65536
	};
	struct fio_result result;

	CHECK_INT(fio_parse(canned, &writing, &result), 0);
	CHECK(near(result.ios_per_s, 200));
	CHECK(near(result.bytes_per_s, 200 * 65536));
	CHECK(result.p99_us == 0);
}

TEST(percentiles_that_were_asked_for_must_be_there)
{
	static const struct fio_job writing = {
		.pattern = FIO_WRITE, .latency = true
	};
	struct fio_result result;

	CHECK_INT(fio_parse(canned, &writing, &result), -EPROTO);
}

/* Wherever it ends before the last figure, there is no result. */
TEST(a_text_that_ends_early_is_refused)
{
	size_t enough = (size_t)(strstr(canned, "16.5") - canned) + 5;
	struct fio_result result;
	char cut[sizeof(canned)];

	for (size_t length = 0; length < enough; length++) {
		memcpy(cut, canned, length);
		cut[length] = '\0';
		CHECK_INT(fio_parse(cut, &reading, &result), -EPROTO);
	}
}

/* The canned text with one string replaced. */
static int
parse_with(const char *old, const char *new)
{
	struct fio_result result;
	const char *at = strstr(canned, old);
	char text[sizeof(canned) + 64];

	CHECK(at != NULL && strlen(new) < 64);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - canned), canned,
	    new, at + strlen(old));
	return fio_parse(text, &reading, &result);
}

TEST(a_job_that_failed_is_an_error)
{
	CHECK_INT(parse_with("\"error\" : 0", "\"error\" : 5"), -EIO);
}

TEST(figures_that_make_no_sense_are_refused)
{
	CHECK_INT(parse_with("\"error\" : 0", "\"error\" : 0 "), 0);
	CHECK_INT(parse_with("\"total_ios\" : 4000",
	    "\"total_ios\" : 0"), -EPROTO);
	CHECK_INT(parse_with(": 4000", ": -4000"), -EPROTO);
	CHECK_INT(parse_with(": 4000", ": \"4000\""), -EPROTO);
	CHECK_INT(parse_with("\"runtime\" : 1000", "\"runtime\" : 0"),
	    -EPROTO);
	CHECK_INT(parse_with("3.5", "null"), -EPROTO);
	CHECK_INT(parse_with("16.5", "nan"), -EPROTO);
	CHECK_INT(parse_with("\"jobs\" : [", "\"jobs\" : [[], "), -EPROTO);
	CHECK_INT(parse_with("\"job_runtime\"", "\"jobruntime\""), -EPROTO);
}

TEST(text_that_is_not_fios_is_refused)
{
	struct fio_result result;

	CHECK_INT(fio_parse("", &reading, &result), -EPROTO);
	CHECK_INT(fio_parse("fio: killed\n", &reading, &result), -EPROTO);
	CHECK_INT(fio_parse("{}", &reading, &result), -EPROTO);
	CHECK_INT(fio_parse("[{\"error\": 0}]", &reading, &result), -EPROTO);
}

TEST(jobs_that_nothing_bounds_are_refused)
{
	static const uint64_t offset;
	struct fio_job job = {.path = "/f", .span_bytes = 1 << 20};
	struct fio_result result;
	char why[FIO_WHY_BYTES];

	CHECK_INT(fio_run(&job, &result, why), -EINVAL);
	job = (struct fio_job){.path = "/f", .seconds = 1};
	CHECK_INT(fio_run(&job, &result, why), -EINVAL);
	job = (struct fio_job){.path = "/a:b", .seconds = 1,
		.span_bytes = 4096};
	CHECK_INT(fio_run(&job, &result, why), -EINVAL);
	job = (struct fio_job){.path = "/f", .offsets = &offset};
	CHECK_INT(fio_run(&job, &result, why), -EINVAL);
	CHECK(why[0] != '\0');
}

static bool
no_fio(void)
{
	return system("fio --version >/dev/null 2>&1") != 0;
}

TEST(a_file_that_is_not_there_is_a_failure_with_words)
{
	struct fio_job job = {.path = "/dev/null/f", .span_bytes = 1 << 20,
		.transfer_bytes = 4096};
	struct fio_result result;
	char why[FIO_WHY_BYTES];

	if (no_fio())
		CHECK_SKIP("no fio here");
	CHECK(fio_run(&job, &result, why) < 0);
	CHECK(strncmp(why, "fio", 3) == 0);
}

/* Each place once, in a file of the test's own. */
TEST(a_job_of_given_places_does_each_of_them)
{
	static const uint64_t offsets[] = { 8192, 0, 28672, 4096 };
	char path[] = "/tmp/test-fio-XXXXXX";
	struct fio_job job = {.path = path, .pattern = FIO_RANDWRITE,
		.depth = 2, .offsets = offsets, .offsets_count = 4,
		.sync = true, .buffered = true};
	struct fio_result result;
	char why[FIO_WHY_BYTES];
	int fd = mkstemp(path);
	int code;

	CHECK(fd >= 0);
	CHECK_INT(ftruncate(fd, 32768), 0);
	code = no_fio() ? -ENOENT : fio_run(&job, &result, why);
	unlink(path);
	close(fd);
	if (code == -ENOENT || code == -ENOTSUP)
		CHECK_SKIP("no fio with io_uring here");
	/* So few may take no whole millisecond. */
	CHECK(code == -EPROTO || code == 0);
	if (code == 0)
		CHECK(near(result.ios, 4));
}
