/* SPDX-License-Identifier: BSD-2-Clause */
/* Block bitmaps against one byte after the other. */
#include "page/page.h"

#include <pthread.h>
#include <string.h>

#include "base/rng.h"
#include "check.h"

static uint32_t
block_bytes(uint32_t page_bytes)
{
	return page_bytes <= 16384 ? 512 : page_bytes / 32;
}

/* Block by block: is any byte of it in the range, are all? */
static void
naive(uint32_t page_bytes, uint32_t offset, uint32_t length, uint32_t *outer,
    uint32_t *inner)
{
	uint32_t block = block_bytes(page_bytes);

	*outer = *inner = 0;
	for (uint32_t i = 0; i < page_bytes / block; i++) {
		uint32_t first = i * block, end = first + block;

		if (length > 0 && first < offset + length && offset < end)
			*outer |= UINT32_C(1) << i;
		if (offset <= first && end <= offset + length)
			*inner |= UINT32_C(1) << i;
	}
}

static void
check_one(uint32_t page_bytes, uint32_t offset, uint32_t length)
{
	uint32_t outer, inner;

	naive(page_bytes, offset, length, &outer, &inner);
	CHECK(vm_page_blocks_outer(page_bytes, offset, length) == outer);
	CHECK(vm_page_blocks_inner(page_bytes, offset, length) == inner);
}

TEST(all_blocks_are_8_32_32)
{
	CHECK_INT(vm_page_all_blocks(512), 0x1);
	CHECK_INT(vm_page_all_blocks(4096), 0xff);
	CHECK_INT(vm_page_all_blocks(8192), 0xffff);
	CHECK(vm_page_all_blocks(16384) == UINT32_MAX);
	CHECK(vm_page_all_blocks(65536) == UINT32_MAX);
	CHECK(vm_page_all_blocks(UINT32_C(1) << 21) == UINT32_MAX);
}

/* Offsets and ends at every block edge and one byte to either side: between
 * those nothing changes. */
static void
check_edges(uint32_t page_bytes)
{
	uint32_t block = block_bytes(page_bytes);
	uint32_t points = page_bytes / block * 3 + 1;

	for (uint32_t a = 0; a < points; a++)
		for (uint32_t b = a; b < points; b++) {
			uint32_t from = a / 3 * block + a % 3;
			uint32_t to = b / 3 * block + b % 3;

			if (a % 3 == 2)
				from = (a / 3 + 1) * block - 1;
			if (b % 3 == 2)
				to = (b / 3 + 1) * block - 1;
			check_one(page_bytes, from, to - from);
		}
}

TEST(blocks_are_right_at_every_edge)
{
	check_edges(4096);
	check_edges(16384);
	check_edges(65536);
}

TEST(blocks_of_a_small_page_are_right_everywhere)
{
	for (uint32_t offset = 0; offset <= 4096; offset += 7)
		for (uint32_t length = 0; length <= 4096 - offset; length++)
			check_one(4096, offset, length);
}

TEST(blocks_are_right_at_random)
{
	struct vm_rng rng = { check_seed() };

	for (int i = 0; i < 200000; i++) {
		uint32_t page_bytes = UINT32_C(512) << vm_rng_below(&rng, 13);
		uint32_t offset = (uint32_t)vm_rng_below(&rng, page_bytes + 1);

		check_one(page_bytes, offset, (uint32_t)vm_rng_below(&rng,
		    page_bytes - offset + 1));
	}
}

TEST(a_range_outside_the_page_dies)
{
	CHECK_DIES((void)vm_page_blocks_outer(4096, 4097, 0));
	CHECK_DIES((void)vm_page_blocks_outer(4096, 1, 4096));
	CHECK_DIES((void)vm_page_blocks_inner(4096, 4095, UINT32_MAX));
	CHECK_DIES((void)vm_page_all_blocks(4095));
	CHECK_DIES((void)vm_page_all_blocks(256));
}

/* M32: whatever was there before.  What is not reset keeps its bytes. */
TEST(a_reset_sets_every_field_of_the_body)
{
	struct vm_page page, zeros;

	memset(&page, 0xa5, sizeof(page));
	memset(&zeros, 0, sizeof(zeros));
	vm_page_reset(&page, VM_PGA_FREE | VM_PGA_WARM);
	CHECK_INT(page.number, 0xa5a5a5a5);
	/* Of 0xa5a5 these two bits leave WARM alone. */
	CHECK_INT(atomic_load(&page.flags), VM_PGA_WARM);
	page.number = 0;
	atomic_store(&page.flags, 0);
	CHECK(memcmp(&page, &zeros, sizeof(page)) == 0);
}

/* M01, F11: a cache line; bits that others set at the same time stay. */
static struct vm_page shared_page;

static void *
flip(void *arg)
{
	uint16_t bit = *(uint16_t *)arg;

	for (int i = 0; i < 100000; i++) {
		atomic_fetch_or_explicit(&shared_page.flags, bit,
		    memory_order_relaxed);
		if ((atomic_load(&shared_page.flags) & bit) == 0)
			return arg;
		atomic_fetch_and_explicit(&shared_page.flags, (uint16_t)~bit,
		    memory_order_relaxed);
	}
	return NULL;
}

TEST(flags_that_others_change_at_the_same_time_are_kept)
{
	uint16_t bit[3] = { VM_PGA_PRECIOUS, VM_PGA_NOSYNC, VM_PGA_LAUNDRY };
	pthread_t thread[3];
	void *lost;

	atomic_store(&shared_page.flags, VM_PGA_WARM);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, flip, &bit[i]), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(pthread_join(thread[i], &lost), 0);
		CHECK(lost == NULL);
	}
	CHECK_INT(atomic_load(&shared_page.flags), VM_PGA_WARM);
}

TEST(blocks_are_512_bytes_or_a_32nd)
{
	CHECK_INT(vm_page_block_bytes(4096), 512);
	CHECK_INT(vm_page_block_bytes(16384), 512);
	CHECK_INT(vm_page_block_bytes(65536), 2048);
	CHECK_INT(vm_page_block_bytes(2097152), 65536);
}
