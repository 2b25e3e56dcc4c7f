/* SPDX-License-Identifier: BSD-2-Clause */
/* api/insight.c - what a system is doing: resident/trace.h. */
#include <errno.h>
#include <resident/trace.h>

#include "base/error.h"
#include "object/vm.h"
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
