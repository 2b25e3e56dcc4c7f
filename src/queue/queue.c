/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/queue.c - the lock around a policy; queue.h has the contract. */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "os/os.h"
#include "page/slot.h"
#include "queue/queue_private.h"

/* FreeBSD's vm_page_dontneed: which bits of a call's number say what. */
#define DONTNEED_LEAVE	0x1f0u	/* none set: 16 calls of 512 */
#define DONTNEED_TAIL	0x070u	/* none set: 64 of 512, those included */

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
identity_of(const struct vm_object *object, vm_pindex_t pindex)
{
	return vm_hash_pair((uintptr_t)object, pindex);
}

static uint64_t
identity(const struct vm_page *page)
{
	return identity_of(page->object, page->pindex);
}

static bool
dirty(const struct vm_page *page)
{
	return atomic_load_explicit(&page->dirty, memory_order_relaxed) != 0;
}

static bool
nobody_knows(const struct vm_page *page)
{
	(void)page;
	return false;
}

struct vm_policy *
vm_queue_new_policy(struct vm_queue *queue, const struct vm_policy_ops *ops,
    uint32_t pages, const struct vm_act *act)
{
	size_t bytes = ops->bytes(pages);
	struct vm_policy *policy = queue->os->alloc(bytes);

	vm_assert(bytes >= sizeof(struct vm_policy));
	if (policy == NULL) {
		vm_error(ENOMEM, "policy %s: no memory for %zu bytes of "
		    "state", ops->name, bytes);
		return NULL;
	}
	*policy = (struct vm_policy){ .ops = ops, .env = &queue->env,
		.pages = pages, .act = *act };
	ops->init(policy);
	return policy;
}

int
vm_queue_init(struct vm_queue *queue, const struct vm_os *os,
    const struct vm_policy_ops *ops, uint32_t pages,
    const struct vm_act *act)
{
	struct vm_act complete = act == NULL ? (struct vm_act){ 0 } : *act;
	int error = vm_act_complete(&complete);

	queue->os = os;
	queue->hooks = NULL;
	queue->policy = queue->first = NULL;
	queue->split = NULL;
	if (error != 0)
		return error;
	queue->env = (struct vm_policy_env){ .referenced = referenced,
		.identity = identity, .dirty = dirty,
		.external = nobody_knows };
	queue->first = vm_queue_new_policy(queue, ops, pages, &complete);
	queue->policy = queue->first;
	if (queue->policy == NULL)
		return -ENOMEM;
	vm_lock_init(&queue->lock, VM_RANK_QUEUE, "queue");
	vm_line_init(&queue->cached, VM_QUEUE_TAG_CACHED);
	atomic_init(&queue->reactivated, 0);
	atomic_init(&queue->changed, false);
	return 0;
}

void
vm_queue_connect(struct vm_queue *queue, const struct vm_queue_hooks *hooks)
{
	vm_assert(queue->hooks == NULL);
	queue->hooks = hooks;
	queue->env.external = hooks->external;
	if (hooks->referenced != NULL)
		queue->env.referenced = hooks->referenced;
}

void
vm_queue_show(struct vm_queue *queue, struct vm_page *pages)
{
	queue->env.pages = pages;
}

void
vm_queue_fini(struct vm_queue *queue)
{
	vm_assert(queue->policy->ops->count(queue->policy) == 0);
	vm_assert(queue->cached.count == 0);
	if (queue->split != NULL) {
		/* No object is left: the system's part is. */
		queue->policy = queue->split->part[0].policy;
		queue->os->free(queue->split->part[0].past.sets);
		queue->os->free(queue->split);
	}
	if (queue->policy != queue->first)
		queue->os->free(queue->policy);
	queue->os->free(queue->first);
	vm_lock_fini(&queue->lock);
}

static bool
has_flag(const struct vm_page *page, uint16_t flag)
{
	return (atomic_load_explicit(&page->flags, memory_order_relaxed) &
	    flag) != 0;
}

/* The wires as the last who changed them left them: he comes here after. */
static bool
queueable(const struct vm_page *page)
{
	return atomic_load(&page->wires) == 0 &&
	    !has_flag(page, VM_PGA_UNMANAGED);
}

static bool
is_cached(const struct vm_page *page)
{
	return page->list == VM_QUEUE_TAG_CACHED;
}

static void
count_cached(struct vm_queue *queue, int change)
{
	if (queue->hooks != NULL)
		queue->hooks->cached(queue, change);
}

static void
enqueue_locked(struct vm_queue *queue, struct vm_page *page)
{
	vm_lock_assert_held(&queue->lock);
	vm_assert(page->list == 0);
	queue->policy->ops->enqueue(queue->policy, page,
	    has_flag(page, VM_PGA_SPECULATIVE));
	vm_assert(page->list != 0 && !is_cached(page));
}

static void
leave_cached_locked(struct vm_queue *queue, struct vm_page *page)
{
	vm_lock_assert_held(&queue->lock);
	vm_line_remove(&queue->cached, page);
	atomic_fetch_and_explicit(&page->flags, (uint16_t)~VM_PGA_CACHED,
	    memory_order_relaxed);
	count_cached(queue, -1);
}

static void
dequeue_locked(struct vm_queue *queue, struct vm_page *page,
    enum vm_leave how)
{
	vm_lock_assert_held(&queue->lock);
	if (is_cached(page))
		leave_cached_locked(queue, page);
	else
		queue->policy->ops->dequeue(queue->policy, page, how);
	vm_assert(page->list == 0);
}

/* A cached page is the policy's again. */
static void
rescue_locked(struct vm_queue *queue, struct vm_page *page)
{
	if (!is_cached(page))
		return;
	leave_cached_locked(queue, page);
	atomic_fetch_add_explicit(&queue->reactivated, 1,
	    memory_order_relaxed);
	enqueue_locked(queue, page);
}

static void
expect(const struct vm_policy *policy, uint64_t what)
{
	if (policy->ops->expect != NULL)
		policy->ops->expect(policy, what);
}

/* The first policy stays, whatever comes after it. */
void
vm_queue_expect(struct vm_queue *queue, const struct vm_object *object,
    vm_pindex_t pindex)
{
	if (VM_LIKELY(!atomic_load_explicit(&queue->changed,
	    memory_order_relaxed))) {
		expect(queue->first, identity_of(object, pindex));
	} else if (vm_lock_try(&queue->lock)) {
		expect(queue->policy, identity_of(object, pindex));
		vm_unlock(&queue->lock);
	}
}

void
vm_queue_add(struct vm_queue *queue, struct vm_page **pages, unsigned count)
{
	vm_lock(&queue->lock);
	for (unsigned i = 0; i < count; i++) {
		vm_assert(pages[i]->list == 0);
		if (queueable(pages[i]))
			enqueue_locked(queue, pages[i]);
	}
	vm_unlock(&queue->lock);
}

void
vm_queue_remove(struct vm_queue *queue, struct vm_page **pages, unsigned count,
    enum vm_leave how)
{
	vm_lock(&queue->lock);
	for (unsigned i = 0; i < count; i++)
		if (pages[i]->list != 0)
			dequeue_locked(queue, pages[i], how);
	vm_unlock(&queue->lock);
}

static void
place_locked(struct vm_queue *queue, struct vm_page *page,
    enum vm_place place)
{
	struct vm_policy *policy = queue->policy;

	rescue_locked(queue, page);
	if (place == VM_PLACE_ACTIVE)
		policy->ops->activate(policy, page);
	else
		policy->ops->deactivate(policy, page,
		    place == VM_PLACE_INACTIVE_HEAD);
}

void
vm_queue_activate(struct vm_queue *queue, struct vm_page *page)
{
	vm_lock(&queue->lock);
	if (page->list != 0)
		place_locked(queue, page, VM_PLACE_ACTIVE);
	vm_unlock(&queue->lock);
}

void
vm_queue_deactivate(struct vm_queue *queue, struct vm_page *page,
    bool at_head)
{
	vm_lock(&queue->lock);
	if (page->list != 0)
		place_locked(queue, page, at_head ?
		    VM_PLACE_INACTIVE_HEAD : VM_PLACE_INACTIVE);
	vm_unlock(&queue->lock);
}

void
vm_queue_place(struct vm_queue *queue, struct vm_page *page,
    enum vm_place place)
{
	vm_lock(&queue->lock);
	if (queueable(page)) {
		if (page->list == 0)
			enqueue_locked(queue, page);
		place_locked(queue, page, place);
	} else if (page->list != 0)
		dequeue_locked(queue, page, VM_LEAVE_FREED);
	vm_unlock(&queue->lock);
}

void
vm_queue_enter(struct vm_queue *queue, struct vm_page *page)
{
	vm_lock(&queue->lock);
	if (page->list == 0 && queueable(page))
		enqueue_locked(queue, page);
	vm_unlock(&queue->lock);
}

/* CACHED follows the line: old may have left it since new got its flags. */
static void
mark_cached_locked(struct vm_queue *queue, struct vm_page *page)
{
	vm_lock_assert_held(&queue->lock);
	if (is_cached(page))
		atomic_fetch_or_explicit(&page->flags, VM_PGA_CACHED,
		    memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&page->flags,
		    (uint16_t)~VM_PGA_CACHED, memory_order_relaxed);
}

void
vm_queue_exchange(struct vm_queue *queue, struct vm_page *old,
    struct vm_page *new)
{
	vm_lock(&queue->lock);
	vm_assert(new->list == 0);
	if (old->list != 0) {
		vm_node_replace(&old->queue, &new->queue);
		new->list = old->list;
		new->weight = old->weight;
		old->list = 0;
		old->weight = 0;
	}
	mark_cached_locked(queue, new);
	vm_unlock(&queue->lock);
}

void
vm_queue_wired(struct vm_queue *queue, struct vm_page *page)
{
	vm_lock(&queue->lock);
	if (page->list != 0 && !queueable(page))
		dequeue_locked(queue, page, VM_LEAVE_FREED);
	vm_unlock(&queue->lock);
}

static bool
is_ahead_locked(struct vm_queue *queue, const struct vm_page *page)
{
	vm_lock_assert_held(&queue->lock);
	return page->list != 0 && !is_cached(page) &&
	    vm_policy_is_ahead(queue->policy, page);
}

static bool
idle_locked(struct vm_queue *queue, const struct vm_page *page)
{
	const struct vm_policy_ops *ops = queue->policy->ops;

	return is_cached(page) || (ops->idle != NULL &&
	    ops->idle(queue->policy, page));
}

static void
dontneed_locked(struct vm_queue *queue, struct vm_page *page, uint32_t n)
{
	const struct vm_policy_ops *ops = queue->policy->ops;

	if (is_cached(page))
		return;
	if ((n & DONTNEED_LEAVE) == 0 || idle_locked(queue, page)) {
		if (ops->cool != NULL)
			ops->cool(queue->policy, page);
		return;
	}
	ops->deactivate(queue->policy, page, !dirty(page) &&
	    (n & DONTNEED_TAIL) != 0);
}

void
vm_queue_dontneed(struct vm_queue *queue, struct vm_page *page, uint32_t n)
{
	vm_lock(&queue->lock);
	if (page->list != 0)
		dontneed_locked(queue, page, n);
	vm_unlock(&queue->lock);
}

bool
vm_queue_cache(struct vm_queue *queue, struct vm_page *page)
{
	bool cached;

	vm_lock(&queue->lock);
	cached = queueable(page);
	if (cached && !is_cached(page)) {
		vm_assert(!dirty(page));
		if (page->list != 0)
			dequeue_locked(queue, page, VM_LEAVE_EVICTED);
		vm_line_put_hot(&queue->cached, page);
		atomic_fetch_or_explicit(&page->flags, VM_PGA_CACHED,
		    memory_order_relaxed);
		count_cached(queue, 1);
	}
	vm_unlock(&queue->lock);
	return cached;
}

static struct vm_page *
page_at(struct vm_node *node)
{
	return VM_ENTRY(node, struct vm_page, queue);
}

struct vm_page *
vm_queue_oldest_cached(struct vm_queue *queue)
{
	struct vm_page *page;

	vm_lock(&queue->lock);
	page = page_at(vm_list_last(&queue->cached.pages));
	vm_unlock(&queue->lock);
	return page;
}

uint32_t
vm_queue_cached(struct vm_queue *queue)
{
	uint32_t count;

	vm_lock(&queue->lock);
	count = queue->cached.count;
	vm_unlock(&queue->lock);
	return count;
}

/* Up to want cached pages, the longest cached first. */
static unsigned
pick_cached_locked(struct vm_queue *queue, struct vm_page **pages,
    unsigned want)
{
	struct vm_pick pick = { .line = &queue->cached };
	unsigned got = 0;

	while (got < want && vm_pick_left(&pick) > 0) {
		pages[got] = vm_pick_coldest(&pick);
		vm_pick_propose(&pick, pages[got++]);
	}
	return got;
}

static unsigned
victims_locked(struct vm_queue *queue, struct vm_page **pages, unsigned want)
{
	unsigned got = pick_cached_locked(queue, pages, want);

	vm_lock_assert_held(&queue->lock);
	if (got < want)
		got += queue->policy->ops->victims(queue->policy,
		    pages + got, want - got);
	vm_assert(got <= want);
	return got;
}

unsigned
vm_queue_victims(struct vm_queue *queue, struct vm_page **pages, unsigned want)
{
	unsigned got;

	vm_lock(&queue->lock);
	got = victims_locked(queue, pages, want);
	vm_unlock(&queue->lock);
	return got;
}

static void
refuse_locked(struct vm_queue *queue, struct vm_page *page)
{
	if (is_cached(page))
		place_locked(queue, page, VM_PLACE_INACTIVE);
	else
		queue->policy->ops->refused(queue->policy, page);
}

static bool
claim_locked(struct vm_queue *queue, struct vm_page *page)
{
	switch (queue->hooks->claim(queue, page)) {
	case VM_VERDICT_TAKEN:
		dequeue_locked(queue, page, VM_LEAVE_EVICTED);
		return true;
	case VM_VERDICT_STAYS:
		break;
	case VM_VERDICT_BUSY:
		refuse_locked(queue, page);
		break;
	}
	return false;
}

unsigned
vm_queue_claim(struct vm_queue *queue, struct vm_page **pages, unsigned want,
    unsigned *found)
{
	unsigned got = 0;

	vm_assert(want <= VM_QUEUE_CLAIM_MAX && queue->hooks != NULL);
	vm_lock(&queue->lock);
	*found = victims_locked(queue, pages, want);
	for (unsigned i = 0; i < *found; i++)
		if (claim_locked(queue, pages[i]))
			pages[got++] = pages[i];
	vm_unlock(&queue->lock);
	return got;
}

unsigned
vm_queue_leave_behind(struct vm_queue *queue, struct vm_page **pages,
    unsigned count, bool claim)
{
	unsigned got = 0;

	vm_lock(&queue->lock);
	for (unsigned i = 0; i < count; i++) {
		struct vm_page *page = pages[i];

		if (!is_ahead_locked(queue, page))
			continue;
		(void)queue->env.referenced(page);
		if (claim && claim_locked(queue, page))
			pages[got++] = page;
	}
	vm_unlock(&queue->lock);
	return got;
}

void
vm_queue_refused(struct vm_queue *queue, struct vm_page **pages,
    unsigned count)
{
	vm_lock(&queue->lock);
	for (unsigned i = 0; i < count; i++)
		if (pages[i]->list != 0)
			refuse_locked(queue, pages[i]);
	vm_unlock(&queue->lock);
}

uint32_t
vm_queue_count(struct vm_queue *queue)
{
	uint32_t count;

	vm_lock(&queue->lock);
	count = queue->policy->ops->count(queue->policy) +
	    queue->cached.count;
	vm_unlock(&queue->lock);
	return count;
}

static bool
list_locked(struct vm_queue *queue, unsigned i, const char **name,
    uint32_t *count)
{
	const struct vm_policy_ops *ops = queue->policy->ops;

	if (ops->list(queue->policy, i, name, count))
		return true;
	if (i != 0 && !ops->list(queue->policy, i - 1, name, count))
		return false;
	*name = "cached";
	*count = queue->cached.count;
	return true;
}

bool
vm_queue_list(struct vm_queue *queue, unsigned i, const char **name,
    uint32_t *count)
{
	bool found;

	vm_lock(&queue->lock);
	found = list_locked(queue, i, name, count);
	vm_unlock(&queue->lock);
	return found;
}

unsigned
vm_queue_where_locked(const struct vm_queue *queue,
    const struct vm_page *page)
{
	vm_lock_assert_held(&queue->lock);
	vm_assert(page->list != 0 && !is_cached(page));
	return vm_policy_where(queue->policy, page);
}

const char *
vm_queue_name(struct vm_queue *queue, const struct vm_page *page)
{
	const char *name = "none";
	bool known = true;
	uint32_t count;

	vm_lock(&queue->lock);
	if (is_cached(page))
		name = "cached";
	else if (page->list != 0)
		known = queue->policy->ops->list(queue->policy,
		    vm_queue_where_locked(queue, page), &name, &count);
	vm_unlock(&queue->lock);
	vm_assert(known);
	return name;
}

uint32_t
vm_queue_activity(struct vm_queue *queue, const struct vm_page *page)
{
	const struct vm_policy_ops *ops;
	uint32_t activity = 0;

	vm_lock(&queue->lock);
	ops = queue->policy->ops;
	if (page->list != 0 && !is_cached(page) && ops->activity != NULL)
		activity = ops->activity(queue->policy, page);
	vm_unlock(&queue->lock);
	return activity;
}
