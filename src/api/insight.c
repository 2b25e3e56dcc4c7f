/* SPDX-License-Identifier: BSD-2-Clause */
/* api/insight.c - what is where, and what happened: resident/trace.h, and of
 * resident/stat.h how indices are filled. */
#include <errno.h>
#include <resident/stat.h>
#include <resident/trace.h>
#include <string.h>

#include "base/error.h"
#include "object/object.h"
#include "stat/trace.h"

_Static_assert(sizeof(struct vm_trace_event) ==
    sizeof(struct vm_trace_record), "one layout");

VM_EXPORT int
vm_trace_read(struct vm *vm, struct vm_trace_cursor *cursor,
    struct vm_trace_event *events, uint32_t max)
{
	struct vm_trace_record record;
	uint32_t got = 0;

	if (vm == NULL || cursor == NULL || (events == NULL && max != 0))
		return vm_error(EINVAL, "trace: no system, no cursor or no "
		    "room for events");
	if (vm->trace == NULL)
		return vm_error(ENOENT, "trace: the system was made without "
		    "trace_events");
	if (max > INT32_MAX)	/* the result is an int */
		max = INT32_MAX;
	while (got < max && vm_trace_copy(vm->trace, &cursor->next,
	    &cursor->lost, &record, 1) == 1)
		events[got++] = (struct vm_trace_event){
			.time_ns = record.time_ns, .object = record.object,
			.pindex = record.pindex,
			.argument = record.argument,
			.thread = record.thread, .event = record.event,
		};
	return (int)got;
}

VM_EXPORT const char *
vm_trace_name(uint32_t event)
{
	return event < VM_EVENT_COUNT ? vm_event_name((enum vm_event)event) :
	    NULL;
}

VM_EXPORT int64_t
vm_index_info(struct vm_object *object, uint32_t *lengths, uint64_t count)
{
	if (object == NULL || (lengths == NULL && count != 0))
		return vm_error(EINVAL, "index: no object, or no room");
	return (int64_t)vm_index_occupancy(&object->index, lengths, count);
}

/* The smallest length that so many of a hundred used leaves do not exceed. */
static uint32_t
percentile(const uint64_t *histogram, uint64_t used, unsigned percent)
{
	uint64_t below = 0;
	uint32_t length = 1;

	for (; length < VM_LEAF_SLOTS; length++) {
		below += histogram[length];
		if (below * 100 >= used * percent)
			break;
	}
	return used == 0 ? 0 : length;
}

VM_EXPORT int
vm_index_summary(struct vm_object *object, struct vm_index_info *out)
{
	struct vm_index_info now = { .size_bytes = sizeof(now) };
	size_t bytes = out == NULL ? 0 : out->size_bytes;
	uint64_t histogram[VM_LEAF_SLOTS + 1] = { 0 };

	if (object == NULL || bytes < sizeof(size_t))
		return vm_error(EINVAL, "index: no object, or without "
		    "VM_INDEX_INFO_INIT");
	now.leaves = vm_index_histogram(&object->index, histogram);
	for (uint32_t length = 1; length <= VM_LEAF_SLOTS; length++) {
		now.used += histogram[length];
		now.pages += histogram[length] * length;
		if (histogram[length] != 0)
			now.most = length;
	}
	now.median = percentile(histogram, now.used, 50);
	now.p90 = percentile(histogram, now.used, 90);
	now.p99 = percentile(histogram, now.used, 99);
	memcpy(out, &now, bytes < sizeof(now) ? bytes : sizeof(now));
	out->size_bytes = bytes;
	return 0;
}
