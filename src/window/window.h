/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * window/window.h - held pages as one piece of memory, for a transfer.
 *
 * Pages that are read or written together are seldom neighbours in memory.  A
 * window shows n of them (NetBSD's uvm_pagermapin), and there are three ways:
 *
 *	the pages are neighbours	base: their own bytes, no copy
 *	the transfer takes a list	iov: their own bytes, no copy
 *	it wants one address		base: a bounce, and the bytes are copied
 *
 * A bounce has the pages' bytes from the start, also where it is to be read
 * into: a transfer may be short, or bring only some of the bytes, and what it
 * did not bring must stay what it was.  At the end of a read what was brought
 * is copied back.
 *
 *	pages --open--> window --close--> pages
 *
 * The pages stay held by whoever opened the window, exclusively where they are
 * read into, until it is closed.
 *
 * The table (table.c) knows which page is at an address (uvm_pageratop): a hash
 * over the page-sized places of all open windows, so that ten thousand of them
 * are not looked through.
 */
#ifndef WINDOW_WINDOW_H
#define WINDOW_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "object/object.h"

/* 256 pages: 1 MiB of 4 KiB pages, what one transfer can be. */
#define VM_WINDOW_MAX 256u

/* The bits of resident/window.h. */
#define VM_VIEW_READ	0x1u	/* into the pages */
#define VM_VIEW_WRITE	0x2u	/* out of them */
#define VM_VIEW_BOUNCE	0x4u	/* one address, by a copy if need be */

/* A page-sized place of a window; (W) the table's lock. */
struct vm_window_place {
	struct vm_node link;	/* in its bucket (W) */
	uint64_t key;		/* address / page size (C) */
	struct vm_page *page;	/* (C) */
	struct vm_object *object;	/* of the page, at open (C) */
};

struct vm_window {
	struct vm *vm;		/* (C) */
	struct vm_node link;	/* among all open ones (W) */
	unsigned count;		/* pages (C) */
	unsigned flags;		/* (C) */
	char *base;		/* of one piece; NULL: it is not one (C) */
	void *bounce;		/* base is a copy in this memory, or NULL (C) */
	struct iovec *iov;	/* (C) */
	int iov_count;		/* (C) */
	struct vm_window_place *place;	/* count of them (C) */
};

/* 256 buckets, 4 KiB: enough for a window or two; they double. */
#define VM_WINDOW_BUCKETS 256u

struct vm_windows {
	struct vm *vm;			/* (C) */
	struct vm_lock lock;		/* rank LEAF (W) */
	struct vm_list open;		/* struct vm_window (W) */
	uint32_t count;			/* of these (W) */
	struct vm_list *bucket;		/* struct vm_window_place (W) */
	uint32_t bucket_count;		/* a power of two (W) */
	uint64_t places;		/* in all buckets (W) */
};

/* 0, -ENOMEM. */
VM_MUST_CHECK int vm_windows_init(struct vm *vm);
/* None is open. */
void vm_windows_fini(struct vm *vm);
/* How many are open. */
uint32_t vm_windows_open(struct vm *vm);

/*
 * 0; -ENOTSUP (a page has no bytes here, or where no page starts, and no bounce
 * is wanted), -ENOMEM.  The pages are held, or the caller's own.  Never sleeps.
 */
VM_MUST_CHECK int vm_window_new(struct vm *vm, struct vm_page **pages,
    unsigned count, unsigned flags, struct vm_window **out);
/* The first moved bytes were transferred.  0; -EINVAL: not count pages, or
 * more bytes than they have: it is open still.  Never sleeps. */
VM_MUST_CHECK int vm_window_end(struct vm_window *window, unsigned count,
    uint64_t moved);
/* The page that an address of an open window shows, NULL: of none. */
struct vm_page *vm_window_at(struct vm *vm, const void *address,
    uint32_t *offset);

/* The table's: places come and go. */
void vm_windows_enter(struct vm_windows *windows, struct vm_window *window);
void vm_windows_leave(struct vm_windows *windows, struct vm_window *window);
/* Whether a page of the object is in an open window. */
bool vm_windows_show(struct vm_windows *windows,
    const struct vm_object *object);

/*
 * Our own mapping of the object's store goes, until somebody looks at a page
 * again (NetBSD's ubc_purge); how many bytes it was, -EBUSY while a window
 * shows the object.  Waits for all its pages; the caller holds none.
 */
VM_MUST_CHECK int64_t vm_window_purge(struct vm_object *object);

#endif
