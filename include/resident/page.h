/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/page.h - taking, using and releasing pages.
 *
 *	vm_page_grab --> held --vm_page_release--> evictable again
 *
 * A held page stays where it is.  VM_GRAB_READ holds it shared, together with
 * other readers; VM_GRAB_WRITE alone.  Do not hold pages for long: whoever
 * wants one of them the other way waits, and the daemon cannot evict it.  A
 * thread that grabs a page which it holds itself exclusively waits forever.
 */
#ifndef RESIDENT_PAGE_H
#define RESIDENT_PAGE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm_object;
struct vm_page;

#define VM_GRAB_READ	0x0u	/* shared */
#define VM_GRAB_WRITE	0x1u	/* exclusive; the object must be writable */
#define VM_GRAB_ZERO	0x2u	/* with WRITE: contents not wanted, zeroed and
				 * dirty; a miss reads nothing */
#define VM_GRAB_NOWAIT	0x4u	/* -EAGAIN instead of sleeping or reading */

/*
 * Who asks for memory (FreeBSD's classes: how far down the reserves a request
 * may go), and how.  One class; any of the others with it.
 */
#define VM_ALLOC_NORMAL		0x0u	/* stops at the reserve */
#define VM_ALLOC_SYSTEM		0x1u	/* needed to get on: into it */
#define VM_ALLOC_INTERRUPT	0x2u	/* must not fail: to the last page */
#define VM_ALLOC_ZERO		0x4u	/* the contents are zeros */
#define VM_ALLOC_WIRED		0x8u	/* wired once, counted as such */
#define VM_ALLOC_WAIT		0x10u	/* sleep until there is a page */

/*
 * The page at pindex (in pages), resident and held.  -ERANGE beyond the
 * object's end, -EACCES (WRITE on a read-only object), -EAGAIN (NOWAIT),
 * -ENOMEM (nothing could be freed within the bound), -EIO or what the pager
 * met.  Sleeps unless NOWAIT.
 */
int vm_page_grab(struct vm_object *object, uint64_t pindex, unsigned flags,
    struct vm_page **out);

/* The page's bytes, vm_page_bytes() of them; valid until release.  Pages
 * beyond a file's end are zeros there. */
void *vm_page_data(struct vm_page *page);

/* Bytes [offset, offset + length) were changed.  Exclusive holders only.
 * offset + length <= vm_page_bytes(). */
void vm_page_dirty(struct vm_page *page, uint32_t offset, uint32_t length);

void vm_page_release(struct vm_page *page);

/* The page's index in its object, while held. */
uint64_t vm_page_pindex(const struct vm_page *page);

#ifdef __cplusplus
}
#endif

#endif
