/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/run.h - `resident run`: a pager server that starts one program.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdint.h>

struct vm_server;

/* Who wants to see what goes on in the server while the program runs. */
struct vm_watcher {
	uint32_t trace_events;	/* the ring's; vm_server_trace reads it */
	/* Before the program starts; 0, or -1 after one sentence: it does not,
	 * and end is not called. */
	int (*begin)(struct vm_watcher *watcher, struct vm_server *server);
	/* After it and its children have ended, before the server does; -1
	 * after one sentence: the exit status will be VM_EXIT_FAILED. */
	int (*end)(struct vm_watcher *watcher);
};

/* argv[0] is "run".  The exit status; does not return when the program was
 * ended by a signal. */
int vm_command_run(int argc, char **argv);
int vm_run_watched(int argc, char **argv, struct vm_watcher *watcher);

/* The help text, on stdout. */
void vm_help_print(void);
void vm_version_print(void);

#endif
