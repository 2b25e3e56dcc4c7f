/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/gauge.c - pages on their way to a pager, and what ends with them. */
#include <errno.h>

#include "base/assert.h"
#include "limit/limit.h"
#include "limit/limit_private.h"

void
vm_limit_pageout_start(struct vm_limit *limit, uint32_t count)
{
	atomic_fetch_add(&limit->in_flight, count);
}

/* Reclaimers who waited for just that. */
static void
fail_reclaimers_locked(struct vm_limit *limit)
{
	if (atomic_load(&limit->in_flight) != 0)
		return;
	vm_limit_fail_line_locked(limit, VM_LINE_RECLAIM, ENOMEM);
}

void
vm_limit_pageout_done(struct vm_limit *limit, uint32_t count)
{
	uint32_t before;

	if (count == 0)
		return;
	before = atomic_fetch_sub(&limit->in_flight, count);
	vm_assert(before >= count);
	if (atomic_load(&limit->waiting) == 0)
		return;
	vm_lock(&limit->lock);
	vm_limit_serve_locked(limit);
	vm_limit_wake_lookers_locked(limit);
	fail_reclaimers_locked(limit);
	vm_unlock(&limit->lock);
}

void
vm_limit_laundry_add(struct vm_limit *limit, enum vm_laundry_kind kind,
    uint32_t count)
{
	atomic_fetch_add(&limit->laundry[kind], count);
}

static void
resume_daemon(struct vm_limit *limit)
{
	atomic_fetch_add(&limit->resumes, 1);
	atomic_store(&limit->resumed, true);
	vm_limit_wake_daemon(limit);
}

void
vm_limit_laundry_done(struct vm_limit *limit, enum vm_laundry_kind kind,
    uint32_t count)
{
	uint32_t before;

	if (count == 0)
		return;
	before = atomic_fetch_sub(&limit->laundry[kind], count);
	vm_assert(before >= count);
	if (before != count)
		return;		/* whoever brings it to 0 resumes */
	if (kind == VM_LAUNDRY_INTERNAL ||
	    atomic_load(&limit->wants_external))
		resume_daemon(limit);
}

void
vm_limit_laundry_watch(struct vm_limit *limit, bool wants_external)
{
	atomic_store(&limit->wants_external, wants_external);
}

int64_t
vm_limit_laundry_external(const struct vm_limit *limit)
{
	if (!atomic_load(&limit->wants_external))
		return -1;
	return atomic_load(&limit->laundry[VM_LAUNDRY_EXTERNAL]);
}
