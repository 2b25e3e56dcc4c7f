/* SPDX-License-Identifier: BSD-2-Clause */
/* api/frames.c - pages and segments of a new system; frames.h. */
#include "api/frames.h"

#include <errno.h>
#include <resident/resident.h>

#include "api/limits.h"
#include "api/swap.h"
#include "base/error.h"
#include "object/vm.h"

/* 2 MiB: a large page; of larger ones few would be a system. */
#define PAGE_BYTES_MAX (UINT32_C(2) << 20)
/* Descriptors without a frame, most: one for eight frames, and 1024 for small
 * systems.  Address space, until they are used. */
#define FICTITIOUS_SHARE 8u
#define FICTITIOUS_SPARE 1024u

static int
check_page_bytes(struct vm_options *o)
{
	uint32_t bytes = o->page_bytes, host = vm_page_bytes();

	if (bytes == 0)
		o->page_bytes = host;
	else if ((bytes & (bytes - 1)) != 0 || bytes < host ||
	    bytes > PAGE_BYTES_MAX)
		return vm_error(EINVAL, "create: pages of %u bytes are not a "
		    "power of two from %u to %u", bytes, host,
		    PAGE_BYTES_MAX);
	return 0;
}

static int
check_frames(const struct vm_options *o)
{
	if (o->colours > VM_COLOURS_MAX ||
	    (o->colours & (o->colours - 1)) != 0)
		return vm_error(EINVAL, "create: %u colours are not a power "
		    "of two up to %u", o->colours, VM_COLOURS_MAX);
	if (o->zero_low_percent > o->zero_high_percent ||
	    o->zero_high_percent > 100)
		return vm_error(EINVAL, "create: zeroing from %u to %u "
		    "percent", o->zero_low_percent, o->zero_high_percent);
	if (o->segment_count > VM_SEGMENTS_MAX)
		return vm_error(EINVAL, "create: %u segments are more than "
		    "%u", o->segment_count, VM_SEGMENTS_MAX);
	if (o->segment_count != 0 && o->segments == NULL)
		return vm_error(EINVAL, "create: %u segments, and where they "
		    "are is NULL", o->segment_count);
	for (unsigned i = 0; i < o->segment_count; i++)
		if (o->segments[i].flags & ~VM_SEGMENT_HUGE)
			return vm_error(EINVAL, "create: segment %u has "
			    "unknown flags 0x%x", i, o->segments[i].flags);
	return 0;
}

static struct vm_segment_options
segment_of(const struct vm_options *o, unsigned i)
{
	const struct vm_segment *segment = &o->segments[i];

	return (struct vm_segment_options){
		.name = segment->name,
		.bytes = segment->bytes,
		.base = segment->base,
		.priority = segment->priority,
		.huge = (segment->flags & VM_SEGMENT_HUGE) != 0 ||
		    (o->flags & VM_HUGE) != 0,
	};
}

/* With segments, their sum is what there is, and the limit unless that is
 * said to be less. */
static int
sum_up(struct vm_options *o)
{
	uint64_t pages = 0, bytes;

	if (o->segment_count == 0)
		return 0;
	for (unsigned i = 0; i < o->segment_count; i++) {
		struct vm_segment_options segment = segment_of(o, i);

		pages += vm_segment_frames(&segment, o->page_bytes);
		if (pages > VM_SLOT_PAGES_MAX)
			return vm_error(EINVAL, "create: the segments have "
			    "more than %u pages", VM_SLOT_PAGES_MAX);
	}
	bytes = pages * o->page_bytes;
	if (vm_limits_bytes(o) == 0)
		o->resident_max_bytes = bytes;
	if (vm_limits_most_bytes(o) > bytes)
		return vm_error(EINVAL, "create: a limit of %llu bytes, and "
		    "segments of %llu", (unsigned long long)
		    vm_limits_most_bytes(o), (unsigned long long)bytes);
	o->grow_max_bytes = bytes;
	return 0;
}

int
vm_frames_complete(struct vm_options *o)
{
	int error = check_page_bytes(o);

	if (error == 0)
		error = check_frames(o);
	return error == 0 ? sum_up(o) : error;
}

static int
init(struct vm *vm, const struct vm_options *o, uint32_t count)
{
	struct vm_segment_options segments[VM_SEGMENTS_MAX] = { {
		.name = "arena",
		.bytes = (uint64_t)count * o->page_bytes,
		.huge = (o->flags & VM_NO_HUGE) == 0,
	} };
	struct vm_frames_options options = {
		.page_bytes = o->page_bytes,
		.segments = segments,
		.segment_count = o->segment_count == 0 ? 1 :
		    o->segment_count,
		.high_first = (o->flags & VM_HIGH_FIRST) != 0,
		.colours = o->colours,
		.fictitious = o->fictitious_max != 0 ? o->fictitious_max :
		    count / FICTITIOUS_SHARE + FICTITIOUS_SPARE,
		.fictitious_quantum = o->fictitious_quantum,
		.zero_low_percent = o->zero_low_percent,
		.zero_high_percent = o->zero_high_percent,
	};

	int error;

	for (unsigned i = 0; i < o->segment_count; i++)
		segments[i] = segment_of(o, i);
	error = vm_frames_init_with(&vm->frames, vm->os, &options);
	vm->frames_below = (uintptr_t)vm->frames.arena - vm->page_bytes;
	return error;
}

/* Before anybody else takes a page. */
static int
run_boot(struct vm *vm, const struct vm_options *o)
{
	struct vm_boot *boot = &vm->frames.boot;
	int error;

	boot->source = o->boot_source;
	boot->source_arg = o->boot_source_arg;
	vm_boot_begin(boot, &vm->frames);
	error = o->boot == NULL ? 0 : o->boot(boot, o->boot_arg);
	if (error > 0)
		error = vm_error(EINVAL, "create: boot returned %d, which is "
		    "no negative errno", error);
	if (error == 0)
		error = vm_swaps_steal(vm, boot, o);
	vm_boot_end(boot);
	if (error == 0 && vm_frames_usable(&vm->frames) < VM_LIMIT_PAGES_MIN)
		return vm_error(ENOMEM, "create: boot left %u pages, fewer "
		    "than %u", vm_frames_usable(&vm->frames),
		    VM_LIMIT_PAGES_MIN);
	return error;
}

int
vm_frames_set_up(struct vm *vm, const struct vm_options *o)
{
	int error = init(vm, o, (uint32_t)(vm_limits_most_bytes(o) /
	    o->page_bytes));

	if (error != 0)
		return error;
	error = run_boot(vm, o);
	if (error != 0)
		vm_frames_fini(&vm->frames);
	return error;
}
