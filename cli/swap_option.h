/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/swap_option.h - what follows --swap: DIR[:SIZE[:PRIORITY]].
 *
 * The first colon ends DIR, so that one in its name cannot be said.  SIZE may
 * be empty: no bound.
 */
#ifndef CLI_SWAP_OPTION_H
#define CLI_SWAP_OPTION_H

#include <resident/resident.h>

/*
 * Reads text, which stays as it is; *copy, to be freed, is what file->directory
 * points into.  0, or -1 with the reason at *why, which needs no freeing.
 */
int vm_swap_option_read(const char *text, struct vm_swap_file *file,
    char **copy, const char **why);

#endif
