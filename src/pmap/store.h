/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pmap/store.h - the store home: pages in a memory file that others map.
 *
 * Page i of the object is at offset i of the file.  Writing the bytes in makes
 * the page appear in every mapping at its next touch (the kernel copies a whole
 * folio at a time, nobody sees half a page); punching the page out unmaps it
 * everywhere at once.
 *
 * The rule that keeps writes: **a page that is clean has no mapping through
 * which it can be written without trapping.**  So the fill protects the page
 * in every TRACKED mapping *before* the bytes go in (the marks hold on absent
 * pages), and the laundry protects before it reads the bytes for the pager.
 * Both must know all mappings: see pmap/uffd.h for forks, and note that the
 * list's generation is compared at the end, because a mapping that was added
 * meanwhile may have missed us.  A mapping that is added protects all that is
 * there before its client may write (vm_space_protect).  Protecting a dirty
 * page is harmless: one more fault.
 *
 * The callers hold the slots of the pages exclusively, so nobody else fills,
 * cleans or drops the same page.
 */
#ifndef PMAP_STORE_H
#define PMAP_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "page/page.h"
#include "pmap/uffd.h"

struct vm_os;
struct vm_face;
struct vm_counters;

/* One mapping of a store in one client. */
struct vm_mapping {
	struct vm_node link;	/* in the store's list (S) */
	uint64_t id;		/* ascending along the list (C) */
	struct vm_pmap *pmap;	/* (C) */
	uint64_t address;	/* (S) */
	vm_pindex_t pindex;	/* shown at address (S) */
	uint64_t pages;		/* (S) */
	bool tracked;		/* written through: write faults trap (S) */
};

/* 34 pieces: from the second on each is as large as all before it, and one page
 * doubled 32 times is the largest object. */
#define VM_STORE_VIEWS 34

struct vm_store_view {
	char *base;
	uint64_t bytes;
};

struct vm_store {
	const struct vm_os *os;	/* (C) */
	struct vm_counters *counters;	/* (C) */
	int fd;			/* the memory file (C) */
	int face_fd;		/* (C) */
	struct vm_face *face;	/* shared with clients (A) */
	size_t face_bytes;	/* mapped (C) */
	uint32_t page_bytes;	/* (C) */
	/* Our own mapping, made when asked for, one piece behind the other. */
	struct vm_store_view view[VM_STORE_VIEWS];	/* (S) */
	unsigned view_count;	/* (S) */
	uint64_t view_bytes;	/* of all pieces (S) */
	struct vm_lock lock;	/* rank PMAP (S) */
	struct vm_list mappings;	/* struct vm_mapping, by id (S) */
	uint64_t next_id;	/* (S) */
	uint64_t generation;	/* changes of the list (S) */
	_Atomic uint32_t tracked;	/* tracked mappings (A) */
	_Atomic uint32_t count;	/* all mappings (A) */
};

VM_MUST_CHECK int vm_store_init(struct vm_store *store,
    const struct vm_os *os, uint32_t page_bytes, uint64_t length);
void vm_store_fini(struct vm_store *store);	/* no mapping left */
/* Clients that touch pages beyond the new length get SIGBUS. */
VM_MUST_CHECK int vm_store_resize(struct vm_store *store, uint64_t length);

void vm_store_add(struct vm_store *store, struct vm_mapping *mapping);
void vm_store_remove(struct vm_store *store, struct vm_mapping *mapping);
/* The part of a mapping that is left, or where it is now. */
void vm_store_change(struct vm_store *store, struct vm_mapping *mapping,
    uint64_t address, vm_pindex_t pindex, uint64_t pages);
void vm_store_track(struct vm_store *store, struct vm_mapping *mapping);

/* Protects pages in all tracked mappings.  Sleeps; hold no lock. */
void vm_store_protect(struct vm_store *store, vm_pindex_t pindex,
    uint64_t count);

/* The pages appear, clean, with these bytes.  0, -ENOMEM, -EFBIG.  Sleeps. */
VM_MUST_CHECK int vm_store_fill(struct vm_store *store, vm_pindex_t pindex,
    unsigned count, const void *bytes);
/* Bytes of a present page change, mapped as it is. */
VM_MUST_CHECK int vm_store_write(struct vm_store *store, uint64_t offset,
    const void *bytes, size_t length);
VM_MUST_CHECK int vm_store_read(struct vm_store *store, vm_pindex_t pindex,
    unsigned count, void *bytes);
/* The pages disappear. */
void vm_store_drop(struct vm_store *store, vm_pindex_t pindex,
    uint64_t count);

/* The presence bytes: set before the file is read, cleared after a drop. */
void vm_store_mark(struct vm_store *store, vm_pindex_t pindex,
    uint64_t count, bool present);
/* Whether the page, which is there, was noted before; it is from now on, until
 * it is marked anew.  (Pages in limbo: pageout/limbo.h.) */
bool vm_store_note(struct vm_store *store, vm_pindex_t pindex);
void vm_store_count_dirty(struct vm_store *store, int64_t change);

/* The page's bytes in this process: valid while its slot is held. */
VM_MUST_CHECK int vm_store_view(struct vm_store *store, vm_pindex_t pindex,
    void **out);
/* Ends our own mapping until it is asked for again; how many bytes it was.  The
 * slots of all resident pages are held by the caller. */
uint64_t vm_store_unview(struct vm_store *store);

#endif
