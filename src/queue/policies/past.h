/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/past.h - the identities of pages evicted lately, and when they
 * were used last.
 *
 * As policies/ghost.h, with a stamp beside each fingerprint: sets of 8, one
 * cache line each, so that a table of n entries remembers about the last n
 * evictions (n +- 35 %).  What a stamp counts is the policy's.
 *
 * Everything here is under the queue lock (Q).
 */
#ifndef QUEUE_POLICIES_PAST_H
#define QUEUE_POLICIES_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 8 entries of 8 bytes: one cache line. */
#define VM_PAST_WAYS 8u

struct vm_past_set {
	uint32_t print[VM_PAST_WAYS];	/* newest first, 0 = empty (Q) */
	uint32_t stamp[VM_PAST_WAYS];	/* of each (Q) */
};

struct vm_past {
	struct vm_past_set *sets;	/* (C) */
	uint32_t count_sets;		/* (C) */
};

/* Sets for a history of so many entries. */
uint32_t vm_past_sets(uint64_t entries);
/* True when another entry had to go: *dropped is its stamp. */
bool vm_past_add(struct vm_past *past, uint64_t identity, uint32_t stamp,
    uint32_t *dropped);
/* True, and the entry is gone, when the identity was remembered. */
bool vm_past_take(struct vm_past *past, uint64_t identity, uint32_t *stamp);

#endif
