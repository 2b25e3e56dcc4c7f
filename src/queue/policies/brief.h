/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/brief.h - the identities of pages evicted lately, and when
 * they were used last, in 3 bytes.
 *
 * As policies/ghost.h, with a stamp beside each fingerprint: sets of 21, one
 * cache line each, so that a table of n entries remembers about the last n
 * evictions (n +- 22 %).  An entry is 3 bytes, 14 bits of fingerprint and 10 of
 * stamp: one identity in 780 is taken for another one.  What a stamp counts is
 * the policy's.
 *
 *	low	0..13	fingerprint, 0 = empty
 *		14..15	the stamp's upper bits
 *	high	0..7	the stamp's lower bits
 *
 * Everything here but vm_brief_expect is under the queue lock (Q).
 */
#ifndef QUEUE_POLICIES_BRIEF_H
#define QUEUE_POLICIES_BRIEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 21 entries of 3 bytes: one cache line. */
#define VM_BRIEF_WAYS 21u

/* A stamp is a number below this. */
#define VM_BRIEF_STAMPS 1024u

struct vm_brief_set {
	uint16_t low[VM_BRIEF_WAYS];	/* newest first (Q) */
	uint8_t high[VM_BRIEF_WAYS];	/* of each (Q) */
	uint8_t none;			/* the line's last byte */
};

struct vm_brief {
	struct vm_brief_set *sets;	/* (C) */
	uint32_t count_sets;		/* (C) */
};

/* Sets for a history of so many entries. */
uint32_t vm_brief_sets(uint64_t entries);
/* True when another entry had to go: *dropped is its stamp. */
bool vm_brief_add(struct vm_brief *brief, uint64_t identity, uint32_t stamp,
    uint32_t *dropped);
/* True, and the entry is gone, when the identity was remembered. */
bool vm_brief_take(struct vm_brief *brief, uint64_t identity, uint32_t *stamp);
/* One of the two is about to come: asks for the set's memory, and needs no
 * lock. */
void vm_brief_expect(const struct vm_brief *brief, uint64_t identity);

#endif
