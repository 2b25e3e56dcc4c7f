/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/help.c - help.h has the theory. */
#include "pageout/help.h"

#include "pageout/evict.h"
#include "stat/stat.h"

/* A quarter of a batch: for less, nobody should look through it again. */
#define WORTH_SHARE 4u

static void
help(struct vm *vm)
{
	struct vm_page *page[VM_QUEUE_CLAIM_MAX];
	unsigned found, got;

	got = vm_queue_claim(&vm->queue, page, vm_limit_help_pages(&vm->limit,
	    VM_QUEUE_CLAIM_MAX), &found);
	if (got != 0) {
		vm_evict_claimed(vm, page, got);
		vm_count(vm->counters, VM_COUNTER_evicted_clean, got);
	}
	if (got <= found / WORTH_SHARE)
		vm_limit_no_help(&vm->limit);
}

void
vm_help_init(struct vm *vm)
{
	vm->reclaim = help;
}
