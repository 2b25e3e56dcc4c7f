/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/space.h - other processes' memory, served from here.
 *
 * A space is the address space of a client process as its pager sees it: the
 * client's userfaultfd and the ranges of the client that show objects of
 * store home.  The client maps the object's memory file (vm_object_store_fd),
 * registers the range with its userfaultfd, and gives the descriptor to the
 * server, which enters the range here; from then on the system's fault
 * threads fill what the client touches.
 *
 * Kinds of range:
 *	VM_RANGE_READ	 never written through: registered for MISSING
 *	VM_RANGE_TRACKED shared and writable: registered for MISSING and WP;
 *			 a write to a clean page traps and makes it dirty
 *	VM_RANGE_ALIAS	 written only with bytes that the file has already:
 *			 MISSING; keeps resident pages in step with write(2)
 *	VM_RANGE_PRIVATE MAP_PRIVATE and writable: MISSING; copies are the
 *			 client's own anonymous memory
 *
 * Fork, mremap and munmap of the client arrive as events on the descriptor
 * (features EVENT_FORK, EVENT_REMAP, EVENT_UNMAP) and are followed.
 *
 * None of these functions waits for a page, for memory or for a disk, so they
 * may be called with pages held.  vm_space_destroy waits until the fault thread
 * has let go of the space: do not call it from a callback.
 */
#ifndef RESIDENT_SPACE_H
#define RESIDENT_SPACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_object;
struct vm_space;

enum vm_range_kind {
	VM_RANGE_READ,
	VM_RANGE_TRACKED,
	VM_RANGE_ALIAS,
	VM_RANGE_PRIVATE,
};

struct vm_space_options {
	size_t size_bytes;	/* of this structure */
	void *arg;		/* for the callbacks */
	/*
	 * The client forked: child is a new space with the same ranges, whose
	 * callbacks are the parent's until vm_space_set_arg; the callee owns
	 * it.  Called by a fault thread before the child can be served: be
	 * short, do not call back into the space.
	 */
	void (*forked)(void *arg, struct vm_space *parent,
	    struct vm_space *child);
	/* A fault could not be served: the client got SIGBUS there.  error:
	 * positive errno; text: the sentence. */
	void (*failed)(void *arg, struct vm_space *space, uint64_t address,
	    int error, const char *text);
};

/*
 * A space with no range yet.  The userfaultfd must be O_NONBLOCK and have been
 * set up (UFFDIO_API) with vm_space_features(), EVENT_FORK perhaps excepted; it
 * is duplicated.
 * -EINVAL, -ENOTTY (no userfaultfd), -ENOMEM, thread start.
 */
int vm_space_create(struct vm *vm, int uffd,
    const struct vm_space_options *options, struct vm_space **out);
void vm_space_set_arg(struct vm_space *space, void *arg);

/* UFFD_FEATURE_ bits that a client asks for with UFFDIO_API:
 * PAGEFAULT_FLAG_WP | EVENT_FORK | EVENT_REMAP | EVENT_UNMAP | MISSING_SHMEM |
 * THREAD_ID | WP_HUGETLBFS_SHMEM | WP_UNPOPULATED.  A client that may not have
 * EVENT_FORK (EPERM: it takes CAP_SYS_PTRACE) asks for the others, and keeps
 * what it registers from its children (MADV_DONTFORK). */
uint64_t vm_space_features(void);

/* A duplicate of the space's userfaultfd, close-on-exec; -errno. */
int vm_space_uffd(struct vm_space *space);

/*
 * The client's [address, address + length) shows the object from byte offset
 * on (all page multiples).  Entering comes before the client's own mmap and
 * registration, or at least before it lets its threads touch the range.
 * -EINVAL, -EEXIST (overlaps an entered range), -EACCES (TRACKED on a
 * read-only object), -ENOMEM.
 */
int vm_space_enter(struct vm_space *space, uint64_t address, uint64_t length,
    struct vm_object *object, uint64_t offset, enum vm_range_kind kind);

/* After the client's registration and before its first write: what is clean
 * and resident is write-protected in a TRACKED range. */
int vm_space_protect(struct vm_space *space, uint64_t address,
    uint64_t length);

/* READ becomes TRACKED for whole entered ranges within: the client has
 * registered them for WP, and protects next. */
int vm_space_track(struct vm_space *space, uint64_t address, uint64_t length);

/* The client is about to give the range up, or has: parts of ranges too. */
int vm_space_leave(struct vm_space *space, uint64_t address, uint64_t length);

/*
 * Between the two no client's thread writes to an anonymous object through a
 * TRACKED range of the space: who tries waits.  Reading goes on.  For a copy of
 * several objects as they are at one moment.  Freezes do not add up.
 */
void vm_space_freeze(struct vm_space *space);
void vm_space_thaw(struct vm_space *space);

/*
 * The client's page-table entries of [address, address + length) were there:
 * somebody has touched those pages since they came, or since the entries were
 * dropped last.  At the first such call after a page came nothing follows, for
 * that is how it came; from the second on it is used, and its policy learns of
 * that.  So who has the client drop its entries (MADV_DONTNEED of what it maps
 * shared), and looks at its pagemap later, makes up for the reference bits that
 * mapped pages do not have.  How many pages were marked; -EINVAL.
 */
int64_t vm_space_touched(struct vm_space *space, uint64_t address,
    uint64_t length);

/* Ranges entered now. */
unsigned vm_space_ranges(struct vm_space *space);

/* One entered range, as it is now. */
struct vm_range {
	uint64_t address;	/* bytes, page multiples */
	uint64_t length;
	uint64_t offset;	/* of address in the object */
	struct vm_object *object;
	enum vm_range_kind kind;
};

/* The entered range that holds address, or else the first one above it.
 * -ENOENT when there is none. */
int vm_space_find(struct vm_space *space, uint64_t address,
    struct vm_range *out);

/* Whether the client's memory still exists: 0 after exec or exit, once forked
 * has been told of all its children. */
int vm_space_alive(struct vm_space *space);

/* All ranges are left; faults being served are let go.  The client's
 * registrations stay with whoever else holds the userfaultfd. */
void vm_space_destroy(struct vm_space *space);

/*
 * The face of an object: one page of numbers and then one byte per page, in a
 * memory file that clients map read-only.
 */
struct vm_face {
	uint64_t magic;		/* VM_FACE_MAGIC */
	uint64_t length_bytes;	/* the object's length now (atomic) */
	uint64_t dirty_pages;	/* not yet with the pager (atomic) */
	uint32_t tracked;	/* nonzero: some range is or was TRACKED, so
				 * ALIAS ranges must not be written (atomic) */
	uint32_t pages_max;	/* bytes behind the first page of the face */
};
#define VM_FACE_MAGIC UINT64_C(0x31656361666d76)	/* "vmface1" */
/* The byte of page i is at this offset + i of the face: 0 when the page is
 * certainly absent, else resident or on its way. */
#define VM_FACE_PRESENCE_OFFSET 4096u

#ifdef __cplusplus
}
#endif

#endif
