/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/help.c - help.h has the theory. */
#include "pageout/help.h"

#include "pageout/evict.h"
#include "stat/stat.h"

/* A quarter of a batch: for less, nobody should look through it again. */
#define WORTH_SHARE 4u

/* Pages of the pool at once: a batch that stays in the nearest caches. */
#define POOL_BATCH 32u

/* Those of windows leave by one call, which interrupts the other processors:
 * at 128 a page's share of that is below what its own removal costs. */
static unsigned
batch(const struct vm *vm)
{
	return atomic_load_explicit(&vm->views, memory_order_relaxed) ==
	    NULL ? POOL_BATCH : VM_QUEUE_CLAIM_MAX;
}

static void
help(struct vm *vm)
{
	struct vm_page *page[VM_QUEUE_CLAIM_MAX];
	unsigned found, got;

	got = vm_queue_claim(&vm->queue, page, vm_limit_help_pages(&vm->limit,
	    batch(vm)), &found);
	if (got != 0) {
		vm_evict_claimed(vm, page, got);
		vm_count(vm->counters, VM_COUNTER_evicted_clean, got);
	}
	if (got <= found / WORTH_SHARE)
		vm_limit_no_help(&vm->limit);
}

static void
leave_behind(struct vm *vm, struct vm_page **pages, unsigned count, bool claim)
{
	unsigned got = vm_queue_leave_behind(&vm->queue, pages, count, claim);

	if (got == 0)
		return;
	vm_evict_claimed(vm, pages, got);
	vm_count(vm->counters, VM_COUNTER_evicted_clean, got);
}

void
vm_help_init(struct vm *vm)
{
	vm->reclaim = help;
	vm->leave_behind = leave_behind;
}
