/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/frame.h - the memory behind pages: segments, runs, addresses.
 *
 * A system's frames lie in one or more segments.  Without further ado there is
 * one, of the system's own memory, as large as the limit; vm_options.segments
 * names others, with priorities, over the system's memory or the caller's.
 * Free frames are kept in blocks of 2^n neighbours, and so runs of neighbours
 * can be had, aligned, from chosen segments.
 *
 *	vm_options.boot --vm_boot_steal--> reserved, for good
 *	vm_frame_alloc --> loose pages in a row --vm_frame_free--> free
 *	                   loose page --vm_frame_retire--> retired, for good
 *
 * A loose page has no identity and is its owner's alone (resident/life.h); it
 * counts against the limit.
 */
#ifndef RESIDENT_FRAME_H
#define RESIDENT_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <resident/page.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_boot;

/* ---- segments ----------------------------------------------------------- */

/* 16 segments at most; a mask has a bit for each, bit 0 for the first. */
#define VM_SEGMENTS_MOST 16u

#define VM_SEGMENT_HUGE	0x1u	/* large pages are wanted behind it */

/* What a segment is to be; zero in all but bytes is a sensible one. */
struct vm_segment {
	const char *name;	/* 31 bytes of it are kept; NULL: "" */
	uint64_t bytes;		/* rounded to whole pages, inward */
	/* Memory of the caller, for as long as the system lives: never given
	 * back to the machine, and so the system has no objects with
	 * VM_OBJECT_STORE.  NULL: the system's own. */
	void *base;
	int priority;		/* ordinary requests: highest first */
	unsigned flags;		/* VM_SEGMENT_HUGE */
};

/* 11 sizes of blocks: 1 to 1024 pages. */
#define VM_FRAME_ORDERS 11u

/* What a segment is now; pages unless the name says bytes. */
struct vm_segment_info {
	size_t size_bytes;	/* set by the caller: VM_SEGMENT_INFO_INIT */
	char name[32];
	void *base;		/* of the first frame */
	uint64_t pages;		/* all; 0 where rounding left none */
	uint64_t free;		/* can be taken */
	uint64_t fresh;		/* of free: never taken so far */
	uint64_t zeroed;	/* of free: known to be zeros */
	uint64_t magazines;	/* of free: at hand for a processor */
	uint64_t reserved;	/* taken while the system was made */
	uint64_t retired;	/* taken out of use since */
	uint64_t blocks[VM_FRAME_ORDERS];	/* free blocks of 2^i pages */
	int priority;
};

#ifdef __cplusplus
#define VM_SEGMENT_INFO_INIT { sizeof(struct vm_segment_info) }
#else	/* named, so that -Wextra finds nothing missing */
#define VM_SEGMENT_INFO_INIT { .size_bytes = sizeof(struct vm_segment_info) }
#endif

/* How many segments there are. */
unsigned vm_frame_segments(const struct vm *vm);

/* A segment's figures, each true at some moment during the call.  -EINVAL: no
 * such segment, or size_bytes is not set.  Never sleeps. */
int vm_frame_info(struct vm *vm, unsigned segment,
    struct vm_segment_info *out);

/* Free pages of all segments that are known to be zeros (FreeBSD's
 * vm_page_zero_count). */
uint64_t vm_frame_zeroed(struct vm *vm);

/*
 * Gives memory behind free frames back to the machine, about bytes of it, what
 * is at hand for processors included; how many bytes it was.  Only the memory:
 * the limit stays.  (The constructed pages of NetBSD's pool caches, reclaimed.)
 */
uint64_t vm_frame_trim(struct vm *vm, uint64_t bytes);

/* ---- runs --------------------------------------------------------------- */

/* With VM_ALLOC_*: the count is rounded up to a power of two, as Mach does. */
#define VM_FRAME_ROUND	0x100u
/* count is 1, and a page of that colour is wanted, or one near it. */
#define VM_FRAME_COLOURED	0x200u

struct vm_frame_request {
	size_t size_bytes;	/* of this: VM_FRAME_REQUEST_INIT */
	uint32_t count;		/* pages, 1 to 1024 */
	unsigned flags;		/* VM_ALLOC_*, VM_FRAME_* */
	/* The first page's address is a multiple of it: a power of two, 1024
	 * pages at most; 0: of a page. */
	uint64_t align_bytes;
	/* No multiple of it is inside: a power of two; 0: no matter. */
	uint64_t boundary_bytes;
	uint32_t segments;	/* which may serve, a mask; 0: all */
	uint32_t colour;	/* with VM_FRAME_COLOURED, modulo the colours */
};

#ifdef __cplusplus
#define VM_FRAME_REQUEST_INIT { sizeof(struct vm_frame_request) }
#else
#define VM_FRAME_REQUEST_INIT { .size_bytes = sizeof(struct vm_frame_request) }
#endif

struct vm_frame_run {
	struct vm_page *first;
	uint32_t count;		/* pages */
};

/*
 * Loose pages whose bytes are one range: exactly count of them.  Where the free
 * ones are scattered, pages that are idle are moved out of the way.  -EINVAL;
 * -ENOMEM: this class gets not so many, or pages that cannot move lie between
 * them, or with VM_ALLOC_WIRED half of the limit is wired.
 * Sleeps with VM_ALLOC_WAIT only, within the system's bound.  (Mach's
 * vm_page_grab_contig.)
 */
int vm_frame_alloc(struct vm *vm, const struct vm_frame_request *request,
    struct vm_frame_run *out);
/* Frees a run, or any part of one, with its wires.  Pages that are not loose
 * are a fatal error.  Never sleeps. */
void vm_frame_free(struct vm *vm, const struct vm_frame_run *run);

/* Page i of a run, from 0; NULL beyond its end. */
struct vm_page *vm_frame_at(const struct vm_frame_run *run, uint32_t i);

/* ---- addresses ---------------------------------------------------------- */

/*
 * Where a page's frame is: of a page that is somebody's and has its bytes
 * there.  NULL: it has no frame (fictitious), or its bytes are elsewhere
 * (private, or in a store).  (NetBSD's uvm_vm_page_to_phys.)
 */
void *vm_frame_address(const struct vm_page *page);
/* The page that an address is in, whatever is in it now; NULL: it is in no
 * frame.  (NetBSD's uvm_phys_to_vm_page, FreeBSD's PHYS_TO_VM_PAGE.) */
struct vm_page *vm_frame_page(const struct vm *vm, const void *address);

/*
 * Takes a loose page out of use for good; the limit is one page smaller.  What
 * to do with bad memory.  -EBUSY while it is held or lent, -EINVAL when it is
 * not loose or the limit would be below 16 pages.
 */
int vm_frame_retire(struct vm *vm, struct vm_page *page);

/* ---- boot --------------------------------------------------------------- */

/*
 * Inside vm_options.boot only: bytes of memory for good, aligned to 16, from
 * the front of the first segment; whole pages, and pieces of what is left of
 * the last one.  They are not of the limit any more.  -ENOMEM: more than there
 * is; -EINVAL: 0 bytes, or boot is over.  (Mach's pmap_steal_memory.)
 */
int vm_boot_steal(struct vm_boot *boot, uint64_t bytes, void **memory);
/* What of that segment is left: page aligned; stealing moves start alone.
 * -EINVAL: boot is over.  (Mach's pmap_virtual_space.) */
int vm_boot_window(struct vm_boot *boot, void **start, void **end);

#ifdef __cplusplus
}
#endif

#endif
