/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <resident/resident.h>

/*
 * 11 samples of 50 ms: half a second a way.  Shorter ones see single
 * interrupts, more of them make the whole table longer than ten minutes.
 */
#define SECONDS		0.05
#define RUNS		11u
#define QUICK_SECONDS	0.0005
#define QUICK_RUNS	1u
#define SECONDS_MOST	60.0
#define RUNS_MOST	1000ul

enum option_code {
	OPTION_JSON = 256,
	OPTION_LIST,
	OPTION_MEM,
	OPTION_PATH,
	OPTION_QUICK,
	OPTION_RUNS,
	OPTION_SECONDS,
	OPTION_THREADS
};

static const struct option table[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", required_argument, NULL, OPTION_JSON },
	{ "list", no_argument, NULL, OPTION_LIST },
	{ "mem", required_argument, NULL, OPTION_MEM },
	{ "path", required_argument, NULL, OPTION_PATH },
	{ "quick", no_argument, NULL, OPTION_QUICK },
	{ "runs", required_argument, NULL, OPTION_RUNS },
	{ "seconds", required_argument, NULL, OPTION_SECONDS },
	{ "threads", required_argument, NULL, OPTION_THREADS },
	{ NULL, 0, NULL, 0 }
};

void
bench_help_print(void)
{
	printf(
	    "usage: resident-bench WORKLOAD... [options]\n"
	    "       resident-bench all [options]\n"
	    "       resident-bench --list\n\n"
	    "Measures the explicit path against floors and peers, in turn, and"
	    " prints for each\nwhat it is, what it is held against, and"
	    " whether the target was reached.\n\n"
	    "  --json FILE      all rows with all samples, for programs\n"
	    "  --mem SIZE       the limit (64M, 1G), instead of each"
	    " workload's own\n"
	    "  --path FOLDER    where files are made, instead of /dev/shm and"
	    " /var/tmp\n"
	    "  --quick          small sizes, one short sample: does it work\n"
	    "  --runs N         samples of each (%u)\n"
	    "  --seconds S      time of a sample (%g)\n"
	    "  --threads N      go up to N threads (as many as processors)\n"
	    "  --list           the workloads\n"
	    "  -h, --help       this\n\n"
	    "Exit status: 0; 1 for errors; 77 when nothing failed but the"
	    " machine lacks what a\nworkload needs.  A target that was not"
	    " reached is no error.\n", RUNS, SECONDS);
}

static unsigned
whole(const char *option, const char *text, unsigned long most)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    value < 1 || value > most)
		bench_die("--%s: '%s' is not a number from 1 to %lu", option,
		    text, most);
	return (unsigned)value;
}

static double
seconds(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value > 0) ||
	    value > SECONDS_MOST)
		bench_die("--seconds: '%s' is not a number above 0, up to %g",
		    text, SECONDS_MOST);
	return value;
}

static uint64_t
size(const char *text)
{
	uint64_t bytes;

	if (vm_size_parse(text, &bytes) != 0)
		bench_die("--mem: %s", vm_last_error());
	if (bytes < 16 * bench_page_bytes())
		bench_die("--mem: '%s' is less than 16 pages", text);
	return bytes;
}

static const char *
folder(const char *text)
{
	struct stat stat_of;

	if (stat(text, &stat_of) != 0)
		bench_die("--path: %s: %s", text, strerror(errno));
	if (!S_ISDIR(stat_of.st_mode))
		bench_die("--path: %s is not a folder", text);
	return text;
}

static void
take(struct bench_options *options, int code, const char *text)
{
	switch (code) {
	case OPTION_JSON:
		options->json = text;
		return;
	case OPTION_MEM:
		options->mem_bytes = size(text);
		return;
	case OPTION_PATH:
		options->path = folder(text);
		return;
	case OPTION_QUICK:
		options->quick = true;
		return;
	case OPTION_RUNS:
		options->runs = whole("runs", text, RUNS_MOST);
		return;
	case OPTION_SECONDS:
		options->seconds = seconds(text);
		return;
	case OPTION_THREADS:
		options->threads = whole("threads", text, BENCH_THREADS_MOST);
		return;
	default:
		/* getopt has said what is wrong. */
		exit(1);
	}
}

/* What was not said. */
static void
complete(struct bench_options *options)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (options->seconds == 0)
		options->seconds = options->quick ? QUICK_SECONDS : SECONDS;
	if (options->runs == 0)
		options->runs = options->quick ? QUICK_RUNS : RUNS;
	if (options->threads == 0)
		options->threads = processors < 1 ? 1 :
		    processors > (long)BENCH_THREADS_MOST ?
		    BENCH_THREADS_MOST : (unsigned)processors;
}

enum bench_wish
bench_options_parse(struct bench_options *options, int argc, char **argv,
    int *first)
{
	int code;

	memset(options, 0, sizeof(*options));
	while ((code = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (code == 'h')
			return BENCH_HELP;
		if (code == OPTION_LIST)
			return BENCH_LIST;
		take(options, code, optarg);
	}
	complete(options);
	*first = optind;
	return BENCH_RUN;
}
