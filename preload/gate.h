/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/gate.h - a lock that a signal handler cannot meet.
 *
 * The program's signal handlers may call anything we stand in front of.  So
 * every signal is blocked while a gate is held; a fault inside is none of the
 * program's then, and must not happen: memory of the program is read with
 * system calls only, which return EFAULT.
 *
 *	0 free --enter--> 1 held --enter by another--> 2 held, somebody waits
 *
 * Not recursive, not fair.  A forked child resets its gates (fork.c).
 */
#ifndef GATE_H
#define GATE_H

#include <stdatomic.h>
#include <stdint.h>

struct vm_gate {
	_Atomic uint32_t word;	/* states above (A) */
};

/* Signals as they were; to be given to vm_signals_restore. */
struct vm_signals {
	uint64_t mask;
};

struct vm_signals vm_signals_block(void);
void vm_signals_restore(struct vm_signals saved);

/* Signals are blocked by the caller. */
void vm_gate_enter(struct vm_gate *gate);
void vm_gate_leave(struct vm_gate *gate);

#endif
