/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/pager_ops.h - what an object knows of its pager.
 *
 * A pager fills pages and cleans them.  It is asked for runs of neighbouring
 * pages, works asynchronously on the caller's I/O queue, and calls done
 * exactly once per request, perhaps before submit returns.
 *
 * The caller holds the slots of all pages of a request exclusively from
 * submit to done, holds no lock, and owns the memory.
 */
#ifndef OBJECT_PAGER_OPS_H
#define OBJECT_PAGER_OPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "os/ioq.h"
#include "page/page.h"

struct vm_backing;
struct vm_pager;

enum vm_pager_result {
	VM_PAGER_OK,
	VM_PAGER_ABSENT,	/* it never got these pages: they are zeros */
	VM_PAGER_RANGE,		/* beyond the end of the backing store */
	VM_PAGER_PENDING,	/* in flight */
	VM_PAGER_AGAIN,		/* no room just now: try later, no error */
	VM_PAGER_FAILED,	/* error says why */
};

enum vm_pager_op {
	VM_PAGER_IN,
	VM_PAGER_OUT,
};

/* 256 pages: 1 MiB of 4 KiB pages, the largest transfer. */
#define VM_PAGER_RUN_MAX 256

struct vm_pager_io {
	enum vm_pager_op op;
	vm_pindex_t pindex;	/* first page */
	unsigned count;		/* pages, 1 .. VM_PAGER_RUN_MAX */
	/* The memory, page by page or as one piece; count * page size bytes
	 * in all, each piece a multiple of the page size and aligned to it.
	 * The pager may change the array; at done it is as it was. */
	struct iovec *iov;
	int iov_count;
	enum vm_pager_result result;
	int error;		/* positive errno when FAILED */
	/* IN: pages from the front whose bytes are good; less than count
	 * only with RANGE (the rest lies beyond the end). */
	unsigned filled;
	void (*done)(struct vm_pager_io *io);
	void *arg;		/* done's */
	/* The pager's own, while in flight. */
	struct vm_ioq_request request;
	struct vm_ioq *queue;
	struct vm_pager *pager;
	struct vm_backing *backing;	/* what the bytes move from or to */
	void (*finish)(struct vm_pager_io *io);	/* after the last byte */
	uint64_t offset;	/* of the first byte in the backing */
	uint64_t bytes;		/* to move */
	uint64_t moved;		/* of these, done */
	struct iovec *iov_at;	/* first piece of the part in flight */
	size_t skip;		/* bytes of it that are done already */
	size_t cut;		/* bytes of the last piece left for later */
	unsigned retries;
	bool plain;		/* goes to the page cache, not O_DIRECT */
};

struct vm_pager_ops {
	const char *name;
	/*
	 * How far one request may reach: the number of pages from pindex,
	 * at most want, that one IN request can fill.  The result of those:
	 * OK, ABSENT (no request needed: zeros) or RANGE (*count is 0).
	 */
	enum vm_pager_result (*extent)(struct vm_pager *pager,
	    vm_pindex_t pindex, unsigned want, unsigned *count);
	/*
	 * Before an OUT: how many pages from pindex, at most want, one
	 * request can take; reserves the room.  0: *error says why
	 * (ENOSPC, EROFS, ...) and nothing changed.
	 */
	unsigned (*reserve)(struct vm_pager *pager, vm_pindex_t pindex,
	    unsigned want, int *error);
	/* Starts one request, at the caller's next flush of the queue at the
	 * latest; see above.  Sleeps only when the queue is full (it reaps
	 * then, so other requests' done may run inside).  FAILED with EAGAIN:
	 * the queue could make no room. */
	void (*submit)(struct vm_pager *pager, struct vm_pager_io *io,
	    struct vm_ioq *queue);
	/* All OUTs that are done reach stable storage.  Sleeps.  0, -errno. */
	int (*sync)(struct vm_pager *pager);
	/* The object now ends at so many bytes: forget what is beyond; it is
	 * zeros when the object grows again.  Sleeps.  No request for the
	 * page the end lies in or one behind it is in flight or starts. */
	void (*resized)(struct vm_pager *pager, uint64_t bytes);
	/* The page's contents in the pager are not needed any more. */
	void (*forget)(struct vm_pager *pager, vm_pindex_t pindex,
	    unsigned count);
	/* Bytes as the backing store has them now, newest first where it has
	 * a cache of its own; any offset and length.  What is behind its end
	 * reads as zeros.  0, -errno; -ENOTSUP: nobody changes this store but
	 * we.  Sleeps. */
	int (*peek)(struct vm_pager *pager, uint64_t offset, void *bytes,
	    size_t length);
	/* The backing store's length in bytes now; -errno. */
	int (*length)(struct vm_pager *pager, uint64_t *bytes);
	void (*destroy)(struct vm_pager *pager);
};

/* What every pager begins with. */
struct vm_pager {
	const struct vm_pager_ops *ops;	/* (C) */
	uint32_t page_bytes;		/* (C) */
};

#endif
