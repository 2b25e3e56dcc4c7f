/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/machine.h - what this machine and this installation have to offer.
 */
#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

#include <stdint.h>

/* Whether a program can have a userfaultfd that serves system calls too.  0,
 * or -1 after a sentence that says what to change. */
int vm_machine_check(void);

/* Puts the preload library first in LD_PRELOAD, and the socket's path where
 * it is looked for; with an anon_min other than 0 the one of large blocks too,
 * and that number.  0, or -1 after a sentence. */
int vm_machine_set_environment(const char *socket, uint64_t anon_min);

#endif
