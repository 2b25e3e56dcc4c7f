/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/fork.h - fork.
 *
 *	parent: prepare	both gates, FORKING token
 *	kernel		copies memory; the fork event brings the child's
 *			userfaultfd to the server, under that token
 *	parent: after	gates back
 *	child: after	the parent's descriptors closed; a connection of its
 *			own, ADOPT token; gates free
 *
 * A forkless process (uffd.h) has no such event: inherit.h says what its child
 * does besides, with a userfaultfd of its own; then
 *
 *	child: done	a byte to the parent, which waited with its gates held;
 *			hears nothing when the child is dead, and does not
 *			wait for ever
 *
 * A child that touches what it has not mapped yet does all that then (early.h).
 *
 * A process with nothing registered skips the token: its child says HELLO when
 * it first needs the server, so that shells fork as cheaply as ever.
 *
 * A fork that fails is told from one that succeeds by errno, and its token
 * taken back.
 */
#ifndef FORK_H
#define FORK_H

/* For pthread_atfork. */
void vm_fork_prepare(void);
void vm_fork_parent(void);
void vm_fork_child(void);

#endif
