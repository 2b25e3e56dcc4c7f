/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/swapmap.c - swapmap.h has the contract. */
#include "pager/swapmap.h"

#include <string.h>

#include "base/assert.h"

#define WORD_PAGES	64u

/* 4096 pages: 16 MiB of swap, 512 bytes of map. */
#define GROW_PAGES	4096u

/* An eighth: free room that keeps runs long, and the step of growth that
 * makes copying the map cost a constant per page in the long run. */
#define GROW_PART	8u

/* 256 pages: the longest run that is taken at once. */
#define VAIN_PAGES	256u

void
vm_swapmap_init(struct vm_swapmap *map, uint64_t max_pages)
{
	*map = (struct vm_swapmap){ .max_pages = max_pages };
}

uint64_t *
vm_swapmap_fini(struct vm_swapmap *map)
{
	uint64_t *words = map->words;

	vm_assert(map->free_pages == map->pages);
	vm_swapmap_init(map, 0);
	return words;
}

size_t
vm_swapmap_growth_bytes(const struct vm_swapmap *map, unsigned want)
{
	uint64_t step = map->pages / GROW_PART;
	uint64_t pages;

	if (map->pages >= map->max_pages ||
	    map->free_pages >= want + map->pages / GROW_PART)
		return 0;
	pages = map->pages + (step > GROW_PAGES ? step : GROW_PAGES);
	if (pages > map->max_pages)
		pages = map->max_pages;
	return (size_t)((pages + WORD_PAGES - 1) / WORD_PAGES) *
	    sizeof(uint64_t);
}

uint64_t *
vm_swapmap_grow(struct vm_swapmap *map, uint64_t *words, size_t bytes)
{
	uint64_t *old = map->words;
	uint64_t pages = bytes / sizeof(uint64_t) * WORD_PAGES;

	if (pages > map->max_pages)
		pages = map->max_pages;
	if (pages <= map->pages)
		return words;
	if (old != NULL)
		memcpy(words, old, (size_t)((map->pages + WORD_PAGES - 1) /
		    WORD_PAGES) * sizeof(uint64_t));
	map->free_pages += pages - map->pages;
	map->pages = pages;
	map->words = words;
	return old;
}

/* The bits from `from` on of its word; 63 is one bit. */
static uint64_t
mask_from(uint64_t from)
{
	return UINT64_MAX << (from % WORD_PAGES);
}

/* The first page in [from, limit) whose bit is not the flipped one's, with
 * flip all zeros a taken, with all ones a free one; limit when none is. */
static uint64_t
find(const struct vm_swapmap *map, uint64_t from, uint64_t limit,
    uint64_t flip)
{
	uint64_t mask = mask_from(from);

	while (from < limit) {
		uint64_t word = (map->words[from / WORD_PAGES] ^ flip) & mask;

		from -= from % WORD_PAGES;
		if (word != 0) {
			from += VM_LOWEST_BIT(word);
			break;
		}
		from += WORD_PAGES;
		mask = UINT64_MAX;
	}
	return from < limit ? from : limit;
}

static uint64_t
find_free(const struct vm_swapmap *map, uint64_t from, uint64_t limit)
{
	return find(map, from, limit, UINT64_MAX);
}

static uint64_t
find_taken(const struct vm_swapmap *map, uint64_t from, uint64_t limit)
{
	return find(map, from, limit, 0);
}

struct run {
	uint64_t first;
	uint64_t count;
	unsigned looks;		/* at runs that are too short */
};

/* Makes *best the first run of want in [from, limit), or the longest one
 * of those looked at when that is longer than it is already. */
static void
search(const struct vm_swapmap *map, uint64_t from, uint64_t limit,
    unsigned want, struct run *best)
{
	while (best->count < want && best->looks < VM_SWAPMAP_LOOKS) {
		uint64_t end, start = find_free(map, from, limit);

		if (start == limit)
			return;
		end = limit - start > want ? start + want : limit;
		from = find_taken(map, start, end);
		best->looks++;
		if (from - start > best->count) {
			best->first = start;
			best->count = from - start;
		}
	}
}

/* Inverts [first, first + count), which is all taken or all free. */
static void
invert(struct vm_swapmap *map, uint64_t first, uint64_t count, bool taken)
{
	uint64_t end = first + count;

	vm_assert(count > 0 && end <= map->pages);
	while (first < end) {
		uint64_t *word = &map->words[first / WORD_PAGES];
		uint64_t next = first - first % WORD_PAGES + WORD_PAGES;
		uint64_t mask = mask_from(first);

		if (next > end)
			mask &= ~mask_from(end);
		vm_assert((*word & mask) == (taken ? mask : 0));
		*word ^= mask;
		first = next;
	}
}

/* They are free. */
static void
take(struct vm_swapmap *map, struct run run)
{
	invert(map, run.first, run.count, false);
	map->free_pages -= run.count;
	map->next_page = run.first + run.count;
}

unsigned
vm_swapmap_take(struct vm_swapmap *map, unsigned want, uint64_t *first)
{
	struct run best = { 0, 0, 0 };
	uint64_t from = map->next_page, limit = map->pages;

	vm_assert(want > 0);
	if (map->free_pages == 0)
		return 0;
	search(map, from, limit, want, &best);
	/* Runs that reach across where the first search began count too. */
	search(map, 0, limit - from > want ? from + want : limit, want, &best);
	vm_assert(best.count > 0);
	take(map, best);
	*first = best.first;
	return (unsigned)best.count;
}

unsigned
vm_swapmap_take_within(struct vm_swapmap *map, unsigned want, uint64_t from,
    uint64_t end, uint64_t *first)
{
	struct run best = { 0, 0, 0 };

	vm_assert(want > 0 && end <= map->pages);
	search(map, from, end, want, &best);
	if (best.count == 0)
		return 0;
	take(map, best);
	*first = best.first;
	return (unsigned)best.count;
}

bool
vm_swapmap_try(struct vm_swapmap *map, uint64_t first, unsigned count)
{
	uint64_t end = first + count;

	vm_assert(count > 0);
	if (end > map->pages || find_taken(map, first, end) != end)
		return false;
	/* Not where the next run is to be: this one is beside others. */
	invert(map, first, count, false);
	map->free_pages -= count;
	return true;
}

static bool
is_free(const struct vm_swapmap *map, uint64_t page)
{
	return (map->words[page / WORD_PAGES] >> page % WORD_PAGES & 1) == 0;
}

void
vm_swapmap_give(struct vm_swapmap *map, uint64_t first, unsigned count)
{
	invert(map, first, count, true);
	map->free_pages += count;
	/* Taken in vain, the end of the last run: the next one may as well be
	 * there, and before it, where that is free too. */
	if (map->next_page != first + count)
		return;
	map->next_page = first;
	for (unsigned i = 0; i < VAIN_PAGES && map->next_page > 0 &&
	    is_free(map, map->next_page - 1); i++)
		map->next_page--;
}
