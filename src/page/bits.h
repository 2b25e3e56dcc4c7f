/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page/bits.h - the blocks of a page and the bytes in them.
 *
 * A bitmap says something of each block of a page, bit 0 of the first one
 * (page/page.h has the sizes).  Here bitmaps meet bytes: zeroing and copying
 * what they name.  Pages of 4 KiB have 8 blocks of 512 bytes:
 *
 *	bytes [700, 800)	block 1, touched and not covered	0x02
 *	bytes [512, 1536)	blocks 1 and 2, covered			0x06
 *
 * No page, no lock: the caller owns the bytes.
 */
#ifndef PAGE_BITS_H
#define PAGE_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "page/page.h"

/* Bytes of a block. */
uint32_t vm_bits_block_bytes(uint32_t page_bytes);

/*
 * The first run of blocks that begins at byte *offset or behind it: *offset
 * and *length say which bytes; false: there is none.  Each run, in turn:
 *
 *	for (uint32_t at = 0, n; vm_bits_next(bytes, blocks, &at, &n); at += n)
 */
bool vm_bits_next(uint32_t page_bytes, uint32_t blocks, uint32_t *offset,
    uint32_t *length);

/* The bytes of these blocks. */
void vm_bits_zero(uint32_t page_bytes, uint32_t blocks, void *bytes);
void vm_bits_copy(uint32_t page_bytes, uint32_t blocks, void *to,
    const void *from);

/* Blocks that begin at byte end or behind it. */
uint32_t vm_bits_behind(uint32_t page_bytes, uint32_t end);

/* Blocks that [offset, offset + length) touches without covering them. */
uint32_t vm_bits_edges(uint32_t page_bytes, uint32_t offset, uint32_t length);

/* Zeroes what of those blocks [offset, offset + length) does not cover. */
void vm_bits_zero_around(uint32_t page_bytes, uint32_t edges, uint32_t offset,
    uint32_t length, void *bytes);

#endif
