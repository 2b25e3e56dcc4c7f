/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/main.c - `resident COMMAND`. */
#include <stdio.h>
#include <string.h>

#include "mrc/mrc.h"
#include "policy.h"
#include "program.h"
#include "record/record.h"
#include "run.h"
#include "server/say.h"
#include "sim/sim.h"
#include "stat.h"

/* 0, or 125 when the text could not be written. */
static int
finish_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	vm_say("cannot write to standard output");
	return VM_EXIT_FAILED;
}

int
main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : NULL;

	if (command == NULL) {
		vm_say("a command is needed: 'resident --help' says which");
		return VM_EXIT_FAILED;
	}
	if (strcmp(command, "mrc") == 0)
		return finish_output(vm_command_mrc(argc - 1, argv + 1));
	if (strcmp(command, "policy") == 0)
		return finish_output(vm_command_policy(argc - 1, argv + 1));
	if (strcmp(command, "run") == 0)
		return finish_output(vm_command_run(argc - 1, argv + 1));
	if (strcmp(command, "sim") == 0)
		return finish_output(vm_command_sim(argc - 1, argv + 1));
	if (strcmp(command, "stat") == 0)
		return finish_output(vm_command_stat(argc - 1, argv + 1));
	if (strcmp(command, "trace") == 0)
		return finish_output(vm_command_trace(argc - 1, argv + 1));
	if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
	    strcmp(command, "help") == 0) {
		vm_help_print();
		return finish_output(0);
	}
	if (strcmp(command, "--version") == 0) {
		vm_version_print();
		return finish_output(0);
	}
	vm_say("there is no command '%s': 'resident --help' says which",
	    command);
	return VM_EXIT_FAILED;
}
