/* SPDX-License-Identifier: BSD-2-Clause */
/* frame/count.c - what there is of everything, and whether it fits together. */
#include <string.h>

#include "base/assert.h"
#include "frame/frame_private.h"

void
vm_frames_count(struct vm_frames *frames, unsigned index,
    struct vm_segment_count *out)
{
	struct vm_frame_segment *segment = &frames->segments.array[index];
	const struct vm_buddy *buddy = &segment->buddy;

	vm_assert(index < frames->segments.count);
	vm_lock(&frames->lock);
	*out = (struct vm_segment_count){
		.frames = segment->end - segment->first,
		.free = vm_buddy_free(buddy),
		.fresh = vm_buddy_fresh(buddy),
		.zeroed = buddy->free[VM_KIND_ZEROED],
		.hollow = buddy->free[VM_KIND_HOLLOW],
		.stolen = segment->stolen,
		.retired = segment->retired,
	};
	memcpy(out->blocks, buddy->blocks, sizeof(out->blocks));
	vm_unlock(&frames->lock);
	/* Not under that lock, which ranks below a magazine's: a frame may be
	 * seen twice or not at all when it moves meanwhile. */
	out->magazines = vm_magazines_count(frames, segment->first,
	    segment->end);
	out->free += out->magazines;
}

/* Frames that no buddy has and that are not in use. */
static const char *
audit_flags(const struct vm_frames *frames)
{
	uint32_t reserved = 0;

	for (uint32_t i = 0; i < frames->count; i++) {
		uint16_t flags = vm_frame_flags(&frames->pages[i]);

		reserved += (flags & VM_PGA_RESERVED) != 0;
		if ((flags & VM_PGA_RESERVED) != 0 &&
		    (flags & VM_PGA_FREE) != 0)
			return "a reserved frame is free";
	}
	if (reserved != atomic_load(&frames->stolen) +
	    atomic_load(&frames->retired))
		return "the count of reserved frames is wrong";
	return NULL;
}

const char *
vm_frames_audit(struct vm_frames *frames)
{
	const char *wrong = NULL;

	vm_lock(&frames->lock);
	for (unsigned i = 0; i < frames->segments.count && wrong == NULL; i++)
		wrong = vm_buddy_audit(&frames->segments.array[i].buddy);
	vm_unlock(&frames->lock);
	return wrong != NULL ? wrong : audit_flags(frames);
}
