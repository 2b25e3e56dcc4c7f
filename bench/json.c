/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <math.h>
#include <time.h>

#include <resident/resident.h>

#include "bench/report.h"

void
bench_json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char letter = (unsigned char)*text;

		if (letter == '"' || letter == '\\')
			fprintf(out, "\\%c", letter);
		else if (letter < ' ')
			fprintf(out, "\\u%04x", letter);
		else
			fputc(letter, out);
	}
	fputc('"', out);
}

static void
text_field(FILE *out, const char *key, const char *value)
{
	fprintf(out, "\"%s\": ", key);
	bench_json_string(out, value);
}

/* JSON has no infinity and no NaN. */
static void
number(FILE *out, double value)
{
	if (isfinite(value))
		fprintf(out, "%.6g", value);
	else
		fputs("null", out);
}

static void
numbers(FILE *out, const char *key, const double *values, unsigned count)
{
	if (values == NULL)
		return;
	fprintf(out, ",\n     \"%s\": [", key);
	for (unsigned i = 0; i < count; i++) {
		fputs(i == 0 ? "" : ", ", out);
		number(out, values[i]);
	}
	fputc(']', out);
}

static void
target(FILE *out, const struct bench_result *result)
{
	if (result->sense == BENCH_NO_TARGET)
		return;
	fprintf(out, ",\n     \"sense\": \"%s\", \"target\": ",
	    result->sense == BENCH_AT_MOST ? "at most" : "at least");
	number(out, result->target);
}

static void
measured(FILE *out, const struct bench_result *result)
{
	fputs(",\n     \"value\": ", out);
	number(out, result->value);
	if (result->ratios != NULL) {
		fputs(", \"ratio\": ", out);
		number(out, result->ratio);
	}
	numbers(out, "samples", result->samples, result->runs);
	numbers(out, "against_samples", result->against_samples,
	    result->runs);
	numbers(out, "ratios", result->ratios, result->runs);
}

static void
row(FILE *out, const struct bench_result *result)
{
	fputs("    {", out);
	text_field(out, "workload", result->workload);
	fputs(", ", out);
	text_field(out, "variant", result->variant);
	fputs(", ", out);
	text_field(out, "unit", result->unit);
	fputs(",\n     ", out);
	text_field(out, "ours", result->ours);
	if (result->against[0] != '\0') {
		fputs(", ", out);
		text_field(out, "against", result->against);
	}
	target(out, result);
	fputs(", ", out);
	text_field(out, "verdict", bench_verdict(result));
	if (result->missing[0] != '\0') {
		fputs(",\n     ", out);
		text_field(out, "why", result->missing);
	}
	if (result->samples != NULL)
		measured(out, result);
	fputc('}', out);
}

static void
head(FILE *out, const struct bench *bench)
{
	const struct bench_options *options = &bench->options;
	char date[32];
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &parts);
	fputs("{\n  ", out);
	text_field(out, "version", vm_version());
	fputs(", ", out);
	text_field(out, "commit", bench_commit);
	fputs(", ", out);
	text_field(out, "build", bench_build);
	fputs(",\n  ", out);
	text_field(out, "date", date);
	fputs(",\n  \"machine\": {", out);
	bench_machine_json(out);
	fprintf(out, "},\n  \"seconds\": %.0f,\n", bench->seconds);
	fprintf(out, "  \"options\": {\"seconds\": %g, \"runs\": %u, "
	    "\"threads\": %u, \"quick\": %s, \"mem_bytes\": %llu},\n",
	    options->seconds, options->runs, options->threads,
	    options->quick ? "true" : "false",
	    (unsigned long long)options->mem_bytes);
}

int
bench_json_write(const struct bench *bench, const char *path)
{
	FILE *out = fopen(path, "w");
	int failed;

	if (out == NULL)
		return -errno;
	head(out, bench);
	fputs("  \"rows\": [\n", out);
	for (unsigned i = 0; i < bench->count; i++) {
		row(out, &bench->results[i]);
		fputs(i + 1 < bench->count ? ",\n" : "\n", out);
	}
	fputs("  ]\n}\n", out);
	failed = ferror(out);
	if (fclose(out) != 0 || failed)
		return errno != 0 ? -errno : -EIO;
	return 0;
}
