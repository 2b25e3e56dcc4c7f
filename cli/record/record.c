/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/record/record.c - see record.h. */
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../program.h"
#include "server/say.h"
#include "touches.h"

static const char help[] =
"Usage: resident trace --output FILE [OPTION...] -- PROGRAM [ARGUMENT...]\n"
"\n"
"Runs PROGRAM as `resident run` does, and writes which pages of the files it\n"
"maps it touches: PAGE r|w OBJECT on each line, for `resident sim` and\n"
"`resident mrc`.\n"
"\n"
"A touch is seen where its page is not among the last brought in, as many as\n"
"--mem holds (1m, unless said otherwise), or is written while it is clean.\n"
"\n"
"  -o, --output FILE   the trace\n"
"\n"
"and all options of `resident run`; it runs with --mem 1m --policy fifo\n"
"--readahead 0 --cluster 0 where they do not say otherwise.\n";

struct recording {
	const char *path;
	FILE *out;
	uint64_t touches;
};

static int
cannot_write(const struct recording *r, int error)
{
	vm_say("%s: cannot write: %s", r->path,
	    strerror(error == 0 ? EIO : error));
	return -1;
}

static int
write_touch(void *arg, const struct vm_touch *touch)
{
	struct recording *r = arg;

	r->touches++;
	if (fprintf(r->out, "%" PRIu64 " %c %" PRIu64 "\n", touch->pindex,
	    touch->write ? 'w' : 'r', touch->object) > 0)
		return 0;
	return cannot_write(r, errno);
}

static int
finish(void *arg, int result)
{
	struct recording *r = arg;
	bool failed = ferror(r->out) != 0;
	int error = 0;

	if (fclose(r->out) != 0)
		error = errno;
	r->out = NULL;
	if (result == 0 && (failed || error != 0))
		return cannot_write(r, error);
	if (result == 0 && r->touches == 0)
		vm_say("%s: it touched no page of a map that is managed "
		       "(--min-map?)", r->path);
	return result;
}

/* Where the options end: "--" has to be there, so that a value of one of them
 * is not taken for the program. */
static int
find_end(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return i;
	return -1;
}

/* Takes --output and its value out of argv[1 .. end); how many are left of
 * argc, or -1 after one sentence. */
static int
take_output(int argc, char **argv, int end, const char **path)
{
	int to = 1;

	for (int i = 1; i < argc; i++) {
		bool named = strcmp(argv[i], "--output") == 0 ||
		    strcmp(argv[i], "-o") == 0;

		if (i < end && named && i + 1 < end)
			*path = argv[++i];
		else if (i < end && strncmp(argv[i], "--output=", 9) == 0)
			*path = argv[i] + 9;
		else if (i < end && named) {
			vm_say("%s needs a value", argv[i]);
			return -1;
		} else
			argv[to++] = argv[i];
	}
	argv[to] = NULL;
	if (*path != NULL && **path != '\0')
		return to;
	vm_say("--output FILE is needed, as in: resident trace --output FILE "
	       "-- PROGRAM");
	return -1;
}

static int
record(struct recording *r, int argc, char **argv)
{
	struct vm_touches touches = { .take = write_touch, .done = finish,
		.arg = r };
	int status;

	r->out = fopen(r->path, "we");
	if (r->out == NULL) {
		(void)cannot_write(r, errno);
		return VM_EXIT_FAILED;
	}
	status = vm_touches_run(&touches, argc, argv);
	if (r->out != NULL)
		(void)fclose(r->out);	/* nothing ran */
	return status;
}

int
vm_command_trace(int argc, char **argv)
{
	struct recording r = { .path = NULL };
	int end = find_end(argc, argv);

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)) {
		fputs(help, stdout);
		return 0;
	}
	if (end < 0) {
		vm_say("a PROGRAM behind -- is needed, as in: resident trace "
		       "--output FILE -- PROGRAM");
		return VM_EXIT_FAILED;
	}
	argc = take_output(argc, argv, end, &r.path);
	return argc < 0 ? VM_EXIT_FAILED : record(&r, argc, argv);
}
