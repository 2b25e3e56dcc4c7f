/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/mrc/wish.c - see wish.h. */
#include "wish.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/say.h"

/* 40 points: sizes a fifth apart over three decades. */
#define POINTS_DEFAULT 40u

/* 32 Ki pages: the means of the papers' traces are within .01 with 8 Ki. */
#define SAMPLE_DEFAULT (UINT32_C(32) << 10)

/* 64 pages: with fewer a ratio says nothing; 2^24 keep a gigabyte busy. */
#define SAMPLE_LEAST 64u
#define SAMPLE_MOST  (1u << 24)

enum { OPT_TRACE = 256, OPT_POLICY, OPT_HIT, OPT_POINTS, OPT_SAMPLE, OPT_TSV,
	OPT_PLOT, OPT_MARKS, OPT_RUN, OPT_HELP };

static const struct option long_options[] = {
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "hit", required_argument, NULL, OPT_HIT },
	{ "points", required_argument, NULL, OPT_POINTS },
	{ "sample", required_argument, NULL, OPT_SAMPLE },
	{ "tsv", required_argument, NULL, OPT_TSV },
	{ "plot", required_argument, NULL, OPT_PLOT },
	{ "marks", no_argument, NULL, OPT_MARKS },
	{ "mem", required_argument, NULL, OPT_RUN },
	{ "include", required_argument, NULL, OPT_RUN },
	{ "exclude", required_argument, NULL, OPT_RUN },
	{ "min-map", required_argument, NULL, OPT_RUN },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* "90%". */
static int
take_ratio(struct vm_mrc_wish *wish, const char *text)
{
	char *end = NULL;
	double percent = text[0] >= '0' && text[0] <= '9' ?
	    strtod(text, &end) : 0;

	if (end == NULL || strcmp(end, "%") != 0 || !(percent > 0) ||
	    percent > 100) {
		vm_say("--hit: '%s' is no part of the requests, as 90%%",
		    text);
		return -1;
	}
	if (wish->ratios == VM_MRC_RATIOS) {
		vm_say("--hit: more than %u", VM_MRC_RATIOS);
		return -1;
	}
	wish->ratio[wish->ratios++] = percent / 100;
	return 0;
}

static int
take_ratios(struct vm_mrc_wish *wish, const char *text)
{
	char *copy = strdup(text), *rest = copy, *item;
	int result = copy == NULL ? -1 : 0;

	if (copy == NULL)
		vm_say("no memory for '%s'", text);
	while (result == 0 && (item = strsep(&rest, ",")) != NULL)
		result = take_ratio(wish, item);
	free(copy);
	return result;
}

static int
take_count(uint32_t *to, const char *name, uint32_t least, uint32_t most)
{
	char *end = NULL;
	unsigned long count = optarg[0] >= '0' && optarg[0] <= '9' ?
	    strtoul(optarg, &end, 10) : 0;

	if (end == NULL || *end != '\0' || count < least || count > most) {
		vm_say("--%s: '%s' is no number from %u to %u", name, optarg,
		    least, most);
		return -1;
	}
	*to = (uint32_t)count;
	return 0;
}

static int
take_trace(struct vm_sim_wish *sim)
{
	if (sim->traces != 0) {
		vm_say("--trace: one at a time");
		return -1;
	}
	return vm_sim_wish_file(&sim->trace[sim->traces++], optarg, "trace");
}

static int
apply(struct vm_mrc_wish *wish, int id, const char *name)
{
	switch (id) {
	case OPT_TRACE:
		return take_trace(&wish->sim);
	case OPT_POLICY:
		return vm_sim_wish_list(&wish->sim, optarg,
		    vm_sim_wish_policy);
	case OPT_HIT:
		return take_ratios(wish, optarg);
	case OPT_POINTS:
		return take_count(&wish->points, name, 2, VM_MRC_POINTS);
	case OPT_SAMPLE:
		return take_count(&wish->sample, name, SAMPLE_LEAST,
		    SAMPLE_MOST);
	case OPT_TSV:
		return vm_sim_wish_file(&wish->sim.tsv, optarg, name);
	case OPT_PLOT:
		return vm_sim_wish_plot(&wish->sim, optarg);
	case OPT_MARKS:
		wish->sim.marks = true;
		return 0;
	default:
		wish->sim.help = true;
		return 0;
	}
}

/* An option of the run, for its own reader. */
static int
pass_on(struct vm_mrc_wish *wish, const char *name)
{
	char *option = NULL;

	if (asprintf(&option, "--%s", name) < 0) {
		vm_say("no memory for --%s", name);
		return -1;
	}
	wish->run[wish->run_count++] = option;
	wish->run[wish->run_count++] = optarg;
	return 0;
}

static int
complete(struct vm_mrc_wish *wish)
{
	if ((wish->sim.traces == 0) == (wish->program == NULL)) {
		vm_say("either --trace FILE or a PROGRAM is needed, as in: "
		       "resident mrc -- PROGRAM");
		return -1;
	}
	if (wish->sim.policies == 0 &&
	    vm_sim_wish_list(&wish->sim, "default,lru",
	    vm_sim_wish_policy) != 0)
		return -1;
	if (wish->ratios == 0)
		wish->ratio[wish->ratios++] = 0.9;
	return 0;
}

static int
read_options(struct vm_mrc_wish *wish, int argc, char **argv)
{
	int id, index = 0;

	opterr = 0;
	optind = 1;
	while ((id = getopt_long(argc, argv, "+:h", long_options,
	    &index)) != -1) {
		int result = -1;

		if (id == ':')
			vm_say("%s needs a value", argv[optind - 1]);
		else if (id == '?')
			vm_say("there is no option '%s', or it is used "
			       "wrongly", argv[optind - 1]);
		else if (id == OPT_RUN)
			result = pass_on(wish, long_options[index].name);
		else
			result = apply(wish, id, long_options[index].name);
		if (result != 0)
			return -1;
	}
	if (optind < argc)
		wish->program = argv + optind;
	return 0;
}

int
vm_mrc_wish_read(struct vm_mrc_wish *wish, int argc, char **argv)
{
	*wish = (struct vm_mrc_wish){ .points = POINTS_DEFAULT,
		.sample = SAMPLE_DEFAULT };
	wish->run = calloc((size_t)argc * 2, sizeof(*wish->run));
	if (wish->run == NULL) {
		vm_say("no memory for %d arguments", argc);
		return -1;
	}
	if (read_options(wish, argc, argv) != 0)
		return -1;
	return wish->sim.help ? 0 : complete(wish);
}

void
vm_mrc_wish_fini(struct vm_mrc_wish *wish)
{
	for (int i = 0; i < wish->run_count; i += 2)
		free(wish->run[i]);
	free(wish->run);
}
