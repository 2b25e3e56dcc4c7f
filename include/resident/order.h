/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/order.h - which pages are to go first.
 *
 * The policy decides that by itself, from what is used.  Here its user helps.
 *
 *	active		known to be used
 *	inactive	not needed soon; the head of that line goes first
 *	cached		clean and given up: still found with its contents, but
 *			as good as free memory.  A use brings it back
 *
 * What these mean for the order is the policy's business: "freebsd" counts how
 * active a page is and moves none that is active already; "clock2" moves it to
 * the end of its line (Mach); policies without an inactive line take what is
 * deactivated next.  Wired and unmanaged pages are on no queue, and stay so.
 *
 * A page is held, shared or exclusively, unless the function says otherwise;
 * what is called for a page that is not, stops the program.  Nothing here
 * sleeps but vm_object_clean_hint.
 *
 * After FreeBSD's vm_page.c, but where Mach is named.
 */
#ifndef RESIDENT_ORDER_H
#define RESIDENT_ORDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_object;
struct vm_page;

void vm_page_activate(struct vm_page *page);

#define VM_AT_TAIL	0u	/* after other inactive pages */
#define VM_AT_HEAD	1u	/* before them */
/* An inactive page is left where it is by "freebsd". */
void vm_page_deactivate(struct vm_page *page, unsigned where);

/*
 * The page is cached from its release on.  Held exclusively, and clean: a
 * dirty one stops the program.  1; 0 when it is wired, unmanaged or precious,
 * and nothing changed, or when client processes see it: then it is inactive,
 * at the head.
 */
int vm_page_cache(struct vm_page *page);

/*
 * The same for a page that nobody holds; 1, or 0 and nothing changed when it
 * is not resident, dirty, precious, wired, held in any way, lent, unmanaged or,
 * to cache, seen by client processes.  The second one frees it.
 */
int vm_page_try_to_cache(struct vm_object *object, uint64_t pindex);
int vm_page_try_to_free(struct vm_object *object, uint64_t pindex);

/*
 * Not needed soon, says somebody who may be wrong.  Of 512 calls for active
 * pages of an object 16 leave the page where it is, a little less active, 48
 * make it inactive at the tail, and 448 at the head, unless it is dirty.
 * Inactive and cached pages stay where they are.
 */
void vm_page_dontneed(struct vm_page *page);

/* How active, 0 .. 64, from the last scan; 0 with policies that do not
 * count. */
uint32_t vm_page_act_count(const struct vm_page *page);

/* "active", "cached", ...: a list of the policy; "none".  Never NULL. */
const char *vm_page_queue_name(const struct vm_page *page);

/*
 * The range is cleaned, and pages of it that are clean already are inactive
 * from now on: who asks for that has no more use for them (Mach's
 * vm_page_deactivate_hint).  0, or what vm_object_flush returns.  Sleeps.
 */
int vm_object_clean_hint(struct vm_object *object, uint64_t offset,
    uint64_t length);

/* -- a policy for some objects --------------------------------------------- */

/*
 * From now on the object's pages go by the policy of that name
 * (vm_policy_names), NULL: by the system's, as at first.  Objects that chose
 * the same one share it and a part of memory, which grows while pages that left
 * it come back sooner than those of other parts, and is a 16th at least where
 * it has use for as much.  vm_set_policy changes the system's only.
 *
 * Best before it has pages; if it has, all descriptors of the system are looked
 * at, 5 ns each, while misses wait, and its pages come to the policy in no
 * order, but with their marks.  -EINVAL: no such policy; -ENOMEM; -ENOSPC: four
 * policies are in use with the system's, or what all of them remember would be
 * above 1 % of memory.  Then nothing has changed.  Never sleeps.
 */
int vm_object_set_policy(struct vm_object *object, const char *name);
const char *vm_object_policy(struct vm_object *object);

struct vm_partition {
	size_t size_bytes;	/* of this: VM_PARTITION_INIT */
	const char *policy;
	uint64_t pages;		/* on its lists, cached ones apart */
	uint64_t share_pages;	/* where others want theirs */
	uint64_t objects;	/* that have chosen it; the system's: 0 */
	uint64_t returned;	/* pages that came back to it, of a quarter of
				 * those that left */
};

#ifdef __cplusplus
#define VM_PARTITION_INIT { sizeof(struct vm_partition) }
#else
#define VM_PARTITION_INIT { .size_bytes = sizeof(struct vm_partition) }
#endif

/* The i-th part of memory, 0: the system's, which has all pages of objects
 * without a policy of their own.  0; -ENOENT: there are not so many; -EINVAL:
 * without VM_PARTITION_INIT. */
int vm_partition_stat(struct vm *vm, unsigned i, struct vm_partition *out);

/* -- switches -------------------------------------------------------------- */

/* Switches of a system, on when it is made; any time, by any thread. */
enum vm_knob {
	/* Pages behind a sequence of pages that come in become inactive, where
	 * the object asks for that (Mach's vm_page_deactivate_behind). */
	VM_KNOB_DEACTIVATE_BEHIND,
	/* See vm_object_clean_hint. */
	VM_KNOB_DEACTIVATE_HINT,
};
/* 0 or 1; -EINVAL: no such switch. */
int vm_knob_get(struct vm *vm, enum vm_knob knob);
/* 0, -EINVAL. */
int vm_knob_set(struct vm *vm, enum vm_knob knob, int on);

#ifdef __cplusplus
}
#endif

#endif
