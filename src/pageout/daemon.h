/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/daemon.h - one thread that frees pages ahead of need.
 *
 * A pass: ask the policy for a batch of victims (vm->reclaim_batch at most),
 * make their slots exclusive where that needs no waiting, and sort them out:
 *
 *	clean	leave together, neighbours in one punch
 *	dirty	go to the laundry with their dirty neighbours of the object;
 *		the victims leave when they are written, the neighbours stay,
 *		clean
 *	precious	likewise, though they may be clean
 *	busy, held, wired, lent	refused: the policy offers others first
 *
 * The daemon never waits for a slot or for memory.  It waits for its own
 * writes at the end of a pass; where that takes too long, another thread frees
 * what needs no write (rescue.h).  When a pass frees nothing, limit makes the
 * next one wait a little longer each time, and tells those who wait for memory
 * after several.
 */
#ifndef PAGEOUT_DAEMON_H
#define PAGEOUT_DAEMON_H

#include <stdbool.h>

#include "base/compiler.h"
#include "object/vm.h"

/* 256 pages: as many are sorted at once (pageout/evict.h). */
#define VM_DAEMON_BATCH_MAX 256u

/*
 * The victim's slot, exclusive, whatever identity it has now, and the page
 * claimed (object/quota.h).  False: somebody is in it, or has wired, held or
 * borrowed it, or its object keeps it.  Never waits.
 */
VM_MUST_CHECK bool vm_victim_lock(struct vm *vm, struct vm_page *page);

VM_MUST_CHECK int vm_daemon_start(struct vm *vm);
/* Waits for its pass to end. */
void vm_daemon_stop(struct vm *vm);

#endif
