/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/shim.h - the state of the preload library, one per process.
 *
 * The library stands in front of libc's mmap, munmap, write and so on
 * (export_*.c, init.c) and keeps the pager server (server/protocol.h)
 * informed.  What it cannot keep right it leaves to the kernel.
 *
 *	PASSIVE --socket named, HELLO accepted--> ACTIVE
 *	ACTIVE --server gone, nothing managed--> PASSIVE
 *	ACTIVE --server gone, something managed--> the process ends
 *
 * While it is passive, every call is the kernel's and costs one load.
 *
 * Three gates (gate.h), always taken in this order:
 *	S  state: ranges, files, aliases, and what the kernel has mapped there.
 *	   Also makes the write(2)s to managed files one after the other,
 *	   which is what the word `writing` of the client page needs
 *	W  held: from WRITE_BEGIN to WRITE_END, and around requests that wait
 *	   for pages (SYNC, FLUSH): the server would wait for the pages that
 *	   we hold, and not hear their WRITE_END meanwhile
 *	R  line: the connection; one request and its reply
 * A request that waits for the disk (SYNC) is made without S.
 *
 * The state belongs to the process whose number it carries.  A child that
 * shares or copied the memory without our fork handlers (vfork, clone) fails
 * vm_shim_enter and gets the kernel's own behaviour.
 *
 * Functions here return what a system call would: a result or a negative
 * errno.
 */
#ifndef SHIM_H
#define SHIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "gate.h"
#include "ranges.h"
#include "server/protocol.h"

enum vm_shim_mode {
	VM_SHIM_PASSIVE,
	VM_SHIM_ACTIVE,
};

struct vm_shim {
	_Atomic uint32_t mode;		/* enum vm_shim_mode (A) */
	_Atomic int32_t pid;		/* whose state this is (A) */
	struct vm_gate gate;		/* S */
	struct vm_gate held;		/* W */
	struct vm_gate line;		/* R */
	/* -1: none.  Written under S and R, read without (hide.c). */
	_Atomic int socket;		/* (A) */
	_Atomic int uffd;		/* (A) */
	struct vm_ranges ranges;	/* (S) */
	_Atomic bool forkless;		/* never reset: uffd.h (A) */
	_Atomic uint32_t aliases;	/* changed under S (A) */
	uint64_t page_size;		/* bytes (C) */
	uint64_t min_map;		/* bytes, from HELLO (C) */
	/* Shortest private anonymous map that is managed, 0: none; set before
	 * the start (C). */
	uint64_t anon_min;
	/* Mapped at the first connection, at the same place ever after. */
	const struct vm_table *table;	/* (C) */
	struct vm_client_page *page;	/* (C) */
	bool quiet;			/* (C) */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];	/* (C) */
};

extern struct vm_shim vm_shim;

/* Nothing is registered: the userfaultfd goes, or its events would wait for a
 * server that is not there. */
void vm_shim_drop_uffd(void);

/* Called once, before any other thread: path of the socket.  Becomes active,
 * or says why not unless quiet. */
void vm_shim_start(const char *path, bool quiet);

/* The process is about to end in order: BYE. */
void vm_shim_finish(void);

static inline bool
vm_shim_active(void)
{
	return atomic_load_explicit(&vm_shim.mode, memory_order_acquire) ==
	    VM_SHIM_ACTIVE;
}

/* Whether anything at all of this process is registered with its uffd. */
static inline bool
vm_shim_registered(void)
{
	return atomic_load_explicit(&vm_shim.ranges.high,
	    memory_order_relaxed) != 0 ||
	    atomic_load_explicit(&vm_shim.aliases, memory_order_relaxed) != 0;
}

static inline bool
vm_shim_forkless(void)
{
	return atomic_load_explicit(&vm_shim.forkless, memory_order_relaxed);
}

/* S, with signals blocked; false: not ours, nothing is held. */
bool vm_shim_enter(struct vm_signals *saved);
void vm_shim_leave(struct vm_signals saved);

/* Whether [start, end) may hold a managed range: no gate, no system call. */
static inline bool
vm_shim_near(const void *start, uint64_t length)
{
	uint64_t at = (uint64_t)(uintptr_t)start;

	return vm_shim_active() &&
	    vm_ranges_near(&vm_shim.ranges, at, at + length);
}

/* Up to a page multiple; 0 when that does not exist. */
static inline uint64_t
vm_shim_page_up(uint64_t size)
{
	return (size + vm_shim.page_size - 1) & ~(vm_shim.page_size - 1);
}

/* One line on stderr, "resident: " in front. */
void vm_shim_say(const char *text);

/* Ends the process with status VM_SHIM_STATUS: it would read zeros where its
 * data should be. */
_Noreturn void vm_shim_die(const char *text);

/* 125: as in timeout(1), the wrapper itself failed. */
#define VM_SHIM_STATUS 125

#endif
