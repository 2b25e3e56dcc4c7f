/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/trap.h - whose is a fault, asked in the thread that has it.
 *
 * A touch of a page that is not there raises SIGBUS in the toucher.  There is
 * one handler of it in the process, ours; it finds the range that the address
 * is in and lets the range's owner bring the page in.  What is nobody's here
 * goes to the action that the program had before.
 *
 *	SIGBUS --> in a range? --yes--> hold, resolve --0--> touched again
 *	             | no                        | error
 *	             '---------> the program's <-'
 *
 * The ranges are a sorted table that never changes: a new one replaces it in
 * one store.  The handler takes no lock, since whoever was interrupted may
 * have it.  It counts itself as a reader of the epoch that it sees, and an old
 * table is freed when the epoch it was of has no reader left:
 *
 *	reader	count in readers[e & 1], and again unless the epoch is still e
 *	writer	new table, epoch e + 1, wait until readers[e & 1] is 0
 *
 * A reader that has been counted under e loads the table afterwards; one that
 * the writer does not wait for was counted under e + 1, hence sees the new
 * table.  Reading ends with hold, before resolve: writers wait for a search,
 * never for a page.
 *
 * The program's action gets what the kernel would have given it: its mask, and
 * SIGBUS unless SA_NODEFER; SA_SIGINFO and SA_RESETHAND are honoured.  It runs
 * on the stack that we run on, which is the thread's own: an alternate stack
 * of the usual 8 KiB would be too small for bringing a page in.  It may jump
 * out (siglongjmp).  A program that sets an action of its own afterwards has
 * the faults: it passes on what is not its own, or calls vm_trap_install's
 * caller again, which puts ours before it.  One that passes on to us what we
 * passed on to it is seen by its frame lying under ours, and the action before
 * the first installation has the fault then.
 *
 * A forked child has none of the ranges.
 */
#ifndef FAULT_TRAP_H
#define FAULT_TRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct vm_os;

struct vm_trap_ops {
	/* The range is there and will not go: the owner counts a user, whom
	 * resolve ends.  In the handler, must not wait. */
	void (*hold)(void *arg);
	/*
	 * Brings in the page at the address.  0: touch it again; a negative
	 * errno: it is the program's now.  In the handler: all signals but
	 * those of faults are blocked, and the thread may have been anywhere
	 * in the program, but not in a lock of ours.  May sleep.
	 */
	int (*resolve)(void *arg, uintptr_t address, bool write);
};

/* [start, end), overlapping no other. */
struct vm_trap_range {
	uintptr_t start;
	uintptr_t end;
	const struct vm_trap_ops *ops;
	void *arg;
};

/* Ours is the process's handler from now on, or again.  -errno. */
VM_MUST_CHECK int vm_trap_install(const struct vm_os *os);

/* 0, -ENOMEM. */
VM_MUST_CHECK int vm_trap_add(const struct vm_os *os,
    const struct vm_trap_range *range);

/*
 * Nothing of [start, end) is anybody's: ranges end there, or fall in two.  0,
 * and no hold of it begins any more; -ENOMEM, and nothing has changed.  Sleeps
 * for as long as a search takes.
 */
VM_MUST_CHECK int vm_trap_cut(const struct vm_os *os, uintptr_t start,
    uintptr_t end);

/* Whether all of the range is somebody's here. */
bool vm_trap_covers(uintptr_t start, uintptr_t end);

#endif
