/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/clean.c - where the cleaner sleeps; see pageout/clean.h. */
#include "limit/limit.h"
#include "os/os.h"

/* Called meanwhile, or called while it was at work: it looks anew. */
static void
sleep_locked(struct vm_limit *limit, uint64_t timeout_ns)
{
	const struct vm_os *os = limit->frames->os;
	uint64_t start_ns = os->clock_ns(), waited_ns = 0;

	vm_lock_assert_held(&limit->lock);
	while (!limit->stopping && !limit->cleaner_called &&
	    waited_ns < timeout_ns) {
		(void)vm_cond_wait(&limit->cleaner, &limit->lock,
		    timeout_ns - waited_ns);
		waited_ns = os->clock_ns() - start_ns;
	}
}

bool
vm_limit_clean_wait(struct vm_limit *limit, uint64_t timeout_ns, bool rests)
{
	bool go_on;

	vm_lock(&limit->lock);
	atomic_store(&limit->cleaner_rests, rests);
	sleep_locked(limit, timeout_ns);
	atomic_store(&limit->cleaner_rests, false);
	limit->cleaner_called = false;
	go_on = !limit->stopping;
	vm_unlock(&limit->lock);
	return go_on;
}

void
vm_limit_call_cleaner(struct vm_limit *limit)
{
	vm_lock(&limit->lock);
	limit->cleaner_called = true;
	vm_cond_wake_one(&limit->cleaner);
	vm_unlock(&limit->lock);
}
