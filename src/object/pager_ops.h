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

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <resident/pager.h>

#include "base/list.h"
#include "os/ioq.h"
#include "page/page.h"

struct vm_backing;
struct vm_filters;
struct vm_pager;
struct vm_pager_io;
struct vm_swap_bounce;

/* 256 pages: 1 MiB of 4 KiB pages, the largest transfer. */
#define VM_PAGER_RUN_MAX 256

/* 8 filters over a pager: more than anybody has thought of a use for. */
#define VM_FILTERS_MAX 8

/* What the pager says of the pages of an IN, a bit for each; only a request of
 * 64 pages at most may have any. */
struct vm_pager_marks {
	uint64_t precious;
	uint64_t no_write;
	uint64_t no_access;
};

/* What pagers that others wrote keep (pager/callback.c). */
struct vm_pager_asked {
	struct vm_pager_request request;	/* first: it is all they see */
	enum vm_pager_result result;	/* stored before ended */
	unsigned filled;
	_Atomic unsigned stage;		/* who ends it (A) */
};

/* What filters keep (pager/filtered.h). */
struct vm_pager_passing {
	const struct vm_filters *filters;
	void (*done)(struct vm_pager_io *io);	/* the caller's */
	unsigned at;			/* the lowest filter it has met */
	uint8_t tries[VM_FILTERS_MAX];
	uint64_t since_ns[VM_FILTERS_MAX];
	uint64_t due_ns;		/* (the timer's lock) */
	struct vm_node waiting;		/* (the timer's lock) */
};

/* What anonymous memory keeps (pager/anon_io.c). */
struct vm_pager_swapping {
	unsigned at;		/* pages from the front that are done */
	unsigned span;		/* of the next ones, on their way to a file */
	unsigned behind;	/* behind these, done already */
	unsigned absent;	/* of all, those that swap has not */
	unsigned piece;		/* where page number piece_first is */
	unsigned piece_first;
	uint64_t number;	/* the cipher's, of the first on its way */
	struct vm_swap_bounce *bounce;	/* they are there instead */
	struct iovec *iov;	/* the request's own meanwhile */
	int iov_count;
	struct iovec bounced;
	uint8_t file;		/* which one */
	bool looping;		/* somebody looks for the next ones */
	bool waiting;		/* they are on their way */
};

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
	struct vm_pager_marks marks;	/* IN: the pager's */
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
	struct vm_pager_asked asked;
	struct vm_pager_passing passing;
	struct vm_pager_swapping swapping;
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
	 * (ENOSPC, EROFS, ...) and nothing changed.  One is enough for an
	 * OUT that a filter repeats, however far it came before.
	 */
	unsigned (*reserve)(struct vm_pager *pager, vm_pindex_t pindex,
	    unsigned want, int *error);
	/* Starts one request, at the caller's next flush of the queue at the
	 * latest; see above.  Sleeps only when the queue is full (it reaps
	 * then, so other requests' done may run inside).  FAILED with EAGAIN:
	 * the queue could make no room. */
	void (*submit)(struct vm_pager *pager, struct vm_pager_io *io,
	    struct vm_ioq *queue);
	/*
	 * One page into bytes, by the calling thread, which sleeps as long as
	 * it takes; its slot is held as for a request.  OK: all of it is
	 * there; FAILED: *error is a positive errno.  PENDING: nothing was
	 * decided, a request is the way.  NULL: it always is.
	 */
	enum vm_pager_result (*read_now)(struct vm_pager *pager,
	    vm_pindex_t pindex, void *bytes, int *error);
	/* All OUTs that are done reach stable storage.  Sleeps.  0, -errno. */
	int (*sync)(struct vm_pager *pager);
	/* The object now ends at so many bytes: forget what is beyond; it is
	 * zeros when the object grows again.  Sleeps.  No request for the
	 * page the end lies in or one behind it is in flight or starts. */
	void (*resized)(struct vm_pager *pager, uint64_t bytes);
	/* The page's contents in the pager are not needed any more. */
	void (*forget)(struct vm_pager *pager, vm_pindex_t pindex,
	    unsigned count);
	/* A page that is in memory as a whole is not what the pager has any
	 * more: it may use the room for others.  The page is its only place
	 * until the next OUT.  Never sleeps; its slot is held.  NULL: the
	 * pager has no use for that. */
	void (*outdated)(struct vm_pager *pager, vm_pindex_t pindex);
	/* Bytes as the backing store has them now, newest first where it has
	 * a cache of its own; any offset and length.  What is behind its end
	 * reads as zeros.  0, -errno; -ENOTSUP: nobody changes this store but
	 * we.  Sleeps. */
	int (*peek)(struct vm_pager *pager, uint64_t offset, void *bytes,
	    size_t length);
	/* Somebody wants (VM_PAGER_NO_WRITE, NO_ACCESS) what a mark of the
	 * pager forbids; that page's slot is held.  0: so be it; -errno.
	 * NULL: it never marks. */
	int (*unlock)(struct vm_pager *pager, vm_pindex_t pindex,
	    unsigned want);
	/* The backing store's length in bytes now; -errno. */
	int (*length)(struct vm_pager *pager, uint64_t *bytes);
	void (*destroy)(struct vm_pager *pager);
};

/* What every pager begins with. */
struct vm_pager {
	const struct vm_pager_ops *ops;	/* (C) */
	uint32_t page_bytes;		/* (C) */
	/* The bytes are in memory, nobody sleeps for them; true -> false only
	 * (A). */
	_Atomic bool at_once;
};

#endif
