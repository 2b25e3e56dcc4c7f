/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/figures.h - figures of a server that is running, for `resident stat`.
 *
 * Besides its clients' socket a server listens on an abstract one, named for
 * its process; it is gone with the process, whatever ends it.  Whoever connects
 * gets two messages (SOCK_SEQPACKET), one JSON object and the same for people,
 * and the end.  Nothing is read from him, nothing waits for him: what he does
 * not take at once he does not get.  What a server can be told to do is said
 * elsewhere (wish.h).
 *
 * An abstract name belongs to nobody, so both sides look who the other is: the
 * server answers its own user only, and who asks checks that the answer comes
 * from a process of his own user, with that number.
 */
#ifndef SERVER_FIGURES_H
#define SERVER_FIGURES_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct vm_server;

/* The name of process 123 is "resident-stat-123", after a zero. */
#define VM_FIGURES_PREFIX "resident-stat-"

/* 128 KiB: a message; the lists in it are cut so that it suffices, and it fits
 * the usual send buffer of 208 KiB. */
#define VM_FIGURES_BYTES (128u << 10)

/* The address of a process' server, by its prefix; its length. */
socklen_t vm_figures_address(struct sockaddr_un *address, const char *prefix,
    pid_t pid);
/* A socket of this process there, which nobody waits at; -1: none. */
int vm_figures_listen(const char *prefix);

/* Begins to answer; where that cannot be, there are no figures to be had, and
 * nothing else is missing. */
void vm_figures_start(struct vm_server *server);
void vm_figures_stop(struct vm_server *server);

#endif
