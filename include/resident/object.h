/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/object.h - sequences of pages with a pager behind them.
 *
 * An object's page i is the identity (object, i).  Its bytes have a home:
 *
 *	pool	(default) in a frame of the system's arena: for access through
 *		vm_page_grab, no page table work on a hit, a miss or an
 *		eviction
 *	window	(while vm_map shows it, resident/map.h) in private memory of
 *		this process: a page that is not there is brought in by who
 *		touches it
 *	store	(VM_OBJECT_STORE) in a memory file that any number of spaces
 *		map: for programs that touch memory instead of calling
 *
 * Durability: vm_object_sync returns 0 only when every byte that was dirty at
 * its start is on stable storage.  A failed write leaves the page dirty and
 * resident; the error is reported by each sync until a later write of that
 * page succeeds.
 */
#ifndef RESIDENT_OBJECT_H
#define RESIDENT_OBJECT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_object;

#define VM_OBJECT_WRITABLE	0x1u	/* pages may be dirtied, written back */
#define VM_OBJECT_STORE		0x2u	/* bytes in a memory file */

/* To the end. */
#define VM_LENGTH_ALL UINT64_MAX

/*
 * The bytes [offset, offset + length) of a file.  offset: a multiple of the
 * page size.  fd must be readable, and writable with VM_OBJECT_WRITABLE; it
 * is duplicated, the caller may close it.  VM_LENGTH_ALL: to the end of the
 * file.  An object never makes its file longer, so with WRITABLE it cannot be
 * longer than the file is (-EINVAL): ftruncate comes first.  A read-only one
 * can, and its pages there are -ERANGE.  When others cut the file later, what
 * is dirty behind its new end is dropped, as with the kernel's own maps.
 * -EINVAL, -EBADF, -ENODEV (no regular file), -EACCES, -ENOMEM, -EMFILE.
 */
int vm_object_create_file(struct vm *vm, int fd, uint64_t offset,
    uint64_t length, unsigned flags, struct vm_object **out);

/* Zeros at first; paged to the system's swap file.  Always writable.  -EINVAL
 * (length, flags), -ENOMEM, -EMFILE. */
int vm_object_create_anon(struct vm *vm, uint64_t length, unsigned flags,
    struct vm_object **out);

/*
 * A new anonymous object, flags as above, with the bytes of one that is
 * anonymous: each page as it is when its turn comes, resident or swapped out.
 * Who wants all of them as they are at one moment keeps writers away meanwhile
 * (vm_space_freeze).  Like Mach's vm_object_copy_slowly it copies at once; what
 * nobody has written, and zeros, take no memory.  -ENOTSUP: source is not
 * anonymous; -EINVAL (flags), -ENOMEM, -EMFILE, or what bringing a page in met.
 * Hold no page of it exclusively.  Sleeps.
 */
int vm_object_clone(struct vm_object *source, unsigned flags,
    struct vm_object **out);

/*
 * Ends an object: no page of it may be wired and no space may map it (-EBUSY);
 * who holds a page is waited for.  Dirty pages of a file are written first,
 * not synced; when that fails the error is returned, the object stays as it
 * is, and vm_object_discard_dirty drops its pages, dirty or not, knowingly.
 * Hold no page of it.  Both sleep.
 */
int vm_object_destroy(struct vm_object *object);
int vm_object_discard_dirty(struct vm_object *object);

/* Dirty pages of [offset, offset + length) bytes go to the pager (flush), and
 * from there to stable storage (sync).  A flush of the whole object (0 and
 * VM_LENGTH_ALL) passes over pages that vm_page_set_nosync
 * (resident/content.h) excepts.  0, or what the writes met; -EINVAL (range).
 * Hold no page of the range but clean ones, shared.  Sleeps. */
int vm_object_flush(struct vm_object *object, uint64_t offset,
    uint64_t length);
int vm_object_sync(struct vm_object *object, uint64_t offset,
    uint64_t length);

/* Fetches pages ahead of need, as far as memory is plenty, and waits for the
 * reads, whose errors are left to whoever grabs the pages.  -EINVAL (range),
 * -ENOMEM (no buffers).  Sleeps. */
int vm_object_prefetch(struct vm_object *object, uint64_t offset,
    uint64_t length);

/* Pins the pages of a byte range, for no account: resident until unwired as
 * often.  All of them, or none: -ENOMEM (beyond half of the limit), -EAGAIN
 * (65,535 times), -EINVAL, or what bringing them in met.  Unwiring passes over
 * pages that are not wired.  Both sleep. */
int vm_object_wire(struct vm_object *object, uint64_t offset,
    uint64_t length);
int vm_object_unwire(struct vm_object *object, uint64_t offset,
    uint64_t length);

enum vm_advice {
	/* Of the whole object, from now on: */
	VM_ADVICE_NORMAL,	/* read-ahead as the misses suggest */
	VM_ADVICE_RANDOM,	/* single pages */
	VM_ADVICE_SEQUENTIAL,	/* largest read-ahead at once */
	VM_ADVICE_CYCLIC,	/* the same; and of an object that has reached
				 * its high (vm_object_set_limits) the newest
				 * pages go: a loop that is larger finds the
				 * rest again each time */
	/* Of pages as they are now: */
	VM_ADVICE_WILLNEED,	/* as vm_object_prefetch */
	VM_ADVICE_COLD,		/* the first to go when memory is short */
	VM_ADVICE_DONTNEED,	/* clean ones leave, dirty ones are cold */
	VM_ADVICE_PAGEOUT,	/* all leave, dirty ones once they are
				 * written */
	VM_ADVICE_FREE,		/* zeros from now on; anonymous objects */
	VM_ADVICE_VOLATILE,	/* may become zeros, page by page, instead of
				 * being written; a page that is written again
				 * while it is there is kept as any other;
				 * anonymous objects */
};
/*
 * What its user knows of the object.  0; -EINVAL: no such advice; -ENOTSUP:
 * FREE and VOLATILE of an object whose bytes others see; -EBUSY: FREE, and a
 * page is wired; PAGEOUT: what the writes met.  WILLNEED, PAGEOUT, FREE and
 * VOLATILE sleep; hold no page of the range, for the last two wait for it, and
 * the others pass over pages that somebody has.  (madvise of Linux; Mach's
 * volatile objects.)
 */
int vm_object_advise(struct vm_object *object, enum vm_advice advice);
/* The same of [offset, offset + length) bytes, where it is of pages: of those
 * that lie in the range as a whole for FREE and VOLATILE, else of all that it
 * touches.  -EINVAL (range). */
int vm_object_advise_range(struct vm_object *object, uint64_t offset,
    uint64_t length, enum vm_advice advice);

/* ---- for servers: keeping an object and its file in step --------------- */

/* A second descriptor of the same file, open for writing: from now on pages
 * may be dirtied.  It is duplicated.  -EINVAL: another file, or the object is
 * longer than it; -EACCES: not open for writing; -ENOTSUP: the object has no
 * file. */
int vm_object_set_writable(struct vm_object *object, int fd);

/* The object ends at length bytes: grows (zeros or the file's new bytes), or
 * shrinks (pages beyond are dropped, dirty or not).  The file is the caller's
 * to change: after this to shrink, before it to grow.  -EINVAL: no file can be
 * so long, or the object is writable and its file is not so long; -EBUSY: a
 * page beyond is wired; -ENOMEM.  Hold no page of the object.  Sleeps. */
int vm_object_resize(struct vm_object *object, uint64_t length);
uint64_t vm_object_length(const struct vm_object *object);

/*
 * The file's bytes [offset, offset + length) are about to be changed behind
 * the object's back: its resident pages there are held, and nobody fetches or
 * cleans one there until write_end, which takes the file's new bytes over
 * into resident pages and makes the object reach as far as the write did.  The
 * first written bytes of the range are taken over (0 when the change failed):
 * bytes behind them and outside the range stay as they are, dirty ones too.
 * Calls pair up; ranges of different callers wait for each other.  In between
 * the caller touches no page of the range.  -ENOTSUP: no file; -EINVAL;
 * -ENOMEM, or what reading the file met.  Both sleep.
 */
int vm_object_write_begin(struct vm_object *object, uint64_t offset,
    uint64_t length);
int vm_object_write_end(struct vm_object *object, uint64_t offset,
    uint64_t length, uint64_t written);

/* All clean pages that nobody holds or wired are dropped: the next access reads
 * the file.  Waits for nobody. */
int vm_object_forget(struct vm_object *object);

/* Descriptors of the memory file and of its face (resident/space.h), for
 * sending to a client: the caller closes them.  -ENOTSUP: no store; or what
 * opening them gave. */
int vm_object_store_fd(struct vm_object *object, int writable);
int vm_object_face_fd(struct vm_object *object);

/* Each true at some moment during the call. */
struct vm_object_stat {
	uint64_t length_bytes;
	uint64_t resident_pages;
	uint64_t dirty_pages;
	uint64_t wired_pages;
	uint64_t write_errors;	/* write-backs that failed, in all */
	uint64_t ranges;	/* of spaces that show the object now */
};
void vm_object_stat(struct vm_object *object, struct vm_object_stat *out);

#ifdef __cplusplus
}
#endif

#endif
