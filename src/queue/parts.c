/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/parts.c - policies for some objects; queue.h has the contract. */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "queue/queue_private.h"

/* 1 % of pages of 4 KiB, and a page of them for what each policy needs to begin
 * with. */
#define BYTES_PER_PAGE	40u
#define BYTES_EACH	4096u

/* What a new part needs, allocated without the lock. */
struct supply {
	struct vm_policy *policy;
	struct vm_brief_set *sets;	/* its history */
	struct vm_brief_set *system_sets;	/* the system's, with the ... */
	struct vm_split *split;		/* ... first part */
};

static size_t
past_bytes(uint32_t pages)
{
	return vm_split_sets(pages) * sizeof(struct vm_brief_set);
}

static void
drop_supply(struct vm_queue *queue, struct supply *supply)
{
	queue->os->free(supply->policy);
	queue->os->free(supply->sets);
	queue->os->free(supply->system_sets);
	queue->os->free(supply->split);
}

static bool
get_supply(struct vm_queue *queue, const struct vm_policy_ops *ops,
    struct supply *supply)
{
	const struct vm_policy *first = queue->first;
	size_t bytes = past_bytes(first->pages);

	supply->policy = vm_queue_new_policy(queue, ops, first->pages,
	    &first->act);
	supply->sets = queue->os->alloc(bytes);
	supply->system_sets = queue->os->alloc(bytes);
	supply->split = queue->os->alloc(sizeof(*supply->split));
	if (supply->policy != NULL && supply->sets != NULL &&
	    supply->system_sets != NULL && supply->split != NULL)
		return true;
	drop_supply(queue, supply);
	return false;
}

/* The part with that policy, the system's apart; 0: none. */
static unsigned
find_part_locked(const struct vm_queue *queue,
    const struct vm_policy_ops *ops)
{
	vm_lock_assert_held(&queue->lock);
	for (unsigned i = 1; queue->split != NULL && i < VM_PARTS_MAX; i++) {
		const struct vm_policy *policy = queue->split->part[i].policy;

		if (policy != NULL && policy->ops == ops)
			return i;
	}
	return 0;
}

static unsigned
free_part_locked(const struct vm_queue *queue)
{
	vm_lock_assert_held(&queue->lock);
	for (unsigned i = 1; i < VM_PARTS_MAX; i++)
		if (queue->split == NULL ||
		    queue->split->part[i].policy == NULL)
			return i;
	return 0;
}

/* Would all histories, with this policy's, be within their part of memory? */
static bool
has_room_locked(const struct vm_queue *queue, const struct vm_policy_ops *ops)
{
	uint32_t pages = queue->first->pages;
	size_t each = past_bytes(pages), sum, most = BYTES_EACH;

	vm_lock_assert_held(&queue->lock);
	sum = ops->bytes(pages) + each;
	for (unsigned i = 0; i < VM_PARTS_MAX; i++) {
		const struct vm_policy *policy = vm_queue_part_locked(queue,
		    i);

		if (policy == NULL)
			continue;
		sum += policy->ops->bytes(pages) + each;
		most += BYTES_EACH;
	}
	return sum <= most + (size_t)pages * BYTES_PER_PAGE;
}

static void
begin_split_locked(struct vm_queue *queue, struct supply *supply)
{
	struct vm_split *split = supply->split;

	vm_lock_assert_held(&queue->lock);
	vm_assert(queue->hooks != NULL && queue->hooks->part != NULL);
	*split = (struct vm_split){ .policy = { .ops = &vm_policy_split,
		.env = &queue->env, .pages = queue->first->pages } };
	vm_split_init(split);
	vm_split_add(split, 0, queue->policy, supply->system_sets);
	queue->env.part = queue->hooks->part;
	queue->split = split;
	queue->policy = &split->policy;
	supply->split = NULL;
	supply->system_sets = NULL;
}

/* The part, with a user more; 0: there is none so far, and no supply. */
static int
use_part_locked(struct vm_queue *queue, const struct vm_policy_ops *ops,
    struct supply *supply)
{
	unsigned part = find_part_locked(queue, ops);

	if (part == 0 && supply == NULL)
		return 0;
	if (part == 0) {
		part = free_part_locked(queue);
		if (part == 0 || !has_room_locked(queue, ops))
			return -ENOSPC;
		if (queue->split == NULL)
			begin_split_locked(queue, supply);
		vm_split_add(queue->split, part, supply->policy,
		    supply->sets);
		supply->policy = NULL;
		supply->sets = NULL;
	}
	queue->split->part[part].users++;
	return (int)part;
}

static int
use_part(struct vm_queue *queue, const struct vm_policy_ops *ops,
    struct supply *supply)
{
	int part;

	vm_lock(&queue->lock);
	part = use_part_locked(queue, ops, supply);
	vm_unlock(&queue->lock);
	return part;
}

int
vm_queue_part_get(struct vm_queue *queue, const struct vm_policy_ops *ops)
{
	struct supply supply;
	int part = use_part(queue, ops, NULL);

	if (part != 0)
		return part;
	if (!get_supply(queue, ops, &supply))
		return vm_error(ENOMEM, "policy %s: no memory", ops->name);
	/* Who expects something of the first policy without the lock may do so
	 * for a while: it stays where it is. */
	atomic_store(&queue->changed, true);
	part = use_part(queue, ops, &supply);
	drop_supply(queue, &supply);
	if (part == -ENOSPC)
		return vm_error(ENOSPC, "policy %s: %u policies are in use, or "
		    "their histories would be more than 1 %% of memory",
		    ops->name, VM_PARTS_MAX);
	return part;
}

void
vm_queue_part_put(struct vm_queue *queue, unsigned part)
{
	struct vm_policy *policy = NULL;
	struct vm_brief_set *sets = NULL;
	struct vm_part *p;

	vm_lock(&queue->lock);
	vm_assert(part != 0 && queue->split != NULL);
	p = &queue->split->part[part];
	vm_assert(p->users > 0);
	if (--p->users == 0) {
		policy = p->policy;
		sets = p->past.sets;
		vm_split_remove(queue->split, part);
	}
	vm_unlock(&queue->lock);
	queue->os->free(policy);
	queue->os->free(sets);
}

/* The object's pages that are its policy's leave it. */
static void
take_pages_locked(struct vm_queue *queue, const struct vm_object *object,
    struct vm_moving *m)
{
	struct vm_page *pages = queue->env.pages;

	vm_lock_assert_held(&queue->lock);
	vm_assert(pages != NULL);
	for (uint32_t i = 0; i < queue->first->pages; i++)
		if (pages[i].list != 0 && pages[i].object == object &&
		    pages[i].list != VM_QUEUE_TAG_CACHED)
			vm_moving_take(m, &pages[i]);
}

unsigned
vm_queue_adopt(struct vm_queue *queue, const struct vm_queue_member *member,
    unsigned part)
{
	struct vm_moving m;
	unsigned before;

	vm_lock(&queue->lock);
	before = atomic_load_explicit(member->part, memory_order_relaxed);
	vm_moving_init(&m, queue->policy);
	/* What is queued is counted: it got its identity before. */
	if (before != part && atomic_load(member->resident) != 0)
		take_pages_locked(queue, member->object, &m);
	atomic_store_explicit(member->part, (uint8_t)part,
	    memory_order_relaxed);
	vm_moving_give(&m, queue->policy);
	vm_unlock(&queue->lock);
	return before;
}

bool
vm_queue_part(struct vm_queue *queue, unsigned i, struct vm_queue_part *out)
{
	struct vm_policy *policy;

	if (i >= VM_PARTS_MAX)
		return false;
	vm_lock(&queue->lock);
	policy = vm_queue_part_locked(queue, i);
	*out = (struct vm_queue_part){ .policy = NULL };
	if (policy != NULL) {
		*out = (struct vm_queue_part){ .policy = policy->ops->name,
			.pages = policy->ops->count(policy),
			.share = policy->pages };
		if (queue->split != NULL) {
			out->share = vm_split_share(queue->split, i);
			out->objects = queue->split->part[i].users;
			out->returned = queue->split->part[i].votes;
		}
	}
	vm_unlock(&queue->lock);
	return true;
}

const char *
vm_queue_list_policy(struct vm_queue *queue, unsigned i)
{
	struct vm_policy *policy = NULL;

	vm_lock(&queue->lock);
	if (queue->split != NULL)
		policy = vm_queue_part_locked(queue,
		    vm_split_part_of_list(queue->split, i));
	vm_unlock(&queue->lock);
	return policy == NULL ? NULL : policy->ops->name;
}
