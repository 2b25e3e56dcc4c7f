/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pmap/uffd.h - one client address space, through its userfaultfd.
 *
 * The kernel raises an event for each fault in a registered range and for
 * fork, mremap and munmap; ioctls on the descriptor change what the client
 * sees.  While one of the latter three waits to be read, the kernel refuses
 * ioctls with EAGAIN (mmap_changing): that is what makes it possible to say
 * "every mapping of this page is write-protected", for a fork that the server
 * has not heard of cannot have happened yet.  It holds because events are read
 * and applied under the same lock (events) that an ioctl takes:
 *
 *	fork begins: ioctls get EAGAIN	   ... so nobody goes on before
 *	event read AND applied under the lock: the child's mapping is known
 *	ioctl: succeeds, and the caller sees that the list of mappings changed
 *
 * Whoever meets EAGAIN calls drain, whatever thread it is, and starts over.
 * The ioctls go through a table, so that a fake can stand in for the kernel.
 */
#ifndef PMAP_UFFD_H
#define PMAP_UFFD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/lock.h"

struct vm_pmap;

struct vm_pmap_event {
	enum vm_pmap_event_kind {
		VM_PMAP_FAULT,
		VM_PMAP_FORK,
		VM_PMAP_REMAP,
		VM_PMAP_UNMAP,
	} kind;
	uint64_t address;	/* fault, first byte; old place of a remap */
	uint64_t to;		/* remap: new place; unmap: end */
	uint64_t length;	/* remap: bytes that moved */
	bool write;		/* fault */
	bool protect;		/* fault: on a write-protected present page */
	int fd;			/* fork: the child's userfaultfd */
	int thread;		/* fault: thread id, 0 unknown */
};

/* Every entry: 0 or a count, or a negative errno. */
struct vm_pmap_ops {
	/* Up to count events, without sleeping; 0: none. */
	int (*read)(int uffd, struct vm_pmap_event *events, unsigned count);
	/* Write-protects, or lifts it (which wakes who waits there). */
	int (*protect)(int uffd, uint64_t address, uint64_t length, bool on);
	int (*wake)(int uffd, uint64_t address, uint64_t length);
	/* Whoever touches the page gets SIGBUS; wakes nobody.  -EINVAL:
	 * kernel too old. */
	int (*poison)(int uffd, uint64_t address, uint64_t length);
	/* Whether the descriptor's address space still exists. */
	bool (*alive)(int uffd);
	/* -ENOTTY: no userfaultfd; -EINVAL: it is not O_NONBLOCK. */
	int (*check)(int uffd);

	/* -- this process's own memory (pmap/view.h); all NULL: not here -- */
	/* A userfaultfd whose faults raise SIGBUS in the thread that touched;
	 * *self names this process for drop; *files: it can watch memory
	 * files too. */
	int (*open)(int *self, bool *files);
	void (*close)(int uffd, int self);
	/* Private memory that is not there, at *address or anywhere else, of
	 * which a forked child gets nothing; *address: where. */
	int (*reserve)(uint64_t length, uint64_t *address);
	/* The same of a memory file; fixed: there, whatever is there. */
	int (*show)(int fd, uint64_t offset, uint64_t length, bool fixed,
	    uint64_t *address);
	int (*unmap)(uint64_t address, uint64_t length);
	/* Who touches a page that is not there, traps. */
	int (*watch)(int uffd, uint64_t address, uint64_t length);
	/* Bytes that appeared from the front, whole pages; -EEXIST: a page is
	 * there; -EAGAIN: try again. */
	int64_t (*copy)(int uffd, uint64_t to, const void *from,
	    uint64_t length, bool protect);
	/* The pages of private ranges disappear: bytes from the front. */
	int64_t (*drop)(int self, const struct iovec *ranges, unsigned count);
};

extern const struct vm_pmap_ops vm_pmap_linux;

struct vm_pmap {
	const struct vm_pmap_ops *ops;	/* (C) */
	int uffd;			/* (C) */
	_Atomic uint32_t refs;		/* (A) */
	_Atomic bool gone;		/* the address space ended (A) */
	struct vm_lock events;		/* rank SPACE: held to read and apply
					 * events, and around ioctls */
	/* Reads and applies what waits; set by the owner, called without
	 * locks, from any thread. */
	void (*drain)(struct vm_pmap *pmap);
	void (*release)(struct vm_pmap *pmap);	/* the last reference went */
};

void vm_pmap_init(struct vm_pmap *pmap, const struct vm_pmap_ops *ops,
    int uffd);
void vm_pmap_get(struct vm_pmap *pmap);
void vm_pmap_put(struct vm_pmap *pmap);

/*
 * Write-protects [address, address + length), or lifts it and wakes.  Parts
 * that are not mapped or not registered (any more) do not matter.  -EAGAIN:
 * events wait, drain and start over.  0 when the address space is gone.
 */
int vm_pmap_protect(struct vm_pmap *pmap, uint64_t address, uint64_t length,
    bool on);
void vm_pmap_wake(struct vm_pmap *pmap, uint64_t address, uint64_t length);
int vm_pmap_poison(struct vm_pmap *pmap, uint64_t address, uint64_t length);

/* The feature bits a client must have asked for. */
uint64_t vm_pmap_features(void);

#endif
