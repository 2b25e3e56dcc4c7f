/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/ask.h - talking to the server of a program that runs under
 * `resident run`: server/figures.h and server/wish.h have what is said.
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <stddef.h>
#include <sys/types.h>

/* A connection to that process' server, at the socket with that prefix;
 * -errno. */
int vm_ask_connect(const char *prefix, pid_t pid);
/* One message, as text, of bytes - 1 at most.  0; -errno, -ENODATA: there is
 * none. */
int vm_ask_receive(int fd, char *text, size_t bytes);
/* Why not: one sentence on stderr. */
void vm_ask_failed(pid_t pid, int error);
/* The number of a process; 0 after one sentence on stderr. */
pid_t vm_ask_read_pid(const char *text);

#endif
