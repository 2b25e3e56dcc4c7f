/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/run.c - see run.h. */
#include "run.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>

#include "child.h"
#include "machine.h"
#include "options.h"
#include "program.h"
#include "report.h"
#include "server/say.h"
#include "server/server.h"

/* 2 arenas: the server's threads allocate little, and each arena would cost
 * its own few pages. */
#define ARENAS 2

/* 20 ms at first, then ever longer up to 200 ms between two looks whether the
 * program's children are done. */
#define DRAIN_MS_MIN 20
#define DRAIN_MS_MAX 200

static const char help[] =
"Usage: resident run --mem SIZE [OPTION...] -- PROGRAM [ARGUMENT...]\n"
"       resident stat [--json] [PID... | --all]\n"
"       resident policy PID NAME\n"
"       resident sim --trace FILE... [OPTION...]\n"
"       resident trace --output FILE [OPTION...] -- PROGRAM [ARGUMENT...]\n"
"       resident mrc {--trace FILE | [OPTION...] -- PROGRAM}\n"
"       resident --help | --version\n"
"\n"
"Runs PROGRAM, unchanged, with one hard limit on the memory that the files\n"
"which it and its children map may take.\n"
"\n"
"  --mem SIZE         the limit; SIZE is a number, or one with k, m, g or t\n"
"                     (KiB, MiB, ...) behind it; at least 16 pages\n"
"  --policy NAME      which pages go first: %s\n"
"  --include GLOB     manage only files whose full path matches; repeatable\n"
"  --exclude GLOB     leave files that match to the kernel; repeatable\n"
"  --file-limit GLOB=MIN:LOW:HIGH\n"
"                     how much of memory files that match keep, keep while\n"
"                     others have some, and have at most; repeatable\n"
"  --file-policy GLOB=NAME\n"
"                     a policy for files that match; repeatable\n"
"  --min-map SIZE     leave shorter maps to the kernel (default 1m)\n"
"  --anon[=SIZE]      manage private anonymous memory too, heap blocks and\n"
"                     maps of SIZE (default 1m) and above, with swap behind\n"
"  --readahead SIZE   largest read-ahead of a sequential reader (default 1m,\n"
"                     at most an eighth of the limit; 0: none)\n"
"  --cluster SIZE     read around a miss (default 64k; 0: one page)\n"
"  --direct           read and write files past the page cache (default)\n"
"  --buffered         go through the page cache, and empty it behind\n"
"  --limbo PERCENT    of a processor, to see which mapped pages are in use\n"
"                     (default 2; 0: none)\n"
"  --clean SECONDS    write what has been dirty for so long (default 0: only\n"
"                     what must go, or is synced)\n"
"  --clean-rate SIZE  a second, at most (default 32m)\n"
"  --pager-filter F   make reads or writes fail or wait, to see what PROGRAM\n"
"                     does: error:op=read,nth=100; see vm_pager_filter(3)\n"
"  --swap DIR[:SIZE[:PRIO]]\n"
"                     where memory goes that no file has; repeatable, the\n"
"                     highest priority first (default TMPDIR, /var/tmp)\n"
"  --swap-max SIZE    of all these files together\n"
"  --swap-compress SIZE\n"
"                     of the limit, for compressed pages before that\n"
"  --swap-encrypt     nobody else can read what is there\n"
"  --json FILE        write the figures to FILE at the end\n"
"  --quiet            no table at the end, no remarks; errors only\n"
"  --strict           fail maps that cannot be managed, instead of leaving\n"
"                     them to the kernel\n"
"  --help, --version\n"
"\n"
"RESIDENT_CONF=\"key:value,...\" in the environment sets the same; the\n"
"command line wins.\n"
"The exit status is PROGRAM's; 125: resident itself failed, 126: PROGRAM\n"
"cannot be run or served, 127: there is no PROGRAM.  See resident(1).\n";

void
vm_help_print(void)
{
	const char *const *name = vm_policy_names();
	char names[256];
	size_t at = 0;

	names[0] = '\0';
	for (; *name != NULL && at < sizeof(names); name++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
		    at == 0 ? "" : ", ", *name);
	printf(help, names);
}

void
vm_version_print(void)
{
	printf("resident %s\n", vm_version());
}

/* Children that outlive the program keep their pager. */
static void
drain(struct vm_server *server)
{
	int wait_ms = DRAIN_MS_MIN;

	while (vm_server_busy(server)) {
		int number = vm_child_signal(wait_ms);

		if (number != 0)
			vm_server_signal(server, number);
		if (wait_ms < DRAIN_MS_MAX)
			wait_ms *= 2;
	}
}

/* The exit status is that of the program. */
#define PROGRAMS_OWN (-1)

/* One program, from the command line to its end. */
struct job {
	const struct vm_run_options *options;
	const struct vm_program *program;
	struct vm_child *child;
	struct vm_watcher *watcher;	/* NULL: nobody */
};

/* With the server there, until the program and its children are done.  0, or
 * an exit status; *ran says whether there was a program. */
static int
attend(const struct job *job, struct vm_server *server, bool *ran)
{
	struct vm_watcher *watcher = job->watcher;
	int status;

	if (watcher != NULL && watcher->begin(watcher, server) != 0)
		return VM_EXIT_FAILED;
	status = vm_child_start(job->child, job->program);
	*ran = status == 0;
	if (*ran) {
		vm_child_attend(job->child);
		drain(server);
	}
	if (watcher != NULL && watcher->end(watcher) != 0 && status == 0)
		status = VM_EXIT_FAILED;
	return status;
}

/* From the start of the server to its end.  An exit status or PROGRAMS_OWN;
 * the report is filled when a program ran. */
static int
serve(const struct job *job, struct vm_server_report *report)
{
	struct vm_server_report end = { .clients = 0 };
	struct vm_server *server;
	bool ran = false;
	int status = VM_EXIT_FAILED;

	if (vm_server_start(&job->options->server, &server) != 0)
		return VM_EXIT_FAILED;
	if (vm_machine_set_environment(vm_server_socket(server),
	    job->options->server.anon_min_bytes) == 0)
		status = attend(job, server, &ran);
	if (vm_server_stop(server, &end) != 0)
		status = VM_EXIT_FAILED;
	if (ran)
		*report = end;
	return status == 0 ? PROGRAMS_OWN : status;
}

static int
run_program(const struct vm_run_options *options,
    const struct vm_program *program, struct vm_json *json,
    struct vm_watcher *watcher)
{
	struct vm_server_report report = { .clients = 0 };
	struct vm_child child;
	const struct job job = { options, program, &child, watcher };
	int status;

	mallopt(M_ARENA_MAX, ARENAS);
	vm_child_prepare(&child);
	status = serve(&job, &report);
	if (status != PROGRAMS_OWN && report.stat.limit_pages == 0) {
		vm_json_drop(json);
		return status;
	}
	if (!options->server.quiet)
		vm_report_print(&report);
	if (vm_json_write(json, &report) != 0 && status == PROGRAMS_OWN)
		status = VM_EXIT_FAILED;
	if (status == PROGRAMS_OWN)
		vm_child_end_alike(&child);
	return status;
}

int
vm_run_watched(int argc, char **argv, struct vm_watcher *watcher)
{
	struct vm_run_options options;
	struct vm_program program = { NULL, NULL };
	struct vm_json json = { .fd = -1 };
	int status = VM_EXIT_FAILED;

	if (vm_options_read(&options, argc, argv) != 0) {
		vm_say("'resident run --help' says more");
	} else if (options.help || options.version) {
		if (options.help)
			vm_help_print();
		else
			vm_version_print();
		status = 0;
	} else {
		if (watcher != NULL)
			options.server.vm.trace_events = watcher->trace_events;
		status = vm_program_find(options.program, &program);
		if (status == 0 && (vm_machine_check() != 0 ||
		    vm_json_open(&json, options.json) != 0))
			status = VM_EXIT_FAILED;
		if (status == 0)
			status = run_program(&options, &program, &json,
			    watcher);
	}
	vm_program_fini(&program);
	vm_options_fini(&options);
	return status;
}

int
vm_command_run(int argc, char **argv)
{
	return vm_run_watched(argc, argv, NULL);
}
