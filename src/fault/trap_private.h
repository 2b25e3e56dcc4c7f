/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/trap_private.h - what trap.c and trap_chain.c share. */
#ifndef FAULT_TRAP_PRIVATE_H
#define FAULT_TRAP_PRIVATE_H

#include <signal.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "os/os.h"

/* Whether the access that faulted was to write; where the machine does not
 * say, it was. */
bool vm_trap_was_write(const void *context);

/* Puts the handler before what is there, which is kept; one at a time.  0,
 * -errno. */
VM_MUST_CHECK int vm_trap_take_over(const struct vm_os *os,
    vm_os_handler *handler);

/* The signal is not ours: to the action that was before us.  May not come
 * back. */
void vm_trap_pass_on(int number, siginfo_t *info, void *context);

#endif
