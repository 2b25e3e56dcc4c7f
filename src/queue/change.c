/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/change.c - another policy, at run time; queue.h has the contract. */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "queue/queue_private.h"

/* 64 pages at once: half a KiB of stack. */
#define BATCH 64u

/* Marks stay for the policy that comes, and give nobody a second chance. */
static bool
unseen(struct vm_page *page)
{
	(void)page;
	return false;
}

void
vm_moving_init(struct vm_moving *m, struct vm_policy *from)
{
	m->from = from;
	vm_list_init(&m->asked_for);
	vm_list_init(&m->ahead);
}

void
vm_moving_take(struct vm_moving *m, struct vm_page *page)
{
	bool ahead = vm_policy_is_ahead(m->from, page);

	m->from->ops->dequeue(m->from, page, VM_LEAVE_FREED);
	vm_assert(page->list == 0);
	page->weight = 0;
	vm_list_add_tail(ahead ? &m->ahead : &m->asked_for, &page->queue);
}

/* What the policy does not offer: pages that are being wired just now. */
static void
take_rest(struct vm_moving *m)
{
	struct vm_page *pages = m->from->env->pages;

	for (uint32_t i = 0; pages != NULL && i < m->from->pages; i++)
		if (pages[i].list != 0 &&
		    pages[i].list != VM_QUEUE_TAG_CACHED &&
		    vm_policy_has(m->from, &pages[i]))
			vm_moving_take(m, &pages[i]);
	vm_assert(m->from->ops->count(m->from) == 0);
}

static void
take_all(struct vm_moving *m)
{
	struct vm_page *page[BATCH];
	unsigned n;

	do {
		n = m->from->ops->victims(m->from, page, BATCH);
		for (unsigned i = 0; i < n; i++)
			vm_moving_take(m, page[i]);
	} while (n != 0);
	if (m->from->ops->count(m->from) != 0)
		take_rest(m);
}

static void
give_all(struct vm_policy *to, struct vm_list *line, bool ahead)
{
	while (!vm_list_empty(line)) {
		struct vm_page *page = VM_ENTRY(vm_list_first(line),
		    struct vm_page, queue);

		vm_node_remove(&page->queue);
		to->ops->enqueue(to, page, ahead);
	}
}

/* Pages that nobody asked for are the younger ones: they came last in the order
 * of the arrivals, and go first for what they are. */
void
vm_moving_give(struct vm_moving *m, struct vm_policy *to)
{
	give_all(to, &m->asked_for, false);
	give_all(to, &m->ahead, true);
}

struct vm_policy *
vm_queue_part_locked(const struct vm_queue *queue, unsigned part)
{
	vm_lock_assert_held(&queue->lock);
	if (queue->split != NULL)
		return part < VM_PARTS_MAX ? queue->split->part[part].policy :
		    NULL;
	return part == 0 ? queue->policy : NULL;
}

/* Returns the policy that there was; where objects have their own, the one for
 * the rest. */
static struct vm_policy *
move_locked(struct vm_queue *queue, struct vm_policy *to)
{
	struct vm_policy *from = vm_queue_part_locked(queue, 0);
	bool (*referenced)(struct vm_page *page) = queue->env.referenced;
	struct vm_moving m;

	vm_lock_assert_held(&queue->lock);
	vm_moving_init(&m, from);
	to->room = from->room;
	queue->env.referenced = unseen;
	take_all(&m);
	vm_moving_give(&m, to);
	queue->env.referenced = referenced;
	if (queue->split != NULL)
		queue->split->part[0].policy = to;
	else
		queue->policy = to;
	return from;
}

int
vm_queue_change(struct vm_queue *queue, const struct vm_policy_ops *ops)
{
	/* Both are the same for all policies of the queue. */
	const struct vm_policy *first = queue->first;
	struct vm_policy *old, *fresh = vm_queue_new_policy(queue, ops,
	    first->pages, &first->act);

	if (fresh == NULL)
		return -ENOMEM;
	/* Before the first is out of use: who expects something of it without
	 * the lock may do so for a while, and it stays where it is. */
	atomic_store(&queue->changed, true);
	vm_lock(&queue->lock);
	old = move_locked(queue, fresh);
	vm_unlock(&queue->lock);
	if (old != queue->first)
		queue->os->free(old);
	return 0;
}

const struct vm_policy_ops *
vm_queue_policy(struct vm_queue *queue)
{
	const struct vm_policy_ops *ops;

	vm_lock(&queue->lock);
	ops = vm_queue_part_locked(queue, 0)->ops;
	vm_unlock(&queue->lock);
	return ops;
}
