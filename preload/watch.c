/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/watch.c - watch.h has the theory. */
#include "watch.h"

#include <poll.h>
#include <sched.h>
#include <stddef.h>

#include "memory.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"

/* 32 KiB: poll, one message; the rest is room for what a C compiler adds. */
#define STACK_BYTES 32768u

/* 4 KiB at the stack's end for what thread-local storage is addressed by:
 * the block itself and, on x86-64, the stack protector's word 40 bytes in. */
#define TLS_BYTES 4096u

/* Which connection a thread watches: the socket's number may come back. */
struct watched {
	struct pollfd poll;
	uint32_t turn;
};

/* Number of the present connection's watcher; 0: none yet. (A) */
static _Atomic uint32_t turn;
/* Whether the present connection has a watcher. (A) */
static _Atomic bool watching;
/* The latest watcher's stack; a forked child frees its copy. (S) */
static char *memory_used;

static int
watch(void *memory)
{
	struct watched *watched = memory;
	long n;

	do {
		watched->poll.revents = 0;
		n = VM_SYS(SYS_ppoll, &watched->poll, 1, NULL, NULL, 0);
	} while (n == -EINTR || (n == 1 && (watched->poll.revents &
	    (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL)) == 0));
	/* A newer connection has a watcher of its own. */
	if (watched->turn == atomic_load_explicit(&turn,
	    memory_order_relaxed))
		vm_rpc_lost();
	return 0;
}

/* The block points to itself, as x86-64 wants it. */
static void *
tls_block(char *memory)
{
	void **block = (void **)(void *)(memory + STACK_BYTES +
	    TLS_BYTES / 2);

	*block = block;
	return block;
}

static int
refuse(int err)
{
	atomic_store_explicit(&watching, false, memory_order_relaxed);
	return err;
}

int
vm_watch_start(void)
{
	int fd = atomic_load_explicit(&vm_shim.socket, memory_order_relaxed);
	struct watched *watched;
	char *memory;

	if (atomic_exchange_explicit(&watching, true, memory_order_relaxed))
		return 0;
	memory = vm_own_new(STACK_BYTES + TLS_BYTES);
	if (memory == NULL)
		return refuse(-ENOMEM);
	watched = (struct watched *)(void *)memory;
	watched->poll = (struct pollfd){ .fd = fd, .events = POLLRDHUP };
	watched->turn = atomic_fetch_add_explicit(&turn, 1,
	    memory_order_relaxed) + 1;
	if (clone(watch, memory + STACK_BYTES, CLONE_VM | CLONE_FS |
	    CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
	    CLONE_SETTLS, watched, NULL, tls_block(memory)) < 0) {
		vm_own_free(memory, STACK_BYTES + TLS_BYTES);
		return refuse(-EAGAIN);
	}
	memory_used = memory;
	return 0;
}

void
vm_watch_stop(void)
{
	atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);
	atomic_store_explicit(&watching, false, memory_order_relaxed);
}

void
vm_watch_forked(void)
{
	if (memory_used != NULL)
		vm_own_free(memory_used, STACK_BYTES + TLS_BYTES);
	memory_used = NULL;
	atomic_store_explicit(&watching, false, memory_order_relaxed);
	if (vm_shim_registered())
		(void)vm_watch_start();
}
