/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/gate.c - gate.h has the states. */
#include "gate.h"

#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>

#include "syscalls.h"

#define FREE	UINT32_C(0)
#define HELD	UINT32_C(1)
#define AWAITED	UINT32_C(2)

struct vm_signals
vm_signals_block(void)
{
	struct vm_signals saved = { 0 };
	uint64_t all = UINT64_MAX;

	(void)VM_SYS(SYS_rt_sigprocmask, SIG_BLOCK, &all, &saved.mask,
	    sizeof(all));
	return saved;
}

void
vm_signals_restore(struct vm_signals saved)
{
	(void)VM_SYS(SYS_rt_sigprocmask, SIG_SETMASK, &saved.mask, NULL,
	    sizeof(saved.mask));
}

void
vm_gate_enter(struct vm_gate *gate)
{
	uint32_t old = FREE;

	if (atomic_compare_exchange_strong_explicit(&gate->word, &old, HELD,
	    memory_order_acquire, memory_order_relaxed))
		return;
	while (atomic_exchange_explicit(&gate->word, AWAITED,
	    memory_order_acquire) != FREE)
		(void)VM_SYS(SYS_futex, &gate->word, FUTEX_WAIT_PRIVATE,
		    AWAITED, NULL, NULL, 0);
}

void
vm_gate_leave(struct vm_gate *gate)
{
	if (atomic_exchange_explicit(&gate->word, FREE,
	    memory_order_release) == AWAITED)
		(void)VM_SYS(SYS_futex, &gate->word, FUTEX_WAKE_PRIVATE, 1,
		    NULL, NULL, 0);
}
