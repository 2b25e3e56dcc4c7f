/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of compressed pages: chunks, the line, leaving. */
#include "pager/tier.h"

#include <stdlib.h>

#include "base/rng.h"
#include "check.h"

enum { CHUNKS = 64, MEMORY = CHUNKS * VM_TIER_CHUNK_BYTES };

static _Alignas(16) char memory[MEMORY];
static struct vm_tier tier;

static void
setup(void)
{
	memset(memory, 0xee, sizeof(memory));
	vm_tier_init(&tier, memory, sizeof(memory));
}

static void
teardown(void)
{
	while (tier.oldest != VM_TIER_NONE)
		vm_tier_drop(&tier, tier.oldest);
	vm_tier_fini(&tier);
}

static void
stamp(unsigned char *bytes, uint32_t count, unsigned byte)
{
	for (uint32_t i = 0; i < count; i++)
		bytes[i] = (unsigned char)(byte + i);
}

static uint32_t
put(vm_pindex_t pindex, uint32_t bytes)
{
	unsigned char packed[4096];

	stamp(packed, bytes, (unsigned)pindex);
	return vm_tier_put(&tier, (struct vm_tier_page){ NULL, pindex },
	    packed, bytes);
}

static void
must_be(uint32_t record, vm_pindex_t pindex, uint32_t bytes)
{
	unsigned char wanted[4096], packed[4096];

	stamp(wanted, bytes, (unsigned)pindex);
	CHECK_INT(vm_tier_page_of(&tier, record).pindex, pindex);
	CHECK_INT(vm_tier_get(&tier, record, packed), bytes);
	CHECK(memcmp(packed, wanted, bytes) == 0);
}

TEST(a_record_takes_the_chunks_it_needs)
{
	CHECK_INT(vm_tier_chunks(1), 1);
	CHECK_INT(vm_tier_chunks(96), 1);
	CHECK_INT(vm_tier_chunks(97), 2);
	CHECK_INT(vm_tier_chunks(96 + 124), 2);
	CHECK_INT(vm_tier_chunks(96 + 125), 3);
	CHECK_INT(vm_tier_chunks(3072), 25);
}

TEST(what_was_put_is_got)
{
	static const uint32_t sizes[] = { 1, 95, 96, 97, 220, 221, 1000 };
	uint32_t record[VM_COUNT(sizes)];

	setup();
	for (unsigned i = 0; i < VM_COUNT(sizes); i++)
		record[i] = put(i, sizes[i]);
	for (unsigned i = 0; i < VM_COUNT(sizes); i++)
		must_be(record[i], i, sizes[i]);
	CHECK_INT(tier.records, VM_COUNT(sizes));
	CHECK_INT(tier.packed_bytes, 1 + 95 + 96 + 97 + 220 + 221 + 1000);
	teardown();
}

TEST(a_full_tier_takes_nothing_until_something_goes)
{
	uint32_t first;

	setup();
	first = put(0, 96);
	for (unsigned i = 1; i < CHUNKS; i++)
		CHECK(put(i, 96) != VM_TIER_NONE);
	CHECK_INT(vm_tier_free_chunks(&tier), 0);
	CHECK_INT(put(99, 1), VM_TIER_NONE);
	vm_tier_drop(&tier, first);
	CHECK_INT(put(99, 97), VM_TIER_NONE);
	must_be(put(99, 96), 99, 96);
	teardown();
}

/* Every other chunk is free: a long record fits all the same. */
TEST(free_room_is_of_use_wherever_it_is)
{
	uint32_t record[CHUNKS];

	setup();
	for (unsigned i = 0; i < CHUNKS; i++)
		record[i] = put(i, 50);
	for (unsigned i = 0; i < CHUNKS; i += 2)
		vm_tier_drop(&tier, record[i]);
	must_be(put(100, 96 + 31 * 124), 100, 96 + 31 * 124);
	for (unsigned i = 1; i < CHUNKS; i += 2)
		must_be(record[i], i, 50);
	teardown();
}

TEST(the_oldest_leaves_first)
{
	uint32_t a, b, c;

	setup();
	a = put(1, 10);
	b = put(2, 10);
	c = put(3, 10);
	vm_tier_drop(&tier, b);
	CHECK_INT(vm_tier_begin(&tier), a);
	CHECK_INT(vm_tier_begin(&tier), c);
	CHECK_INT(vm_tier_begin(&tier), VM_TIER_NONE);
	must_be(a, 1, 10);
	CHECK(vm_tier_end(&tier, a));
	CHECK(vm_tier_end(&tier, c));
	CHECK_INT(tier.records, 0);
	teardown();
}

TEST(what_stays_after_all_is_the_oldest_again)
{
	uint32_t a, b;

	setup();
	a = put(1, 10);
	b = put(2, 10);
	CHECK_INT(vm_tier_begin(&tier), a);
	CHECK_INT(vm_tier_begin(&tier), b);
	vm_tier_cancel(&tier, b);
	vm_tier_cancel(&tier, a);
	must_be(a, 1, 10);
	CHECK_INT(vm_tier_begin(&tier), a);
	CHECK(vm_tier_end(&tier, a));
	CHECK_INT(vm_tier_begin(&tier), b);
	CHECK(vm_tier_end(&tier, b));
	teardown();
}

TEST(what_nobody_wants_any_more_says_so_when_it_has_left)
{
	uint32_t a, b;

	setup();
	a = put(1, 10);
	b = put(2, 10);
	CHECK_INT(vm_tier_begin(&tier), a);
	CHECK_INT(vm_tier_begin(&tier), b);
	vm_tier_drop(&tier, a);
	vm_tier_drop(&tier, b);
	/* Its chunks are nobody else's yet. */
	CHECK_INT(vm_tier_free_chunks(&tier), CHUNKS - 2);
	must_be(a, 1, 10);
	CHECK(!vm_tier_end(&tier, a));
	vm_tier_cancel(&tier, b);
	CHECK_INT(tier.records, 0);
	CHECK_INT(vm_tier_free_chunks(&tier), CHUNKS);
	teardown();
}

TEST(what_no_caller_can_mean_dies)
{
	uint32_t a;

	setup();
	a = put(1, 10);
	CHECK_DIES((void)vm_tier_end(&tier, a));
	CHECK_DIES(vm_tier_cancel(&tier, a));
	CHECK_DIES(vm_tier_fini(&tier));
	CHECK_DIES(put(2, 0));
	CHECK_INT(vm_tier_begin(&tier), a);
	vm_tier_drop(&tier, a);
	CHECK_DIES(vm_tier_drop(&tier, a));
	CHECK(!vm_tier_end(&tier, a));
	teardown();
}

enum { PAGES = 40, ROUNDS = 20000 };

struct known {
	uint32_t record, bytes;
	bool there, leaving;
};

static void
step(struct vm_rng *rng, struct known *known)
{
	vm_pindex_t at = vm_rng_below(rng, PAGES);
	struct known *k = &known[at];

	if (k->there && k->leaving) {
		if (vm_rng_below(rng, 2) == 0) {
			vm_tier_cancel(&tier, k->record);
			k->leaving = false;
		} else {
			CHECK(vm_tier_end(&tier, k->record));
			k->there = k->leaving = false;
		}
	} else if (k->there && vm_rng_below(rng, 3) != 0) {
		vm_tier_drop(&tier, k->record);
		k->there = false;
	} else if (!k->there) {
		k->bytes = 1 + (uint32_t)vm_rng_below(rng, 600);
		k->record = put(at, k->bytes);
		k->there = k->record != VM_TIER_NONE;
		CHECK(k->there || vm_tier_chunks(k->bytes) >
		    vm_tier_free_chunks(&tier));
	}
	if (vm_rng_below(rng, 20) == 0) {
		uint32_t record = vm_tier_begin(&tier);

		if (record != VM_TIER_NONE)
			known[vm_tier_page_of(&tier, record).pindex].leaving =
			    true;
	}
}

TEST(a_tier_agrees_with_an_array)
{
	struct vm_rng rng = { check_seed() };
	struct known known[PAGES] = { { 0 } };

	setup();
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t chunks = 0;

		step(&rng, known);
		for (unsigned i = 0; i < PAGES; i++) {
			if (!known[i].there)
				continue;
			must_be(known[i].record, i, known[i].bytes);
			chunks += vm_tier_chunks(known[i].bytes);
		}
		CHECK_INT(tier.used_chunks, chunks);
	}
	for (unsigned i = 0; i < PAGES; i++)
		if (known[i].there && known[i].leaving)
			CHECK(vm_tier_end(&tier, known[i].record));
	teardown();
}
