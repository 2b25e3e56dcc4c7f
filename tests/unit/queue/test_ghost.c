/* SPDX-License-Identifier: BSD-2-Clause */
/* The history of identities. */
#include "queue/policies/ghost.h"

#include "base/hash.h"
#include "base/rng.h"
#include "check.h"

enum { ENTRIES = 1000, SETS_MAX = 200 };

static struct vm_ghost_set sets[SETS_MAX];

static struct vm_ghost
make(uint32_t entries)
{
	memset(sets, 0, sizeof(sets));
	CHECK(vm_ghost_sets(entries) <= SETS_MAX);
	return (struct vm_ghost){ sets, vm_ghost_sets(entries) };
}

TEST(an_identity_is_remembered_once)
{
	struct vm_ghost g = make(ENTRIES);

	CHECK(!vm_ghost_take(&g, 7));
	vm_ghost_add(&g, 7);
	CHECK(vm_ghost_take(&g, 7));
	CHECK(!vm_ghost_take(&g, 7));
}

TEST(an_identity_of_zero_bits_is_remembered_too)
{
	struct vm_ghost g = make(ENTRIES);

	CHECK(!vm_ghost_take(&g, UINT64_C(5) << 32));
	vm_ghost_add(&g, UINT64_C(5) << 32);
	CHECK(vm_ghost_take(&g, UINT64_C(5) << 32));
}

TEST(a_set_forgets_the_oldest_first)
{
	struct vm_ghost g = make(0);	/* one set */

	for (uint64_t i = 1; i <= VM_GHOST_WAYS + 3; i++)
		vm_ghost_add(&g, i);
	for (uint64_t i = 1; i <= 3; i++)
		CHECK(!vm_ghost_take(&g, i));
	CHECK(vm_ghost_take(&g, 10));	/* a gap closes */
	vm_ghost_add(&g, 99);
	for (uint64_t i = 4; i <= VM_GHOST_WAYS + 3; i++)
		CHECK(vm_ghost_take(&g, i) == (i != 10));
	CHECK(vm_ghost_take(&g, 99));
}

/* A quarter of the capacity later nearly all are there, two times it later
 * hardly any: sets of 16 filled at random have a spread of 4 of 16. */
TEST(the_history_is_about_as_long_as_asked_for)
{
	struct vm_rng rng = { check_seed() };
	struct vm_ghost g = make(ENTRIES);
	uint64_t first = vm_rng_next(&rng);
	unsigned young = 0, old = 0;

	for (uint64_t i = 0; i < 2 * ENTRIES; i++)
		vm_ghost_add(&g, vm_hash_pair(first, i));
	for (uint64_t i = 0; i < ENTRIES / 4; i++) {
		young += vm_ghost_take(&g, vm_hash_pair(first,
		    2 * ENTRIES - 1 - i));
		old += vm_ghost_take(&g, vm_hash_pair(first, i));
	}
	CHECK(young > ENTRIES / 4 * 98 / 100);
	CHECK(old < ENTRIES / 4 * 10 / 100);
}
