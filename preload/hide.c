/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/hide.c - hide.h has the theory. */
#include "hide.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <stddef.h>

#include "shim.h"
#include "syscalls.h"

/* The number of a descriptor of ours that is fd, or NULL. */
static _Atomic int *
ours(int fd)
{
	if (fd < 0 || !vm_shim_active())
		return NULL;
	if (fd == atomic_load_explicit(&vm_shim.socket, memory_order_relaxed))
		return &vm_shim.socket;
	if (fd == atomic_load_explicit(&vm_shim.uffd, memory_order_relaxed))
		return &vm_shim.uffd;
	return NULL;
}

long
vm_shim_close(int fd)
{
	if (ours(fd) != NULL)
		return -EBADF;
	return VM_SYS_CANCEL(SYS_close, fd);
}

static long
kernel_dup(int from, int to, int flags)
{
	if (flags >= 0)
		return VM_SYS(SYS_dup3, from, to, flags);
	/* dup3 refuses what dup2 takes for done. */
	if (from == to)
		return VM_SYS(SYS_fcntl, from, F_GETFD) < 0 ? -EBADF : to;
	return VM_SYS(SYS_dup3, from, to, 0);
}

/* Under both gates; `to` may have been moved by another thread. */
static long
move_away(int to)
{
	_Atomic int *number = ours(to);
	long fd;

	if (number == NULL)
		return 0;
	fd = VM_SYS(SYS_fcntl, to, F_DUPFD_CLOEXEC, to + 1);
	if (fd < 0)
		fd = VM_SYS(SYS_fcntl, to, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	atomic_store_explicit(number, (int)fd, memory_order_relaxed);
	return 0;
}

long
vm_shim_dup(int from, int to, int flags)
{
	struct vm_signals saved;
	long result;

	if (ours(from) != NULL)
		return -EBADF;
	if (ours(to) == NULL || !vm_shim_enter(&saved))
		return kernel_dup(from, to, flags);
	vm_gate_enter(&vm_shim.line);
	result = move_away(to);
	if (result == 0)
		result = kernel_dup(from, to, flags);
	vm_gate_leave(&vm_shim.line);
	vm_shim_leave(saved);
	return result;
}

/* Closes [first, last] but for the descriptor `but`, if that lies within. */
static long
close_around(unsigned first, unsigned last, unsigned but, unsigned flags)
{
	long result = 0;

	if (first > last)
		return 0;
	if (but < first || but > last)
		return VM_SYS(SYS_close_range, first, last, flags);
	if (but > first)
		result = VM_SYS(SYS_close_range, first, but - 1, flags);
	if (result == 0 && but < last)
		result = VM_SYS(SYS_close_range, but + 1, last, flags);
	return result;
}

long
vm_shim_close_range(unsigned first, unsigned last, unsigned flags)
{
	unsigned low, high, swap;
	long result;

	if (!vm_shim_active() || first > last ||
	    (flags & CLOSE_RANGE_CLOEXEC) != 0)
		return VM_SYS(SYS_close_range, first, last, flags);
	/* -1, none, is the largest number there is. */
	low = (unsigned)atomic_load_explicit(&vm_shim.socket,
	    memory_order_relaxed);
	high = (unsigned)atomic_load_explicit(&vm_shim.uffd,
	    memory_order_relaxed);
	if (low > high) {
		swap = low;
		low = high;
		high = swap;
	}
	if (low < first || low > last)
		return close_around(first, last, high, flags);
	result = 0;
	if (low > first)
		result = VM_SYS(SYS_close_range, first, low - 1, flags);
	if (result == 0 && low < last)
		result = close_around(low + 1, last, high, flags);
	return result;
}
