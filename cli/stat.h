/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/stat.h - `resident stat`: figures of servers that are running.
 */
#ifndef CLI_STAT_H
#define CLI_STAT_H

/* argv[0] is "stat".  The exit status. */
int vm_command_stat(int argc, char **argv);

#endif
