/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks and bytes, each against a loop over all bytes of a page. */
#include "page/bits.h"

#include "check.h"

enum { PAGE = 4096, BLOCK = 512, BLOCKS = PAGE / BLOCK };

static uint8_t from[PAGE], to[PAGE];

/* FreeBSD's vm_page_bits: every base and size of a 4 KiB page. */
TEST(the_blocks_of_a_range_are_those_of_its_bytes)
{
	for (uint32_t offset = 0; offset <= PAGE; offset++) {
		uint32_t touched = 0;

		CHECK(vm_page_blocks_outer(PAGE, offset, 0) == 0);
		for (uint32_t end = offset + 1; end <= PAGE; end++) {
			touched |= UINT32_C(1) << (end - 1) / BLOCK;
			if (vm_page_blocks_outer(PAGE, offset,
			    end - offset) != touched)
				CHECK_INT(end, offset);
		}
	}
}

/* Blocks whose every byte is in the range, likewise. */
TEST(the_edges_of_a_range_are_blocks_that_it_touches_in_part)
{
	for (uint32_t offset = 0; offset < PAGE; offset += 37)
		for (uint32_t length = 1; length <= PAGE - offset; length++) {
			uint32_t edges = 0, end = offset + length;

			for (uint32_t i = 0; i < BLOCKS; i++) {
				uint32_t a = i * BLOCK, b = a + BLOCK;

				if (a < end && offset < b && (offset > a ||
				    end < b))
					edges |= UINT32_C(1) << i;
			}
			if (vm_bits_edges(PAGE, offset, length) != edges)
				CHECK_INT(offset, length);
		}
	CHECK_INT(vm_bits_edges(PAGE, 700, 100), 0x02);
	CHECK_INT(vm_bits_edges(PAGE, 512, 1024), 0);
	CHECK_INT(vm_bits_edges(PAGE, 700, 0), 0);
}

TEST(runs_come_one_after_the_other_and_are_all_blocks_set)
{
	for (uint32_t blocks = 0; blocks < 1u << BLOCKS; blocks++) {
		uint32_t seen = 0, last = 0, at = 0, n;
		unsigned runs = 0;

		for (; vm_bits_next(PAGE, blocks, &at, &n); at += n) {
			CHECK(n != 0 && at % BLOCK == 0 && n % BLOCK == 0);
			CHECK(runs++ == 0 || at > last);	/* longest */
			seen |= vm_page_blocks_outer(PAGE, at, n);
			last = at + n;
		}
		CHECK_INT(seen, blocks);
	}
}

TEST(zeroing_and_copying_touch_the_named_blocks_alone)
{
	for (uint32_t blocks = 0; blocks < 1u << BLOCKS; blocks++) {
		memset(to, 0xa5, sizeof(to));
		memset(from, 0x3c, sizeof(from));
		vm_bits_copy(PAGE, blocks, to, from);
		vm_bits_zero(PAGE, blocks, from);
		for (unsigned i = 0; i < PAGE; i++) {
			bool in = (blocks >> i / BLOCK & 1) != 0;

			if (to[i] != (in ? 0x3c : 0xa5) ||
			    from[i] != (in ? 0 : 0x3c))
				CHECK_INT(i, blocks);
		}
	}
}

TEST(what_lies_behind_an_end_begins_there_or_later)
{
	for (uint32_t end = 0; end <= PAGE; end++) {
		uint32_t behind = 0;

		for (uint32_t i = 0; i < BLOCKS; i++)
			if (i * BLOCK >= end)
				behind |= UINT32_C(1) << i;
		CHECK_INT(vm_bits_behind(PAGE, end), behind);
	}
}

/* Around each range, with every choice of edges: only bytes of an edge that
 * was named, and outside the range, become zeros. */
static void
check_around(uint32_t offset, uint32_t length, uint32_t edges)
{
	memset(to, 0xff, sizeof(to));
	vm_bits_zero_around(PAGE, edges, offset, length, to);
	for (uint32_t i = 0; i < PAGE; i++) {
		bool inside = i >= offset && i < offset + length;
		bool edge = (edges >> i / BLOCK & 1) != 0;

		if ((to[i] == 0) != (edge && !inside)) {
			CHECK_INT(offset, length);
			CHECK_INT(i, edges);
		}
	}
}

TEST(what_a_range_leaves_of_its_edges_is_zeroed)
{
	for (uint32_t offset = 0; offset < PAGE; offset += 61)
		for (uint32_t length = 1; length <= PAGE - offset;
		    length += 89) {
			uint32_t edges = vm_bits_edges(PAGE, offset, length);
			uint32_t low = edges & (~edges + 1);

			check_around(offset, length, edges);
			check_around(offset, length, 0);
			check_around(offset, length, low);
			check_around(offset, length, edges & ~low);
		}
	check_around(0, 0, 0);
}

TEST(blocks_grow_with_large_pages)
{
	CHECK_INT(vm_bits_block_bytes(4096), 512);
	CHECK_INT(vm_bits_block_bytes(16384), 512);
	CHECK_INT(vm_bits_block_bytes(65536), 2048);
	CHECK_INT(vm_bits_block_bytes(2 << 20), 65536);
	CHECK_INT(vm_bits_edges(65536, 100, 4096), 0x5);
	CHECK(vm_bits_behind(65536, 0) == UINT32_MAX);
}
