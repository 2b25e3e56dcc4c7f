/* SPDX-License-Identifier: BSD-2-Clause */
/* frame/segment.c - ranges of memory; segment.h has the rules. */
#include "frame/segment.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "page/slot.h"

static void
copy_name(char *to, const char *from)
{
	size_t bytes = from == NULL ? 0 : strlen(from);

	if (bytes >= VM_SEGMENT_NAME_BYTES)
		bytes = VM_SEGMENT_NAME_BYTES - 1;
	if (bytes != 0)
		memcpy(to, from, bytes);
	to[bytes] = '\0';
}

/* Bytes up to the first page of a lent range. */
static uint64_t
skip_of(const struct vm_segment_options *o, uint32_t page_bytes)
{
	return (0 - (uintptr_t)o->base) & (page_bytes - 1);
}

uint64_t
vm_segment_frames(const struct vm_segment_options *o, uint32_t page_bytes)
{
	uint64_t skip = skip_of(o, page_bytes);

	return o->bytes < skip ? 0 : (o->bytes - skip) / page_bytes;
}

static int
plan_one(struct vm_segments *segments, const struct vm_segment_options *o,
    unsigned i, uint32_t page_bytes)
{
	struct vm_frame_segment *segment = &segments->array[i];
	uint64_t frames = vm_segment_frames(o, page_bytes);

	copy_name(segment->name, o->name);
	segment->priority = o->priority;
	segment->huge = o->huge;
	segment->lent = o->base != NULL;
	if (segment->lent)
		segment->base = (char *)o->base + skip_of(o, page_bytes);
	if (segment->lent && o->bytes > UINTPTR_MAX - (uintptr_t)o->base)
		return vm_error(EINVAL, "segment %u: its %llu bytes wrap "
		    "around", i, (unsigned long long)o->bytes);
	if (frames > VM_SLOT_PAGES_MAX - segments->frames)
		return vm_error(EINVAL, "segment %u: a limit above %u pages",
		    i, VM_SLOT_PAGES_MAX);
	segment->end = (uint32_t)frames;	/* its size, for now */
	segments->frames += (uint32_t)frames;
	if (!segment->lent)
		segments->own_frames += (uint32_t)frames;
	return 0;
}

/* The arena's first, as they came; then by address. */
static bool
comes_before(const struct vm_frame_segment *a,
    const struct vm_frame_segment *b)
{
	if (a->lent != b->lent)
		return b->lent;
	return a->lent && (uintptr_t)a->base < (uintptr_t)b->base;
}

static bool
preferred(const struct vm_frame_segment *a, const struct vm_frame_segment *b)
{
	return a->priority > b->priority;
}

/* Stable insertion; 16 members at most. */
static void
sort(const struct vm_segments *segments, uint8_t *index,
    bool (*before)(const struct vm_frame_segment *a,
    const struct vm_frame_segment *b))
{
	for (unsigned i = 0; i < segments->count; i++) {
		unsigned at = i;

		while (at > 0 && before(&segments->array[i],
		    &segments->array[index[at - 1]])) {
			index[at] = index[at - 1];
			at--;
		}
		index[at] = (uint8_t)i;
	}
}

static int
check_overlap(const struct vm_segments *segments, uint32_t page_bytes)
{
	const struct vm_frame_segment *last = NULL;

	for (unsigned i = 0; i < segments->count; i++) {
		const struct vm_frame_segment *segment =
		    &segments->array[segments->by_number[i]];

		if (!segment->lent || segment->end == 0)
			continue;
		if (last != NULL && (uintptr_t)segment->base -
		    (uintptr_t)last->base < (uint64_t)last->end * page_bytes)
			return vm_error(EINVAL, "segments: \"%s\" overlaps "
			    "\"%s\"", segment->name, last->name);
		last = segment;
	}
	return 0;
}

static void
number_them(struct vm_segments *segments)
{
	uint32_t next = 0;

	for (unsigned i = 0; i < segments->count; i++) {
		struct vm_frame_segment *segment =
		    &segments->array[segments->by_number[i]];

		segment->first = next;
		segment->end += next;
		next = segment->end;
	}
	vm_assert(next == segments->frames);
}

int
vm_segments_plan(struct vm_segments *segments,
    const struct vm_segment_options *options, unsigned count,
    uint32_t page_bytes)
{
	int error;

	vm_assert(count > 0 && count <= VM_SEGMENTS_MAX);
	segments->count = count;
	segments->frames = segments->own_frames = 0;
	for (unsigned i = 0; i < count; i++) {
		error = plan_one(segments, &options[i], i, page_bytes);
		if (error != 0)
			return error;
	}
	sort(segments, segments->by_number, comes_before);
	sort(segments, segments->by_priority, preferred);
	error = check_overlap(segments, page_bytes);
	if (error == 0)
		number_them(segments);
	return error;
}

void
vm_segments_place(struct vm_segments *segments, char *arena,
    uint32_t page_bytes)
{
	for (unsigned i = 0; i < segments->count; i++) {
		struct vm_frame_segment *segment = &segments->array[i];

		if (!segment->lent)
			segment->base = arena +
			    (size_t)segment->first * page_bytes;
	}
}

/* Of the segments in order of number, the last that begins at or before it;
 * empty ones begin where the next does, and come before it. */
struct vm_frame_segment *
vm_segment_of(const struct vm_segments *segments, uint32_t number)
{
	unsigned low = 0, high = segments->count;

	vm_assert(number < segments->frames);
	while (high - low > 1) {
		unsigned middle = (low + high) / 2;

		if (segments->array[segments->by_number[middle]].first <=
		    number)
			low = middle;
		else
			high = middle;
	}
	return &segments->array[segments->by_number[low]];
}

static bool
inside(const struct vm_frame_segment *segment, uintptr_t address,
    uint32_t page_bytes, uint32_t *number)
{
	uint64_t frames = (address - (uintptr_t)segment->base) / page_bytes;

	if (address < (uintptr_t)segment->base ||
	    frames >= segment->end - segment->first)
		return false;
	*number = segment->first + (uint32_t)frames;
	return true;
}

bool
vm_segment_find(const struct vm_segments *segments, const void *address,
    uint32_t page_bytes, uint32_t *number)
{
	for (unsigned i = 0; i < segments->count; i++)
		if (inside(&segments->array[i], (uintptr_t)address,
		    page_bytes, number))
			return true;
	return false;
}
