/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/rescue.c - whether the daemon hangs; see pageout/rescue.h. */
#include "base/assert.h"
#include "base/futex.h"
#include "limit/limit.h"
#include "limit/limit_private.h"
#include "os/os.h"
#include "stat/stat.h"

/* 20 ms: twenty writes of a disk, and less than a person notices. */
#define PATIENCE_NS UINT64_C(20000000)

/* Somebody waits, in a line or as an event loop, while a pass is under way. */
static bool
in_need_locked(const struct vm_limit *limit)
{
	return limit->in_pass && (atomic_load(&limit->waiting) != 0 ||
	    atomic_load(&limit->armed) != 0);
}

static uint64_t
given(const struct vm_limit *limit)
{
	return limit->counters == NULL ? 0 :
	    vm_counter_read(limit->counters, VM_COUNTER_pages_freed);
}

void
vm_limit_call_rescuer_locked(struct vm_limit *limit)
{
	vm_lock_assert_held(&limit->lock);
	if (limit->rescuer_rests && in_need_locked(limit))
		vm_cond_wake_one(&limit->rescuer);
}

static void
rest_locked(struct vm_limit *limit)
{
	limit->rescuer_rests = true;
	while (!limit->stopping && !in_need_locked(limit))
		(void)vm_cond_wait(&limit->rescuer, &limit->lock,
		    VM_FUTEX_FOREVER);
	limit->rescuer_rests = false;
}

static void
look_on_locked(struct vm_limit *limit)
{
	const struct vm_os *os = limit->frames->os;
	uint64_t start_ns = os->clock_ns(), waited_ns = 0;

	while (!limit->stopping && waited_ns < PATIENCE_NS) {
		(void)vm_cond_wait(&limit->rescuer, &limit->lock,
		    PATIENCE_NS - waited_ns);
		waited_ns = os->clock_ns() - start_ns;
	}
}

bool
vm_limit_rescue_wait(struct vm_limit *limit)
{
	bool hangs = false, go_on;

	vm_lock(&limit->lock);
	while (!limit->stopping && !hangs) {
		uint64_t pass, before;

		rest_locked(limit);
		pass = limit->passes;
		before = given(limit);
		look_on_locked(limit);
		hangs = in_need_locked(limit) && limit->passes == pass &&
		    given(limit) == before;
	}
	go_on = !limit->stopping;
	vm_unlock(&limit->lock);
	return go_on;
}

void
vm_limit_help_again(struct vm_limit *limit)
{
	atomic_store(&limit->helpless, false);
}
