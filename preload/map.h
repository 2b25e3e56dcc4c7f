/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/map.h - mmap, munmap, mremap, mprotect, msync and their like.
 *
 * A mapping that the server takes is made in this order, so that at no moment
 * a page can be touched that nobody fills:
 *
 *	reserve the address	(inaccessible, anonymous)
 *	MAP			the server enters the range
 *	map the store		inaccessible, over the reservation
 *	UFFDIO_REGISTER
 *	MAPPED			(TRACKED only)
 *	mprotect		to what the program asked for
 *
 * If the server passes, the reservation goes and the kernel gets the call as
 * it was.  With MAP_FIXED the old mapping is the reservation, unless a managed
 * range lies there: its place is taken by a real one first, so that the
 * server has left the old range before it enters the new.
 *
 * The store of a file that the program may only read comes read-only; a
 * shared read-only mapping cannot be registered, a private one shows the
 * same pages.
 *
 * Arguments and results are those of the system calls.
 */
#ifndef MAP_H
#define MAP_H

#include <stdint.h>
#include <sys/types.h>

#include "ranges.h"

struct vm_map_call {
	void *address;
	uint64_t length;	/* as the program gave it */
	int prot;
	int flags;
	int fd;
	int64_t offset;
};

long vm_shim_mmap(const struct vm_map_call *map);
long vm_shim_munmap(void *address, uint64_t length);

struct vm_remap_call {
	void *old;
	uint64_t old_length;
	uint64_t new_length;
	int flags;
	void *new;		/* with MREMAP_FIXED */
};

long vm_shim_mremap(const struct vm_remap_call *remap);

long vm_shim_mprotect(void *address, uint64_t length, int prot);
long vm_shim_msync(void *address, uint64_t length, int flags);
long vm_shim_madvise(void *address, uint64_t length, int advice);

/* flags: of mlock2, or -1 for mlock itself. */
long vm_shim_mlock(const void *address, uint64_t length, int flags);
long vm_shim_munlock(const void *address, uint64_t length);

/* The gate is held: writes dirty pages of [start, end) back, before something
 * takes its place; what it cannot do is not lost. */
void vm_map_leaving(uint64_t start, uint64_t end);

/* The gate is held, the kernel has done it: the table follows. */
void vm_map_left(uint64_t start, uint64_t end);

/* The gate is held: private parts of [start, end) become the kernel's, with
 * that protection; for what fork could not copy (inherit.h).  0 or -errno. */
int vm_map_let_go(uint64_t start, uint64_t end, int prot);

/* ADVISE, WIRE or UNWIRE for part of a range; argument is ADVISE's. */
struct vm_shim_range;
int vm_map_request(unsigned op, const struct vm_shim_range *part,
    int argument);

#endif
