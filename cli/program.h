/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/program.h - is this a program that can be served?
 *
 * The preload library has to get in: the dynamic linker must load it.  A
 * static program has no dynamic linker, one with other rights than ours
 * (setuid, setgid, capabilities) ignores LD_PRELOAD, one for another machine
 * or another C library cannot load it.  These are refused before the start; a
 * program that silently ran without its limit would be worse.
 */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

/* Exit statuses, those of timeout(1) and env(1). */
#define VM_EXIT_FAILED		125	/* resident itself */
#define VM_EXIT_REFUSED		126	/* found, but cannot be run */
#define VM_EXIT_MISSING		127	/* not found */

struct vm_program {
	char *path;		/* what to execve (owned) */
	char **argv;		/* its arguments (owned, not the texts) */
};

/* Finds argv[0] as execvp(3) would, and looks whether it can be served.  0,
 * or the exit status after one sentence on stderr. */
int vm_program_find(char **argv, struct vm_program *out);
void vm_program_fini(struct vm_program *program);

/* What an execve that failed after all means: the exit status. */
int vm_program_exec_failed(const struct vm_program *program, int error);

#endif
