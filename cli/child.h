/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/child.h - the one program that the supervisor started.
 *
 * It stays in our process group, so that the terminal is its own: what the
 * terminal sends (Ctrl-C, Ctrl-Z) reaches it directly, and we only pass on
 * what was sent to us alone.  When it stops, we stop too, so that the shell
 * sees it; what continues us continues it.
 */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "program.h"

struct vm_child {
	pid_t pid;		/* 0: has ended */
	int status;		/* of waitpid, when it has */
	/* What the program gets back as we got it. */
	sigset_t mask;
	struct sigaction sigchld;
	struct rlimit files;
};

/* Blocks all signals, takes all descriptors allowed; before any thread. */
void vm_child_prepare(struct vm_child *child);

/* 0, or the exit status when it could not be started (said). */
int vm_child_start(struct vm_child *child, const struct vm_program *program);

/* Passes signals on until the program has ended. */
void vm_child_attend(struct vm_child *child);

/* The next signal that was sent to us, within the time; 0: none.  After the
 * program's end. */
int vm_child_signal(int timeout_ms);

/* Ends this process as the program ended; core dumps are its own. */
_Noreturn void vm_child_end_alike(const struct vm_child *child);

#endif
