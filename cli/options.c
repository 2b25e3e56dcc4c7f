/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/options.c - see options.h. */
#include "options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "file_option.h"
#include "server/say.h"
#include "swap_option.h"

/* 1 MiB: lock files, shared-memory indexes and other maps for coordination
 * are smaller, data is larger. */
#define MIN_MAP_DEFAULT (UINT64_C(1) << 20)

/* 1 MiB: each map is two descriptors here and a round trip when it comes and
 * goes, and what is smaller comes and goes often. */
#define ANON_MIN_DEFAULT (UINT64_C(1) << 20)

/* Of mapped pages uses are seen late and some not at all: with those it reads
 * least.  docs/design-notes.md, "Uses of mapped pages". */
#define POLICY_DEFAULT "s3fifo"

/* 2 % of a processor: docs/design-notes.md. */
#define LIMBO_DEFAULT 2

/* An hour: who wants more wants none. */
#define CLEAN_S_MOST 3600u
#define MS_PER_S 1000u

enum option_id {
	OPT_MEM = 256,	/* above every character */
	OPT_POLICY,
	OPT_INCLUDE,
	OPT_EXCLUDE,
	OPT_FILE_LIMIT,
	OPT_FILE_POLICY,
	OPT_MIN_MAP,
	OPT_ANON,
	OPT_READAHEAD,
	OPT_CLUSTER,
	OPT_DIRECT,
	OPT_BUFFERED,
	OPT_PAGER_FILTER,
	OPT_LIMBO,
	OPT_CLEAN,
	OPT_CLEAN_RATE,
	OPT_SWAP,
	OPT_SWAP_MAX,
	OPT_SWAP_COMPRESS,
	OPT_SWAP_ENCRYPT,
	OPT_JSON,
	OPT_QUIET,
	OPT_STRICT,
	OPT_VERSION,
	OPT_HELP,
};

static const struct option long_options[] = {
	{ "mem", required_argument, NULL, OPT_MEM },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "include", required_argument, NULL, OPT_INCLUDE },
	{ "exclude", required_argument, NULL, OPT_EXCLUDE },
	{ "file-limit", required_argument, NULL, OPT_FILE_LIMIT },
	{ "file-policy", required_argument, NULL, OPT_FILE_POLICY },
	{ "min-map", required_argument, NULL, OPT_MIN_MAP },
	{ "anon", optional_argument, NULL, OPT_ANON },
	{ "readahead", required_argument, NULL, OPT_READAHEAD },
	{ "cluster", required_argument, NULL, OPT_CLUSTER },
	{ "direct", no_argument, NULL, OPT_DIRECT },
	{ "buffered", no_argument, NULL, OPT_BUFFERED },
	{ "pager-filter", required_argument, NULL, OPT_PAGER_FILTER },
	{ "limbo", required_argument, NULL, OPT_LIMBO },
	{ "clean", required_argument, NULL, OPT_CLEAN },
	{ "clean-rate", required_argument, NULL, OPT_CLEAN_RATE },
	{ "swap", required_argument, NULL, OPT_SWAP },
	{ "swap-max", required_argument, NULL, OPT_SWAP_MAX },
	{ "swap-compress", required_argument, NULL, OPT_SWAP_COMPRESS },
	{ "swap-encrypt", no_argument, NULL, OPT_SWAP_ENCRYPT },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* One setting, and what to call it in a sentence: "--mem" or "mem" of the
 * environment. */
struct setting {
	int id;			/* enum option_id */
	const char *name;
	const char *value;	/* NULL: takes none */
	const char *where;	/* "--" or "RESIDENT_CONF: " */
};

/* ---- one setting -------------------------------------------------------- */

static int
read_size(const struct setting *s, uint64_t *bytes)
{
	if (vm_size_parse(s->value, bytes) == 0)
		return 0;
	vm_say("%s%s: %s", s->where, s->name, vm_last_error());
	return -1;
}

/* In struct vm_options 0 is the default and 1 is none; for users 0 is none. */
static int
read_ahead(const struct setting *s, uint64_t *bytes)
{
	if (read_size(s, bytes) != 0)
		return -1;
	if (*bytes == 0)
		*bytes = 1;
	return 0;
}

/* At least a page: what is smaller is no map. */
static int
read_anon(const struct setting *s, uint64_t *bytes)
{
	*bytes = ANON_MIN_DEFAULT;
	if (s->value != NULL && read_size(s, bytes) != 0)
		return -1;
	if (*bytes < vm_page_bytes())
		*bytes = vm_page_bytes();
	return 0;
}

static int
read_mem(const struct setting *s, uint64_t *bytes)
{
	uint64_t least = UINT64_C(16) * vm_page_bytes();

	if (read_size(s, bytes) != 0)
		return -1;
	if (*bytes >= least)
		return 0;
	vm_say("%s%s: '%s' is less than 16 pages (%llu bytes)", s->where,
	    s->name, s->value, (unsigned long long)least);
	return -1;
}

static int
read_policy(const struct setting *s, const char **policy)
{
	const char *const *name = vm_policy_names();
	char all[256] = "";

	for (; *name != NULL; name++) {
		if (strcmp(*name, s->value) == 0) {
			*policy = *name;
			return 0;
		}
		strncat(all, " ", sizeof(all) - strlen(all) - 1);
		strncat(all, *name, sizeof(all) - strlen(all) - 1);
	}
	vm_say("%s%s: there is no policy '%s'; there are:%s", s->where,
	    s->name, s->value, all);
	return -1;
}

/* Of one processor; 0 is none. */
static int
read_percent(const struct setting *s, unsigned *percent)
{
	char *end;
	unsigned long value = strtoul(s->value, &end, 10);

	if (s->value[0] >= '0' && s->value[0] <= '9' && *end == '\0' &&
	    value <= 100) {
		*percent = (unsigned)value;
		return 0;
	}
	vm_say("%s%s: '%s' is no number from 0 to 100", s->where, s->name,
	    s->value);
	return -1;
}

/* Seconds, an hour at most; 0: never. */
static int
read_clean(const struct setting *s, struct vm_cleaning *cleaning)
{
	char *end;
	unsigned long value = strtoul(s->value, &end, 10);

	if (s->value[0] >= '0' && s->value[0] <= '9' && *end == '\0' &&
	    value <= CLEAN_S_MOST) {
		cleaning->flags = value == 0 ? VM_CLEANING_OFF : 0;
		cleaning->age_ms = (uint32_t)value * MS_PER_S;
		return 0;
	}
	vm_say("%s%s: '%s' is no number of seconds from 0 to %u", s->where,
	    s->name, s->value, CLEAN_S_MOST);
	return -1;
}

static int
read_glob(const struct setting *s, const char **globs)
{
	unsigned n = 0;

	while (globs[n] != NULL)
		n++;
	if (s->value[0] == '\0')
		vm_say("%s%s: an empty pattern", s->where, s->name);
	else if (n == VM_GLOBS_MAX)
		vm_say("%s%s: more than %d patterns, at '%s'", s->where,
		    s->name, VM_GLOBS_MAX, s->value);
	else {
		globs[n] = s->value;
		return 0;
	}
	return -1;
}

static int
read_rule(const struct setting *s, struct vm_run_options *o,
    int (*read)(const char *, struct vm_file_rule *, const char **))
{
	unsigned n = o->server.rules;
	const char *why;

	if (n == VM_GLOBS_MAX) {
		vm_say("%s%s: more than %d rules for files, at '%s'", s->where,
		    s->name, VM_GLOBS_MAX, s->value);
		return -1;
	}
	if (read(s->value, &o->rule[n], &why) != 0) {
		vm_say("%s%s: '%s': %s", s->where, s->name, s->value, why);
		return -1;
	}
	o->server.rules++;
	return 0;
}

static int
read_swap(const struct setting *s, struct vm_run_options *o)
{
	unsigned n = o->server.vm.swap_file_count;
	const char *why;

	if (n == VM_SWAP_FILES) {
		vm_say("%s%s: more than %d files, at '%s'", s->where, s->name,
		    VM_SWAP_FILES, s->value);
		return -1;
	}
	if (vm_swap_option_read(s->value, &o->swap_file[n], &o->swap_text[n],
	    &why) != 0) {
		vm_say("%s%s: '%s': %s", s->where, s->name, s->value, why);
		return -1;
	}
	o->server.vm.swap_files = o->swap_file;
	o->server.vm.swap_file_count++;
	return 0;
}

/* 0 would be no bound. */
static int
read_swap_max(const struct setting *s, uint64_t *bytes)
{
	if (read_size(s, bytes) != 0)
		return -1;
	if (*bytes >= vm_page_bytes())
		return 0;
	vm_say("%s%s: '%s' is less than a page", s->where, s->name, s->value);
	return -1;
}

static int
read_json(const struct setting *s, const char **json)
{
	if (s->value[0] == '\0') {
		vm_say("%s%s: an empty file name", s->where, s->name);
		return -1;
	}
	*json = s->value;
	return 0;
}

/* The settings without a value. */
static void
set_flag(struct vm_run_options *o, int id)
{
	struct vm_server_options *server = &o->server;

	if (id == OPT_DIRECT)
		server->vm.flags &= ~VM_BUFFERED;
	else if (id == OPT_BUFFERED)
		server->vm.flags |= VM_BUFFERED;
	else if (id == OPT_SWAP_ENCRYPT)
		server->vm.flags |= VM_SWAP_ENCRYPT;
	else if (id == OPT_QUIET)
		server->quiet = true;
	else if (id == OPT_STRICT)
		server->strict = true;
	else if (id == OPT_VERSION)
		o->version = true;
	else if (id == OPT_HELP)
		o->help = true;
}

static int
apply(struct vm_run_options *o, const struct setting *s)
{
	struct vm_options *vm = &o->server.vm;

	switch (s->id) {
	case OPT_MEM:
		return read_mem(s, &vm->resident_max_bytes);
	case OPT_POLICY:
		return read_policy(s, &vm->policy);
	case OPT_INCLUDE:
		return read_glob(s, o->include);
	case OPT_EXCLUDE:
		return read_glob(s, o->exclude);
	case OPT_FILE_LIMIT:
		return read_rule(s, o, vm_file_limit_read);
	case OPT_FILE_POLICY:
		return read_rule(s, o, vm_file_policy_read);
	case OPT_MIN_MAP:
		return read_size(s, &o->server.min_map_bytes);
	case OPT_ANON:
		return read_anon(s, &o->server.anon_min_bytes);
	case OPT_READAHEAD:
		return read_ahead(s, &vm->readahead_bytes);
	case OPT_CLUSTER:
		return read_ahead(s, &vm->cluster_bytes);
	case OPT_PAGER_FILTER:	/* its text is the library's to read */
		vm->pager_filter = s->value;
		return 0;
	case OPT_LIMBO:
		return read_percent(s, &o->server.limbo_percent);
	case OPT_CLEAN:
		return read_clean(s, &o->cleaning);
	case OPT_CLEAN_RATE:
		return read_size(s, &o->cleaning.rate_bytes);
	case OPT_SWAP:
		return read_swap(s, o);
	case OPT_SWAP_MAX:
		return read_swap_max(s, &vm->swap_max_bytes);
	case OPT_SWAP_COMPRESS:
		return read_size(s, &vm->swap_compress_bytes);
	case OPT_JSON:
		return read_json(s, &o->json);
	default:
		set_flag(o, s->id);
		return 0;
	}
}

/* ---- RESIDENT_CONF ------------------------------------------------------ */

static const struct option *
option_named(const char *name)
{
	const struct option *o;

	for (o = long_options; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

/* "key" or "key:value"; item is cut in two. */
static int
apply_item(struct vm_run_options *options, char *item)
{
	struct setting s = { .where = VM_CONF_ENV ": " };
	char *colon = strchr(item, ':');
	const struct option *o;

	if (colon != NULL)
		*colon = '\0';
	s.name = item;
	s.value = colon == NULL ? NULL : colon + 1;
	o = option_named(item);
	if (o == NULL || o->val == OPT_HELP || o->val == OPT_VERSION) {
		vm_say("%sthere is no setting '%s'", s.where, item);
		return -1;
	}
	if (o->has_arg != optional_argument &&
	    (o->has_arg == required_argument) != (s.value != NULL)) {
		vm_say(s.value == NULL ? "%s'%s' needs a value"
				       : "%s'%s' takes no value, not '%s'",
		    s.where, item, s.value == NULL ? "" : s.value);
		return -1;
	}
	s.id = o->val;
	return apply(options, &s);
}

static int
read_environment(struct vm_run_options *options)
{
	const char *text = getenv(VM_CONF_ENV);
	char *rest, *item;

	if (text == NULL || text[0] == '\0')
		return 0;
	options->conf = rest = strdup(text);
	if (rest == NULL) {
		vm_say("%s: no memory", VM_CONF_ENV);
		return -1;
	}
	while ((item = strsep(&rest, ",")) != NULL)
		if (apply_item(options, item) != 0)
			return -1;
	return 0;
}

/* ---- the command line --------------------------------------------------- */

/* Says what getopt found; its own text would name argv[0]. */
static void
say_bad_option(int result, char **argv)
{
	const struct option *o;

	for (o = long_options; o->name != NULL; o++)
		if (o->val == optopt)
			break;
	if (result == ':')
		vm_say("--%s needs a value", o->name);
	else if (o->name != NULL && optopt != 0)
		vm_say("--%s takes no value: '%s'", o->name,
		    argv[optind - 1]);
	else if (optopt != 0)
		vm_say("there is no option '-%c'", optopt);
	else
		vm_say("there is no option '%s', or it is no full name",
		    argv[optind - 1]);
}

static int
read_command_line(struct vm_run_options *options, int argc, char **argv)
{
	int index = 0, id;

	opterr = 0;
	optind = 1;
	/* "+": the first that is no option is the program. */
	while ((id = getopt_long(argc, argv, "+:h", long_options,
	    &index)) != -1) {
		struct setting s = { .value = optarg, .where = "--" };

		if (id == '?' || id == ':') {
			say_bad_option(id, argv);
			return -1;
		}
		s.id = id == 'h' ? OPT_HELP : id;
		s.name = id == 'h' ? "help" : long_options[index].name;
		if (apply(options, &s) != 0)
			return -1;
	}
	options->program = argv + optind;
	return 0;
}

int
vm_options_read(struct vm_run_options *options, int argc, char **argv)
{
	*options = (struct vm_run_options){
		.server.vm.size_bytes = sizeof(struct vm_options),
		.server.min_map_bytes = MIN_MAP_DEFAULT,
		.server.limbo_percent = LIMBO_DEFAULT,
		.server.vm.policy = POLICY_DEFAULT,
		.cleaning.size_bytes = sizeof(struct vm_cleaning),
		.cleaning.flags = VM_CLEANING_OFF,
	};
	options->server.vm.cleaning = &options->cleaning;
	options->server.include = options->include;
	options->server.exclude = options->exclude;
	options->server.rule = options->rule;
	if (read_environment(options) != 0 ||
	    read_command_line(options, argc, argv) != 0)
		return -1;
	if (options->help || options->version)
		return 0;
	if (options->server.vm.resident_max_bytes == 0) {
		vm_say("--mem SIZE is needed, as in: resident run --mem 256M "
		       "-- PROGRAM");
		return -1;
	}
	if (options->program[0] == NULL || options->program[0][0] == '\0') {
		vm_say("a PROGRAM is needed, as in: resident run --mem 256M "
		       "-- PROGRAM");
		return -1;
	}
	return 0;
}

void
vm_options_fini(struct vm_run_options *options)
{
	for (unsigned i = 0; i < VM_SWAP_FILES; i++)
		free(options->swap_text[i]);
	for (unsigned i = 0; i < options->server.rules; i++)
		free(options->rule[i].glob);
	free(options->conf);
}
