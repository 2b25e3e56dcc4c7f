/* SPDX-License-Identifier: BSD-2-Clause */
/* page/bits.c - bits.h has the theory. */
#include "page/bits.h"

#include <string.h>

#include "base/assert.h"

/* One bit of a uint32_t each; as in page.c. */
#define BLOCKS_MAX	32u
#define BLOCK_BYTES_MIN	512u

uint32_t
vm_bits_block_bytes(uint32_t page_bytes)
{
	uint32_t bytes = page_bytes / BLOCKS_MAX;

	return bytes > BLOCK_BYTES_MIN ? bytes : BLOCK_BYTES_MIN;
}

/* The number of the first block from at on that is set, or not; or end. */
static uint32_t
find(uint32_t blocks, uint32_t at, uint32_t end, bool set)
{
	while (at < end && ((blocks >> at & 1) != 0) != set)
		at++;
	return at;
}

bool
vm_bits_next(uint32_t page_bytes, uint32_t blocks, uint32_t *offset,
    uint32_t *length)
{
	uint32_t block = vm_bits_block_bytes(page_bytes);
	uint32_t end = page_bytes / block;
	uint32_t first = find(blocks, (*offset + block - 1) / block, end,
	    true);

	if (first >= end)
		return false;
	*offset = first * block;
	*length = (find(blocks, first, end, false) - first) * block;
	return true;
}

void
vm_bits_zero(uint32_t page_bytes, uint32_t blocks, void *bytes)
{
	uint32_t at, n;

	for (at = 0; vm_bits_next(page_bytes, blocks, &at, &n); at += n)
		memset((char *)bytes + at, 0, n);
}

void
vm_bits_copy(uint32_t page_bytes, uint32_t blocks, void *to, const void *from)
{
	uint32_t at, n;

	for (at = 0; vm_bits_next(page_bytes, blocks, &at, &n); at += n)
		memcpy((char *)to + at, (const char *)from + at, n);
}

uint32_t
vm_bits_behind(uint32_t page_bytes, uint32_t end)
{
	return vm_page_all_blocks(page_bytes) &
	    ~vm_page_blocks_outer(page_bytes, 0, end);
}

uint32_t
vm_bits_edges(uint32_t page_bytes, uint32_t offset, uint32_t length)
{
	return vm_page_blocks_outer(page_bytes, offset, length) &
	    ~vm_page_blocks_inner(page_bytes, offset, length);
}

/* What of [from, to) lies in these blocks. */
static void
zero_part(uint32_t page_bytes, uint32_t blocks, uint32_t from, uint32_t to,
    char *bytes)
{
	if (from < to && (blocks & vm_page_blocks_outer(page_bytes, from,
	    to - from)) != 0)
		memset(bytes + from, 0, to - from);
}

void
vm_bits_zero_around(uint32_t page_bytes, uint32_t edges, uint32_t offset,
    uint32_t length, void *bytes)
{
	uint32_t block = vm_bits_block_bytes(page_bytes);
	uint32_t end = offset + length;

	if (length == 0)
		return;
	zero_part(page_bytes, edges, offset - offset % block, offset, bytes);
	zero_part(page_bytes, edges, end,
	    (end + block - 1) / block * block, bytes);
}
