/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/look.h - seeing which pages are there, without touching them.
 *
 * What is seen may be otherwise at once: a page that is not held may be gone or
 * another's.  Descriptors stay where they are, so looking at one is harmless.
 * No look counts as a use (FreeBSD's vm_page_lookup turns its tree, NetBSD's
 * moves the page in its list; Mach's does neither); vm_look_touch does.
 */
#ifndef OBJECT_LOOK_H
#define OBJECT_LOOK_H

#include "base/compiler.h"
#include "object/object.h"

/* The page, held or not; NULL when none is resident. */
struct vm_page *vm_look_page(struct vm_object *object, vm_pindex_t pindex);
/* The page was used. */
void vm_look_touch(struct vm_page *page);

/* The next page from *pindex on, the last one up to *pindex, which follows. */
struct vm_page *vm_look_next(struct vm_object *object, vm_pindex_t *pindex);
struct vm_page *vm_look_prev(struct vm_object *object, vm_pindex_t *pindex);

/* Resident pages of [first, end) in ascending order, max of them at most. */
unsigned vm_look_range(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end, struct vm_page **pages, unsigned max);

/* vec[i]: 1 when page first + i is resident, else 0.  How many are. */
uint64_t vm_look_resident(struct vm_object *object, vm_pindex_t first,
    uint64_t count, unsigned char *vec);

/*
 * Until who is in the slot has left, once, for timeout_ns at most; with
 * shared_suffices, until he holds it shared.  The page counts as used by who
 * waits for it.  0: there was nothing to wait for; 1: look again; -ETIMEDOUT.
 */
VM_MUST_CHECK int vm_look_wait(struct vm_object *object, vm_pindex_t pindex,
    bool shared_suffices, uint64_t timeout_ns);

#endif
