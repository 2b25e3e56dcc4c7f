/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/queue.c - the lock around a policy; queue.h has the contract. */
#include "queue/queue.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "os/os.h"
#include "page/slot.h"

/* The first is the default. */
const struct vm_policy_ops *const vm_policies[] = {
	&vm_policy_s3fifo,
	&vm_policy_lru,
	NULL,
};

const struct vm_policy_ops *
vm_policy_find(const char *name)
{
	for (const struct vm_policy_ops *const *p = vm_policies; *p; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}

/* A queued page has a slot: it leaves the queue before it loses it. */
static bool
referenced(struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	vm_assert(slot != NULL);
	return vm_slot_test_clear_referenced(slot);
}

static uint64_t
identity(const struct vm_page *page)
{
	return vm_hash_pair((uintptr_t)page->object, page->pindex);
}

static const struct vm_policy_env env = {
	.referenced = referenced,
	.identity = identity,
};

int
vm_queue_init(struct vm_queue *queue, const struct vm_os *os,
    const struct vm_policy_ops *ops, uint32_t pages)
{
	size_t bytes = ops->bytes(pages);

	vm_assert(bytes >= sizeof(struct vm_policy));
	queue->os = os;
	queue->policy = os->alloc(bytes);
	if (queue->policy == NULL)
		return vm_error(ENOMEM, "policy %s: no memory for %zu bytes "
		    "of state", ops->name, bytes);
	*queue->policy = (struct vm_policy){ .ops = ops, .env = &env,
		.pages = pages };
	vm_lock_init(&queue->lock, VM_RANK_QUEUE, "queue");
	ops->init(queue->policy);
	return 0;
}

void
vm_queue_fini(struct vm_queue *queue)
{
	vm_assert(queue->policy->ops->count(queue->policy) == 0);
	queue->os->free(queue->policy);
	vm_lock_fini(&queue->lock);
}

static bool
speculative(struct vm_page *page)
{
	return (atomic_load_explicit(&page->flags, memory_order_relaxed) &
	    VM_PGA_SPECULATIVE) != 0;
}

void
vm_queue_add(struct vm_queue *queue, struct vm_page **pages, unsigned count)
{
	struct vm_policy *policy = queue->policy;

	vm_lock(&queue->lock);
	for (unsigned i = 0; i < count; i++) {
		vm_assert(pages[i]->list == 0);
		policy->ops->enqueue(policy, pages[i], speculative(pages[i]));
		vm_assert(pages[i]->list != 0);
	}
	vm_unlock(&queue->lock);
}

void
vm_queue_remove(struct vm_queue *queue, struct vm_page **pages, unsigned count,
    enum vm_leave how)
{
	struct vm_policy *policy = queue->policy;

	vm_lock(&queue->lock);
	for (unsigned i = 0; i < count; i++) {
		if (pages[i]->list == 0)
			continue;
		policy->ops->dequeue(policy, pages[i], how);
		vm_assert(pages[i]->list == 0);
	}
	vm_unlock(&queue->lock);
}

void
vm_queue_activate(struct vm_queue *queue, struct vm_page *page)
{
	vm_lock(&queue->lock);
	if (page->list != 0)
		queue->policy->ops->activate(queue->policy, page);
	vm_unlock(&queue->lock);
}

void
vm_queue_deactivate(struct vm_queue *queue, struct vm_page *page)
{
	vm_lock(&queue->lock);
	if (page->list != 0)
		queue->policy->ops->deactivate(queue->policy, page);
	vm_unlock(&queue->lock);
}

unsigned
vm_queue_victims(struct vm_queue *queue, struct vm_page **pages, unsigned want)
{
	unsigned got;

	vm_lock(&queue->lock);
	got = queue->policy->ops->victims(queue->policy, pages, want);
	vm_unlock(&queue->lock);
	vm_assert(got <= want);
	return got;
}

void
vm_queue_refused(struct vm_queue *queue, struct vm_page **pages,
    unsigned count)
{
	vm_lock(&queue->lock);
	for (unsigned i = 0; i < count; i++)
		if (pages[i]->list != 0)
			queue->policy->ops->refused(queue->policy, pages[i]);
	vm_unlock(&queue->lock);
}

uint32_t
vm_queue_count(struct vm_queue *queue)
{
	uint32_t count;

	vm_lock(&queue->lock);
	count = queue->policy->ops->count(queue->policy);
	vm_unlock(&queue->lock);
	return count;
}
