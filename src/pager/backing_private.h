/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/backing_private.h - a file behind pagers: descriptors and transfers.
 *
 * Each way, in and out, has two descriptors of the same file: an O_DIRECT one,
 * where the file allows that, and a plain one.  They are descriptions of our
 * own, opened again through the given descriptor; where that is not possible
 * (no /proc, the mode forbids it by now) a duplicate serves, plain only.
 * Closing any of them drops the fcntl() locks this process has on the file:
 * that is POSIX, and not to be helped here.
 *
 * A transfer moves bytes [offset, offset + bytes) from or to the memory of a
 * request.  It goes on after short counts and ends with all bytes moved, at
 * the end of the file (in), or with an error:
 *
 *	part to O_DIRECT <--> part in flight <--> part to the page cache
 *	                          |
 *	                        finish
 *
 * O_DIRECT takes whole pages only; what is left of a page (the tail of a
 * file, the rest of an odd short count) goes to the page cache.  EINVAL from
 * O_DIRECT is a refusal: from then on everything is plain, for good.
 *
 * What plain transfers leave in the page cache is outside our limit and is
 * dropped.  Reads at once.  A write is dirty there: dropping it makes the
 * kernel start its write-back and free nothing yet, so every DROP_BYTES of
 * writes the whole file is dropped once more, and after every sync.  At most
 * about twice that and what is under write-back stays behind.
 *
 * Errors of fdatasync() are kept for good: the kernel has marked what it
 * failed to write as clean, nobody knows which pages these were, and a later
 * fdatasync() would return 0 for them.  That is why one syncs after the other:
 * of two at once the second could hear 0 before the first has written down what
 * it heard.  Who waited often finds that everything was synced for it.
 *
 * A backing is set up and destroyed by one thread; in between, any number of
 * threads transfer and sync.
 */
#ifndef PAGER_BACKING_PRIVATE_H
#define PAGER_BACKING_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "object/pager_ops.h"
#include "stat/stat.h"

struct vm_os;

/* One way to move bytes. */
enum vm_backing_way {
	VM_BACKING_DIRECT,
	VM_BACKING_PLAIN,
	VM_BACKING_WAYS,
};

/* (A) atomic, (C) constant once it is in use. */
struct vm_backing {
	const struct vm_os *os;		/* (C) */
	struct vm_counters *counters;	/* NULL: none (C) */
	const char *what;		/* "file", "swap file in /tmp" (C) */
	uint32_t page_bytes;		/* (C) */
	bool direct;			/* O_DIRECT is wanted (C) */
	bool in_memory;			/* the page cache is the store (C) */
	_Atomic int32_t uncached;	/* see vm_backing_may_be_cached (A) */
	/* Descriptors, -1: none.  in[] is (C); out[] is set once (A): the
	 * store of out[PLAIN], the last, pairs with the load that asks
	 * whether there is one. */
	int in[VM_BACKING_WAYS];
	_Atomic int out[VM_BACKING_WAYS];
	_Atomic bool direct_refused;	/* (A) */
	/* Writes done, and how many of these a sync has seen (A). */
	_Atomic uint64_t written[VM_BACKING_WAYS];
	_Atomic uint64_t synced[VM_BACKING_WAYS];
	_Atomic int sync_error;		/* positive errno, 0: none (A) */
	_Atomic uint32_t gate;		/* 1: somebody syncs, 2: and others
					 * may wait for that (A) */
	_Atomic uint64_t undropped_bytes; /* plain writes since a drop (A) */
};

/* Sets all fields, no descriptor. */
void vm_backing_init(struct vm_backing *b, const struct vm_os *os,
    struct vm_counters *counters, uint32_t page_bytes);

/*
 * Opens fd again, for reading, and for writing where access is O_RDWR.
 * 0; a negative errno with its sentence, nothing opened.
 */
VM_MUST_CHECK int vm_backing_open(struct vm_backing *b, int fd, int access);

/* The same for writing alone, once: the caller knows there is none yet. */
VM_MUST_CHECK int vm_backing_open_out(struct vm_backing *b, int fd);

void vm_backing_close(struct vm_backing *b);

bool vm_backing_writable(const struct vm_backing *b);

/*
 * Moves bytes [io->moved, io->bytes) of the request's memory, which are at
 * io->offset + io->moved on in the file, as io->op says, by way of io->queue;
 * all these and io->finish are set.  Calls finish when it is over: result is
 * PENDING and moved < bytes at the end of the file; FAILED, with the sentence
 * of this thread, when it failed, EAGAIN when the queue could make no room.
 */
void vm_backing_transfer(struct vm_backing *b, struct vm_pager_io *io);

/*
 * Whether it is worth asking the page cache for a page: no while it has nothing
 * of the file at all.  That is found out once reads in a row have met nothing,
 * and believed for a few reads: a file that somebody begins to write meanwhile
 * is read from the disk so often, and no more often.
 */
bool vm_backing_may_be_cached(struct vm_backing *b);

/* Everything at once from the page cache, if all is there: then true and
 * moved == bytes. */
VM_MUST_CHECK bool vm_backing_try_cached(struct vm_backing *b,
    struct vm_pager_io *io);

/*
 * The same of a backing that is in memory: nothing is waited for there, and a
 * queue would hand the copying to another thread.  False: some of it could not
 * be read, a transfer will say why.
 */
VM_MUST_CHECK bool vm_backing_try_memory(struct vm_backing *b,
    struct vm_pager_io *io);

/*
 * One page of the backing at a multiple of the page size, by one call, from the
 * page cache if that has it and is asked first.  Sleeps.  As read_now of
 * vm_pager_ops: PENDING is a short count, a refusal, a passing error.
 */
VM_MUST_CHECK enum vm_pager_result vm_backing_read_now(struct vm_backing *b,
    bool cached_first, uint64_t offset, void *bytes, int *error);

/* What has been written is on stable storage.  Sleeps. */
VM_MUST_CHECK int vm_backing_sync(struct vm_backing *b);

/* Zeros the memory of a request from this byte to that. */
void vm_backing_zero(const struct vm_pager_io *io, uint64_t from, uint64_t to);

/* Sets FAILED. */
void vm_backing_fail(struct vm_pager_io *io, int error);

/* Makes a request that is about to start one of this pager and queue. */
void vm_backing_prepare(struct vm_pager_io *io, struct vm_pager *pager,
    struct vm_ioq *queue);

static inline void
vm_backing_count(struct vm_backing *b, enum vm_counter counter, uint64_t n)
{
	if (b->counters != NULL)
		vm_count(b->counters, counter, n);
}

#endif
