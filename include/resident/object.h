/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/object.h - sequences of pages with a pager behind them.
 *
 * An object's page i is the identity (object, i).  Its bytes have a home:
 *
 *	pool	(default) in a frame of the system's arena: for access through
 *		vm_page_grab, no page table work on a hit, a miss or an
 *		eviction
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
 * file.  -EINVAL, -EACCES, -ENOMEM, -EMFILE.
 */
int vm_object_create_file(struct vm *vm, int fd, uint64_t offset,
    uint64_t length, unsigned flags, struct vm_object **out);

/* Zeros at first; paged to the system's swap file.  Always writable. */
int vm_object_create_anon(struct vm *vm, uint64_t length, unsigned flags,
    struct vm_object **out);

/*
 * Ends an object: no page of it may be wired and no space may map it (-EBUSY);
 * who holds a page is waited for.  Dirty pages of a file are written first;
 * when that fails the error is returned, the object stays as it is, and
 * vm_object_discard_dirty lets go of the bytes knowingly.  Sleeps.
 */
int vm_object_destroy(struct vm_object *object);
int vm_object_discard_dirty(struct vm_object *object);

/* Dirty pages of [offset, offset + length) bytes go to the pager (flush), and
 * from there to stable storage (sync).  A flush of the whole object (0 and
 * VM_LENGTH_ALL) passes over pages that vm_page_set_nosync
 * (resident/content.h) excepts.  Sleeps. */
int vm_object_flush(struct vm_object *object, uint64_t offset,
    uint64_t length);
int vm_object_sync(struct vm_object *object, uint64_t offset,
    uint64_t length);

/* Fetches pages ahead of need, as far as memory allows without evicting much;
 * errors are left to whoever grabs the pages. */
int vm_object_prefetch(struct vm_object *object, uint64_t offset,
    uint64_t length);

/* Pins the pages of a byte range: resident until unwired as often.  -ENOMEM
 * beyond half of the limit.  Sleeps. */
int vm_object_wire(struct vm_object *object, uint64_t offset,
    uint64_t length);
int vm_object_unwire(struct vm_object *object, uint64_t offset,
    uint64_t length);

enum vm_advice {
	VM_ADVICE_NORMAL,	/* read-ahead as the misses suggest */
	VM_ADVICE_RANDOM,	/* single pages */
	VM_ADVICE_SEQUENTIAL,	/* largest read-ahead at once */
};
int vm_object_advise(struct vm_object *object, enum vm_advice advice);

/* ---- for servers: keeping an object and its file in step --------------- */

/* A second descriptor of the same file, open for writing: from now on pages
 * may be dirtied.  -EINVAL: another file. */
int vm_object_set_writable(struct vm_object *object, int fd);

/* The object ends at length bytes: grows (zeros or the file's new bytes), or
 * shrinks (pages beyond are dropped, dirty or not).  Sleeps. */
int vm_object_resize(struct vm_object *object, uint64_t length);
uint64_t vm_object_length(const struct vm_object *object);

/*
 * The file's bytes [offset, offset + length) are about to be changed behind
 * the object's back: its resident pages there are held, and nobody fetches or
 * cleans one there until write_end, which takes the file's new bytes over
 * into resident pages and follows the file's length when it grew.  Only the
 * first written bytes of the range are taken over (0 when the change failed):
 * bytes behind them and outside the range stay as they are, dirty ones too.
 * Calls pair up; ranges of different callers wait for each other.  Sleeps.
 */
int vm_object_write_begin(struct vm_object *object, uint64_t offset,
    uint64_t length);
int vm_object_write_end(struct vm_object *object, uint64_t offset,
    uint64_t length, uint64_t written);

/* All clean pages that nobody holds or wired are dropped: the next access reads
 * the file. */
int vm_object_forget(struct vm_object *object);

/* Descriptors of the memory file and of its face (resident/space.h), for
 * sending to a client: the caller closes them.  Store home only. */
int vm_object_store_fd(struct vm_object *object, int writable);
int vm_object_face_fd(struct vm_object *object);

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
