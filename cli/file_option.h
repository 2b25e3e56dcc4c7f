/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/file_option.h - GLOB=MIN:LOW:HIGH and GLOB=NAME: limits and policies of
 * some files.
 *
 * The last "=" ends GLOB.  Of the three sizes, which are rounded up to pages,
 * any may be empty, and those at the end may be missing: "*.idx=64m" and
 * "*.log=::16m".
 */
#ifndef CLI_FILE_OPTION_H
#define CLI_FILE_OPTION_H

#include "server/server.h"

/* Each reads text, which stays as it is; rule->glob is allocated, and owns what
 * the rest points into.  0, or -1 with the reason at *why, which needs no
 * freeing. */
int vm_file_limit_read(const char *text, struct vm_file_rule *rule,
    const char **why);
int vm_file_policy_read(const char *text, struct vm_file_rule *rule,
    const char **why);

#endif
