/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/tier.c - tier.h has the theory. */
#include "pager/tier.h"

#include <string.h>

#include "base/assert.h"

struct chunk {
	uint32_t next;
	char bytes[VM_TIER_CHUNK_BYTES - 4];
};

/* The first of a record. */
struct head {
	uint32_t next;
	uint32_t older;		/* VM_TIER_NONE: the oldest, or not in line */
	uint32_t newer;
	uint32_t size;		/* with LEAVING and GONE */
	struct vm_swaptable *table;
	vm_pindex_t pindex;
	char bytes[VM_TIER_CHUNK_BYTES - 32];
};

_Static_assert(sizeof(struct chunk) == VM_TIER_CHUNK_BYTES, "a chunk");
_Static_assert(sizeof(struct head) == VM_TIER_CHUNK_BYTES, "a chunk too");

#define HEAD_BYTES	((uint32_t)sizeof(((struct head *)NULL)->bytes))
#define TAIL_BYTES	((uint32_t)sizeof(((struct chunk *)NULL)->bytes))

/* A page is 2 MiB at most: these bits of a size are free. */
#define LEAVING		0x80000000u
#define GONE		0x40000000u
#define SIZE		0x3fffffffu

static struct chunk *
chunk_at(const struct vm_tier *tier, uint32_t number)
{
	vm_assert(number < tier->chunks);
	return (struct chunk *)(void *)(tier->memory + (size_t)number *
	    VM_TIER_CHUNK_BYTES);
}

static struct head *
head_at(const struct vm_tier *tier, uint32_t number)
{
	return (struct head *)(void *)chunk_at(tier, number);
}

void
vm_tier_init(struct vm_tier *tier, void *memory, uint64_t bytes)
{
	uint64_t chunks = bytes / VM_TIER_CHUNK_BYTES;

	vm_assert(chunks < VM_TIER_NONE);
	*tier = (struct vm_tier){
		.memory = memory,
		.chunks = (uint32_t)chunks,
		.free = VM_TIER_NONE,
		.oldest = VM_TIER_NONE,
		.newest = VM_TIER_NONE,
	};
}

void
vm_tier_fini(struct vm_tier *tier)
{
	vm_assert(tier->records == 0 && tier->used_chunks == 0);
	tier->memory = NULL;
}

uint32_t
vm_tier_chunks(uint32_t bytes)
{
	return bytes <= HEAD_BYTES ? 1 :
	    1 + (bytes - HEAD_BYTES + TAIL_BYTES - 1) / TAIL_BYTES;
}

uint32_t
vm_tier_free_chunks(const struct vm_tier *tier)
{
	return tier->chunks - tier->used_chunks;
}

/* ---- chunks -------------------------------------------------------------- */

/* There is one. */
static uint32_t
take_chunk(struct vm_tier *tier)
{
	uint32_t number = tier->free;

	if (number != VM_TIER_NONE)
		tier->free = chunk_at(tier, number)->next;
	else
		number = tier->fresh++;
	tier->used_chunks++;
	return number;
}

static void
give_chunks(struct vm_tier *tier, uint32_t record)
{
	uint32_t bytes = head_at(tier, record)->size & SIZE;
	uint32_t last = record, count = vm_tier_chunks(bytes);

	for (uint32_t i = 1; i < count; i++)
		last = chunk_at(tier, last)->next;
	chunk_at(tier, last)->next = tier->free;
	tier->free = record;
	tier->used_chunks -= count;
	tier->packed_bytes -= bytes;
	tier->records--;
}

/* ---- the line ------------------------------------------------------------ */

static void
link_newest(struct vm_tier *tier, uint32_t record)
{
	struct head *head = head_at(tier, record);

	head->older = tier->newest;
	head->newer = VM_TIER_NONE;
	if (tier->newest != VM_TIER_NONE)
		head_at(tier, tier->newest)->newer = record;
	else
		tier->oldest = record;
	tier->newest = record;
}

static void
link_oldest(struct vm_tier *tier, uint32_t record)
{
	struct head *head = head_at(tier, record);

	head->newer = tier->oldest;
	head->older = VM_TIER_NONE;
	if (tier->oldest != VM_TIER_NONE)
		head_at(tier, tier->oldest)->older = record;
	else
		tier->newest = record;
	tier->oldest = record;
}

static void
unlink_record(struct vm_tier *tier, uint32_t record)
{
	const struct head *head = head_at(tier, record);

	if (head->older != VM_TIER_NONE)
		head_at(tier, head->older)->newer = head->newer;
	else
		tier->oldest = head->newer;
	if (head->newer != VM_TIER_NONE)
		head_at(tier, head->newer)->older = head->older;
	else
		tier->newest = head->older;
}

/* ---- records ------------------------------------------------------------- */

/* Chunks for so many bytes, these in them; the first of them. */
static uint32_t
fill_chunks(struct vm_tier *tier, const char *packed, uint32_t bytes)
{
	uint32_t record = take_chunk(tier), last = record;
	uint32_t done = bytes < HEAD_BYTES ? bytes : HEAD_BYTES;

	memcpy(head_at(tier, record)->bytes, packed, done);
	while (done < bytes) {
		uint32_t n = bytes - done < TAIL_BYTES ? bytes - done :
		    TAIL_BYTES;
		uint32_t next = take_chunk(tier);

		memcpy(chunk_at(tier, next)->bytes, packed + done, n);
		chunk_at(tier, last)->next = next;
		last = next;
		done += n;
	}
	return record;
}

uint32_t
vm_tier_put(struct vm_tier *tier, struct vm_tier_page page,
    const void *packed, uint32_t bytes)
{
	struct head *head;
	uint32_t record;

	vm_assert(bytes > 0 && bytes <= SIZE);
	if (vm_tier_chunks(bytes) > vm_tier_free_chunks(tier))
		return VM_TIER_NONE;
	record = fill_chunks(tier, packed, bytes);
	head = head_at(tier, record);
	head->size = bytes;
	head->table = page.table;
	head->pindex = page.pindex;
	link_newest(tier, record);
	tier->records++;
	tier->packed_bytes += bytes;
	return record;
}

uint32_t
vm_tier_get(const struct vm_tier *tier, uint32_t record, void *packed)
{
	const struct head *head = head_at(tier, record);
	uint32_t bytes = head->size & SIZE, next = head->next;
	uint32_t done = bytes < HEAD_BYTES ? bytes : HEAD_BYTES;
	char *to = packed;

	memcpy(to, head->bytes, done);
	while (done < bytes) {
		const struct chunk *chunk = chunk_at(tier, next);
		uint32_t n = bytes - done < TAIL_BYTES ? bytes - done :
		    TAIL_BYTES;

		memcpy(to + done, chunk->bytes, n);
		done += n;
		next = chunk->next;
	}
	return bytes;
}

struct vm_tier_page
vm_tier_page_of(const struct vm_tier *tier, uint32_t record)
{
	const struct head *head = head_at(tier, record);

	return (struct vm_tier_page){ head->table, head->pindex };
}

void
vm_tier_drop(struct vm_tier *tier, uint32_t record)
{
	struct head *head = head_at(tier, record);

	vm_assert((head->size & GONE) == 0);
	if ((head->size & LEAVING) != 0) {
		head->size |= GONE;
		return;
	}
	unlink_record(tier, record);
	give_chunks(tier, record);
}

uint32_t
vm_tier_begin(struct vm_tier *tier)
{
	uint32_t record = tier->oldest;

	if (record == VM_TIER_NONE)
		return VM_TIER_NONE;
	unlink_record(tier, record);
	head_at(tier, record)->size |= LEAVING;
	return record;
}

bool
vm_tier_end(struct vm_tier *tier, uint32_t record)
{
	bool wanted = (head_at(tier, record)->size & GONE) == 0;

	vm_assert((head_at(tier, record)->size & LEAVING) != 0);
	give_chunks(tier, record);
	return wanted;
}

void
vm_tier_cancel(struct vm_tier *tier, uint32_t record)
{
	struct head *head = head_at(tier, record);

	vm_assert((head->size & LEAVING) != 0);
	if ((head->size & GONE) != 0) {
		give_chunks(tier, record);
		return;
	}
	head->size &= SIZE;
	link_oldest(tier, record);
}
