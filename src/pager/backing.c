/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/backing.c - descriptors and sync; backing_private.h has the theory. */
#include "pager/backing_private.h"

#include <errno.h>
#include <fcntl.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "os/os.h"

/* Larger than any file: to its end. */
#define WHOLE_FILE_BYTES ((uint64_t)INT64_MAX)

void
vm_backing_init(struct vm_backing *b, const struct vm_os *os,
    struct vm_counters *counters, uint32_t page_bytes)
{
	/* A page is whole blocks of any disk, and a power of two. */
	vm_assert(page_bytes >= 4096 && (page_bytes & (page_bytes - 1)) == 0);
	*b = (struct vm_backing){
		.os = os,
		.counters = counters,
		.what = "file",
		.page_bytes = page_bytes,
		.direct = true,
	};
	for (int way = 0; way < VM_BACKING_WAYS; way++) {
		b->in[way] = -1;
		atomic_init(&b->out[way], -1);
	}
}

/*
 * A duplicate shares the flags of the original: what it must not have is
 * O_APPEND, for pwrite() would then write at the end, whatever the offset.
 */
static int
duplicate(struct vm_backing *b, int fd, int access)
{
	int flags = b->os->flags(fd);

	if (flags < 0)
		return vm_error(-flags, "%s: descriptor %d: %s", b->what, fd,
		    vm_errno_text(-flags));
	if (access != O_RDONLY && (flags & O_APPEND) != 0)
		return vm_error(EACCES, "%s: it is open for appending only, "
		    "and cannot be opened again", b->what);
	fd = b->os->dup(fd);
	return fd >= 0 ? fd : vm_error(-fd, "%s: duplicating its descriptor: "
	    "%s", b->what, vm_errno_text(-fd));
}

static int
open_pair(struct vm_backing *b, int fd, int access, int pair[VM_BACKING_WAYS])
{
	pair[VM_BACKING_DIRECT] = -1;
	pair[VM_BACKING_PLAIN] = b->os->reopen(fd, access | O_CLOEXEC);
	if (pair[VM_BACKING_PLAIN] < 0) {
		pair[VM_BACKING_PLAIN] = duplicate(b, fd, access);
		return pair[VM_BACKING_PLAIN] < 0 ? pair[VM_BACKING_PLAIN] : 0;
	}
	if (b->direct)
		pair[VM_BACKING_DIRECT] = b->os->reopen(fd,
		    access | O_DIRECT | O_CLOEXEC);
	if (pair[VM_BACKING_DIRECT] == -EMFILE ||
	    pair[VM_BACKING_DIRECT] == -ENFILE) {
		b->os->close(pair[VM_BACKING_PLAIN]);
		return vm_error(-pair[VM_BACKING_DIRECT],
		    "%s: opening it again: %s", b->what,
		    vm_errno_text(-pair[VM_BACKING_DIRECT]));
	}
	return 0;	/* any other failure: this file has no O_DIRECT */
}

static void
publish_out(struct vm_backing *b, const int pair[VM_BACKING_WAYS])
{
	atomic_store_explicit(&b->out[VM_BACKING_DIRECT],
	    pair[VM_BACKING_DIRECT] < 0 ? -1 : pair[VM_BACKING_DIRECT],
	    memory_order_relaxed);
	/* Release: pairs with vm_backing_writable. */
	atomic_store_explicit(&b->out[VM_BACKING_PLAIN],
	    pair[VM_BACKING_PLAIN], memory_order_release);
}

int
vm_backing_open(struct vm_backing *b, int fd, int access)
{
	int pair[VM_BACKING_WAYS];
	int err = open_pair(b, fd, access, pair);

	if (err < 0)
		return err;
	b->in[VM_BACKING_DIRECT] = pair[VM_BACKING_DIRECT];
	b->in[VM_BACKING_PLAIN] = pair[VM_BACKING_PLAIN];
	b->in_memory = b->os->in_memory(pair[VM_BACKING_PLAIN]);
	if (access == O_RDWR)
		publish_out(b, pair);
	return 0;
}

int
vm_backing_open_out(struct vm_backing *b, int fd)
{
	int pair[VM_BACKING_WAYS];
	int err;

	vm_assert(!vm_backing_writable(b));
	err = open_pair(b, fd, O_WRONLY, pair);
	if (err == 0)
		publish_out(b, pair);
	return err;
}

void
vm_backing_close(struct vm_backing *b)
{
	for (int way = 0; way < VM_BACKING_WAYS; way++) {
		int out = atomic_load_explicit(&b->out[way],
		    memory_order_relaxed);

		if (out >= 0 && out != b->in[way])
			b->os->close(out);
		if (b->in[way] >= 0)
			b->os->close(b->in[way]);
	}
}

bool
vm_backing_writable(const struct vm_backing *b)
{
	/* Acquire: pairs with publish_out. */
	return atomic_load_explicit(&b->out[VM_BACKING_PLAIN],
	    memory_order_acquire) >= 0;
}

static void
raise_to(_Atomic uint64_t *value, uint64_t to)
{
	uint64_t old = atomic_load_explicit(value, memory_order_relaxed);

	while (old < to && !atomic_compare_exchange_weak_explicit(value, &old,
	    to, memory_order_release, memory_order_relaxed))
		continue;
}

static int
sync_way(struct vm_backing *b, enum vm_backing_way way)
{
	/* Acquire: a write that is counted is done. */
	uint64_t until = atomic_load_explicit(&b->written[way],
	    memory_order_acquire);
	int err;

	/* Acquire: pairs with raise_to, whose fdatasync is over. */
	if (atomic_load_explicit(&b->synced[way], memory_order_acquire) >=
	    until)
		return 0;
	vm_backing_count(b, VM_COUNTER_syncs, 1);
	err = b->os->fsync(atomic_load_explicit(&b->out[way],
	    memory_order_relaxed));
	if (err < 0) {
		atomic_store_explicit(&b->sync_error, -err,
		    memory_order_relaxed);
		return err;
	}
	raise_to(&b->synced[way], until);
	if (way == VM_BACKING_PLAIN)
		(void)b->os->drop_cache(b->in[way], 0, WHOLE_FILE_BYTES);
	return 0;
}

/* No ranked lock, for a system call is made inside. */
static void
enter_gate(struct vm_backing *b)
{
	uint32_t free = 0;

	if (atomic_compare_exchange_strong(&b->gate, &free, 1))
		return;
	while (atomic_exchange(&b->gate, 2) != 0)
		(void)vm_futex_wait(&b->gate, 2, VM_FUTEX_FOREVER);
}

static void
leave_gate(struct vm_backing *b)
{
	if (atomic_exchange(&b->gate, 0) == 2)
		vm_futex_wake_one(&b->gate);
}

int
vm_backing_sync(struct vm_backing *b)
{
	int err;

	if (!vm_backing_writable(b))
		return 0;
	enter_gate(b);
	for (int way = 0; way < VM_BACKING_WAYS; way++)
		(void)sync_way(b, (enum vm_backing_way)way);
	leave_gate(b);
	err = atomic_load_explicit(&b->sync_error, memory_order_relaxed);
	if (err == 0)
		return 0;
	return vm_error(err, "%s: a sync has failed, and what it lost is not "
	    "known: %s", b->what, vm_errno_text(err));
}
