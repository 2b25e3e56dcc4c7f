/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/policies/past.c - past.h has the theory. */
#include "queue/policies/past.h"

#include <string.h>

#include "base/assert.h"

uint32_t
vm_past_sets(uint64_t entries)
{
	return (uint32_t)(entries / VM_PAST_WAYS + 1);
}

/* The upper half chooses the set, the lower half is the fingerprint. */
static struct vm_past_set *
set_of(const struct vm_past *past, uint64_t identity)
{
	vm_assert(past->count_sets > 0);
	return &past->sets[(identity >> 32) * past->count_sets >> 32];
}

static uint32_t
print_of(uint64_t identity)
{
	uint32_t print = (uint32_t)identity;

	return print == 0 ? 1 : print;
}

bool
vm_past_add(struct vm_past *past, uint64_t identity, uint32_t stamp,
    uint32_t *dropped)
{
	struct vm_past_set *set = set_of(past, identity);
	bool full = set->print[VM_PAST_WAYS - 1] != 0;

	*dropped = set->stamp[VM_PAST_WAYS - 1];
	memmove(set->print + 1, set->print,
	    (VM_PAST_WAYS - 1) * sizeof(set->print[0]));
	memmove(set->stamp + 1, set->stamp,
	    (VM_PAST_WAYS - 1) * sizeof(set->stamp[0]));
	set->print[0] = print_of(identity);
	set->stamp[0] = stamp;
	return full;
}

/* Without a way out of the loop, so that all are compared at once: most are not
 * there. */
static bool
has(const struct vm_past_set *set, uint32_t print)
{
	uint32_t found = 0;

	for (unsigned i = 0; i < VM_PAST_WAYS; i++)
		found |= set->print[i] == print;
	return found != 0;
}

bool
vm_past_take(struct vm_past *past, uint64_t identity, uint32_t *stamp)
{
	struct vm_past_set *set = set_of(past, identity);
	uint32_t print = print_of(identity);
	unsigned at = 0;

	if (!has(set, print))
		return false;
	while (set->print[at] != print)
		at++;
	*stamp = set->stamp[at];
	for (; at + 1 < VM_PAST_WAYS; at++) {
		set->print[at] = set->print[at + 1];
		set->stamp[at] = set->stamp[at + 1];
	}
	set->print[at] = 0;
	return true;
}
