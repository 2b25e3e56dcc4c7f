/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policy.h - a replacement policy is this table.
 *
 * A policy orders pages and proposes victims; it knows nothing of objects,
 * files, busy or dirty, compiles without the rest, and runs as it is in a
 * trace simulator.  All entries but expect are called under the queue lock, and
 * none sleeps.
 *
 *	(not queued) --enqueue--> queued --dequeue--> (not queued)
 *	victims() proposes queued pages, coldest first; they stay queued until
 *	the caller dequeues them (evicted) or calls refused (busy, wired or
 *	dirty for now: look at others before this one again).
 *
 * A policy's lists are numbered from 0; page->list is that number plus 1, and
 * 0 while the page is on none.  What activate and deactivate mean is its own:
 * Mach's moves an active page to the end of the line, FreeBSD's counts.
 *
 * What a policy knows of a page is in its lists, and in list and weight of the
 * page: between calls nothing else of it points at one.  So a page that moves
 * to another descriptor takes its place without being asked.
 *
 * Reference marks are not pushed at the policy: it asks for them through
 * env->referenced when it considers a page.
 */
#ifndef QUEUE_POLICY_H
#define QUEUE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "page/page.h"

/* What a policy may ask of the world. */
struct vm_policy_env {
	/* Was the page touched since the last call?  Clears the mark. */
	bool (*referenced)(struct vm_page *page);
	/* One number for the identity, equal whenever it is the same. */
	uint64_t (*identity)(const struct vm_page *page);
	/* Are there blocks that the pager has not got?  May change at once. */
	bool (*dirty)(const struct vm_page *page);
	/* Is its pager somebody else's store, not swap?  As long as the page
	 * is queued the answer stays. */
	bool (*external)(const struct vm_page *page);
	/* Which of several policies has the page (queue/split.h); NULL: there
	 * is one.  As long as the page is queued the answer stays. */
	unsigned (*part)(const struct vm_page *page);
	/* The first of as many descriptors as vm_policy.pages, to look at pages
	 * in their order: those on none of the policy's lists, which list
	 * says, are not its business.  NULL: only by its lists. */
	struct vm_page *pages;
};

enum vm_leave {
	VM_LEAVE_EVICTED,	/* keep the identity in the history */
	VM_LEAVE_FREED,		/* gone for good: truncated, destroyed */
};

/*
 * What a use of a page, and a look at it without one, is worth where a policy
 * counts that (FreeBSD's ACT_INIT, ACT_ADVANCE, ACT_DECLINE, ACT_MAX).
 */
struct vm_act {
	uint32_t initial;	/* of a page that comes in */
	uint32_t advance;	/* a use: so much more */
	uint32_t decline;	/* none: so much less */
	uint32_t max;
};

/* 255: the bits of vm_page.weight that a count has. */
#define VM_ACT_MOST 255u

/* Sets those that are 0 to FreeBSD's.  0; -EINVAL with a sentence when one is
 * above VM_ACT_MOST, or a page would come in above max. */
VM_MUST_CHECK int vm_act_complete(struct vm_act *act);

/* Every policy's state begins with this. */
struct vm_policy {
	const struct vm_policy_ops *ops;	/* (C) */
	const struct vm_policy_env *env;	/* (C) */
	uint32_t pages;				/* capacity (C) */
	struct vm_act act;			/* complete (C) */
	uint8_t part;		/* its number where there are several (C) */
	uint32_t room;		/* pages that it is to reckon with, where it is
				 * one of several; 0: all (Q) */
};

struct vm_policy_ops {
	const char *name;	/* as in --policy */
	const char *summary;	/* one line for help texts */
	/* Its order is by definition that of each use, so that it is itself
	 * only where activate is called at each, as in a simulation.  From
	 * marks it makes the best of it. */
	bool exact;
	/* Bytes of state for a system of so many pages, history included. */
	size_t (*bytes)(uint32_t pages);
	/* state is zeroed; ops, env, pages and act are set. */
	void (*init)(struct vm_policy *state);
	/* Page became resident.  speculative: fetched ahead of need. */
	void (*enqueue)(struct vm_policy *state, struct vm_page *page,
	    bool speculative);
	void (*dequeue)(struct vm_policy *state, struct vm_page *page,
	    enum vm_leave how);
	/* The page is known to be used now / not to be needed soon: to go
	 * next (at_head), or after others that are not needed; where there is
	 * no such order, next. */
	void (*activate)(struct vm_policy *state, struct vm_page *page);
	void (*deactivate)(struct vm_policy *state, struct vm_page *page,
	    bool at_head);
	/* Up to want candidates, each once; bounded work. */
	unsigned (*victims)(struct vm_policy *state, struct vm_page **pages,
	    unsigned want);
	void (*refused)(struct vm_policy *state, struct vm_page *page);
	/* Pages queued; for audits. */
	uint32_t (*count)(const struct vm_policy *state);
	/* Name and length of list i; false: there are not so many.  "ahead" is
	 * that of pages enqueued as speculative and not known to be used. */
	bool (*list)(const struct vm_policy *state, unsigned i,
	    const char **name, uint32_t *count);
	/* The rest may be NULL.  The list, as above, of a page that is on one;
	 * NULL: the page says it. */
	unsigned (*where)(const struct vm_policy *state,
	    const struct vm_page *page);
	/* Is the page among those not needed? */
	bool (*idle)(const struct vm_policy *state,
	    const struct vm_page *page);
	/* A little less active than it was. */
	void (*cool)(struct vm_policy *state, struct vm_page *page);
	/* How active, in the policy's own measure. */
	uint32_t (*activity)(const struct vm_policy *state,
	    const struct vm_page *page);
	/* A page of this identity will be enqueued soon: asks for the memory
	 * that will take, and reads nothing that changes: the one entry that
	 * may be called without the queue lock. */
	void (*expect)(const struct vm_policy *state, uint64_t identity);
};

/* How many pages the policy is to reckon with. */
static inline uint32_t
vm_policy_room(const struct vm_policy *policy)
{
	return policy->room == 0 ? policy->pages : policy->room;
}

/* The page, on a list, is this policy's and not another one's. */
static inline bool
vm_policy_has(const struct vm_policy *policy, const struct vm_page *page)
{
	return policy->env->part == NULL ||
	    policy->env->part(page) == policy->part;
}

/* The number of its list, for a page that is on one. */
static inline unsigned
vm_policy_where(const struct vm_policy *policy, const struct vm_page *page)
{
	return policy->ops->where == NULL ? page->list - 1u :
	    policy->ops->where(policy, page);
}

/* Is it on the list of those that were enqueued as speculative? */
bool vm_policy_is_ahead(const struct vm_policy *policy,
    const struct vm_page *page);

/* The first is the default; ends with NULL. */
extern const struct vm_policy_ops *const vm_policies[];
/* NULL when there is none of that name. */
const struct vm_policy_ops *vm_policy_find(const char *name);

extern const struct vm_policy_ops vm_policy_alirs;
extern const struct vm_policy_ops vm_policy_car;
extern const struct vm_policy_ops vm_policy_clock2;
extern const struct vm_policy_ops vm_policy_fifo;
extern const struct vm_policy_ops vm_policy_freebsd;
extern const struct vm_policy_ops vm_policy_lirs;
extern const struct vm_policy_ops vm_policy_lru;
extern const struct vm_policy_ops vm_policy_s3fifo;
extern const struct vm_policy_ops vm_policy_sieve;

#endif
