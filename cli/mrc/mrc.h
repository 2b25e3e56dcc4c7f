/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/mrc/mrc.h - `resident mrc`: how much memory for which hit ratio, of a
 * trace or of a program that it runs (cli/record/touches.h).
 */
#ifndef CLI_MRC_MRC_H
#define CLI_MRC_MRC_H

/* argv[0] is the command's name.  The exit status; does not return when a
 * program was ended by a signal. */
int vm_command_mrc(int argc, char **argv);

#endif
