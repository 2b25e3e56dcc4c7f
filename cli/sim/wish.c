/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/sim/wish.c - see wish.h. */
#include "wish.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "queue/policy.h"
#include "server/say.h"

enum { OPT_TRACE = 256, OPT_POLICY, OPT_SIZE, OPT_TSV, OPT_PLOT, OPT_MARKS,
	OPT_HELP };

static const struct option long_options[] = {
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "tsv", required_argument, NULL, OPT_TSV },
	{ "plot", required_argument, NULL, OPT_PLOT },
	{ "marks", no_argument, NULL, OPT_MARKS },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* What Jiang, Zhang and others show, and where policies differ most. */
static const struct vm_sim_size usual[] = { { 5, 0 }, { 10, 0 }, { 20, 0 } };

static int
add_policy(struct vm_sim_wish *wish, const struct vm_policy_ops *ops)
{
	for (unsigned i = 0; i < wish->policies; i++)
		if (wish->policy[i] == ops)
			return 0;
	if (wish->policies == VM_WISH_POLICIES) {
		vm_say("--policy: more than %u", VM_WISH_POLICIES);
		return -1;
	}
	wish->policy[wish->policies++] = ops;
	return 0;
}

static int
no_policy(const char *name)
{
	char all[256] = "";

	for (unsigned i = 0; vm_policies[i] != NULL; i++) {
		strncat(all, " ", sizeof(all) - strlen(all) - 1);
		strncat(all, vm_policies[i]->name,
		    sizeof(all) - strlen(all) - 1);
	}
	vm_say("--policy: there is no policy '%s'; there are:%s, 'default' "
	       "and 'all'", name, all);
	return -1;
}

int
vm_sim_wish_policy(struct vm_sim_wish *wish, const char *name)
{
	const struct vm_policy_ops *ops = vm_policy_find(name);

	if (strcmp(name, "default") == 0)
		return add_policy(wish, vm_policies[0]);
	if (strcmp(name, "all") == 0) {
		for (unsigned i = 0; vm_policies[i] != NULL; i++)
			if (add_policy(wish, vm_policies[i]) != 0)
				return -1;
		return 0;
	}
	return ops == NULL ? no_policy(name) : add_policy(wish, ops);
}

/* "5%", "0.5%", "1000". */
static bool
parse_size(const char *text, struct vm_sim_size *size)
{
	char *end = NULL;
	unsigned long long pages;

	*size = (struct vm_sim_size){ 0 };
	errno = 0;
	if (text[0] < '0' || text[0] > '9')
		return false;
	if (strspn(text, "0123456789.") + 1 == strlen(text) &&
	    text[strlen(text) - 1] == '%') {
		size->percent = strtod(text, &end);
		return strcmp(end, "%") == 0 && size->percent > 0 &&
		    size->percent <= 100;
	}
	pages = strtoull(text, &end, 10);
	size->pages = (uint32_t)pages;
	/* 2^28 pages: 1 TiB of 4 KiB. */
	return errno == 0 && *end == '\0' && pages > 0 &&
	    pages <= (1ull << 28);
}

static int
take_size(struct vm_sim_wish *wish, const char *text)
{
	if (wish->sizes == VM_WISH_SIZES) {
		vm_say("--size: more than %u", VM_WISH_SIZES);
		return -1;
	}
	if (parse_size(text, &wish->size[wish->sizes])) {
		wish->sizes++;
		return 0;
	}
	vm_say("--size: '%s' is neither a part of the trace's pages, as 5%%, "
	       "nor a number of pages, 1 to 2^28", text);
	return -1;
}

int
vm_sim_wish_list(struct vm_sim_wish *wish, const char *text,
    int (*take)(struct vm_sim_wish *wish, const char *item))
{
	char *copy = strdup(text), *rest = copy, *item;
	int result = copy == NULL ? -1 : 0;

	if (copy == NULL)
		vm_say("no memory for '%s'", text);
	while (result == 0 && (item = strsep(&rest, ",")) != NULL)
		result = take(wish, item);
	free(copy);
	return result;
}

int
vm_sim_wish_file(const char **to, const char *name, const char *option)
{
	*to = name;
	if (name[0] != '\0')
		return 0;
	vm_say("--%s: an empty file name", option);
	return -1;
}

static int
take_trace(struct vm_sim_wish *wish, const char *name)
{
	if (wish->traces == VM_WISH_TRACES) {
		vm_say("--trace: more than %u", VM_WISH_TRACES);
		return -1;
	}
	return vm_sim_wish_file(&wish->trace[wish->traces++], name, "trace");
}

static bool
ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length > strlen(end) &&
	    strcmp(text + length - strlen(end), end) == 0;
}

int
vm_sim_wish_plot(struct vm_sim_wish *wish, const char *name)
{
	wish->plot = name;
	if (ends_with(name, ".png") || ends_with(name, ".svg"))
		return 0;
	vm_say("--plot: '%s' ends neither with .png nor with .svg", name);
	return -1;
}

static int
apply(struct vm_sim_wish *wish, int id)
{
	switch (id) {
	case OPT_TRACE:
		return take_trace(wish, optarg);
	case OPT_POLICY:
		return vm_sim_wish_list(wish, optarg, vm_sim_wish_policy);
	case OPT_SIZE:
		return vm_sim_wish_list(wish, optarg, take_size);
	case OPT_TSV:
		return vm_sim_wish_file(&wish->tsv, optarg, "tsv");
	case OPT_PLOT:
		return vm_sim_wish_plot(wish, optarg);
	case OPT_MARKS:
		wish->marks = true;
		return 0;
	default:
		wish->help = true;
		return 0;
	}
}

static int
complete(struct vm_sim_wish *wish)
{
	if (wish->traces == 0) {
		vm_say("--trace FILE is needed, as in: resident sim --trace "
		       "FILE --policy all");
		return -1;
	}
	if (wish->policies == 0)
		(void)add_policy(wish, vm_policies[0]);
	if (wish->sizes == 0) {
		memcpy(wish->size, usual, sizeof(usual));
		wish->sizes = sizeof(usual) / sizeof(usual[0]);
	}
	return 0;
}

int
vm_sim_wish_read(struct vm_sim_wish *wish, int argc, char **argv)
{
	int id;

	*wish = (struct vm_sim_wish){ 0 };
	opterr = 0;
	optind = 1;
	while ((id = getopt_long(argc, argv, ":h", long_options, NULL)) !=
	    -1) {
		if (id == ':')
			vm_say("%s needs a value", argv[optind - 1]);
		else if (id == '?')
			vm_say("there is no option '%s', or it is used "
			       "wrongly", argv[optind - 1]);
		if (id == ':' || id == '?' || apply(wish, id) != 0)
			return -1;
	}
	if (optind < argc) {
		vm_say("'%s' is no option: traces are named with --trace",
		    argv[optind]);
		return -1;
	}
	return wish->help ? 0 : complete(wish);
}

uint32_t
vm_sim_size_pages(const struct vm_sim_size *size, uint32_t distinct)
{
	uint32_t pages = size->percent > 0 ?
	    (uint32_t)((double)distinct * size->percent / 100) : size->pages;

	return pages > 0 ? pages : 1;
}
