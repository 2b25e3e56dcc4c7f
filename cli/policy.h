/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/policy.h - `resident policy`: another policy for a program that runs. */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

/* argv[0] is the command's name.  The exit status. */
int vm_command_policy(int argc, char **argv);

#endif
