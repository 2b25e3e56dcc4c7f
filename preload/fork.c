/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/fork.c - fork.h has the order of things. */
#include "fork.h"

#include <stdbool.h>
#include <stddef.h>

#include "files.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"
#include "watch.h"

/* What prepare leaves for the two others; both gates guard it. (S) */
static struct {
	struct vm_signals saved;
	uint64_t token;
	bool held;
	bool adopt;
	int error;		/* the program's errno */
} forking;

/* High half: the process, low half: which of its forks. */
static uint64_t
next_token(void)
{
	static uint32_t count;

	return (uint64_t)VM_SYS(SYS_getpid) << 32 | ++count;
}

static void
announce(void)
{
	struct vm_call call;

	forking.token = next_token();
	vm_call_init(&call, VM_REQ_FORKING);
	call.request.token = forking.token;
	/* Without ranges there is no event, and nothing to adopt. */
	forking.adopt = vm_rpc_call(&call) == 0 && call.reply.value > 0;
	vm_call_done(&call);
}

/* The parent's handler is not told whether there is a child; but a fork that
 * succeeds leaves errno alone. */
static void
revoke_if_failed(void)
{
	struct vm_call call;

	if (!forking.adopt || (errno != EAGAIN && errno != ENOMEM))
		return;
	vm_call_init(&call, VM_REQ_FORKING);
	(void)vm_rpc_call(&call);
	vm_call_done(&call);
}

void
vm_fork_prepare(void)
{
	struct vm_signals saved;

	if (!vm_shim_enter(&saved))
		return;
	forking.saved = saved;
	forking.adopt = false;
	if (vm_shim_registered())
		announce();
	vm_gate_enter(&vm_shim.line);
	forking.held = true;
	forking.error = errno;
	errno = 0;
}

static void
release(void)
{
	struct vm_signals saved = forking.saved;

	forking.held = false;
	vm_gate_leave(&vm_shim.line);
	revoke_if_failed();
	errno = forking.error;
	vm_shim_leave(saved);
}

void
vm_fork_parent(void)
{
	if (forking.held && VM_SYS(SYS_getpid) ==
	    atomic_load_explicit(&vm_shim.pid, memory_order_relaxed))
		release();
}

/* Closes a descriptor that came along; the number means nothing here. */
static void
drop(_Atomic int *number)
{
	(void)VM_SYS(SYS_close, atomic_load_explicit(number,
	    memory_order_relaxed));
	atomic_store_explicit(number, -1, memory_order_relaxed);
}

void
vm_fork_child(void)
{
	if (!forking.held)
		return;
	drop(&vm_shim.socket);
	drop(&vm_shim.uffd);
	atomic_store_explicit(&vm_shim.pid, (int32_t)VM_SYS(SYS_getpid),
	    memory_order_relaxed);
	if (forking.adopt && vm_shim_active() &&
	    vm_rpc_adopt(forking.token) < 0)
		vm_shim_die("a forked process could not reach the pager "
		    "server; ending it rather than reading zeros");
	vm_files_prune();
	vm_watch_forked();
	/* Holders and waiters of the parent's are not here. */
	atomic_store_explicit(&vm_shim.held.word, 0, memory_order_relaxed);
	atomic_store_explicit(&vm_shim.line.word, 0, memory_order_relaxed);
	atomic_store_explicit(&vm_shim.gate.word, 0, memory_order_relaxed);
	forking.held = false;
	errno = forking.error;
	vm_signals_restore(forking.saved);
}
