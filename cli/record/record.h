/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/record/record.h - `resident trace`: the touches of a real program, in a
 * file that `resident sim` and `resident mrc` read (cli/sim/trace.h).
 */
#ifndef CLI_RECORD_RECORD_H
#define CLI_RECORD_RECORD_H

/* argv[0] is the command's name.  The exit status; does not return when the
 * program was ended by a signal. */
int vm_command_trace(int argc, char **argv);

#endif
