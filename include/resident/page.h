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
 *
 *	nobody --grab READ--> shared 1 <--share, release--> shared n
 *	nobody --grab WRITE--> exclusive --downgrade--> shared 1
 *	shared 1 --try_upgrade--> exclusive
 *
 * This is FreeBSD's PG_BUSY (exclusive) and busy count (shared).  What pages
 * are besides held is in resident/life.h.
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
#define VM_GRAB_WIRED	0x8u	/* and wired once: vm_page_unwire */
#define VM_GRAB_NOREAD	0x10u	/* with WRITE: contents are not brought in; a
				 * new page is valid nowhere, its bytes are
				 * undefined, and the caller says which ones he
				 * brought (vm_page_set_valid), or they are read
				 * by the next grab.  Objects with
				 * VM_OBJECT_STORE are read all the same */
#define VM_GRAB_SYSTEM	0x20u	/* as VM_ALLOC_SYSTEM */
#define VM_GRAB_INTERRUPT	0x40u
#define VM_GRAB_ONCE	0x80u	/* -EAGAIN after the first sleep (FreeBSD's
				 * vm_page_grab without VM_ALLOC_RETRY) */
#define VM_GRAB_OVERWRITE	0x100u	/* with WRITE: the caller overwrites
				 * all of the page before he releases it, which
				 * is valid and dirty from now on, whatever is
				 * in it.  A miss reads nothing and a page that
				 * is lent is not copied (FreeBSD's
				 * so_zerocp_fullpage, but for this call).
				 * Objects with VM_OBJECT_STORE are read all
				 * the same */

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
 * The page at pindex (in pages), resident and held.  Unless ZERO or NOREAD
 * says otherwise all of it is valid: what was not is read, what was valid or
 * dirty before keeps its bytes.  -ERANGE beyond the object's end, -EACCES
 * (WRITE on a read-only object), -EAGAIN (NOWAIT, ONCE, wired 65,535 times, or
 * a pager without room for as long as calls may wait), -ENOMEM (nothing could
 * be freed within the bound, or half of the limit is wired), -EINVAL (flags),
 * -EIO or what the pager met, -EBUSY (WIRED, and somebody borrowed it in the
 * same moment: once more).  A page that is lent (resident/loan.h) is copied
 * when it is grabbed with WRITE or WIRED.  Sleeps unless NOWAIT.
 */
int vm_page_grab(struct vm_object *object, uint64_t pindex, unsigned flags,
    struct vm_page **out);

/* Pages at once at most: 1 MiB of 4 KiB pages. */
#define VM_GRAB_MANY_MAX 256u

/*
 * The count pages from pindex on, all reads at the same time: all are held, or
 * none and the error of one of them is returned; -ENOMEM also when memory is
 * too short for all of them together.  With NOWAIT as many from the front as
 * can be had at once, at least one.  *got says how many it were.  Waits for no
 * page while it holds another, so any ranges may be grabbed by any threads
 * that hold nothing else.  -EINVAL: count is 0 or above VM_GRAB_MANY_MAX, or
 * ONCE.  Sleeps unless NOWAIT.
 */
int vm_page_grab_many(struct vm_object *object, uint64_t pindex,
    unsigned count, unsigned flags, struct vm_page **pages, unsigned *got);
/* Ends the hold of each; NULL entries are passed over (NetBSD's
 * uvm_page_unbusy). */
void vm_page_release_many(struct vm_page **pages, unsigned count);

/*
 * The same, and their bytes are one range of memory from vm_page_data(pages[0])
 * on: pages that are elsewhere move, whatever is in them.  So many frames must
 * be free besides.  -EBUSY: one of those is wired, held or lent; -ENOTSUP: of
 * VM_OBJECT_STORE or a device; -ENOMEM: there are not so many frames together.
 * (FreeBSD's contiguous allocation, for who hands the pages to hardware or to
 * one system call.)
 */
int vm_page_grab_contig(struct vm_object *object, uint64_t pindex,
    unsigned count, unsigned flags, struct vm_page **pages);

/* Which two, in any order; the same twice is held once. */
struct vm_page_pair {
	struct vm_object *object[2];
	uint64_t pindex[2];
	unsigned flags;		/* VM_GRAB_*, of both */
	struct vm_page *page[2];	/* the result */
};
/* Two pages: threads that each grab pairs by this call alone never wait for
 * each other for ever (NetBSD's uvm_pagelock2).  Both or none; errors as
 * vm_page_grab.  Sleeps unless NOWAIT. */
int vm_page_grab_pair(struct vm_page_pair *pair);
void vm_page_release_pair(struct vm_page_pair *pair);

/* The page's bytes, vm_system_page_bytes() of them; valid until release.
 * Behind the object's end they are zeros.  NULL: a page without a frame, or of
 * a store that cannot be mapped. */
void *vm_page_data(struct vm_page *page);

/* Bytes [offset, offset + length) were changed.  Exclusive holders only, of
 * pages of writable objects; or owners of loose ones.  Not said, it is lost;
 * but where vm_map shows the object, a grab to write says it of the page.
 * offset + length <= vm_system_page_bytes().  Never sleeps. */
void vm_page_dirty(struct vm_page *page, uint32_t offset, uint32_t length);

/* Ends one hold.  The page has an identity. */
void vm_page_release(struct vm_page *page);

/* The page's index in its object, while held. */
uint64_t vm_page_pindex(const struct vm_page *page);
/* And its object; NULL: it has no identity. */
struct vm_object *vm_page_object(const struct vm_page *page);

/* ---- busy ---------------------------------------------------------------- */

/* From exclusive to shared: readers who wait come in.  Never sleeps. */
void vm_page_downgrade(struct vm_page *page);
/* From shared to exclusive: 0; -EAGAIN when others share it, -EACCES when its
 * object is read-only, -EBUSY when it is lent; then it is shared as before.
 * Never sleeps. */
int vm_page_try_upgrade(struct vm_page *page);
/* One more shared hold, by a holder of one: each is released by itself, by any
 * thread (FreeBSD's vm_page_io_start).  -EAGAIN beyond 8,191.  Never sleeps. */
int vm_page_share(struct vm_page *page);
/* How many share it; -1 exclusive; 0 nobody.  Changes at any time, but for
 * what the caller holds. */
int vm_page_busied(const struct vm_page *page);
/* Wakes all who wait for the page, which the caller holds: they look again and
 * go on waiting (FreeBSD's vm_page_flash). */
void vm_page_flash(struct vm_page *page);

#define VM_WAIT_EXCL	0x1u	/* while it is held exclusively */
#define VM_WAIT_SHARED	0x2u	/* and while it is shared */
#define VM_WAIT_FOREVER	UINT64_MAX

/*
 * Sleeps once, while the page at pindex is held as flags say, for timeout_ns
 * at most.  0: it was not, and we did not sleep.  1: we did, or nearly: what
 * was known of the page is not any more, look again, it may be held anew or
 * gone.  -ETIMEDOUT, -EINVAL (flags).  Waiting counts as a use of the page.
 * (FreeBSD's vm_page_sleep_busy, NetBSD's uvm_pagewait.)
 */
int vm_page_wait(struct vm_object *object, uint64_t pindex, unsigned flags,
    uint64_t timeout_ns);

#ifdef __cplusplus
}
#endif

#endif
