/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/split.h - several policies in one memory, each for its own pages.
 *
 * A split is a policy, too, and hands each page to that of its part: what a
 * page's part is, env->part says.  Part 0 is the system's, the others are those
 * of objects that have a policy of their own, one part for each policy.
 *
 * How much of memory a part has is found by what comes back.  Each part
 * remembers of a quarter of its evicted pages (chosen by identity, so that
 * those of a long loop are among them) after which of its evictions they went.
 * One that comes back after d others went would still be there, had the part d
 * pages more.  So of n such pages that came back after d at most a page more is
 * worth n / d, and the largest of these, over 11 values of d up to two
 * memories, is what the part could make of some more pages at once: of a loop
 * that is d pages too long each of those d has its worth, and fewer have none
 * (Qureshi and Patt, 2006: utility, looked ahead).  At each page that comes
 * back to a part that is worth more by an eighth half a page goes to it from
 * the one that is worth least.  What was counted is halved whenever as many
 * pages as memory has were evicted.  No part's share falls below a 16th of
 * memory by that.
 *
 * A share is what a part has when others want theirs: victims are those of the
 * parts that have most above their share of what there is, however much that is
 * at the limit's marks.  Pages of a part that were refused count as gone until
 * as many have left it or come to it, so that a part that cannot give does not
 * keep others from being asked.
 *
 * The history is 1.5 bytes per page and part.  With those of the policies it is
 * 1 % of memory at most, or the part is not made (queue/parts.c).
 */
#ifndef QUEUE_SPLIT_H
#define QUEUE_SPLIT_H

#include "queue/policies/brief.h"
#include "queue/policy.h"

/* 4 policies at once: the shares of more could not be told apart by what comes
 * back in reasonable time. */
#define VM_PARTS_MAX 4u

/* Distances that are told apart. */
#define VM_REACHES 11u

struct vm_part {
	struct vm_policy *policy;	/* NULL: there is no such part (Q) */
	uint32_t users;			/* objects; part 0: none counted (Q) */
	uint32_t refused;		/* see above (Q) */
	uint64_t share;			/* of a page: 1 / 256 (Q) */
	uint64_t evicted;		/* pages, ever (Q) */
	uint64_t votes;			/* pages that came back (Q) */
	uint32_t back[VM_REACHES];	/* lately, by their distance (Q) */
	struct vm_brief past;		/* of a quarter of them (Q) */
};

struct vm_split {
	struct vm_policy policy;
	struct vm_part part[VM_PARTS_MAX];
	uint32_t evicted;		/* since the counts were halved (Q) */
	uint32_t unit;			/* evictions per stamp (C) */
};

extern const struct vm_policy_ops vm_policy_split;

/* Sets of a part's history. */
uint32_t vm_split_sets(uint32_t pages);

/* ops, env and pages are set; the rest is zeros. */
void vm_split_init(struct vm_split *split);
/* A part comes, with an equal share of all, taken from the others evenly; sets
 * has vm_split_sets, empty.  It goes, empty, and its share is part 0's. */
void vm_split_add(struct vm_split *split, unsigned part,
    struct vm_policy *policy, struct vm_brief_set *sets);
void vm_split_remove(struct vm_split *split, unsigned part);

/* Pages that are a part's share. */
uint32_t vm_split_share(const struct vm_split *split, unsigned part);
/* The part of list i. */
unsigned vm_split_part_of_list(const struct vm_split *split, unsigned i);

#endif
