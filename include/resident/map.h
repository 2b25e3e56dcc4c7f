/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/map.h - objects at addresses of this process.
 *
 * A map shows pages of an object as memory.  A page that is not resident is
 * brought in when it is touched, by the thread that touches it; it counts
 * against the limit, and is evicted and written back like any other.  What is
 * written through a map is what vm_page_grab sees, and the other way round.
 *
 *	o.object = object;  o.prot = VM_PROT_READ | VM_PROT_WRITE;
 *	vm_map(vm, &o, &base);
 *	base[n]++;
 *	vm_sync(vm, base, length, VM_SYNC_WAIT);
 *	vm_unmap(vm, base, length);
 *
 * What is as with the kernel's own maps (mmap of POSIX and Linux): parts of
 * maps, holes, SIGSEGV for what is not allowed, SIGBUS for what cannot be
 * brought in (behind the object's end, or the read failed), private maps.
 *
 * What is not:
 *
 *	SIGBUS	The touch of a missing page is a SIGBUS that the library
 *		handles.  With the first map it puts a handler before the
 *		program's, which still gets what is not a map's.  A program
 *		that sets another one later has the library's no more, until
 *		the next vm_map puts it back.  The signal must not be blocked
 *		where maps are touched, and about 32 KiB of stack be left.
 *	calls	The kernel touches nothing for itself: a system call that is
 *		handed memory of a map fails with EFAULT where a page is
 *		missing, or is clean and would be written.  Wired pages are
 *		there to be read, by write(2) for instance; what is to be
 *		written by a call goes through a buffer, or resident/page.h.
 *	fork	A child does not have the maps: it gets SIGSEGV.
 *	holding	Do not touch a map of an object whose pages you hold (rule 4
 *		of the library: you would wait for yourself), nor from within
 *		a pager's own callbacks.
 *
 * An object that is mapped once, as a whole and with all rights it has, is in
 * a window, the fastest; a second map of it, of a part or with fewer rights,
 * moves it to a memory file, for good (VM_OBJECT_STORE starts there).
 *
 * Addresses are multiples of vm_page_bytes(); lengths are rounded up to it.
 * Every call sleeps.
 */
#ifndef RESIDENT_MAP_H
#define RESIDENT_MAP_H

#include <stddef.h>
#include <stdint.h>

#include <resident/memory.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_object;

/* What is written is seen by this map alone, and is never written to the
 * object; it goes to the swap file.  An object need not be writable for that.
 * Later changes of the object are seen or not, page by page, until the page is
 * touched here the first time, and again once it was evicted unwritten. */
#define VM_MAP_PRIVATE	0x1u
/* At the address given, or -EEXIST. */
#define VM_MAP_FIXED	0x2u

struct vm_map_options {
	size_t size_bytes;	/* of this: VM_MAP_OPTIONS_INIT */
	unsigned prot;		/* VM_PROT_READ, WRITE; 0: no access */
	unsigned flags;		/* VM_MAP_* */
	struct vm_object *object;
	uint64_t offset;	/* in the object; a multiple of the page */
	uint64_t length;	/* bytes; 0 or VM_LENGTH_ALL: to its end */
	void *address;		/* a wish; NULL: anywhere */
};

/* Read-only unless prot is set. */
#ifdef __cplusplus
#define VM_MAP_OPTIONS_INIT { sizeof(struct vm_map_options), VM_PROT_READ }
#else
#define VM_MAP_OPTIONS_INIT \
	{ .size_bytes = sizeof(struct vm_map_options), .prot = VM_PROT_READ }
#endif

/*
 * Shows the object at *out from now on.  It is not destroyed before it is
 * unmapped, nor is the source of a private map.  -EINVAL: options, alignment,
 * nothing to map, another system's object, EXEC; -ERANGE: beyond the object's
 * end; -EACCES: a shared map to WRITE of an object that is not writable;
 * -EEXIST: FIXED, and something is there; -ENOTSUP: a device, or pages that are
 * not the machine's; -EPERM, -ENOSYS: no userfaultfd, the sentence says what to
 * allow; -EBUSY: the object has to move to be mapped, and a page is held, wired
 * or lent; -ENOMEM; or what writing dirty pages of an object that moves met.
 * Then nothing has changed, but for where the object's bytes are.
 * (mmap; Mach's vm_map, FreeBSD's vm_map_find, NetBSD's uvm_map.)
 */
int vm_map(struct vm *vm, const struct vm_map_options *options, void **out);

/*
 * Nothing of [address, address + length) is mapped any more, whatever was; who
 * touches it gets SIGSEGV.  Dirty pages stay the object's; what only a private
 * map had is gone; wires end.  Addresses within a map are not used again before
 * the rest of it is unmapped.  -EINVAL (alignment, length 0 or too long);
 * -ENOMEM: a map falls in two, and nothing has changed; -EBUSY: a part of a map
 * whose object cannot move just now.  (munmap.)
 */
int vm_unmap(struct vm *vm, void *address, size_t length);

/* The range may be used so from now on.  -EINVAL; -ENOMEM: there are holes, or
 * no memory; -EACCES: as vm_map; -EBUSY: as vm_unmap.  Holes and rights are
 * looked for first; where it fails later a part may have changed.
 * (mprotect.) */
int vm_protect(struct vm *vm, void *address, size_t length, unsigned prot);

/*
 * Brings the pages in and keeps them resident until they are unwired or
 * unmapped, once however often it is called (mlock).  All, or none: -EINVAL;
 * -ENOMEM: holes, or beyond half of the limit; -ERANGE: beyond the object's
 * end; or what bringing them in met.
 */
int vm_wire(struct vm *vm, void *address, size_t length);
/* Ends that, where it is so (munlock).  -EINVAL, -ENOMEM: holes. */
int vm_unwire(struct vm *vm, void *address, size_t length);

enum vm_map_advice {
	VM_MADV_NORMAL,		/* of the whole object: vm_object_advise */
	VM_MADV_RANDOM,
	VM_MADV_SEQUENTIAL,
	VM_MADV_CYCLIC,
	VM_MADV_WILLNEED,	/* fetched, as far as memory is plenty */
	VM_MADV_DONTNEED,	/* shared: clean pages leave.  Private: what
				 * was written is given up, the object is
				 * seen again */
	VM_MADV_FREE,		/* private: as DONTNEED; shared maps of
				 * anonymous objects: zeros from now on */
	VM_MADV_COLD,		/* the first to go when memory is short */
	VM_MADV_PAGEOUT,	/* all leave, dirty pages once they are
				 * written */
	VM_MADV_VOLATILE,	/* as FREE, but page by page and only when
				 * memory is short; what is written again
				 * before that is kept (Linux's MADV_FREE) */
};
/* -EINVAL: no such advice, or FREE or VOLATILE of a shared map of a file;
 * -ENOMEM: holes; -EBUSY: DONTNEED of private pages, or FREE, where some are
 * wired; PAGEOUT: what the writes met.  (madvise.) */
int vm_advise(struct vm *vm, void *address, size_t length,
    enum vm_map_advice advice);

#define VM_SYNC_WAIT	0x1u	/* on stable storage before it returns */
#define VM_SYNC_ASYNC	0x2u	/* given to the pager */
#define VM_SYNC_INVALIDATE 0x4u	/* then clean pages leave: the next touch
				 * sees what others have written meanwhile */
/*
 * Dirty pages of shared maps are written, as vm_object_sync does; private maps
 * have nothing to write.  -EINVAL: WAIT and ASYNC together, no or other flags;
 * -ENOMEM: holes; -EBUSY: INVALIDATE, and some are wired; or what the writes
 * met.  Hold no page of the range.  (msync.)
 */
int vm_sync(struct vm *vm, void *address, size_t length, unsigned flags);

#define VM_RESIDENT_IN		0x1u	/* resident */
#define VM_RESIDENT_DIRTY	0x2u	/* and not written back */
#define VM_RESIDENT_WIRED	0x4u	/* and wired */
/* One byte for each page of the range, each true at some moment during the
 * call.  -EINVAL; -ENOMEM: holes, and nothing is said.  (mincore.) */
int vm_resident(struct vm *vm, void *address, size_t length,
    unsigned char *vector);

#ifdef __cplusplus
}
#endif

#endif
