/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api/audit.h - what must be true of a whole system; vm_audit is the public
 * part of it (resident/stat.h).
 *
 * One look walks all objects, the queues and the descriptors, and compares
 * what it finds with each gauge.  Pages are looked at as their sharer, and
 * their marks are left as they are.  Who looks while others work sees some
 * pages held exclusively: these are counted as unsure, and a gauge may differ
 * by as many.  What is found wrong counts only when it is found again and
 * again while the system stands still.
 *
 * What is checked, by the numbers of the whole-system invariants:
 *
 *	 1	free, resident, loose, gone and orphaned frames are all frames
 *	 2	each gauge is what a recount gives, of leaves, objects, system
 *	 3	a page is on one queue at most, the one its tag says, and the
 *		lengths of the queues add up
 *	 4	a free page has no object, no user, no queue and nothing dirty
 *	 5	objects, indices and pages point at each other
 *	 6	a cached page is clean, managed and not wired
 *	 7	a page that is gone but for a hold has one, and no object
 *	 8	pages that are called zeroed are zeros
 *	 9	what is in the laundry is held exclusively
 *	10	(external pages are counted when somebody asks)
 *	11	never more pages than the limit
 *	12	blocks are a page's own; what clients see of a store is valid,
 *		and its presence bytes are set
 *	13	a store's list of mappings is as long as its counts say
 *	14	nobody sleeps on a page that is idle
 *	15	an orphan is on loan and has no object; the loans of all pages
 *		are as many as are counted, and none is of a page that is wired
 *
 * The 16th, the order of a policy's list, is a test of that policy.
 */
#ifndef API_AUDIT_H
#define API_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct vm;
struct vm_object;
struct vm_page;

/* 160 bytes: one sentence with a few numbers. */
#define VM_LOOK_BYTES 160

/* Found so far, of one leaf, one object or the system. */
struct vm_tally {
	uint64_t resident;
	uint64_t framed;	/* of these, with a frame of ours */
	uint64_t dirty;
	uint64_t wired;
	uint64_t unsure;	/* held exclusively: any of these, or none */
};

/* 32 lists: more than four policies have. */
#define VM_LOOK_LISTS 32u
/* The place of the cached pages among them. */
#define VM_LOOK_CACHED (VM_LOOK_LISTS - 1)

struct vm_look {
	struct vm *vm;
	bool idle;		/* nobody works: a busy page is wrong */
	struct vm_tally all;
	uint64_t external_dirty;	/* of these, not anonymous */
	uint64_t leaves;
	uint64_t listed[VM_LOOK_LISTS];	/* 0: on none; i + 1: list i */
	char wrong[VM_LOOK_BYTES];	/* the first thing; "": nothing */
};

/* Keeps the sentence of the first truth that is none. */
void vm_look_expect(struct vm_look *look, bool truth, const char *format, ...)
    VM_PRINTF(3, 4);
/* A resident page, shared by us. */
void vm_look_at_page(struct vm_look *look, struct vm_object *object,
    const struct vm_page *page);
/* All pages below an object, into look->all and the rest. */
void vm_look_at_object(struct vm_look *look, struct vm_object *object);
/* Queues, and the descriptors that are not of resident pages. */
void vm_look_at_queues(struct vm_look *look);
void vm_look_at_frames(struct vm_look *look);

/* As vm_audit where nobody works in the system and no page is held: a page
 * that stays busy is wrong, too.  Waits for the daemon to come to rest. */
VM_MUST_CHECK int vm_audit_idle(struct vm *vm);

#endif
