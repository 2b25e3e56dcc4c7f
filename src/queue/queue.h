/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/queue.h - the page queues of one system: a policy and its lock, and
 * the line of cached pages.
 *
 * Additions are gathered by the caller (a fill enqueues its run at once), so
 * the lock is taken once per batch.
 *
 *	on no queue	wired, unmanaged, without identity, being entered
 *	the policy's	the rest
 *	cached		clean and idle, given up by their user but not gone:
 *			identity and contents stay, a use brings them back,
 *			and they go before anything the policy has to offer.
 *			Cached pages count as available memory.
 *
 * A page is on one of these at most.  Wires are counted without the queue lock:
 * who takes a page's first wire, or drops its last, calls vm_queue_wired or
 * vm_queue_place afterwards, which look at the wires under the lock, so that
 * the last who changed them has the last word.
 *
 * Whoever calls for a page that may not be queued holds its slot, so that it
 * keeps its identity meanwhile.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include <stdatomic.h>

#include "base/compiler.h"
#include "base/lock.h"
#include "queue/policies/line.h"
#include "queue/policy.h"

struct vm_os;
struct vm_queue;
struct vm_split;

/* What becomes of a candidate. */
enum vm_verdict {
	VM_VERDICT_TAKEN,	/* it is the caller's, exclusive: it leaves */
	VM_VERDICT_STAYS,	/* it is not to leave so: it stays as it is */
	VM_VERDICT_BUSY,	/* somebody uses it: refused */
};

/* What rooms above tell the queues. */
struct vm_queue_hooks {
	/* As in vm_policy_env; NULL: the mark of its slot, and no more. */
	bool (*referenced)(struct vm_page *page);
	/* As in vm_policy_env. */
	bool (*external)(const struct vm_page *page);
	/* Which part the page's object is in, as vm_queue_adopt said. */
	unsigned (*part)(const struct vm_page *page);
	/* So many more (less) pages are cached.  Under the queue lock: takes
	 * locks of a higher rank at most. */
	void (*cached)(struct vm_queue *queue, int change);
	/* Of vm_queue_claim: a queued page, under the queue lock, so it keeps
	 * its identity.  Neither sleeps nor wakes. */
	enum vm_verdict (*claim)(struct vm_queue *queue,
	    struct vm_page *page);
};

struct vm_queue {
	const struct vm_os *os;		/* (C) */
	struct vm_lock lock;		/* rank QUEUE (Q) */
	struct vm_policy *policy;	/* (Q) */
	struct vm_policy *first;	/* it begins with this one, which lasts
					 * as long as the queue (C) */
	_Atomic bool changed;		/* ... and is perhaps not used any
					 * more (A) */
	struct vm_split *split;		/* that is the policy; NULL: objects
					 * have none of their own (Q) */
	struct vm_policy_env env;	/* part: (Q); the rest (C) */
	const struct vm_queue_hooks *hooks;	/* may be NULL (C) */
	struct vm_line cached;		/* longest cached: cold end (Q) */
	_Atomic uint64_t reactivated;	/* cached pages that came back (A) */
};

/* Where to put a page that is to be queued. */
enum vm_place {
	VM_PLACE_ACTIVE,
	VM_PLACE_INACTIVE,
	VM_PLACE_INACTIVE_HEAD,
};

/* act: as in vm_act_complete, or NULL: all as it has them.  -EINVAL, -ENOMEM:
 * the queue's policy is NULL then. */
VM_MUST_CHECK int vm_queue_init(struct vm_queue *queue, const struct vm_os *os,
    const struct vm_policy_ops *ops, uint32_t pages,
    const struct vm_act *act);
/* Once, before the first page is queued. */
void vm_queue_connect(struct vm_queue *queue,
    const struct vm_queue_hooks *hooks);
/* The descriptors of all pages it may ever have: as many as pages said at init.
 * Before the first is queued; without it policies go by their lists. */
void vm_queue_show(struct vm_queue *queue, struct vm_page *pages);
void vm_queue_fini(struct vm_queue *queue);

/*
 * From now on another policy, or the same anew: pages are handed over, what
 * would have gone first before what would have gone later; reference marks
 * stay, what it remembers of pages that are gone does not.  Under the lock as
 * long as that takes, about 0.1 us a page.  0; -ENOMEM: nothing has changed.
 */
VM_MUST_CHECK int vm_queue_change(struct vm_queue *queue,
    const struct vm_policy_ops *ops);
const struct vm_policy_ops *vm_queue_policy(struct vm_queue *queue);

/* What a queue has to know of an object to change its policy. */
struct vm_queue_member {
	const struct vm_object *object;
	_Atomic uint8_t *part;		/* 0: the system's (Q) */
	const _Atomic uint64_t *resident;	/* pages, those being brought in
						 * included */
};

/* The number of the part of that policy, made if there is none, with one user
 * more; -ENOMEM; -ENOSPC: there are too many (queue/split.h). */
VM_MUST_CHECK int vm_queue_part_get(struct vm_queue *queue,
    const struct vm_policy_ops *ops);
/* One less; without any it ends.  No page is in it then. */
void vm_queue_part_put(struct vm_queue *queue, unsigned part);
/*
 * From now on the object's pages are that part's; returns whose they were, and
 * the user that each part has by that object is the caller's to count.  Its
 * pages that are queued come to the new policy as others come, in no order but
 * with their marks: if there are any all descriptors are looked at for them,
 * under the lock, about 5 ns each.
 */
VM_MUST_CHECK unsigned vm_queue_adopt(struct vm_queue *queue,
    const struct vm_queue_member *member, unsigned part);

struct vm_queue_part {
	const char *policy;	/* NULL: there is none of that number */
	uint32_t pages;		/* on its lists */
	uint32_t share;		/* of all pages, where others want theirs */
	uint32_t objects;	/* that have chosen it */
	uint64_t returned;	/* pages that came back, of those watched */
};

/* Part i, or none of that number; false: nor are there any behind. */
bool vm_queue_part(struct vm_queue *queue, unsigned i,
    struct vm_queue_part *out);

/* A page of this identity will be added soon: its miss can wait for what the
 * policy remembers of it while it is read.  Waits for no lock. */
void vm_queue_expect(struct vm_queue *queue, const struct vm_object *object,
    vm_pindex_t pindex);
/* Pages whose VM_PGA_SPECULATIVE flag is set are enqueued as such; wired and
 * unmanaged ones are passed over. */
void vm_queue_add(struct vm_queue *queue, struct vm_page **pages,
    unsigned count);
/* Pages that are not queued are passed over. */
void vm_queue_remove(struct vm_queue *queue, struct vm_page **pages,
    unsigned count, enum vm_leave how);

/* Where the page is on no queue, nothing.  A cached page is so no more. */
void vm_queue_activate(struct vm_queue *queue, struct vm_page *page);
void vm_queue_deactivate(struct vm_queue *queue, struct vm_page *page,
    bool at_head);

/* The page, which has an identity, is queued where it is to be; wired and
 * unmanaged pages leave their queue. */
void vm_queue_place(struct vm_queue *queue, struct vm_page *page,
    enum vm_place place);
/* The page, which has an identity, is queued if it may be and is not yet. */
void vm_queue_enter(struct vm_queue *queue, struct vm_page *page);
/* The page new, on no queue, takes the place of old, if that has one: the same
 * page to the policy, but for its frame.  Both have the identity. */
void vm_queue_exchange(struct vm_queue *queue, struct vm_page *old,
    struct vm_page *new);
/* Leaves its queue if it is wired or unmanaged. */
void vm_queue_wired(struct vm_queue *queue, struct vm_page *page);

/*
 * FreeBSD's vm_page_dontneed, call number n (from 1) of an object: of 512
 * calls for active pages 16 leave the page where it is, a little less active,
 * 48 deactivate it behind the others and 448, unless it is dirty, before them.
 */
void vm_queue_dontneed(struct vm_queue *queue, struct vm_page *page,
    uint32_t n);

/*
 * Who reads on and on is past these, with his first use of them as their only
 * one as far as anybody knows (Mach's deactivate-behind).  Those that the
 * policy still has as fetched ahead lose the mark of that use, and of these
 * leave as evicted, with claim, those that the hook takes: they are pages[0]
 * and on, how many.
 */
unsigned vm_queue_leave_behind(struct vm_queue *queue, struct vm_page **pages,
    unsigned count, bool claim);

/* The page, clean and exclusive, is cached; false: it is wired or unmanaged,
 * and nothing changed. */
bool vm_queue_cache(struct vm_queue *queue, struct vm_page *page);
/* The one that has been so for longest, or NULL; it may change identity as
 * soon as this returns, as with victims. */
struct vm_page *vm_queue_oldest_cached(struct vm_queue *queue);
uint32_t vm_queue_cached(struct vm_queue *queue);

/*
 * Copies up to want candidates out, cached ones first: the pages themselves
 * may change identity as soon as the lock is dropped, so the caller makes the
 * slot exclusive and looks again.
 */
unsigned vm_queue_victims(struct vm_queue *queue, struct vm_page **pages,
    unsigned want);
/* 128 pages: what one call may claim; 1 KiB of stack. */
#define VM_QUEUE_CLAIM_MAX 128u

/*
 * Up to want candidates leave their queue as evicted, those that the hook
 * takes: how many.  Under one lock, so that two who claim at once get different
 * ones.  *found: how many candidates there were.
 */
unsigned vm_queue_claim(struct vm_queue *queue, struct vm_page **pages,
    unsigned want, unsigned *found);
/* Cached ones are deactivated. */
void vm_queue_refused(struct vm_queue *queue, struct vm_page **pages,
    unsigned count);

/* Pages on any queue. */
uint32_t vm_queue_count(struct vm_queue *queue);
/* For dumps: list i, the last one being the cached pages; false: no such. */
bool vm_queue_list(struct vm_queue *queue, unsigned i, const char **name,
    uint32_t *count);
/* The policy of list i, where there are several; NULL: there is one, or none of
 * them has that list. */
const char *vm_queue_list_policy(struct vm_queue *queue, unsigned i);
/* The page, under the queue lock, is on a list of the policy: which, as
 * vm_queue_list numbers them. */
unsigned vm_queue_where_locked(const struct vm_queue *queue,
    const struct vm_page *page);
/* The name of the page's list, "none" when it is on none. */
const char *vm_queue_name(struct vm_queue *queue, const struct vm_page *page);
/* 0 where the policy does not measure it, and for pages on no queue of it. */
uint32_t vm_queue_activity(struct vm_queue *queue,
    const struct vm_page *page);

#endif
