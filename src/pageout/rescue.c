/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/rescue.c - rescue.h has the theory. */
#include "pageout/rescue.h"

#include "object/content.h"
#include "object/quota.h"
#include "pageout/daemon.h"
#include "pageout/evict.h"
#include "stat/stat.h"

/* 64 pages: what the daemon may be kept from for a moment. */
#define BATCH 64u

/* 1024 looks, of about 0.2 us each, every 20 ms: a hundredth of a processor
 * where everything is dirty. */
#define LOOKS_MAX 1024u

struct sweep {
	struct vm_page *victim[BATCH];
	struct vm_page *clean[BATCH];
	struct vm_page *refused[BATCH];
	unsigned clean_count;
	unsigned refused_count;
};

/* It is for the daemon to write. */
static void
leave_alone(struct vm_page *page)
{
	vm_quota_left(page->object, 1);
	vm_object_unlock_page(page->object, page);
}

static void
sort_out(struct vm *vm, struct sweep *sweep, unsigned found)
{
	sweep->clean_count = sweep->refused_count = 0;
	for (unsigned i = 0; i < found; i++) {
		struct vm_page *page = sweep->victim[i];
		bool locked = vm_victim_lock(vm, page);

		if (locked && vm_content_owed(page) == 0) {
			sweep->clean[sweep->clean_count++] = page;
			continue;
		}
		if (locked)
			leave_alone(page);
		sweep->refused[sweep->refused_count++] = page;
	}
}

uint32_t
vm_rescue_sweep(struct vm *vm)
{
	struct sweep sweep;
	uint32_t freed = 0;
	unsigned found;

	for (uint32_t looked = 0; looked < LOOKS_MAX &&
	    vm_limit_shortage(&vm->limit) != 0; looked += found) {
		found = vm_queue_victims(&vm->queue, sweep.victim, BATCH);
		if (found == 0)
			break;
		sort_out(vm, &sweep, found);
		vm_evict(vm, sweep.clean, sweep.clean_count,
		    VM_LEAVE_EVICTED);
		vm_count(vm->counters, VM_COUNTER_evicted_clean,
		    sweep.clean_count);
		vm_queue_refused(&vm->queue, sweep.refused,
		    sweep.refused_count);
		freed += sweep.clean_count;
	}
	return freed;
}

void
vm_rescue_run(void *arg)
{
	struct vm *vm = arg;

	vm_limit_reclaimer_enter(&vm->limit);
	while (vm_limit_rescue_wait(&vm->limit)) {
		uint32_t freed = vm_rescue_sweep(vm);

		vm_count(vm->counters, VM_COUNTER_rescues, 1);
		vm_count(vm->counters, VM_COUNTER_rescued, freed);
		if (freed != 0)
			vm_limit_help_again(&vm->limit);
	}
	vm_limit_reclaimer_leave(&vm->limit);
}
