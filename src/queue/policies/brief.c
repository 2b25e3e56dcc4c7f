/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/policies/brief.c - brief.h has the theory. */
#include "queue/policies/brief.h"

#include <string.h>

#include "base/assert.h"
#include "base/compiler.h"

#define PRINT_BITS	14u
#define PRINT		((1u << PRINT_BITS) - 1)

_Static_assert(sizeof(struct vm_brief_set) == 64, "a set is a cache line");

uint32_t
vm_brief_sets(uint64_t entries)
{
	return (uint32_t)(entries / VM_BRIEF_WAYS + 1);
}

/* The upper half chooses the set, the lower half is the fingerprint. */
static struct vm_brief_set *
set_of(const struct vm_brief *brief, uint64_t identity)
{
	vm_assert(brief->count_sets > 0);
	return &brief->sets[(identity >> 32) * brief->count_sets >> 32];
}

static uint32_t
print_of(uint64_t identity)
{
	uint32_t print = (uint32_t)identity & PRINT;

	return print == 0 ? 1 : print;
}

static uint32_t
stamp_at(const struct vm_brief_set *set, unsigned at)
{
	return (uint32_t)(set->low[at] >> PRINT_BITS) << 8 | set->high[at];
}

bool
vm_brief_add(struct vm_brief *brief, uint64_t identity, uint32_t stamp,
    uint32_t *dropped)
{
	struct vm_brief_set *set = set_of(brief, identity);
	bool full = set->low[VM_BRIEF_WAYS - 1] != 0;

	vm_assert(stamp < VM_BRIEF_STAMPS);
	*dropped = stamp_at(set, VM_BRIEF_WAYS - 1);
	memmove(set->low + 1, set->low,
	    (VM_BRIEF_WAYS - 1) * sizeof(set->low[0]));
	memmove(set->high + 1, set->high,
	    (VM_BRIEF_WAYS - 1) * sizeof(set->high[0]));
	set->low[0] = (uint16_t)(stamp >> 8 << PRINT_BITS |
	    print_of(identity));
	set->high[0] = (uint8_t)stamp;
	return full;
}

/* Without a way out of the loop, so that all are compared at once: most are not
 * there. */
static bool
has(const struct vm_brief_set *set, uint32_t print)
{
	unsigned found = 0;

	for (unsigned i = 0; i < VM_BRIEF_WAYS; i++)
		found |= (set->low[i] & PRINT) == print;
	return found != 0;
}

static void
drop(struct vm_brief_set *set, unsigned at)
{
	unsigned after = VM_BRIEF_WAYS - 1 - at;

	memmove(set->low + at, set->low + at + 1,
	    after * sizeof(set->low[0]));
	memmove(set->high + at, set->high + at + 1,
	    after * sizeof(set->high[0]));
	set->low[VM_BRIEF_WAYS - 1] = 0;
	set->high[VM_BRIEF_WAYS - 1] = 0;
}

bool
vm_brief_take(struct vm_brief *brief, uint64_t identity, uint32_t *stamp)
{
	struct vm_brief_set *set = set_of(brief, identity);
	uint32_t print = print_of(identity);
	unsigned at = 0;

	if (!has(set, print))
		return false;
	while ((set->low[at] & PRINT) != print)
		at++;
	*stamp = stamp_at(set, at);
	drop(set, at);
	return true;
}

void
vm_brief_expect(const struct vm_brief *brief, uint64_t identity)
{
	VM_PREFETCH(set_of(brief, identity));
}
