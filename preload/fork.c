/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/fork.c - fork.h has the order of things. */
#include "fork.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>

#include "anon.h"
#include "early.h"
#include "files.h"
#include "inherit.h"
#include "limbo.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"
#include "watch.h"

/* 10 s: the child is done within milliseconds; one that a debugger has stopped
 * does not stop its parent for long. */
#define CHILD_WAIT_S 10

/* What prepare leaves for the two others; both gates guard it. (S) */
static struct {
	struct vm_signals saved;
	uint64_t token;
	bool held;
	bool adopt;
	bool unseen;		/* forkless, with something registered */
	int obstacle;		/* unseen: why a child could not be; or 0 */
	int news[2];		/* unseen: parent's end, child's end; or -1 */
	int error;		/* the program's errno */
} forking;

/* High half: the process, low half: which of its forks. */
static uint64_t
next_token(void)
{
	static uint32_t count;

	return (uint64_t)VM_SYS(SYS_getpid) << 32 | ++count;
}

static int
announce(void)
{
	struct vm_call call;
	int err;

	forking.token = next_token();
	vm_call_init(&call, VM_REQ_FORKING);
	call.request.token = forking.token;
	/* Without ranges there is no event, and nothing to adopt. */
	err = vm_rpc_call(&call);
	forking.adopt = err == 0 && call.reply.value > 0;
	vm_call_done(&call);
	return err;
}

/* Without a pair nobody waits for the child. */
static void
prepare_unseen(int err)
{
	if (err == 0)
		err = vm_inherit_prepare();
	forking.unseen = true;
	forking.obstacle = err;
	if (VM_SYS(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    forking.news) < 0)
		forking.news[0] = forking.news[1] = -1;
}

static void
revoke(void)
{
	struct vm_call call;

	vm_call_init(&call, VM_REQ_FORKING);
	(void)vm_rpc_call(&call);
	vm_call_done(&call);
}

/* The parent's handler is not told whether there is a child; but a fork that
 * succeeds leaves errno alone. */
static void
revoke_if_failed(void)
{
	if (forking.adopt && (errno == EAGAIN || errno == ENOMEM))
		revoke();
}

/* A child that does not say so has used no token, or will not any more. */
static void
await_child(void)
{
	struct timespec limit = { .tv_sec = CHILD_WAIT_S };
	struct pollfd news = { .fd = forking.news[0], .events = POLLIN };
	char byte;

	if (news.fd >= 0) {
		(void)VM_SYS(SYS_close, forking.news[1]);
		(void)VM_SYS(SYS_ppoll, &news, 1, &limit, NULL, 0);
		if (VM_SYS(SYS_recvfrom, news.fd, &byte, 1, MSG_DONTWAIT,
		    NULL, NULL) != 1 && forking.adopt) {
			revoke();
			vm_inherit_abandon();
		}
		(void)VM_SYS(SYS_close, news.fd);
	}
	vm_inherit_drop();
}

static void take_over(void);

void
vm_fork_prepare(void)
{
	struct vm_signals saved;

	if (!vm_shim_enter(&saved))
		return;
	forking.saved = saved;
	forking.adopt = forking.unseen = false;
	if (vm_shim_registered()) {
		int err = announce();

		if (vm_shim_forkless())
			prepare_unseen(err);
	}
	vm_gate_enter(&vm_shim.line);
	forking.held = true;
	if (forking.unseen && vm_anon_any(0, UINT64_MAX))
		vm_early_watch(take_over);
	forking.error = errno;
	errno = 0;
}

static void
release(void)
{
	struct vm_signals saved = forking.saved;

	forking.held = false;
	(void)vm_early_end();
	vm_gate_leave(&vm_shim.line);
	if (forking.unseen)
		await_child();
	else
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

/* Not copied by fork: made again. */
static int
inherit(void)
{
	int err = forking.obstacle;

	vm_files_unalias();
	if (err == 0 && forking.adopt)
		err = vm_rpc_adopt(forking.token);
	if (err == 0 && forking.adopt)
		err = vm_inherit_take();
	return err;
}

static int
join_server(void)
{
	if (!vm_shim_active())
		return 0;
	if (forking.unseen)
		return inherit();
	return forking.adopt ? vm_rpc_adopt(forking.token) : 0;
}

/* The parent may be gone: no SIGPIPE for that. */
static void
tell_parent(void)
{
	if (!forking.unseen || forking.news[1] < 0)
		return;
	(void)VM_SYS(SYS_close, forking.news[0]);
	(void)VM_SYS(SYS_sendto, forking.news[1], "", 1, MSG_NOSIGNAL, NULL,
	    0);
	(void)VM_SYS(SYS_close, forking.news[1]);
}

/* In the child, once: it becomes a client. */
static void
take_over(void)
{
	vm_limbo_forget();
	drop(&vm_shim.socket);
	drop(&vm_shim.uffd);
	atomic_store_explicit(&vm_shim.pid, (int32_t)VM_SYS(SYS_getpid),
	    memory_order_relaxed);
	/* Holders and waiters of the parent's are not here. */
	atomic_store_explicit(&vm_shim.held.word, 0, memory_order_relaxed);
	atomic_store_explicit(&vm_shim.line.word, 0, memory_order_relaxed);
	if (join_server() < 0)
		vm_shim_die("a forked process could not reach the pager "
		    "server; ending it rather than reading zeros");
	vm_files_prune();
	vm_watch_forked();
	if (vm_shim_registered())
		vm_limbo_start();
	tell_parent();
}

void
vm_fork_child(void)
{
	if (!forking.held)
		return;
	if (!vm_early_end())
		take_over();
	atomic_store_explicit(&vm_shim.gate.word, 0, memory_order_relaxed);
	forking.held = false;
	errno = forking.error;
	vm_signals_restore(forking.saved);
}
