/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/life.h - the life of a page, each step by itself.
 *
 * vm_page_grab does what most callers want.  Here are the steps it consists of,
 * as GNU Mach and FreeBSD offer them to whoever builds memory objects of his
 * own.
 *
 *	vm_page_alloc ------------> loose: no identity, its owner's alone
 *	loose --insert, replace---> in an object, exclusive, not queued yet
 *	vm_page_alloc_at ---------> the same in one step
 *	exclusive --vm_page_release--> anybody's, queued, evictable
 *	exclusive --remove--------> loose
 *	exclusive --rename--------> exclusive, another identity
 *	loose, exclusive --free---> free
 *
 * A loose page counts against the limit and is nobody else's; it is not
 * released but freed.  A system with loose pages is not destroyed (-EBUSY).
 * Pages of objects with VM_OBJECT_STORE have their bytes in the object's memory
 * file: they are looked at, held, wired and freed as others, but alloc_at,
 * insert, replace, remove, rename and vm_page_hold say -ENOTSUP, as they do for
 * an object that vm_map shows.
 */
#ifndef RESIDENT_LIFE_H
#define RESIDENT_LIFE_H

#include <stdint.h>

#include <resident/page.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_account;

/* ---- coming -------------------------------------------------------------- */

/*
 * A page of a pool, without identity.  Not valid, not dirty, not queued; its
 * bytes are zeros with VM_ALLOC_ZERO, else undefined.  -ENOMEM: this class
 * gets none (with VM_ALLOC_WAIT: within the system's bound); with
 * VM_ALLOC_WIRED also: half of the limit is wired.  -EINVAL.  Sleeps with
 * VM_ALLOC_WAIT only.  (Mach's vm_page_grab, FreeBSD's VM_ALLOC_NOOBJ.)
 */
int vm_page_alloc(struct vm *vm, unsigned flags, struct vm_page **out);

/*
 * The same with the identity (object, pindex), exclusive: valid nowhere, also
 * with VM_ALLOC_ZERO, so whoever allocates says what he brought.  -EEXIST: a
 * page is there or on its way, -ERANGE, -EBUSY: a write_begin covers it
 * (VM_ALLOC_WAIT: waits), -ENOTSUP, -ENOMEM, -EINVAL; then the object is as
 * before.  (FreeBSD's vm_page_alloc, NetBSD's uvm_pagealloc.)
 */
int vm_page_alloc_at(struct vm_object *object, uint64_t pindex,
    unsigned flags, struct vm_page **out);

/*
 * The loose page gets an identity, exclusive, as valid, dirty and wired as it
 * is; its bytes behind the object's end become zeros, here and wherever a page
 * changes its place.  -EEXIST, -ERANGE, -EBUSY, -ENOMEM, -ENOTSUP, -EINVAL
 * (another system's); then nothing has changed.  Never sleeps.
 */
int vm_page_insert(struct vm_page *page, struct vm_object *object,
    uint64_t pindex);

/*
 * The same over whatever is there, in one step: who waits for the old page
 * gets the new one.  old NULL: the old page is freed, even if dirty or wired;
 * else *old is loose, as wired as it was, NULL where there was none.  Errors
 * as vm_page_insert, but for -EEXIST and -EBUSY: sleeps until the place is
 * free, so hold no page.  -EBUSY: *old is wanted and lent (resident/loan.h).
 * (Mach's vm_page_replace.)
 */
int vm_page_replace(struct vm_page *page, struct vm_object *object,
    uint64_t pindex, struct vm_page **old);

/* ---- changing, going ----------------------------------------------------- */

/* The exclusive page is loose from now on, as valid and dirty as it was; who
 * waited for it finds nothing.  The pager is told nothing.  -ENOTSUP. */
int vm_page_remove(struct vm_page *page);

/* The valid bytes are dirty afterwards, and swap forgets the old identity:
 * they are nowhere else (FreeBSD renames always so, Mach never). */
#define VM_RENAME_DIRTY		0x1u
/* Released afterwards. */
#define VM_RENAME_UNBUSY	0x2u
/* A page that is there and idle is freed; else -EEXIST. */
#define VM_RENAME_REPLACE	0x4u

/* The exclusive page gets the identity (object, pindex) instead of its own.
 * Does not wait for the new place: -EBUSY, -EEXIST; -EACCES (DIRTY, read-only
 * object), else as vm_page_insert. */
int vm_page_rename(struct vm_page *page, struct vm_object *object,
    uint64_t pindex, unsigned flags);

#define VM_FREE_WIRED	0x1u	/* its wires go with it; else that is fatal */
#define VM_FREE_ZERO	0x2u	/* its bytes are zeros: keep it as such */

/*
 * The loose or exclusive page is free: no identity, no contents, dirty or not;
 * who waited for it finds nothing.  Its frame is used again as soon as nobody
 * holds or borrows it.  Never fails, never sleeps.
 */
void vm_page_free(struct vm_page *page, unsigned flags);

/* ---- looking ------------------------------------------------------------- */

/*
 * The resident page at pindex, held by anybody or nobody, NULL where there is
 * none.  It is not ours: it may be gone at once, and only its address means
 * something.  No use, no lock, no change of any order.
 */
struct vm_page *vm_page_lookup(struct vm_object *object, uint64_t pindex);
/* The page was used, as a grab would say. */
void vm_page_touch(struct vm_page *page);
/* The first resident page at or behind *pindex; the last one at or before it.
 * *pindex follows; NULL: there is none. */
struct vm_page *vm_page_next(struct vm_object *object, uint64_t *pindex);
struct vm_page *vm_page_prev(struct vm_object *object, uint64_t *pindex);
/* Resident pages of [first, end) in ascending order, max of them at most; how
 * many. */
unsigned vm_page_range(struct vm_object *object, uint64_t first,
    uint64_t end, struct vm_page **pages, unsigned max);
/* vec[i] is 1 where page first + i is resident, else 0 (mincore); how many
 * are. */
uint64_t vm_object_resident(struct vm_object *object, uint64_t first,
    uint64_t count, unsigned char *vec);
/* Grows whenever a page comes or goes: what was seen before it did is old. */
uint64_t vm_object_generation(const struct vm_object *object);

/* ---- pins ---------------------------------------------------------------- */

/*
 * A short pin of the frame, by whoever holds the page: its bytes stay where
 * they are after release, even if the page is freed meanwhile, until each hold
 * was ended.  They may change.  -EAGAIN beyond 32,767, -ENOTSUP (no frame, a
 * store, or mapped).  Never sleeps.  (FreeBSD's vm_page_hold.)
 */
int vm_page_hold(struct vm_page *page);
void vm_page_unhold(struct vm_page *page);

enum vm_to {
	VM_TO_ACTIVE,
	VM_TO_INACTIVE,
	VM_TO_INACTIVE_HEAD,	/* the next one to go */
	VM_TO_FREE,		/* at once, if it is clean */
};

/*
 * A long pin, by whoever holds the page: never evicted, on no queue, until
 * unwired as often.  Charged to the account, if one is given.  -ENOMEM: half
 * of the limit is wired, or the account's maximum is reached; -EAGAIN beyond
 * 65,535; -EBUSY: it is lent (resident/loan.h; VM_GRAB_WIRED copies it).
 * Pages without a frame are not counted.  Never sleeps.
 */
int vm_page_wire(struct vm_page *page, struct vm_account *account);
/*
 * Ends one wire of a page that one holds, made for the same account; the last
 * one puts it where to says.  FREE: for an exclusive holder; 1 when the page
 * is gone, 0 when it was dirty or still wired and is held as before.
 */
int vm_page_unwire(struct vm_page *page, struct vm_account *account,
    enum vm_to to);
/* From now on the exclusive page is on no queue, and so never a victim, until
 * it is freed. */
void vm_page_unmanage(struct vm_page *page);

/* ---- pages without a frame ----------------------------------------------- */

/*
 * A loose placeholder: no bytes, nothing counted against the limit.  It may be
 * inserted, waited for, renamed and freed as other pages of pool objects;
 * a grab that wants contents gives it a frame first.  -ENOMEM: there is no
 * descriptor left.  Never sleeps, makes none: vm_page_more_fictitious.
 */
int vm_page_grab_fictitious(struct vm *vm, struct vm_page **out);
/* vm_page_free does the same. */
void vm_page_release_fictitious(struct vm_page *page);
/* n more descriptors, 0: the usual 5; how many it were, or -ENOMEM. */
int vm_page_more_fictitious(struct vm *vm, uint32_t n);
/* The placeholder's bytes are memory from now on, a page of them, all valid;
 * they stay the caller's and are not touched when the page is freed. */
void vm_page_make_private(struct vm_page *page, void *memory);
/*
 * The placeholder, loose or exclusive, gets a frame: *page is another
 * descriptor in the same place, and who waits for it goes on waiting.  1; 0:
 * no memory, and nothing has changed.  (Mach's vm_page_convert.)
 */
int vm_page_convert(struct vm_page **page);

/* ---- objects ------------------------------------------------------------- */

/*
 * Called when an object gets its first page (pages 1) and when its last one is
 * gone (0), by whichever thread that is, with that page held: fn takes no page
 * of the object.  Calls of two threads may come in the other order, so the sum
 * tells more than the last one.  While there are none only: -EBUSY.  (NetBSD's
 * VI_PAGES.)
 */
int vm_object_set_notify(struct vm_object *object,
    void (*fn)(struct vm_object *object, int pages, void *arg), void *arg);

/* Pages that were brought in one after the other are deactivated behind the
 * last ones (Mach's deactivate-behind).  Off at first. */
void vm_object_set_behind(struct vm_object *object, int on);

/* At most so many pages of the object are being brought in at once, 0: any
 * number; whoever would be one more sleeps.  (Mach's absent count.) */
void vm_object_set_inflight_max(struct vm_object *object, uint32_t max);
uint32_t vm_object_inflight(const struct vm_object *object);
/* 1: some page of it may have to be written. */
int vm_object_may_be_dirty(const struct vm_object *object);

#ifdef __cplusplus
}
#endif

#endif
