/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/shim.c - shim.h has the states and the gates. */
#include "shim.h"

#include <string.h>
#include <unistd.h>

#include "rpc.h"
#include "syscalls.h"
#include "uffd.h"

struct vm_shim vm_shim = { .socket = -1, .uffd = -1 };

static void
put(const char *text)
{
	(void)VM_SYS(SYS_write, STDERR_FILENO, text, strlen(text));
}

void
vm_shim_say(const char *text)
{
	char line[256];
	size_t size = strlen(text);

	if (size > sizeof(line) - 12)
		size = sizeof(line) - 12;
	memcpy(line, "resident: ", 10);
	memcpy(line + 10, text, size);
	line[10 + size] = '\n';
	line[11 + size] = '\0';
	put(line);
}

void
vm_shim_die(const char *text)
{
	vm_shim_say(text);
	for (;;)
		(void)VM_SYS(SYS_exit_group, VM_SHIM_STATUS);
}

bool
vm_shim_enter(struct vm_signals *saved)
{
	if (!vm_shim_active() || VM_SYS(SYS_getpid) !=
	    atomic_load_explicit(&vm_shim.pid, memory_order_relaxed))
		return false;
	*saved = vm_signals_block();
	vm_gate_enter(&vm_shim.gate);
	if (vm_shim_active())
		return true;
	vm_shim_leave(*saved);
	return false;
}

void
vm_shim_leave(struct vm_signals saved)
{
	vm_gate_leave(&vm_shim.gate);
	vm_signals_restore(saved);
}

void
vm_shim_drop_uffd(void)
{
	int uffd = atomic_exchange_explicit(&vm_shim.uffd, -1,
	    memory_order_relaxed);

	if (uffd >= 0)
		(void)VM_SYS(SYS_close, uffd);
}

void
vm_shim_start(const char *path, bool quiet)
{
	char why[VM_REPLY_TEXT];

	vm_shim.quiet = quiet;
	/* Its children get copies: each fork has to be seen before (anon.h). */
	if (vm_shim.anon_min != 0)
		atomic_store_explicit(&vm_shim.forkless, true,
		    memory_order_relaxed);
	if (strlen(path) >= sizeof(vm_shim.path)) {
		if (!quiet)
			vm_shim_say("the name of the server's socket is too "
			    "long; running without a limit");
		return;
	}
	memcpy(vm_shim.path, path, strlen(path) + 1);
	vm_shim.page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	atomic_store_explicit(&vm_shim.pid, (int32_t)VM_SYS(SYS_getpid),
	    memory_order_relaxed);
	if (vm_rpc_connect(why) == 0)
		atomic_store_explicit(&vm_shim.mode, VM_SHIM_ACTIVE,
		    memory_order_release);
	else {
		vm_shim_drop_uffd();
		if (!quiet)
			vm_shim_say(why);
	}
}

void
vm_shim_finish(void)
{
	struct vm_signals saved;
	struct vm_call call;

	if (!vm_shim_active() || !vm_shim_registered() || VM_SYS(SYS_getpid) !=
	    atomic_load_explicit(&vm_shim.pid, memory_order_relaxed))
		return;
	saved = vm_signals_block();
	vm_call_init(&call, VM_REQ_BYE);
	(void)vm_rpc_call(&call);
	vm_call_done(&call);
	vm_signals_restore(saved);
}
