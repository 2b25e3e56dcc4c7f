/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/policies/ghost.c - ghost.h has the theory. */
#include "queue/policies/ghost.h"

#include <string.h>

#include "base/assert.h"
#include "base/compiler.h"

uint32_t
vm_ghost_sets(uint32_t entries)
{
	return entries / VM_GHOST_WAYS + 1;
}

/* The upper half chooses the set, the lower half is the fingerprint. */
static struct vm_ghost_set *
set_of(const struct vm_ghost *ghost, uint64_t identity)
{
	vm_assert(ghost->count_sets > 0);
	return &ghost->sets[(identity >> 32) * ghost->count_sets >> 32];
}

static uint32_t
print_of(uint64_t identity)
{
	uint32_t print = (uint32_t)identity;

	return print == 0 ? 1 : print;
}

void
vm_ghost_add(struct vm_ghost *ghost, uint64_t identity)
{
	uint32_t *print = set_of(ghost, identity)->print;

	memmove(print + 1, print, (VM_GHOST_WAYS - 1) * sizeof(*print));
	print[0] = print_of(identity);
}

bool
vm_ghost_take(struct vm_ghost *ghost, uint64_t identity)
{
	uint32_t *print = set_of(ghost, identity)->print;
	uint32_t wanted = print_of(identity);
	unsigned at = 0;

	while (at < VM_GHOST_WAYS && print[at] != wanted)
		at++;
	if (at == VM_GHOST_WAYS)
		return false;
	memmove(print + at, print + at + 1,
	    (VM_GHOST_WAYS - 1 - at) * sizeof(*print));
	print[VM_GHOST_WAYS - 1] = 0;
	return true;
}

void
vm_ghost_expect(const struct vm_ghost *ghost, uint64_t identity)
{
	VM_PREFETCH(set_of(ghost, identity));
}
