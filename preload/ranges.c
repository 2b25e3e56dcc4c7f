/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/ranges.c - ranges.h has the rules. */
#include "ranges.h"

#include <errno.h>
#include <string.h>

#include "memory.h"

/* 102 ranges of 40 bytes: the first table is one page. */
#define CAPACITY_FIRST 102u

static void
bound(struct vm_ranges *ranges)
{
	size_t n = ranges->count;

	atomic_store_explicit(&ranges->low,
	    n == 0 ? 0 : ranges->range[0].start, memory_order_relaxed);
	atomic_store_explicit(&ranges->high,
	    n == 0 ? 0 : ranges->range[n - 1].end, memory_order_relaxed);
}

int
vm_ranges_reserve(struct vm_ranges *ranges, size_t extra)
{
	size_t capacity = ranges->capacity;
	struct vm_shim_range *more;

	if (ranges->count + extra <= capacity)
		return 0;
	capacity = capacity == 0 ? CAPACITY_FIRST : 2 * capacity;
	more = vm_own_new(capacity * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	if (ranges->count > 0)
		memcpy(more, ranges->range, ranges->count * sizeof(*more));
	if (ranges->capacity > 0)
		vm_own_free(ranges->range,
		    ranges->capacity * sizeof(*more));
	ranges->range = more;
	ranges->capacity = capacity;
	return 0;
}

bool
vm_ranges_near(const struct vm_ranges *ranges, uint64_t start, uint64_t end)
{
	return start < atomic_load_explicit(&ranges->high,
	    memory_order_relaxed) &&
	    end > atomic_load_explicit(&ranges->low, memory_order_relaxed);
}

/* Index of the lowest entry that ends after address; count when none does. */
static size_t
position(const struct vm_ranges *ranges, uint64_t address)
{
	size_t low = 0, high = ranges->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->range[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct vm_shim_range *
vm_ranges_first(const struct vm_ranges *ranges, uint64_t start, uint64_t end)
{
	size_t i = position(ranges, start);

	if (i == ranges->count || start >= end ||
	    ranges->range[i].start >= end)
		return NULL;
	return &ranges->range[i];
}

bool
vm_ranges_has_kind(const struct vm_ranges *ranges, uint64_t start,
    uint64_t end, unsigned kind)
{
	for (size_t i = position(ranges, start); i < ranges->count &&
	    ranges->range[i].start < end; i++)
		if (ranges->range[i].kind == kind)
			return true;
	return false;
}

bool
vm_ranges_has_file(const struct vm_ranges *ranges, uint32_t file)
{
	for (size_t i = 0; i < ranges->count; i++)
		if (ranges->range[i].file == file)
			return true;
	return false;
}

static void
put(struct vm_ranges *ranges, size_t i, const struct vm_shim_range *entry)
{
	memmove(&ranges->range[i + 1], &ranges->range[i],
	    (ranges->count - i) * sizeof(*entry));
	ranges->range[i] = *entry;
	ranges->count++;
}

void
vm_ranges_insert(struct vm_ranges *ranges, const struct vm_shim_range *entry)
{
	put(ranges, position(ranges, entry->start), entry);
	bound(ranges);
}

struct vm_shim_range
vm_range_cut(const struct vm_shim_range *entry, uint64_t start, uint64_t end)
{
	struct vm_shim_range part = *entry;

	if (start > part.start) {
		part.offset += start - part.start;
		part.start = start;
	}
	if (end < part.end)
		part.end = end;
	return part;
}

/* Entries [i, n) lie within what is removed. */
static void
drop(struct vm_ranges *ranges, size_t i, size_t n)
{
	memmove(&ranges->range[i], &ranges->range[n],
	    (ranges->count - n) * sizeof(ranges->range[0]));
	ranges->count -= n - i;
}

void
vm_ranges_remove(struct vm_ranges *ranges, uint64_t start, uint64_t end)
{
	size_t i = position(ranges, start), n;
	struct vm_shim_range *entry = &ranges->range[i];

	if (i < ranges->count && entry->start < start) {
		struct vm_shim_range rest = vm_range_cut(entry, end,
		    entry->end);
		bool split = entry->end > end;

		entry->end = start;
		i++;
		if (split)
			put(ranges, i, &rest);
	}
	for (n = i; n < ranges->count && ranges->range[n].end <= end; n++)
		continue;
	drop(ranges, i, n);
	if (i < ranges->count && ranges->range[i].start < end)
		ranges->range[i] = vm_range_cut(&ranges->range[i], end,
		    ranges->range[i].end);
	bound(ranges);
}
