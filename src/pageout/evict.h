/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/evict.h - clean pages leave.
 *
 * The caller holds the slots exclusively and knows the pages to be clean and
 * not wired.  Pages in a store leave in runs of neighbours: one punch for a run
 * costs a third per page of what single ones cost; all those of windows in one
 * call: what it costs is to interrupt the other processors.  The order keeps
 * the limit and the bytes: out of every mapping, out of the queue, identity
 * gone, slot absent; only then is the page free.
 */
#ifndef PAGEOUT_EVICT_H
#define PAGEOUT_EVICT_H

#include "object/object.h"
#include "queue/policy.h"

/* 256 pages: a batch of victims, 2 KiB of stack. */
#define VM_EVICT_MAX 256

/* Up to VM_EVICT_MAX pages of any objects, in any order (they are sorted).
 * Those that are evicted were claimed (object/quota.h). */
void vm_evict(struct vm *vm, struct vm_page **pages, unsigned count,
    enum vm_leave how);

/*
 * Pages of pool or windows that are off their queue already, as vm_queue_claim
 * takes them, and claimed; in any order.
 */
void vm_evict_claimed(struct vm *vm, struct vm_page **pages, unsigned count);

/* By object and index, so that neighbours stand together. */
void vm_evict_sort(struct vm_page **pages, unsigned count);

/* Dirty and precious pages too: their bytes are given up.  Else they stay. */
#define VM_EVICT_DIRTY	0x1u
/* Pages that are held or wired stay, instead of being waited for. */
#define VM_EVICT_IDLE	0x2u

/*
 * Every page of [first, end) leaves, as the flags say.  -EBUSY: some page is
 * wired (not with IDLE).  Sleeps, but with IDLE.
 */
VM_MUST_CHECK int vm_evict_range(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end, unsigned flags);

#endif
