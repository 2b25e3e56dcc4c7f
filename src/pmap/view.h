/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pmap/view.h - objects seen at addresses of this process: the window home.
 *
 * A view is private anonymous memory, a page of it for each page of one
 * object, registered with a userfaultfd of our own.  A page that is not
 * resident is not there: who touches it gets SIGBUS (the userfaultfd's SIGBUS
 * feature), and the same thread, in its signal handler, brings the page and
 * goes on (fault/self.h).  No other thread and no event is involved, so
 * nothing here waits and nothing can be missed:
 *
 *	absent --copy(protect)--> clean, a write traps --lift--> dirty
 *	absent --copy--> dirty
 *	dirty --protect--> a write traps, the bytes can still be read
 *	any --drop--> absent, and who touches it traps
 *
 * Each step is made by who holds the page's slot exclusively, and who traps
 * waits for that slot.  The rule is the store's (pmap/store.h): a page that is
 * clean has no mapping through which it can be written without trapping.
 *
 * The memory is ours to read while a slot is held, and to write once the page
 * was lifted; a touch of our own that trapped would wait for ourselves.
 *
 * A view comes in pieces, each at least as large as all before it, so that an
 * object may grow while the addresses it has stay.  They are never taken away
 * before the view ends.
 *
 * Zeros are copied like any bytes: the kernel's zero page cannot be
 * write-protected before Linux 6.4, and then costs a second fault to be
 * written.
 *
 * The same userfaultfd also watches mappings of a store in this process:
 * struct vm_mapping with our pmap, as of a client's (vm_views_show).
 *
 * Not promised: system calls.  The kernel, asked to read or write a page that
 * is absent, or to write one that is clean, says EFAULT: it raises no signal
 * for itself.  A forked child has none of this memory.
 */
#ifndef PMAP_VIEW_H
#define PMAP_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/compiler.h"
#include "page/page.h"
#include "pmap/store.h"
#include "pmap/uffd.h"

struct vm_counters;

/* 34, as a store's own mapping (pmap/store.h): one page doubled 32 times is the
 * largest object. */
#define VM_VIEW_PIECES 34u

/* 512 ranges a call: the knee of the curve in reference/mechanisms, and 8 KiB
 * of stack. */
#define VM_VIEW_DROP_MAX 512u

/* What a system has for all its views; made with the first one. */
struct vm_views {
	struct vm_pmap pmap;		/* our own userfaultfd */
	int self;			/* names this process; see ops (C) */
	bool files;		/* memory files can be watched (C) */
	uint32_t page_bytes;		/* (C) */
	struct vm_counters *counters;	/* (C) */
};

struct vm_view_piece {
	char *base;		/* (C) once counted */
	uint64_t pages;		/* (C) once counted */
	struct vm_mapping mapping;	/* once it shows a store (V) */
};

/* (V) who changes the object's length or home. */
struct vm_view {
	struct vm_views *views;		/* (C) */
	struct vm_view_piece piece[VM_VIEW_PIECES];	/* (V) */
	_Atomic uint32_t count;		/* pieces; stored under (V) (A) */
	uint64_t pages;			/* of all pieces (V) */
	struct vm_store *store;		/* shown instead; NULL: none (V) */
};

/*
 * Opens the userfaultfd.  -EPERM, with a sentence that says what to allow;
 * -ENOSYS: the kernel or this table has none.
 */
VM_MUST_CHECK int vm_views_init(struct vm_views *views,
    const struct vm_pmap_ops *ops);
void vm_views_fini(struct vm_views *views);	/* no view, no mapping left */

/* pages pages, at hint if that is free (NULL: anywhere).  0, -ENOMEM. */
VM_MUST_CHECK int vm_view_init(struct vm_view *view, struct vm_views *views,
    void *hint, uint64_t pages);
void vm_view_fini(struct vm_view *view);	/* the addresses are gone */
/* From now on it has pages pages at least.  (V).  0, -ENOMEM. */
VM_MUST_CHECK int vm_view_extend(struct vm_view *view, uint64_t pages);

/* Where the page is; NULL: the view does not reach so far.  Needs no lock. */
char *vm_view_at(const struct vm_view *view, vm_pindex_t pindex);
/* Pages from there on that lie one behind the other: at least 1. */
uint64_t vm_view_run(const struct vm_view *view, vm_pindex_t pindex);

/*
 * All below: the slots of the pages are held exclusively.
 *
 * The pages appear with these bytes; with protect a write traps.  Pages that
 * are there already keep their bytes.  0, -ENOMEM: some may be there, drop
 * them.
 */
VM_MUST_CHECK int vm_view_fill(struct vm_view *view, vm_pindex_t pindex,
    unsigned count, const void *bytes, bool protect);
/* A write traps from now on, or does not. */
void vm_view_protect(struct vm_view *view, vm_pindex_t pindex,
    uint64_t count, bool on);
/* The pages of these ranges of memory disappear, all at once. */
void vm_views_drop(struct vm_views *views, struct iovec *ranges,
    unsigned count);
void vm_view_drop(struct vm_view *view, vm_pindex_t pindex, uint64_t count);

/*
 * The store appears at mapping->address, at least (mapping->address 0:
 * anywhere; fixed: there, in place of what is there), watched: a touch of a
 * page that is not in the store traps, and so does a write while it is
 * protected.  mapping says which pages; its pmap is set, and it is in the
 * store's list afterwards.  The caller protects what is resident before
 * anybody may write.  0, -ENOMEM, -ENOTSUP (kernel too old), with a sentence.
 */
VM_MUST_CHECK int vm_views_show(struct vm_views *views,
    struct vm_store *store, struct vm_mapping *mapping, bool fixed);
/* Out of the list, and the addresses are gone. */
void vm_views_hide(struct vm_views *views, struct vm_store *store,
    struct vm_mapping *mapping);

/*
 * The view's addresses show the store from now on, and the pages that were
 * there are gone.  (V), and no page of the object may be touched by the library
 * meanwhile.  0, or as vm_views_show, and then it is what it was.
 */
VM_MUST_CHECK int vm_view_turn(struct vm_view *view, struct vm_store *store);

#endif
