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
static struct vm_past_entry *
set_of(const struct vm_past *past, uint64_t identity)
{
	vm_assert(past->count_sets > 0);
	return past->sets[(identity >> 32) * past->count_sets >> 32].entry;
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
	struct vm_past_entry *entry = set_of(past, identity);
	struct vm_past_entry last = entry[VM_PAST_WAYS - 1];

	memmove(entry + 1, entry, (VM_PAST_WAYS - 1) * sizeof(*entry));
	entry[0] = (struct vm_past_entry){ print_of(identity), stamp };
	*dropped = last.stamp;
	return last.print != 0;
}

bool
vm_past_take(struct vm_past *past, uint64_t identity, uint32_t *stamp)
{
	struct vm_past_entry *entry = set_of(past, identity);
	uint32_t wanted = print_of(identity);
	unsigned at = 0;

	while (at < VM_PAST_WAYS && entry[at].print != wanted)
		at++;
	if (at == VM_PAST_WAYS)
		return false;
	*stamp = entry[at].stamp;
	memmove(entry + at, entry + at + 1,
	    (VM_PAST_WAYS - 1 - at) * sizeof(*entry));
	entry[VM_PAST_WAYS - 1] = (struct vm_past_entry){ 0 };
	return true;
}
