/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/queue.h - the page queues of one system: a policy and its lock.
 *
 * Additions are gathered by the caller (a fill enqueues its run at once), so
 * the lock is taken once per batch.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "base/compiler.h"
#include "base/lock.h"
#include "queue/policy.h"

struct vm_os;

struct vm_queue {
	const struct vm_os *os;		/* (C) */
	struct vm_lock lock;		/* rank QUEUE (Q) */
	struct vm_policy *policy;	/* (Q) */
};

VM_MUST_CHECK int vm_queue_init(struct vm_queue *queue, const struct vm_os *os,
    const struct vm_policy_ops *ops, uint32_t pages);
void vm_queue_fini(struct vm_queue *queue);

/* Pages whose VM_PGA_SPECULATIVE flag is set are enqueued as such. */
void vm_queue_add(struct vm_queue *queue, struct vm_page **pages,
    unsigned count);
/* Pages that are not queued are passed over. */
void vm_queue_remove(struct vm_queue *queue, struct vm_page **pages,
    unsigned count, enum vm_leave how);
void vm_queue_activate(struct vm_queue *queue, struct vm_page *page);
void vm_queue_deactivate(struct vm_queue *queue, struct vm_page *page);
/*
 * Copies up to want candidates' numbers out: the pages themselves may change
 * identity as soon as the lock is dropped, so the caller makes the slot
 * exclusive and looks again.
 */
unsigned vm_queue_victims(struct vm_queue *queue, struct vm_page **pages,
    unsigned want);
void vm_queue_refused(struct vm_queue *queue, struct vm_page **pages,
    unsigned count);
uint32_t vm_queue_count(struct vm_queue *queue);

#endif
