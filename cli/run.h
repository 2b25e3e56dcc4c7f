/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/run.h - `resident run`: a pager server that starts one program.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

/* argv[0] is "run".  The exit status; does not return when the program was
 * ended by a signal. */
int vm_command_run(int argc, char **argv);

/* The help text, on stdout. */
void vm_help_print(void);
void vm_version_print(void);

#endif
