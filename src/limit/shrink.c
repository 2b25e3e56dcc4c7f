/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/shrink.c - shrink.h has the theory; and the last resort behind them. */
#include "limit/shrink.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/error.h"
#include "limit/limit.h"
#include "limit/limit_private.h"
#include "os/os.h"

/* The one that this thread is calling. */
static _Thread_local const struct vm_shrink *calling;

static struct vm_shrink *
shrink_of(struct vm_node *node)
{
	return VM_ENTRY(node, struct vm_shrink, link);
}

static struct vm_shrink *
find_locked(struct vm_limit *limit, const void *key)
{
	struct vm_node *node = vm_list_first(&limit->shrinkers);

	while (node != NULL && shrink_of(node)->key != key)
		node = vm_list_next(&limit->shrinkers, node);
	return shrink_of(node);
}

/* Behind the last one of its priority or a higher one. */
static void
insert_locked(struct vm_limit *limit, struct vm_shrink *shrink)
{
	struct vm_node *node = vm_list_first(&limit->shrinkers);

	while (node != NULL && shrink_of(node)->priority >= shrink->priority)
		node = vm_list_next(&limit->shrinkers, node);
	vm_node_insert_before(&shrink->link, node != NULL ? node :
	    &limit->shrinkers.head);
}

int
vm_shrink_add(struct vm_limit *limit, const struct vm_shrink *what)
{
	const struct vm_os *os = limit->frames->os;
	struct vm_shrink *shrink = os->alloc(sizeof(*shrink));
	bool known;

	if (shrink == NULL)
		return vm_error(ENOMEM, "shrinker: no memory");
	*shrink = *what;
	shrink->running = false;
	shrink->link = (struct vm_node){ 0 };
	vm_lock(&limit->lock);
	known = find_locked(limit, what->key) != NULL;
	if (!known) {
		shrink->number = ++limit->shrinker_next;
		insert_locked(limit, shrink);
	}
	vm_unlock(&limit->lock);
	if (!known)
		return 0;
	os->free(shrink);
	return vm_error(EEXIST, "shrinker: is there already");
}

int
vm_shrink_remove(struct vm_limit *limit, const void *key)
{
	struct vm_shrink *shrink;

	if (calling != NULL && calling->key == key)
		return vm_error(EDEADLK, "shrinker: cannot be removed by "
		    "itself");
	vm_lock(&limit->lock);
	/* Looked up again after each sleep: another may remove it, too. */
	while ((shrink = find_locked(limit, key)) != NULL && shrink->running)
		(void)vm_cond_wait(&limit->shrunk, &limit->lock, UINT64_MAX);
	if (shrink != NULL)
		vm_node_remove(&shrink->link);
	vm_unlock(&limit->lock);
	if (shrink == NULL)
		return vm_error(ENOENT, "shrinker: is not there");
	limit->frames->os->free(shrink);
	return 0;
}

static bool
is_behind(const struct vm_shrink *a, int priority, uint64_t number)
{
	return a->priority < priority ||
	    (a->priority == priority && a->number > number);
}

/* The next one in order, marked as running; NULL behind the last. */
static struct vm_shrink *
next_to_ask(struct vm_limit *limit, int priority, uint64_t number)
{
	struct vm_shrink *shrink;
	struct vm_node *node;

	vm_lock(&limit->lock);
	node = vm_list_first(&limit->shrinkers);
	while (node != NULL && (shrink_of(node)->running ||
	    !is_behind(shrink_of(node), priority, number)))
		node = vm_list_next(&limit->shrinkers, node);
	shrink = shrink_of(node);
	if (shrink != NULL)
		shrink->running = true;
	vm_unlock(&limit->lock);
	return shrink;
}

static uint64_t
ask(const struct vm_shrink *shrink, uint64_t wanted)
{
	uint64_t most, freed = 0;

	vm_lock_assert_none_held();
	calling = shrink;
	most = shrink->count(shrink->arg);
	if (most != 0)
		freed = shrink->scan(shrink->arg, wanted < most ? wanted :
		    most);
	calling = NULL;
	return freed;
}

static void
asked(struct vm_limit *limit, struct vm_shrink *shrink)
{
	vm_lock(&limit->lock);
	shrink->running = false;
	vm_cond_wake_all(&limit->shrunk);
	vm_unlock(&limit->lock);
}

uint64_t
vm_shrink_run(struct vm_limit *limit, uint64_t wanted)
{
	int priority = INT32_MAX;
	uint64_t number = 0, freed = 0;
	struct vm_shrink *shrink;

	while (freed == 0 &&
	    (shrink = next_to_ask(limit, priority, number)) != NULL) {
		freed = ask(shrink, wanted);
		priority = shrink->priority;
		number = shrink->number;
		asked(limit, shrink);
	}
	return freed;
}

static bool
should_tell(struct vm_limit *limit)
{
	return limit->oom.call != NULL &&
	    atomic_load(&limit->waiting) != 0 &&
	    atomic_load(&limit->in_flight) == 0 &&
	    atomic_load(&limit->fruitless) + 1 >= VM_LIMIT_FRUITLESS_TELL &&
	    !atomic_exchange(&limit->told, true);
}

static void
tell(struct vm_limit *limit)
{
	vm_error(ENOMEM, "memory: %u passes in a row freed nothing: of %"
	    PRIu32 " pages %" PRIu32 " are free, %" PRIu32 " wait",
	    VM_LIMIT_FRUITLESS_TELL, atomic_load(&limit->total),
	    atomic_load(&limit->free), atomic_load(&limit->waiting));
	limit->oom.call(limit->oom.arg, vm_error_text());
}

/* 32 bits: limits are below 2^28 pages. */
uint32_t
vm_limit_last_resort(struct vm_limit *limit)
{
	uint32_t wanted = vm_limit_shortage(limit);
	uint64_t freed;

	vm_lock_assert_none_held();
	if (wanted == 0)
		return 0;
	atomic_store(&limit->gave, false);
	freed = vm_shrink_run(limit, wanted);
	if (freed != 0 && atomic_load(&limit->gave))
		return freed < wanted ? (uint32_t)freed : wanted;
	if (should_tell(limit))
		tell(limit);
	return 0;
}
