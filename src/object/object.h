/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/object.h - a sequence of pages with a pager behind it.
 *
 * The object room knows identities: which page is where, what is dirty, how
 * long the object is, and who may not touch it just now.  How a page is filled
 * is fault's business, how it is cleaned and evicted pageout's.
 *
 * The life of a resident page, slot held exclusively throughout each step:
 *
 *	taken page --vm_object_enter_page--> has an identity
 *	           --vm_index_release_excl(number)--> resident, others see it
 *	resident   --vm_object_remove_page--> taken page again
 *
 * A taken page that a caller keeps has no identity; its object is the system's
 * `nowhere`, which has no pager, no index and no length (page/page.h).  What
 * callers may do with pages of either kind is object/life.h.
 *
 * A device object's pages are somebody else's memory, page i at memory + i *
 * page size: a miss enters a private page, without a read and without a token.
 * What is written there is written: such a page is never dirty.
 *
 * Barriers: while a byte range is changed behind the object's back (write_begin
 * .. write_end, resize), no page of it may be filled, cleaned or evicted.  The
 * barrier is entered in the object's list, then every page of the range that
 * is busy is waited for; who made a slot exclusive to fill it looks for a
 * barrier before going on, and gives up the slot when there is one.
 */
#ifndef OBJECT_OBJECT_H
#define OBJECT_OBJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/lock.h"
#include "object/index.h"
#include "object/pager_ops.h"
#include "object/streams.h"
#include "object/vm.h"
#include "page/page.h"
#include "pmap/store.h"

struct vm_view;

struct vm_barrier {
	struct vm_node link;	/* (O) */
	vm_pindex_t first;	/* (C) */
	vm_pindex_t end;	/* (C) */
};

/* (O) the object's lock.  A hit reads the first cache line, which hardly ever
 * changes, and no other. */
struct vm_object {
	struct vm *vm;			/* (C) */
	uint64_t id;			/* never used twice (C) */
	/* Changes behind a barrier over all of the object, with every slot
	 * held (pageout/rehome.h): who has a slot may rely on it, and who has
	 * none asks again once he has one (B). */
	_Atomic enum vm_home home;	/* (A) */
	_Atomic bool writable;		/* false -> true only (A) */
	bool anonymous;			/* nobody else sees its bytes (C) */
	_Atomic bool limited;	/* it has limits, or had (quota.h) (A) */
	_Atomic uint8_t part;	/* of the queues (part.h) (Q) */
	struct vm_pager *pager;		/* (C) */
	_Atomic uint64_t length;	/* bytes; stored under (O) (A) */
	struct vm_index index;		/* three fields of it end the line */
	char *memory;			/* device: of page 0 (C) */
	struct vm_store store;		/* store home (B) */
	struct vm_view *view;		/* window home, or what shows the store
					 * where that was; else NULL (B) */
	struct vm_lock lock;		/* rank OBJECT */
	struct vm_cond changed;		/* a barrier went away (O) */
	struct vm_list barriers;	/* (O) */
	_Atomic uint32_t barrier_count;	/* length of the list (A) */
	struct vm_streams streams;	/* (O) */
	_Atomic uint64_t triggers;	/* vm_streams_bits; stored under (O)
					 * (A) */
	/* Early pages before that one are used once, by a long stream that is
	 * in it; stored under (O) (A) */
	_Atomic vm_pindex_t passing_first;
	_Atomic vm_pindex_t passing_end;
	/* Of object/early.h, pages, modulo 2^32 (A) */
	_Atomic uint32_t early_used;
	_Atomic uint32_t early_unused;
	_Atomic bool single;	/* no neighbour is ever wanted (A) */
	_Atomic bool cyclic;	/* its newest pages go first (A) */
	_Atomic uint32_t pins;		/* users without a mapping (A) */
	_Atomic uint32_t shadows;	/* pager/shadow.h: over this one (A) */
	_Atomic uint32_t maps;		/* in this process, of vm_map (A) */
	_Atomic uint32_t asks;		/* of fault/async.h, not answered (A) */
	_Atomic uint64_t generation;	/* grows whenever a page comes, goes or
					 * loses its contents (A) */
	_Atomic uint64_t resident;	/* pages (A) */
	_Atomic uint64_t dirty;		/* pages (A) */
	_Atomic uint64_t wired;		/* pages (A) */
	_Atomic uint64_t write_errors;	/* (A) */
	/* Told when the first page comes and when the last one is gone; set
	 * while there is none (O). */
	void (*notify)(struct vm_object *object, int pages, void *arg);
	void *notify_arg;		/* (O) */
	_Atomic uint32_t inflight;	/* pages being brought in (A) */
	_Atomic uint32_t inflight_max;	/* of these at once; 0: any (A) */
	_Atomic uint64_t last_entered;	/* pindex (A) */
	_Atomic bool behind;		/* see vm_object_note_entered (A) */
	_Atomic bool precious;		/* some page may be (A) */
	_Atomic uint32_t dontneed;	/* calls for its pages (A) */
	/* object/quota.h, in pages; stored under the system lock. */
	_Atomic uint64_t kept_min;	/* (A) */
	_Atomic uint64_t kept_low;	/* (A) */
	_Atomic uint64_t high;		/* 0: none (A) */
	_Atomic uint64_t wired_max;	/* 0: none (A) */
	_Atomic uint64_t leaving;	/* claimed, still resident (A) */
	_Atomic uint64_t hand;	/* pindex: where its own next victim is looked
				 * for (A) */
	struct vm_node link;		/* in vm->objects (system lock) */
};

/*
 * Makes an object over a pager, which it owns from now on, also when this
 * fails.  0, -ENOMEM, -EMFILE.
 */
VM_MUST_CHECK int vm_object_new(struct vm *vm, struct vm_pager *pager,
    enum vm_home home, uint64_t length, struct vm_object **out);
/* The same over memory that is there already, length bytes of it, which stays
 * the caller's; the pager is asked for nothing but its end. */
VM_MUST_CHECK int vm_object_new_device(struct vm *vm, struct vm_pager *pager,
    void *memory, uint64_t length, struct vm_object **out);
/* No resident page, no mapping, no pin is left. */
void vm_object_free(struct vm_object *object);

/* The system's nowhere, made and ended with it. */
VM_MUST_CHECK int vm_nowhere_init(struct vm *vm);
void vm_nowhere_fini(struct vm *vm);

/* Where a page's bytes are, for who holds it; NULL: it has none (fictitious),
 * or the store cannot be seen (its sentence is left). */
void *vm_page_memory(const struct vm_page *page);

/* Pages: the length rounded up. */
uint64_t vm_object_pages(const struct vm_object *object);

/* Keeps the object from being freed while a fault works on it. */
void vm_object_pin(struct vm_object *object);
void vm_object_unpin(struct vm_object *object);

/*
 * See above; the slot is held exclusively, and is absent.  The page has no
 * identity; valid, dirty and wires go with it.
 */
void vm_object_enter_page(struct vm_object *object, struct vm_page *page,
    vm_pindex_t pindex, struct vm_slot *slot);
/* Takes the identity away: the page is neither valid nor dirty any more, its
 * wires go with it.  The slot is still held, its holder releases it as absent.
 * The page is off its queue already. */
void vm_object_remove_page(struct vm_object *object, struct vm_page *page);

/* The same of some of one object, before any of their slots is released; at
 * least one. */
void vm_object_remove_pages(struct vm_object *object, struct vm_page **pages,
    unsigned count);

/* Resident pages of all objects that are not anonymous. */
uint64_t vm_objects_external(struct vm *vm);

/*
 * Pages [first, first + count) were entered, in this order.  Where pages are
 * left behind (Mach's deactivate-behind) and these go on where the last ones
 * ended, as many before them are deactivated, but for those that somebody is
 * in.  Where the last one was is kept in any case.
 */
void vm_object_note_entered(struct vm_object *object, vm_pindex_t first,
    unsigned count);

/*
 * Up to want pages more may be brought in at once: how many, in steps of one
 * page, 0 when the object's bound is reached.  done: so many came or did not.
 */
VM_MUST_CHECK unsigned vm_object_inflight_start(struct vm_object *object,
    unsigned want);
void vm_object_inflight_done(struct vm_object *object, unsigned count);
/* Sleeps while the bound is reached. */
void vm_object_inflight_wait(struct vm_object *object);

/* Blocks became dirty; the slot is held exclusively, or the page has no
 * identity. */
void vm_object_mark_dirty(struct vm_object *object, struct vm_page *page,
    uint32_t blocks);
void vm_object_mark_clean(struct vm_object *object, struct vm_page *page);

/* Whether a barrier covers the page.  Call with its slot exclusive. */
bool vm_object_barred(struct vm_object *object, vm_pindex_t pindex);
/* Waits for other barriers over the range, then enters this one.  The pages
 * that are busy are the caller's to wait for.  Sleeps. */
void vm_object_bar(struct vm_object *object, struct vm_barrier *barrier);
void vm_object_unbar(struct vm_object *object, struct vm_barrier *barrier);
/* Sleeps while a barrier covers the page. */
void vm_object_bar_wait(struct vm_object *object, vm_pindex_t pindex);

/* The page exclusive and resident, waiting as long as it takes; NULL when it
 * is not resident. */
struct vm_page *vm_object_lock_page(struct vm_object *object,
    vm_pindex_t pindex);
/* The same without waiting: NULL also while somebody is in it. */
struct vm_page *vm_object_try_lock_page(struct vm_object *object,
    vm_pindex_t pindex);
/* Gives such a page back as it is. */
void vm_object_unlock_page(struct vm_object *object, struct vm_page *page);

/* What to fetch for a miss, and whose that is (object/streams.h). */
struct vm_plan vm_object_plan(struct vm_object *object, uint32_t who,
    vm_pindex_t pindex);
/* And for one in a run of count pages, all of which are asked for: where to
 * stop. */
vm_pindex_t vm_object_plan_run(struct vm_object *object, vm_pindex_t pindex,
    uint32_t count);
/* The first use of an early page.  False: nothing follows from it. */
bool vm_object_plan_step(struct vm_object *object, vm_pindex_t pindex,
    struct vm_step *step);

/* Length follows; pages beyond were dropped before, and a barrier keeps it so.
 * 0, -ENOMEM. */
VM_MUST_CHECK int vm_object_set_length(struct vm_object *object,
    uint64_t length);
/* The same, but only if that makes the object longer: several may ask. */
VM_MUST_CHECK int vm_object_grow(struct vm_object *object, uint64_t length);
/*
 * The backing store turned out to end before the object: so does the object,
 * for a client's touch beyond must not look for a page again.  Pages beyond
 * stay until the length is set.  Never sleeps.
 */
VM_MUST_CHECK int vm_object_cut(struct vm_object *object, uint64_t length);

#endif
