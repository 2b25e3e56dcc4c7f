/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/pack.h - what can be told of the bytes of a page: their checksum,
 * whether they repeat, and how small they get.
 *
 * A page that repeats 8 bytes all over is stored as those.  Any other one is
 * compressed by LZ4 and kept so if a quarter of it is gained; else it is not
 * worth the memory, and goes to the file as it is.
 *
 * The checksum is XXH3 of 64 bits.  It finds what a disk or a bus did to the
 * bytes, not what somebody did who wanted to: it is no secret.
 *
 * Both are libraries that may be missing when this is built.  Without LZ4
 * nothing is ever compressed and vm_pack_able says so; without xxHash the sum
 * of everything is 0 and finds nothing.
 */
#ifndef PAGER_PACK_H
#define PAGER_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool vm_pack_able(void);

/* Bytes of working memory that vm_pack needs, aligned to 8. */
size_t vm_pack_state_bytes(void);

/* Whether the page is the same 8 bytes all over: those. */
bool vm_pack_is_fill(const void *page, uint32_t page_bytes, uint64_t *word);
void vm_pack_fill(void *page, uint32_t page_bytes, uint64_t word);

uint64_t vm_pack_sum(const void *page, uint32_t page_bytes);

/* Into packed, which has room for a page: how many bytes, 0: not worth it. */
uint32_t vm_pack(void *state, const void *page, uint32_t page_bytes,
    void *packed);
/* False: these bytes never were a packed page. */
bool vm_unpack(const void *packed, uint32_t bytes, void *page,
    uint32_t page_bytes);

#endif
