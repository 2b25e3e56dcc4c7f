/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/watch.h - fail closed.
 *
 * When the server dies, whoever touches a missing page waits: our own copy of
 * the userfaultfd keeps it from reading zeros.  A thread that does nothing but
 * wait for the connection's hang-up ends the process then, with a message.
 *
 * It is made at the first managed mapping, straight by clone: libc does not
 * know of it, so a program with one thread stays one for libc.  It has its own
 * thread-local block, calls nothing of libc, and no signal reaches it.  It
 * does not survive fork; the child's handler makes another (fork.c).
 */
#ifndef WATCH_H
#define WATCH_H

/* Makes the thread unless this process has one for its present connection:
 * 0 or -errno.  Signals are blocked. */
int vm_watch_start(void);

/* The connection is given up: its hang-up is no news any more. */
void vm_watch_stop(void);

/* The same in a forked child, where there is no such thread yet. */
void vm_watch_forked(void);

#endif
