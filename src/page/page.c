/* SPDX-License-Identifier: BSD-2-Clause */
/* page/page.c - blocks of a page as bits; page.h has the sizes. */
#include "page/page.h"

#include <stddef.h>

#include "base/assert.h"

/* 512 bytes: the smallest unit disks and file systems write. */
#define BLOCK_BYTES_MIN 512u
/* One bit of a uint32_t each. */
#define BLOCKS_MAX 32u

uint32_t
vm_page_block_bytes(uint32_t page_bytes)
{
	uint32_t bytes = page_bytes / BLOCKS_MAX;

	vm_assert(page_bytes >= BLOCK_BYTES_MIN);
	vm_assert((page_bytes & (page_bytes - 1)) == 0);
	return bytes > BLOCK_BYTES_MIN ? bytes : BLOCK_BYTES_MIN;
}

/* Bits first .. end - 1. */
static uint32_t
bits(uint32_t first, uint32_t end)
{
	if (first >= end)
		return 0;
	return (uint32_t)((UINT64_C(1) << end) - (UINT64_C(1) << first));
}

static void
check_range(uint32_t page_bytes, uint32_t offset, uint32_t length)
{
	vm_assert(offset <= page_bytes);
	vm_assert(length <= page_bytes - offset);
}

void
vm_page_reset(struct vm_page *page, uint16_t keep)
{
	page->foreign.next = NULL;
	page->foreign.memory = NULL;
	page->object = NULL;
	page->pindex = 0;
	atomic_store_explicit(&page->slot, NULL, memory_order_relaxed);
	page->valid = 0;
	page->dirty = 0;
	page->weight = 0;
	if (page->list != 0)	/* who holds an old pointer may look at it */
		page->list = 0;
	atomic_store_explicit(&page->wires, 0, memory_order_relaxed);
	atomic_store_explicit(&page->holds, 0, memory_order_relaxed);
	atomic_store_explicit(&page->loans, 0, memory_order_relaxed);
	atomic_fetch_and_explicit(&page->flags, keep, memory_order_relaxed);
}

/* Asked at every grab: no division by what is not constant. */
uint32_t
vm_page_all_blocks(uint32_t page_bytes)
{
	vm_assert(page_bytes >= BLOCK_BYTES_MIN);
	vm_assert((page_bytes & (page_bytes - 1)) == 0);
	return page_bytes >= BLOCKS_MAX * BLOCK_BYTES_MIN ? UINT32_MAX :
	    bits(0, page_bytes / BLOCK_BYTES_MIN);
}

uint32_t
vm_page_blocks_outer(uint32_t page_bytes, uint32_t offset, uint32_t length)
{
	uint32_t block = vm_page_block_bytes(page_bytes);

	check_range(page_bytes, offset, length);
	if (length == 0)
		return 0;
	return bits(offset / block, (offset + length - 1) / block + 1);
}

uint32_t
vm_page_blocks_inner(uint32_t page_bytes, uint32_t offset, uint32_t length)
{
	uint32_t block = vm_page_block_bytes(page_bytes);

	check_range(page_bytes, offset, length);
	return bits((offset + block - 1) / block, (offset + length) / block);
}
