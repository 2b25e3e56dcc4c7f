/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/watch.c - watch.h has the theory. */
#include "watch.h"

#include <poll.h>
#include <stddef.h>

#include "own_thread.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"

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
	struct watched watched;
	char *memory;

	if (atomic_exchange_explicit(&watching, true, memory_order_relaxed))
		return 0;
	watched.poll = (struct pollfd){ .fd = fd, .events = POLLRDHUP };
	watched.turn = atomic_fetch_add_explicit(&turn, 1,
	    memory_order_relaxed) + 1;
	memory = vm_own_thread(watch, &watched, sizeof(watched));
	if (memory == NULL)
		return refuse(-EAGAIN);
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
	vm_own_thread_forget(memory_used);
	memory_used = NULL;
	atomic_store_explicit(&watching, false, memory_order_relaxed);
	if (vm_shim_registered())
		(void)vm_watch_start();
}
