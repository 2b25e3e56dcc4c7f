/* SPDX-License-Identifier: BSD-2-Clause */
/* frame/boot.c - memory before the system is there; boot.h has the rules. */
#include "frame/boot.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "frame/frame_private.h"

/* 16 bytes: what malloc aligns to, enough for every type. */
#define ALIGN UINT64_C(16)

void
vm_boot_begin(struct vm_boot *boot, struct vm_frames *frames)
{
	vm_assert(boot->state == VM_BOOT_COLD);
	boot->frames = frames;
	boot->state = VM_BOOT_BOOT;
}

void
vm_boot_end(struct vm_boot *boot)
{
	vm_assert(boot->state == VM_BOOT_BOOT);
	boot->state = VM_BOOT_READY;
}

static int
check_state(const struct vm_boot *boot)
{
	return boot->state == VM_BOOT_BOOT ? 0 :
	    vm_error(EINVAL, "boot is over");
}

/* The first segment in order of number that has a frame. */
static struct vm_frame_segment *
window(const struct vm_boot *boot)
{
	return vm_segment_of(&boot->frames->segments, 0);
}

/* Fresh frames from the front become reserved ones. */
static char *
steal(struct vm_frames *frames, struct vm_frame_segment *segment,
    uint32_t count)
{
	uint32_t first = vm_buddy_take_fresh(&segment->buddy, count);

	for (uint32_t i = first; i < first + count; i++)
		(void)vm_frame_hand_out(frames, i, VM_PGA_WARM);
	for (uint32_t i = first; i < first + count; i++)
		vm_frame_set_flags(&frames->pages[i], VM_PGA_WARM |
		    VM_PGA_RESERVED);
	segment->stolen += count;
	atomic_fetch_add(&frames->stolen, count);
	return vm_frame_data(frames, &frames->pages[first]);
}

static int
take_pages(struct vm_boot *boot, uint64_t bytes)
{
	struct vm_frames *frames = boot->frames;
	struct vm_frame_segment *segment = window(boot);
	uint64_t count = bytes / frames->page_bytes +
	    (bytes % frames->page_bytes != 0);
	uint32_t left = vm_buddy_fresh(&segment->buddy);

	if (count > left)
		return vm_error(ENOMEM, "boot: %llu bytes are more than the "
		    "%u pages left in the window",
		    (unsigned long long)bytes, left);
	boot->next = steal(frames, segment, (uint32_t)count);
	boot->rest_bytes = count * frames->page_bytes;
	return 0;
}

int
vm_boot_take(struct vm_boot *boot, uint64_t bytes, void **memory)
{
	uint64_t rounded = (bytes + ALIGN - 1) / ALIGN * ALIGN;
	int error = check_state(boot);

	if (error != 0)
		return error;
	if (bytes == 0 || rounded < bytes)
		return vm_error(EINVAL, "boot: %llu bytes",
		    (unsigned long long)bytes);
	if (boot->source != NULL)
		return boot->source(boot->source_arg, bytes, memory);
	if (rounded > boot->rest_bytes) {
		error = take_pages(boot, rounded);
		if (error != 0)
			return error;
	}
	*memory = boot->next;
	boot->next += rounded;
	boot->rest_bytes -= rounded;
	return 0;
}

int
vm_boot_bounds(const struct vm_boot *boot, void **start, void **end)
{
	const struct vm_frame_segment *segment;
	uint32_t bytes;
	int error = check_state(boot);

	if (error != 0)
		return error;
	segment = window(boot);
	bytes = boot->frames->page_bytes;
	*start = segment->base + (size_t)segment->stolen * bytes;
	*end = segment->base + (size_t)(segment->end - segment->first) *
	    bytes;
	return 0;
}
