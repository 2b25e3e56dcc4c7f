/* SPDX-License-Identifier: BSD-2-Clause */
/* api/frame.c - segments, runs and addresses: resident/frame.h. */
#include <errno.h>
#include <resident/frame.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/life.h"
#include "object/object.h"
#include "object/runs.h"

_Static_assert(VM_FRAME_ORDERS == VM_ORDERS, "one number");
_Static_assert(VM_SEGMENTS_MOST == VM_SEGMENTS_MAX, "one number");

#define BOTH_CLASSES	(VM_ALLOC_SYSTEM | VM_ALLOC_INTERRUPT)
#define ALLOC_FLAGS	(BOTH_CLASSES | VM_ALLOC_ZERO | VM_ALLOC_WIRED | \
    VM_ALLOC_WAIT | VM_FRAME_ROUND | VM_FRAME_COLOURED)

/* ---- segments ----------------------------------------------------------- */

VM_EXPORT unsigned
vm_frame_segments(const struct vm *vm)
{
	return vm->frames.segments.count;
}

static void
describe(struct vm *vm, unsigned index, struct vm_segment_info *info)
{
	const struct vm_frame_segment *segment =
	    &vm->frames.segments.array[index];
	struct vm_segment_count count;

	vm_frames_count(&vm->frames, index, &count);
	memcpy(info->name, segment->name, sizeof(info->name));
	info->base = segment->base;
	info->priority = segment->priority;
	info->pages = count.frames;
	info->free = count.free;
	info->fresh = count.fresh;
	info->zeroed = count.zeroed;
	info->magazines = count.magazines;
	info->reserved = count.stolen;
	info->retired = count.retired;
	for (unsigned i = 0; i < VM_ORDERS; i++)
		info->blocks[i] = count.blocks[i];
}

VM_EXPORT int
vm_frame_info(struct vm *vm, unsigned segment, struct vm_segment_info *out)
{
	struct vm_segment_info now = { .size_bytes = sizeof(now) };
	size_t bytes = out == NULL ? 0 : out->size_bytes;

	if (bytes < sizeof(size_t))
		return vm_error(EINVAL, "frame info: without "
		    "VM_SEGMENT_INFO_INIT");
	if (segment >= vm->frames.segments.count)
		return vm_error(EINVAL, "frame info: there are %u segments, "
		    "no segment %u", vm->frames.segments.count, segment);
	describe(vm, segment, &now);
	/* As vm_stat: a caller built against fewer fields gets those. */
	memcpy(out, &now, bytes < sizeof(now) ? bytes : sizeof(now));
	out->size_bytes = bytes;
	return 0;
}

VM_EXPORT uint64_t
vm_frame_zeroed(struct vm *vm)
{
	return vm_frames_zeroed(&vm->frames);
}

VM_EXPORT uint64_t
vm_frame_trim(struct vm *vm, uint64_t bytes)
{
	uint64_t pages = bytes / vm->page_bytes +
	    (bytes % vm->page_bytes != 0);

	return (uint64_t)vm_frames_trim(&vm->frames, pages < UINT32_MAX ?
	    (uint32_t)pages : UINT32_MAX) * vm->page_bytes;
}

/* ---- runs --------------------------------------------------------------- */

static int
check_request(const struct vm_frame_request *r,
    const struct vm_frame_run *out)
{
	if (r == NULL || r->size_bytes != sizeof(*r))
		return vm_error(EINVAL, "frames: a request without "
		    "VM_FRAME_REQUEST_INIT");
	if (out == NULL)
		return vm_error(EINVAL, "frames: nowhere to put the run");
	if (r->flags & ~ALLOC_FLAGS)
		return vm_error(EINVAL, "frames: unknown flags 0x%x",
		    r->flags);
	if ((r->flags & BOTH_CLASSES) == BOTH_CLASSES)
		return vm_error(EINVAL, "frames: of two classes");
	if ((r->flags & VM_FRAME_COLOURED) && r->count != 1)
		return vm_error(EINVAL, "frames: %u pages of one colour",
		    r->count);
	return 0;
}

static enum vm_class
class_of(unsigned flags)
{
	if (flags & VM_ALLOC_INTERRUPT)
		return VM_CLASS_INTERRUPT;
	return flags & VM_ALLOC_SYSTEM ? VM_CLASS_SYSTEM : VM_CLASS_NORMAL;
}

static uint32_t
round_up(uint32_t count)
{
	uint32_t power = 1;

	while (power < count && power < VM_ORDER_PAGES_MAX)
		power *= 2;
	return power;
}

VM_EXPORT int
vm_frame_alloc(struct vm *vm, const struct vm_frame_request *request,
    struct vm_frame_run *out)
{
	struct vm_run_take take;
	int error = check_request(request, out);

	if (error != 0)
		return error;
	take = (struct vm_run_take){
		.class = class_of(request->flags),
		.wired = (request->flags & VM_ALLOC_WIRED) != 0,
		.wait = (request->flags & VM_ALLOC_WAIT) != 0,
		.options = {
			.count = request->count,
			.align_bytes = request->align_bytes,
			.boundary_bytes = request->boundary_bytes,
			.segments = request->segments,
			.zero = (request->flags & VM_ALLOC_ZERO) != 0,
			.coloured = (request->flags & VM_FRAME_COLOURED) != 0,
			.colour = request->colour,
		},
	};
	error = vm_run_check(&vm->frames, &take.options);
	if (error == 0 && (request->flags & VM_FRAME_ROUND)) {
		take.options.count = round_up(request->count);
		error = vm_run_check(&vm->frames, &take.options);
	}
	if (error == 0)
		error = vm_runs_take(vm, &take, &out->first);
	if (error == 0)
		out->count = take.options.count;
	return error;
}

VM_EXPORT void
vm_frame_free(struct vm *vm, const struct vm_frame_run *run)
{
	vm_runs_free(vm, run->first, run->count);
}

VM_EXPORT struct vm_page *
vm_frame_at(const struct vm_frame_run *run, uint32_t i)
{
	return i < run->count ? run->first + i : NULL;
}

/* ---- addresses ---------------------------------------------------------- */

VM_EXPORT void *
vm_frame_address(const struct vm_page *page)
{
	uint16_t flags = atomic_load(&page->flags);

	if ((flags & VM_PGA_FICTITIOUS) != 0 || page->object == NULL ||
	    page->object->home != VM_HOME_POOL)
		return NULL;
	return vm_frame_data(&page->object->vm->frames, page);
}

VM_EXPORT struct vm_page *
vm_frame_page(const struct vm *vm, const void *address)
{
	return vm_frame_of_address(&vm->frames, address);
}

VM_EXPORT int
vm_frame_retire(struct vm *vm, struct vm_page *page)
{
	if (page == NULL || page->object != vm->nowhere ||
	    (atomic_load(&page->flags) & VM_PGA_FICTITIOUS) != 0)
		return vm_error(EINVAL, "retire: not a loose page with a "
		    "frame");
	return vm_runs_retire(vm, page);
}

/* ---- boot --------------------------------------------------------------- */

VM_EXPORT int
vm_boot_steal(struct vm_boot *boot, uint64_t bytes, void **memory)
{
	if (memory == NULL)
		return vm_error(EINVAL, "boot: nowhere to put the address");
	return vm_boot_take(boot, bytes, memory);
}

VM_EXPORT int
vm_boot_window(struct vm_boot *boot, void **start, void **end)
{
	if (start == NULL || end == NULL)
		return vm_error(EINVAL, "boot: nowhere to put the window");
	return vm_boot_bounds(boot, start, end);
}
