/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map/space.h - a client's address space: ranges that show objects.
 *
 * The ranges (entries) are kept sorted by address.  The client's own fork,
 * mremap and munmap reach us as events of its userfaultfd and are applied
 * here, under the pmap's events lock (pmap/uffd.h says why); faults that are
 * read along the way go into a ring, for the fault thread that serves the
 * space.  Any thread may drain; only the fault thread takes faults out and
 * hands new children to the owner.
 *
 *	fork	a child space with the same entries: born, waits in children
 *	remap	entries move
 *	unmap	entries are cut or split
 *
 * When the ring is full the fault is dropped and remembered as such: waking
 * everything later makes the threads fault again.
 */
#ifndef MAP_SPACE_H
#define MAP_SPACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "object/object.h"
#include "pmap/store.h"
#include "pmap/uffd.h"

/* 256 faults read ahead: a thread waits behind each. */
#define VM_SPACE_FAULTS 256

/* As in resident/space.h. */
enum vm_entry_kind {
	VM_ENTRY_READ,
	VM_ENTRY_TRACKED,
	VM_ENTRY_ALIAS,
	VM_ENTRY_PRIVATE,
};

struct vm_entry {
	struct vm_mapping mapping;	/* address, pindex, pages */
	struct vm_object *object;	/* (C) */
	enum vm_entry_kind kind;	/* (M) */
};

struct vm_space_fault {
	uint64_t address;	/* of the page */
	bool write;
	int thread;
	uint64_t since_ns;	/* when it was read */
};

/* (M) the space's lock, (E) the pmap's events lock. */
struct vm_space {
	struct vm_pmap pmap;	/* its references keep the space in memory */
	struct vm *vm;		/* (C) */
	struct vm_lock lock;	/* rank MAP */
	struct vm_entry **entries;	/* sorted (M) */
	unsigned count;		/* (M) */
	unsigned capacity;	/* (M) */
	struct vm_space_fault faults[VM_SPACE_FAULTS];	/* ring (E) */
	unsigned head;		/* next to take (E) */
	unsigned tail;		/* next free (E) */
	bool overflow;		/* a fault was dropped (E) */
	struct vm_list children;	/* born, not yet handed over (E) */
	unsigned handing;	/* taken out, their owner not yet told (E) */
	struct vm_node born;	/* in the parent's list (parent's E) */
	/* Tells the fault thread; NULL before the space is served, whose
	 * first look then finds all that was read (A). */
	void (*_Atomic kick)(struct vm_space *space);
	/* The owner's, see resident/space.h. */
	void *_Atomic arg;	/* (A) */
	void (*forked)(void *arg, struct vm_space *parent,
	    struct vm_space *child);
	void (*failed)(void *arg, struct vm_space *space, uint64_t address,
	    int error, const char *text);
	/* The fault thread's (fault/handler.h). */
	struct vm_handler *handler;	/* (C) once served */
	struct vm_node served;		/* (handler's lock) */
	bool leaving;			/* (handler's lock) */
	/* Writes to anonymous objects wait; and the fault thread is letting
	 * one by just now.  Each stores its own, then reads the other's. */
	_Atomic bool frozen;		/* (A) */
	_Atomic bool lifting;		/* (A) */
};

/*
 * Around lifting the protection of an anonymous page, by the fault thread:
 * false when the space is frozen, and nothing is to be ended.
 */
static inline bool
vm_space_lift_begin(struct vm_space *space)
{
	atomic_store(&space->lifting, true);
	if (!atomic_load(&space->frozen))
		return true;
	atomic_store(&space->lifting, false);
	return false;
}

static inline void
vm_space_lift_end(struct vm_space *space)
{
	atomic_store(&space->lifting, false);
}

/* As in resident/space.h. */
void vm_space_stop_writes(struct vm_space *space);
void vm_space_allow_writes(struct vm_space *space);

/* Duplicates uffd, unless own.  0, -errno. */
VM_MUST_CHECK int vm_space_new(struct vm *vm, int uffd, bool own,
    struct vm_space **out);
/* Leaves all ranges; the memory goes with the last reference. */
void vm_space_end(struct vm_space *space);

/* model: object, kind, and the mapping's address, pindex and pages. */
VM_MUST_CHECK int vm_space_add(struct vm_space *space,
    const struct vm_entry *model);
void vm_space_cut(struct vm_space *space, uint64_t address, uint64_t length);
/* Whole entries within the range become TRACKED. */
VM_MUST_CHECK int vm_space_make_tracked(struct vm_space *space,
    uint64_t address, uint64_t length);
/* Protects what may be resident in the TRACKED entries of the range. */
void vm_space_protect_range(struct vm_space *space, uint64_t address,
    uint64_t length);

/* Reads and applies events until none waits. */
void vm_space_drain(struct vm_space *space);
/* Tells the fault thread that others have drained. */
void vm_space_kick(struct vm_space *space);
/* The oldest fault; false when there is none.  Fault thread only. */
bool vm_space_take_fault(struct vm_space *space, struct vm_space_fault *out);
/* A child that was born; NULL when there is none.  Fault thread only. */
struct vm_space *vm_space_take_child(struct vm_space *space);
/* The owner has been told of one that was taken. */
void vm_space_handed_over(struct vm_space *space);
/*
 * Some child was born of which the owner has not been told.  False of a client
 * that is gone: all its children have been handed over, for a fork ends only
 * when its event was read, and it is applied under the lock that we take.
 */
bool vm_space_expects(struct vm_space *space);

/*
 * The entry at an address, copied, its object pinned (the caller unpins);
 * false: nothing of ours is there.
 */
bool vm_space_look(struct vm_space *space, uint64_t address,
    struct vm_entry *out);
/* As vm_space_look, or the next entry behind the address. */
bool vm_space_look_from(struct vm_space *space, uint64_t address,
    struct vm_entry *out);

#endif
