/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <resident/resident.h>

/* ---- ends ---------------------------------------------------------------- */

void
bench_die(const char *format, ...)
{
	va_list list;

	fflush(stdout);
	fputs("resident-bench: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(1);
}

void
bench_check(int code, const char *what)
{
	if (code < 0)
		bench_die("%s: %s (%s)", what, vm_last_error(),
		    strerror(-code));
}

void
bench_skip(struct bench *bench, const char *format, ...)
{
	va_list list;

	bench->skipped++;
	fprintf(bench->out, "%-10s not here: ", bench->workload);
	va_start(list, format);
	vfprintf(bench->out, format, list);
	va_end(list);
	fputc('\n', bench->out);
	fflush(bench->out);
}

/* ---- a row's numbers ----------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bench_median(const double *values, unsigned count)
{
	double *sorted = malloc(count * sizeof(*sorted));
	double median;

	if (sorted == NULL)
		bench_die("no memory");
	memcpy(sorted, values, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
	free(sorted);
	return median;
}

static double *
copy_of(const double *values, unsigned count)
{
	double *copy = malloc(count * sizeof(*copy));

	if (copy == NULL)
		bench_die("no memory");
	memcpy(copy, values, count * sizeof(*copy));
	return copy;
}

static void
compute_ratios(struct bench_result *result)
{
	result->ratios = copy_of(result->samples, result->runs);
	for (unsigned i = 0; i < result->runs; i++)
		result->ratios[i] /= result->against_samples[i];
	result->ratio = bench_median(result->ratios, result->runs);
}

static void
take_samples(struct bench_result *result, const struct bench_row *row)
{
	const struct bench_way *ours = row->ours, *against = row->against;

	result->runs = ours->runs;
	result->samples = copy_of(ours->figures[row->figure], ours->runs);
	result->value = bench_median(result->samples, result->runs);
	if (against == NULL || against->missing[0] != '\0')
		return;
	if (against->runs != ours->runs)
		bench_die("%s and %s are of different rounds", ours->name,
		    against->name);
	result->against_samples = copy_of(against->figures[row->figure],
	    against->runs);
	compute_ratios(result);
}

static void
take_missing(struct bench_result *result, const struct bench_way *way)
{
	if (way != NULL && way->missing[0] != '\0' &&
	    result->missing[0] == '\0')
		snprintf(result->missing, sizeof(result->missing), "%s: %s",
		    way->name, way->missing);
}

const char *
bench_verdict(const struct bench_result *result)
{
	double is = result->against[0] != '\0' ? result->ratio : result->value;

	if (result->missing[0] != '\0')
		return "not here";
	if (result->sense == BENCH_NO_TARGET)
		return "-";
	if (result->sense == BENCH_AT_MOST)
		return is <= result->target ? "pass" : "short";
	return is >= result->target ? "pass" : "short";
}

/* ---- text ---------------------------------------------------------------- */

#define COLUMNS "%-10s %-32s %9s %-4s %-17s %-22s %7s %-8s %s\n"

/* Four digits, and k, M or G where they are not enough. */
static void
number(char *text, size_t bytes, double value)
{
	static const char suffix[] = "\0kMGT";
	double size = fabs(value);
	unsigned i = 0;

	for (; size >= 10000 && i < sizeof(suffix) - 2; i++) {
		size /= 1000;
		value /= 1000;
	}
	snprintf(text, bytes, "%.*f%.1s", size >= 1000 ? 0 : size >= 100 ? 1 :
	    size >= 10 ? 2 : 3, value, &suffix[i]);
}

static void
spread(char *text, size_t bytes, const struct bench_result *result)
{
	double least = INFINITY, most = -INFINITY;
	char low[24], high[24];

	for (unsigned i = 0; i < result->runs; i++) {
		least = result->samples[i] < least ? result->samples[i] : least;
		most = result->samples[i] > most ? result->samples[i] : most;
	}
	number(low, sizeof(low), least);
	number(high, sizeof(high), most);
	snprintf(text, bytes, "%s..%s", low, high);
}

static void
print(FILE *out, const struct bench_result *result)
{
	char value[24] = "", range[56] = "", ratio[24] = "", target[24] = "";

	if (result->samples != NULL) {
		number(value, sizeof(value), result->value);
		spread(range, sizeof(range), result);
	}
	if (result->ratios != NULL)
		snprintf(ratio, sizeof(ratio), "%.3f", result->ratio);
	if (result->sense != BENCH_NO_TARGET)
		snprintf(target, sizeof(target), "%s %.4g", result->sense ==
		    BENCH_AT_MOST ? "<=" : ">=", result->target);
	fprintf(out, COLUMNS, result->workload, result->variant, value,
	    result->unit, range, result->against, ratio, target,
	    bench_verdict(result));
	if (result->missing[0] != '\0')
		fprintf(out, "%-10s   not here: %s\n", "", result->missing);
	fflush(out);
}

void
bench_head_print(const struct bench *bench)
{
	fprintf(bench->out, COLUMNS, "workload", "variant", "value", "unit",
	    "spread", "against", "ratio", "target", "");
	fflush(bench->out);
}

/* ---- rows ---------------------------------------------------------------- */

static struct bench_result *
result_new(struct bench *bench)
{
	struct bench_result *results = realloc(bench->results,
	    (bench->count + 1) * sizeof(*results));

	if (results == NULL)
		bench_die("no memory");
	bench->results = results;
	memset(&results[bench->count], 0, sizeof(*results));
	return &results[bench->count++];
}

static void
name(char *to, size_t bytes, const char *from)
{
	snprintf(to, bytes, "%s", from);
}

void
bench_row(struct bench *bench, const struct bench_row *row)
{
	struct bench_result *result = result_new(bench);

	result->workload = bench->workload;
	name(result->variant, sizeof(result->variant), row->variant);
	name(result->unit, sizeof(result->unit), row->unit);
	name(result->ours, sizeof(result->ours), row->ours->name);
	if (row->against != NULL)
		name(result->against, sizeof(result->against),
		    row->against->name);
	result->sense = row->sense;
	result->target = row->target;
	take_missing(result, row->ours);
	take_missing(result, row->against);
	if (row->ours->missing[0] == '\0')
		take_samples(result, row);
	print(bench->out, result);
}

void
bench_summary_print(const struct bench *bench)
{
	unsigned pass = 0, less = 0, missing = 0;

	for (unsigned i = 0; i < bench->count; i++) {
		const char *verdict = bench_verdict(&bench->results[i]);

		pass += strcmp(verdict, "pass") == 0;
		less += strcmp(verdict, "short") == 0;
		missing += strcmp(verdict, "not here") == 0;
	}
	fprintf(bench->out,
	    "%u rows: %u pass, %u short, %u not here, %u without a target",
	    bench->count, pass, less, missing,
	    bench->count - pass - less - missing);
	if (bench->skipped != 0)
		fprintf(bench->out, "; workloads not here: %u",
		    bench->skipped);
	fprintf(bench->out, "; %.0f s", bench->seconds);
	fputc('\n', bench->out);
}

void
bench_results_fini(struct bench *bench)
{
	for (unsigned i = 0; i < bench->count; i++) {
		free(bench->results[i].samples);
		free(bench->results[i].against_samples);
		free(bench->results[i].ratios);
	}
	free(bench->results);
	bench->results = NULL;
	bench->count = 0;
}
