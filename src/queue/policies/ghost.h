/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/ghost.h - the identities of pages evicted lately.
 *
 * Fingerprints of 32 bits in sets of 16, one cache line each, oldest last: a
 * set is a first-in first-out queue of its own, and identities spread evenly,
 * so a table of n entries remembers about the last n evictions (n +- 25 %).
 * A fingerprint takes another one's place with probability 16 / 2^32.
 *
 * Everything here is under the queue lock (Q).
 */
#ifndef QUEUE_POLICIES_GHOST_H
#define QUEUE_POLICIES_GHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 16 fingerprints of 4 bytes: one cache line. */
#define VM_GHOST_WAYS 16u

struct vm_ghost_set {
	uint32_t print[VM_GHOST_WAYS];	/* newest first, 0 = empty (Q) */
};

struct vm_ghost {
	struct vm_ghost_set *sets;	/* (C) */
	uint32_t count_sets;		/* (C) */
};

/* Sets for a history of so many entries. */
uint32_t vm_ghost_sets(uint32_t entries);
void vm_ghost_add(struct vm_ghost *ghost, uint64_t identity);
/* One of the two is about to come: asks for the set's memory, and needs no
 * lock. */
void vm_ghost_expect(const struct vm_ghost *ghost, uint64_t identity);
/* True, and the entry is gone, when the identity was remembered. */
bool vm_ghost_take(struct vm_ghost *ghost, uint64_t identity);

#endif
