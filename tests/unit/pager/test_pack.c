/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of the bytes of a page. */
#include "pager/pack.h"

#include <stdlib.h>

#include "base/rng.h"
#include "check.h"

enum { PAGE = 4096 };

static _Alignas(8) unsigned char page[PAGE], packed[PAGE], back[PAGE];
static void *state;

static uint32_t
pack(void)
{
	uint32_t bytes;

	state = malloc(vm_pack_state_bytes());
	CHECK(state != NULL);
	bytes = vm_pack(state, page, PAGE, packed);
	free(state);
	return bytes;
}

static void
randomize(size_t bytes)
{
	struct vm_rng rng = { 7 };

	for (size_t i = 0; i < bytes; i++)
		page[i] = (unsigned char)vm_rng_next(&rng);
}

TEST(a_page_of_one_word_is_known_and_made_again)
{
	uint64_t word = 0, found;

	memset(page, 0, PAGE);
	CHECK(vm_pack_is_fill(page, PAGE, &word));
	CHECK_INT(word, 0);
	for (unsigned i = 0; i < PAGE; i++)
		page[i] = (unsigned char)(i % 8);
	CHECK(vm_pack_is_fill(page, PAGE, &found));
	vm_pack_fill(back, PAGE, found);
	CHECK(memcmp(page, back, PAGE) == 0);
	vm_pack_fill(back, PAGE, 0);
	CHECK(back[0] == 0 && memcmp(back, back + 1, PAGE - 1) == 0);
}

TEST(a_page_that_differs_anywhere_is_not_of_one_word)
{
	uint64_t word;

	for (unsigned i = 0; i < PAGE; i++) {
		memset(page, 'a', PAGE);
		page[i] = 'b';
		CHECK(!vm_pack_is_fill(page, PAGE, &word));
	}
}

TEST(a_page_that_shrinks_comes_back_as_it_was)
{
	uint32_t bytes;

	if (!vm_pack_able())
		CHECK_SKIP("built without lz4");
	memset(page, 'x', PAGE);
	randomize(PAGE / 2);
	bytes = pack();
	CHECK(bytes > PAGE / 2 && bytes < PAGE * 3 / 4);
	memset(back, 0, PAGE);
	CHECK(vm_unpack(packed, bytes, back, PAGE));
	CHECK(memcmp(page, back, PAGE) == 0);
}

TEST(a_page_that_hardly_shrinks_is_not_worth_it)
{
	if (!vm_pack_able())
		CHECK_SKIP("built without lz4");
	randomize(PAGE);
	CHECK_INT(pack(), 0);
	memset(page, 'x', PAGE);
	randomize(PAGE * 4 / 5);
	CHECK_INT(pack(), 0);
}

TEST(bytes_that_never_were_a_page_are_not_made_one)
{
	uint32_t bytes;

	if (!vm_pack_able())
		CHECK_SKIP("built without lz4");
	memset(page, 'x', PAGE);
	randomize(PAGE / 4);
	bytes = pack();
	CHECK(!vm_unpack(packed, bytes - 1, back, PAGE));
	memset(packed, 0xff, PAGE);
	CHECK(!vm_unpack(packed, bytes, back, PAGE));
}

TEST(the_sum_of_a_page_changes_with_each_bit)
{
	uint64_t sum;

	randomize(PAGE);
	sum = vm_pack_sum(page, PAGE);
	if (sum == 0)
		CHECK_SKIP("built without xxHash");
	for (unsigned bit = 0; bit < PAGE * 8; bit++) {
		page[bit / 8] ^= (unsigned char)(1u << bit % 8);
		CHECK(vm_pack_sum(page, PAGE) != sum);
		page[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	CHECK(vm_pack_sum(page, PAGE) == sum);
}
