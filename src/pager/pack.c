/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/pack.c - pack.h has the theory. */
#include "pager/pack.h"

#include <string.h>

#include "base/assert.h"

/* meson.build says what is there. */
#if HAVE_LZ4
#include <lz4.h>
#endif
#if HAVE_XXHASH
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

/* A quarter: less gained is less than what finding the page again costs. */
#define GAIN_PART 4u

bool
vm_pack_is_fill(const void *page, uint32_t page_bytes, uint64_t *word)
{
	const char *bytes = page;

	vm_assert(page_bytes % sizeof(*word) == 0);
	memcpy(word, bytes, sizeof(*word));
	/* Most pages differ in the first words already. */
	return memcmp(bytes, bytes + sizeof(*word), page_bytes -
	    sizeof(*word)) == 0;
}

void
vm_pack_fill(void *page, uint32_t page_bytes, uint64_t word)
{
	char *bytes = page;

	if (word == 0) {
		memset(bytes, 0, page_bytes);
		return;
	}
	for (uint32_t at = 0; at < page_bytes; at += sizeof(word))
		memcpy(bytes + at, &word, sizeof(word));
}

uint64_t
vm_pack_sum(const void *page, uint32_t page_bytes)
{
#if HAVE_XXHASH
	return XXH3_64bits(page, page_bytes);
#else
	(void)page;
	(void)page_bytes;
	return 0;
#endif
}

#if HAVE_LZ4

bool
vm_pack_able(void)
{
	return true;
}

size_t
vm_pack_state_bytes(void)
{
	return (size_t)LZ4_sizeofState();
}

uint32_t
vm_pack(void *state, const void *page, uint32_t page_bytes, void *packed)
{
	int most = (int)(page_bytes - page_bytes / GAIN_PART);
	int bytes = LZ4_compress_fast_extState(state, page, packed,
	    (int)page_bytes, most, 1);

	return bytes > 0 ? (uint32_t)bytes : 0;
}

bool
vm_unpack(const void *packed, uint32_t bytes, void *page,
    uint32_t page_bytes)
{
	return LZ4_decompress_safe(packed, page, (int)bytes,
	    (int)page_bytes) == (int)page_bytes;
}

#else

bool
vm_pack_able(void)
{
	return false;
}

size_t
vm_pack_state_bytes(void)
{
	return 0;
}

uint32_t
vm_pack(void *state, const void *page, uint32_t page_bytes, void *packed)
{
	(void)state;
	(void)page;
	(void)page_bytes;
	(void)packed;
	return 0;
}

bool
vm_unpack(const void *packed, uint32_t bytes, void *page,
    uint32_t page_bytes)
{
	(void)packed;
	(void)bytes;
	(void)page;
	(void)page_bytes;
	return false;
}

#endif
