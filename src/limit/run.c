/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/run.c - neighbours through the limit; run.h has the contracts. */
#include "limit/run.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "limit/limit_private.h"
#include "stat/stat.h"
#include "stat/trace.h"

static void
note(const struct vm_limit *limit, enum vm_counter counter, uint32_t count)
{
	if (limit->counters != NULL)
		vm_count(limit->counters, counter, count);
}

/* All of them, or none. */
static bool
promise_all(struct vm_limit *limit, enum vm_class class, uint32_t count)
{
	uint32_t promised;

	if (class == VM_CLASS_NORMAL && atomic_load(&limit->waiting) != 0)
		return false;
	promised = vm_limit_promise(limit, class, 0, count, 0);
	if (promised == count)
		return true;
	if (promised != 0)
		vm_limit_unpromise(limit, promised);
	return false;
}

static int
fragmented(struct vm_limit *limit, uint32_t count)
{
	return vm_error(ENOMEM, "frames: %u pages are free, but no %u "
	    "neighbours of the kind asked for", atomic_load(&limit->free),
	    count);
}

int
vm_limit_take_run(struct vm_limit *limit, enum vm_class class,
    const struct vm_run_options *options, struct vm_page **first)
{
	bool promised = promise_all(limit, class, options->count);

	if (!promised || vm_limit_available(limit) < limit->low)
		vm_limit_kick(limit);
	if (!promised)
		return -EAGAIN;
	*first = vm_frame_take_run(limit->frames, options);
	if (*first == NULL) {
		vm_limit_unpromise(limit, options->count);
		return fragmented(limit, options->count);
	}
	note(limit, VM_COUNTER_pages_taken, options->count);
	VM_TRACE(limit->trace, take, 0, 0, options->count);
	return 0;
}

void
vm_limit_give_run(struct vm_limit *limit, struct vm_page *first,
    uint32_t count)
{
	vm_frame_give_run(limit->frames, first, count);
	note(limit, VM_COUNTER_pages_freed, count);
	VM_TRACE(limit->trace, give, 0, 0, count);
	vm_limit_end_streak(limit);
	vm_limit_unpromise(limit, count);
	vm_limit_notify(limit);
}

void
vm_limit_retire(struct vm_limit *limit, struct vm_page *page)
{
	vm_frame_retire(limit->frames, page);
	vm_limit_withdraw(limit, 1);
}
