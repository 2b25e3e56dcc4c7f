/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/ages.h - how many pages were used since a page was.
 *
 * That number, the page's LRU stack distance, says whether LRU with a memory of
 * so many pages would still have it.  Here it is known to within a group: time
 * is a count of groups, a new one begins when as many uses were seen as a 16th
 * of memory has pages, and each group has the number of its members: the pages,
 * in memory or in the history, whose last use was in it.
 *
 *	group	   now-3   now-2   now-1     now
 *	members	     9      12      16        7 so far
 *	distance of a page stamped now-2: 16 + 7 + half of 12
 *
 * Groups older than the ring has room for count as one.  The sums over younger
 * groups are made anew with each group; until the next one they are too large
 * by the members that left meanwhile, a 16th of memory at most.
 *
 * A stamp is the low 16 bits of a group's number.  One older than 2^16 groups
 * would look young; who meets an old stamp replaces it (vm_ages_clamp).
 *
 * Everything here is under the queue lock (Q).
 */
#ifndef QUEUE_POLICIES_AGES_H
#define QUEUE_POLICIES_AGES_H

#include <stdint.h>

/* 16 groups to a memory: 8 were worse by 0.001 of the mean hit ratio over the
 * traces of docs/policies.md, 64 not better. */
#define VM_AGES_PER_MEMORY 16u
/* 64 groups, 4 memories of uses seen: as far back as the history reaches. */
#define VM_AGES_KEPT 256u

struct vm_ages {
	uint16_t now;			/* (Q) */
	uint32_t seen;			/* uses in this group (Q) */
	uint32_t members[VM_AGES_KEPT];	/* by age modulo KEPT (Q) */
	uint32_t younger[VM_AGES_KEPT];	/* than that group, but for those of
					 * now: at its beginning (Q) */
};

/* Since the use; VM_AGES_KEPT - 1: or longer. */
static inline uint32_t
vm_ages_age(const struct vm_ages *ages, uint16_t stamp)
{
	uint32_t age = (uint16_t)(ages->now - stamp);

	return age < VM_AGES_KEPT ? age : VM_AGES_KEPT - 1;
}

/* The stamp of the group that stamp counts in. */
static inline uint16_t
vm_ages_clamp(const struct vm_ages *ages, uint16_t stamp)
{
	return (uint16_t)(ages->now - vm_ages_age(ages, stamp));
}

/* Pages used since. */
uint32_t vm_ages_distance(const struct vm_ages *ages, uint16_t stamp);
/* A page is used now, in a memory of so many: its stamp. */
uint16_t vm_ages_enter(struct vm_ages *ages, uint32_t pages);
/* A member is used again, or forgotten. */
void vm_ages_leave(struct vm_ages *ages, uint16_t stamp);

#endif
