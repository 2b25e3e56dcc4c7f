/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/pager.h - pagers that their users write, and filters over any.
 *
 * A pager fills the pages of an object and takes them back.  One that is
 * written against this header is a table of at most seven functions, of which
 * only submit is needed, and never sees a page: it is handed requests for runs
 * of neighbouring pages, with the memory to read into or to write from (the
 * pages' own frames: nothing is copied), works on them for as long as it
 * likes, in whatever thread, and ends each by vm_pager_done.
 *
 *	miss, read-ahead --> submit(IN) --vm_pager_done--> pages resident
 *	write-back       --> submit(OUT) --vm_pager_done--> pages clean
 *
 * The functions are called by the threads that need the pages: callers of
 * vm_page_grab, fault threads, the daemon.  submit must not wait for anything
 * that such a thread does, the pager's own object above all: it starts the
 * work, or does it when that is short.  None is called with a lock held.
 *
 * Source: Mach's memory objects (data_request, data_supply, data_unavailable,
 * data_error, lock_request), FreeBSD's pager ops and their statuses:
 *
 *	here			VM_PAGER_* of FreeBSD
 *	VM_PAGER_OK		OK
 *	VM_PAGER_RANGE		BAD: not within the object
 *	VM_PAGER_ABSENT		FAIL: the pager has no such page: zeros
 *	not done yet		PEND
 *	VM_PAGER_FAILED		ERROR
 *	VM_PAGER_AGAIN		AGAIN
 */
#ifndef RESIDENT_PAGER_H
#define RESIDENT_PAGER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_object;

enum vm_pager_result {
	VM_PAGER_OK,
	VM_PAGER_ABSENT,	/* IN: never got these pages: they are zeros */
	VM_PAGER_RANGE,		/* beyond the end of the backing store */
	VM_PAGER_PENDING,	/* in flight; no result of vm_pager_done */
	VM_PAGER_AGAIN,		/* no room just now, nothing is lost: an IN is
				 * asked for again until wait_max_ns of the
				 * system are over, then it is -EAGAIN */
	VM_PAGER_FAILED		/* the request's error says why */
};

enum vm_pager_op {
	VM_PAGER_IN,		/* memory is to be filled */
	VM_PAGER_OUT		/* memory is to be taken over */
};

/*
 * A request: belongs to the pager from submit to vm_pager_done, with the
 * memory.  Nobody else is in the pages meanwhile.
 */
struct vm_pager_request {
	enum vm_pager_op op;
	uint32_t count;		/* pages; at most 64 of an IN */
	uint64_t pindex;	/* the first one */
	uint32_t page_bytes;
	int iov_count;
	const struct iovec *iov;	/* count * page_bytes bytes in all */
	uint64_t bytes;		/* of these within the object: fewer at its
				 * end.  IN: zeros follow by themselves */
	int error;		/* the pager's, before FAILED: a positive
				 * errno; 0 is EIO */
};

/* What a page may be marked with, by the pager alone. */
#define VM_PAGER_PRECIOUS	0x1u	/* comes back though nobody wrote it */
#define VM_PAGER_NO_WRITE	0x2u	/* not to be written before unlock */
#define VM_PAGER_NO_ACCESS	0x4u	/* nor read; of a store: as NO_WRITE */

#define VM_PAGER_VERSION 1u

struct vm_pager_callbacks {
	size_t size_bytes;	/* of this structure: VM_PAGER_CALLBACKS_INIT */
	unsigned version;	/* VM_PAGER_VERSION */
	/* Starts a request; vm_pager_done ends it, perhaps within. */
	void (*submit)(void *arg, struct vm_pager_request *request);
	/*
	 * Before an IN: how many pages from pindex on, at most want, are
	 * alike: OK (there) or ABSENT (zeros; they are then not asked for).
	 * Cheap, and sleeps for nothing.  NULL: all are there.
	 */
	enum vm_pager_result (*extent)(void *arg, uint64_t pindex,
	    uint32_t want, uint32_t *count);
	/* All OUTs that are done reach stable storage; may sleep.  0, -errno.
	 * NULL: they have. */
	int (*sync)(void *arg);
	/* The object ends at so many bytes now.  NULL: nothing. */
	void (*resized)(void *arg, uint64_t bytes);
	/* The pager's copies of these pages are not needed.  NULL: nothing. */
	void (*forget)(void *arg, uint64_t pindex, uint32_t count);
	/* Somebody wants to write a page marked NO_WRITE, or to read one marked
	 * NO_ACCESS: want is one of these.  0: allowed, and what is in the way
	 * goes; or a negative errno, which that somebody gets.  Must not
	 * wait for the page.  NULL: -EACCES. */
	int (*unlock)(void *arg, uint64_t pindex, unsigned want);
	/* The object is destroyed; the last call.  NULL: nothing. */
	void (*terminate)(void *arg);
};

#ifdef __cplusplus
#define VM_PAGER_CALLBACKS_INIT { sizeof(struct vm_pager_callbacks), \
	VM_PAGER_VERSION }
#else	/* named, so that -Wextra finds nothing missing */
#define VM_PAGER_CALLBACKS_INIT { \
	.size_bytes = sizeof(struct vm_pager_callbacks), \
	.version = VM_PAGER_VERSION }
#endif

/*
 * An object of length bytes over such a pager; the table is copied.  flags as
 * of vm_object_create_file.  -EINVAL (the sentence says what), -ENOMEM,
 * -EMFILE; terminate is not called then.
 */
int vm_object_create_pager(struct vm *vm,
    const struct vm_pager_callbacks *callbacks, void *arg, uint64_t length,
    unsigned flags, struct vm_object **out);

/*
 * Ends a request, once, from any thread.  filled: with RANGE, the pages from
 * the front that are within the backing store; else not looked at.  The
 * request and its memory are not the pager's any more on return.  Does not
 * sleep.  Ending one twice, or with PENDING, or an OUT with ABSENT, stops the
 * program.
 */
void vm_pager_done(struct vm_pager_request *request,
    enum vm_pager_result result, uint32_t filled);

/* Before the end of an IN: its pages [first, first + count), counted from 0,
 * will have these marks. */
void vm_pager_mark(struct vm_pager_request *request, uint32_t first,
    uint32_t count, unsigned marks);

/*
 * Pages [pindex, pindex + count) of those resident have exactly these marks
 * from now on (Mach's lock_request): who is in one is waited for, and whoever
 * writes later has to ask.  0; -EINVAL for unknown marks.  Sleeps; not to be
 * called from within one of the pager's functions.
 */
int vm_pager_protect(struct vm_object *object, uint64_t pindex,
    uint64_t count, unsigned marks);

/*
 * Pages that nobody asked for (Mach's data_supply): bytes, count pages of
 * them, become resident and clean at pindex, with the given marks.  The number
 * of pages entered, from the front; the first one that is resident, or on its
 * way, ends it.  -EEXIST: that was the first; -ENOMEM: memory is short, which
 * unasked pages are no reason to evict for; -ERANGE, -EINVAL.  Does not wait.
 */
int vm_pager_supply(struct vm_object *object, uint64_t pindex,
    const void *bytes, uint32_t count, unsigned marks);

/*
 * An object whose pages are the memory [base, base + length) itself, a
 * device's or the caller's, which must stay until the object is destroyed:
 * a miss moves no byte and takes nothing of the limit, no page is ever evicted,
 * freeing one leaves the memory as it is.  base: page aligned; length: whole
 * pages.  flags: VM_OBJECT_WRITABLE.  -EINVAL, -ENOMEM.  Source: Mach's
 * private pages, NetBSD's udv_attach.
 */
int vm_object_create_device(struct vm *vm, void *base, uint64_t length,
    unsigned flags, struct vm_object **out);

/*
 * Puts filters between an object and its pager, also while it is in use: text
 * is one or several of "NAME:KEY=VALUE,KEY=VALUE..." separated by ';', each
 * above those before it.  See vm_pager_filter(3).  -EINVAL with a sentence,
 * nothing changed; -ENOSPC beyond 8 in all; -ENOMEM; what opening a log gave.
 */
int vm_object_add_filter(struct vm_object *object, const char *text);

enum vm_filter_op {
	VM_FILTER_READ,
	VM_FILTER_WRITE,
	VM_FILTER_SYNC,
	VM_FILTER_OPS
};

/* What has passed a filter, by operation, since it was put there. */
struct vm_filter_stat {
	size_t size_bytes;	/* set by the caller: VM_FILTER_STAT_INIT */
	char name[16];		/* "error", "delay", ... */
	uint64_t acted;		/* errors made, delays, lines, repetitions */
	struct {
		uint64_t requests;	/* ended */
		uint64_t pages;
		uint64_t errors;	/* ended with an error or AGAIN */
		uint64_t ns;		/* from start to end, summed up */
	} op[VM_FILTER_OPS];
};

#ifdef __cplusplus
#define VM_FILTER_STAT_INIT { sizeof(struct vm_filter_stat) }
#else
#define VM_FILTER_STAT_INIT { .size_bytes = sizeof(struct vm_filter_stat) }
#endif

/* Of the filter with this number, 0 being the one nearest to the pager.
 * -ENOENT: there are not so many; -EINVAL: size_bytes. */
int vm_object_filter_stat(struct vm_object *object, unsigned number,
    struct vm_filter_stat *out);

#ifdef __cplusplus
}
#endif

#endif
