/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/window.h - pages, and memory of processes, made ready for transfers.
 *
 * A window shows held pages as one piece of memory, or as a list of pieces:
 * without a copy where that can be, with one where it must (NetBSD's
 * uvm_pagermapin).  A buffer is the same for memory that is no page: of this
 * process, pinned, or of another, copied (vmapbuf).
 *
 *	vm_page_grab_many(object, 8, 16, VM_GRAB_WRITE, pages, &got);
 *	vm_window_open(vm, pages, 16, VM_WINDOW_READ, &window);
 *	n = vm_window_iovec(window, &iov);
 *	moved = preadv(fd, iov, n, offset);
 *	vm_window_close(window, 16, moved);
 */
#ifndef RESIDENT_WINDOW_H
#define RESIDENT_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iovec;
struct vm;
struct vm_account;
struct vm_object;
struct vm_page;
struct vm_window;

#define VM_WINDOW_READ	0x1u	/* the transfer writes into the pages */
#define VM_WINDOW_WRITE	0x2u	/* it takes bytes out of them */
/* One address is wanted, if need be of a copy.  Without it a window of pages
 * that are not neighbours is a list only. */
#define VM_WINDOW_BOUNCE 0x4u

/* 256 pages, 1 MiB of 4 KiB pages. */
#define VM_WINDOW_PAGES_MAX 256u

/*
 * A window of count pages, in the order given, which the caller holds until it
 * is closed: to READ exclusively, else that is fatal; pages of his own
 * (vm_page_alloc) will do.  A copy is of the system's memory and reserve, and
 * has the bytes of the pages from the start, for either way.  -EINVAL (flags:
 * one of READ and WRITE; count); -ENOTSUP: a page has no bytes in this process,
 * or they do not start where a page can; -ENOMEM.  Never sleeps.
 */
int vm_window_open(struct vm *vm, struct vm_page **pages, unsigned count,
    unsigned flags, struct vm_window **out);
/*
 * Ends it, after the first moved bytes were transferred: where a READ went
 * through a copy these come into the pages, and what lies behind keeps what it
 * was.  Which bytes are valid or dirty now is the caller's to say.  -EINVAL:
 * count is not as it was opened with, or moved is more than the pages have; the
 * window is open still.  Never sleeps.  (uvm_pagermapout, which takes no part
 * of a window either.)
 */
int vm_window_close(struct vm_window *window, unsigned count,
    uint64_t moved_bytes);

/* The address of the bytes as one piece; NULL: they are several.  Good until
 * the window is closed. */
void *vm_window_base(const struct vm_window *window);
/* How many pieces they are, and where the list of them is. */
int vm_window_iovec(const struct vm_window *window, const struct iovec **iov);

/* The page that an open window of the system shows at an address, and where in
 * it; NULL: none does.  offset may be NULL.  As quick with ten thousand windows
 * as with one.  Never sleeps.  (uvm_pageratop.) */
struct vm_page *vm_window_page(struct vm *vm, const void *address,
    uint32_t *offset);

/*
 * Ends this process's own mapping of an object with VM_OBJECT_STORE, which
 * vm_page_data makes and which else stays as long as the object, for the sake
 * of its addresses; it comes again when it is needed.  How many bytes of
 * addresses that gave back, 0 for other objects; -EBUSY: a window shows a page
 * of it.  Waits for all its pages, of which the caller holds none.  (NetBSD's
 * ubc_purge.)
 */
int64_t vm_object_purge_windows(struct vm_object *object);

/* ---- buffers ------------------------------------------------------------- */

enum vm_direction {
	VM_BUFFER_READ,		/* the transfer writes into the memory */
	VM_BUFFER_WRITE,	/* it takes bytes out of it */
};

struct vm_buffer {
	size_t size_bytes;	/* of this structure: VM_BUFFER_INIT */
	/* Whose memory: 0 is this process.  Of another one that the caller may
	 * trace (process_vm_readv(2)). */
	int pid;
	enum vm_direction direction;
	uint64_t address;	/* in that process */
	uint64_t bytes;		/* not 0 */
	/* Between map and unmap: where the bytes are, else NULL. */
	void *data;
	int error;		/* of the last unmap: 0 or a negative errno */
};

#ifdef __cplusplus
#define VM_BUFFER_INIT { sizeof(struct vm_buffer) }
#else
#define VM_BUFFER_INIT { .size_bytes = sizeof(struct vm_buffer) }
#endif

/*
 * Makes the memory ready.  Of this process: it is pinned where it is, in whole
 * pages, which account, if given, is charged for as wired.  Of another: it gets
 * as much memory of the system, charged as bytes, with its bytes in it where
 * they are to be written.  -EINVAL, -EBUSY (it is mapped), -E2BIG (more than
 * 1024 pages, of another process), -ENOMEM, -EFAULT (no such memory), -ESRCH,
 * -EPERM: then the buffer is as it was.  Sleeps.
 */
int vm_buffer_map(struct vm *vm, struct vm_account *account,
    struct vm_buffer *buffer);
/*
 * Ends that, by any thread, after the first moved bytes were transferred: what
 * was read comes into the other process.  account: the same.  -EINVAL: moved is
 * more than bytes, and it is mapped still; else it is over, and what copying
 * met, -EFAULT or -ESRCH, is the result and in error.  A buffer that is not
 * mapped is fatal.  (vunmapbuf.)
 */
int vm_buffer_unmap(struct vm *vm, struct vm_account *account,
    struct vm_buffer *buffer, uint64_t moved_bytes);

#ifdef __cplusplus
}
#endif

#endif
