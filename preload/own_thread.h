/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/own_thread.h - threads of the preload library's own.
 *
 * Made straight by clone: libc does not know of them, so a program with one
 * thread stays one for libc.  Each has its own thread-local block, calls
 * nothing of libc, and no signal reaches it.  None survives a fork.
 */
#ifndef OWN_THREAD_H
#define OWN_THREAD_H

/* 32 KiB: a few system calls deep; the rest is room for what a C compiler
 * adds.  What body gets lies at the stack's low end, and may be this long. */
#define VM_OWN_ARG_BYTES 64u

/* Starts body with a copy of size bytes of arg.  Signals are blocked.  Its
 * memory, which outlives it; NULL: there is no such thread. */
char *vm_own_thread(int (*body)(void *arg), const void *arg,
    unsigned size);
/* In a forked child, where only the memory came along. */
void vm_own_thread_forget(char *memory);

#endif
