/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/figures.h - figures of a server that is running, for `resident stat`,
 * and what it can be told to do otherwise, by `resident policy`.
 *
 * Besides its clients' socket a server listens on an abstract one, named for
 * its process; it is gone with the process, whatever ends it.  Whoever connects
 * gets two messages (SOCK_SEQPACKET), one JSON object and the same for people.
 * What he does not take at once he does not get.  He may say one wish, "policy
 * NAME", and gets a third message: "done", or the sentence that says why not.
 * Nobody waits for who says nothing: he is let go when eight more have come.
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
/* Two of them come unasked. */
#define VM_FIGURES_MESSAGES 2

/* 128 bytes: a wish with a name that no policy is as long as. */
#define VM_WISH_BYTES	128u
#define VM_WISH_POLICY	"policy "
#define VM_WISH_DONE	"done"

/* The address of a process' server; its length. */
socklen_t vm_figures_address(struct sockaddr_un *address, pid_t pid);

/* Begins to answer; where that cannot be, there are no figures to be had, and
 * nothing else is missing. */
void vm_figures_start(struct vm_server *server);
void vm_figures_stop(struct vm_server *server);

#endif
