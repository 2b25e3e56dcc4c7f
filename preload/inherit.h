/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/inherit.h - fork where no fork event tells of it.
 *
 * Without CAP_SYS_PTRACE a userfaultfd cannot follow forks (uffd.h): in a
 * child the same memory would be nobody's, and a missing page read as zeros,
 * which would then be in the store for everybody.  So
 *
 *	registered memory is never copied to a child (uffd.c), nor is the
 *		program's DOFORK passed on for it: a child made behind our back
 *		(a raw clone, _Fork) gets SIGSEGV there
 *	private maps that are written stay with the kernel, or become its at
 *		the mprotect: their copies could not come along
 *	anonymous memory is copied before: the child maps the copies
 *	a child of fork maps everything again, in its first handler:
 *
 *	parent: prepare	what is mapped, and how, is written down
 *	kernel		copies memory, but for the managed ranges
 *	child: after	a userfaultfd and connection of its own; for each
 *			piece: store mapped, ENTER, registered, MAPPED, mprotect
 *			to what the parent's was
 *	parent: after	waits until the child is done (fork.c), so that files
 *			and rights stay what they are meanwhile
 *
 * The protection comes from the kernel, since no table of ours follows each
 * mprotect: without /proc a child cannot be.  Aliases are made again when
 * they are needed.
 */
#ifndef INHERIT_H
#define INHERIT_H

/* S is held.  0, or a negative errno and there is nothing. */
int vm_inherit_prepare(void);

/* No child will take the copies of anonymous memory that were made for it. */
void vm_inherit_abandon(void);

/* In the child, connected: maps all pieces; 0, or a negative errno and the
 * child must end.  Frees them. */
int vm_inherit_take(void);

/* Frees what was prepared. */
void vm_inherit_drop(void);

#endif
