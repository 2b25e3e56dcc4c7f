/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/daemon.c - when the daemon runs and how much it frees; listeners. */
#include <errno.h>

#include "base/assert.h"
#include "base/futex.h"
#include "limit/limit.h"
#include "limit/limit_private.h"
#include "os/os.h"

/* 1 ms: what a disk needs for a cluster of pages, about. */
#define PAUSE_NS UINT64_C(1000000)

/* 128 ms: how far the pause doubles while nobody stands in line, but event
 * loops try again and again (a disk that is full behind every dirty page). */
#define IDLE_MAX 8

/* How long the daemon keeps off pages that it just found all in use. */
static uint64_t
pause_ns(const struct vm_limit *limit)
{
	uint64_t fruitless = atomic_load(&limit->fruitless);

	if (fruitless == 0)
		return 0;
	if (fruitless >= VM_LIMIT_FRUITLESS_MAX)
		return PAUSE_NS;	/* given up; do not keep newcomers */
	return PAUSE_NS << (fruitless - 1);
}

/* How long after it began to wait the daemon is to run. */
static uint64_t
due_ns_locked(const struct vm_limit *limit, uint64_t timeout_ns)
{
	uint32_t idle = atomic_load(&limit->idle);

	if (atomic_load(&limit->resumed))
		return 0;
	if (atomic_load(&limit->waiting) != 0)
		return pause_ns(limit);
	if (!atomic_load(&limit->kicked))
		return timeout_ns;
	return idle == 0 ? 0 : PAUSE_NS << (idle - 1);
}

bool
vm_limit_daemon_wait(struct vm_limit *limit, uint64_t timeout_ns)
{
	const struct vm_os *os = limit->frames->os;
	uint64_t start = os->clock_ns(), waited_ns = 0, due_ns;
	bool go_on;

	vm_lock(&limit->lock);
	while (!limit->stopping) {
		due_ns = due_ns_locked(limit, timeout_ns);
		if (waited_ns >= due_ns)
			break;
		(void)vm_cond_wait(&limit->daemon, &limit->lock,
		    due_ns - waited_ns);
		waited_ns = os->clock_ns() - start;
	}
	atomic_store(&limit->kicked, false);
	atomic_store(&limit->resumed, false);
	go_on = !limit->stopping;
	vm_unlock(&limit->lock);
	return go_on;
}

void
vm_limit_wake_daemon(struct vm_limit *limit)
{
	vm_lock(&limit->lock);
	vm_cond_wake_one(&limit->daemon);
	vm_unlock(&limit->lock);
}

void
vm_limit_kick(struct vm_limit *limit)
{
	if (vm_limit_available(limit) < vm_limit_ends(limit))
		atomic_store(&limit->filling, true);
	if (atomic_load(&limit->kicked) || atomic_exchange(&limit->kicked,
	    true))
		return;		/* whoever set it wakes the daemon */
	vm_limit_wake_daemon(limit);
}

void
vm_limit_stop_daemon(struct vm_limit *limit)
{
	vm_lock(&limit->lock);
	limit->stopping = true;
	vm_limit_fail_takers_locked(limit, ENOMEM);
	vm_cond_wake_all(&limit->daemon);
	vm_cond_wake_all(&limit->rescuer);
	vm_cond_wake_all(&limit->cleaner);
	vm_unlock(&limit->lock);
}

static uint32_t
smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What the ladder wants: see limit.h. */
static uint32_t
shortage_in_pages(const struct vm_limit *limit)
{
	uint32_t available = vm_limit_available(limit);
	uint32_t waiting = atomic_load(&limit->waiting);
	uint32_t debt = atomic_load(&limit->debt);
	uint32_t target = vm_limit_ends(limit);
	uint32_t goal = target + atomic_load(&limit->extra);

	if (available >= vm_limit_begins(limit) && waiting == 0 && debt == 0 &&
	    goal == target && !atomic_load(&limit->filling))
		return 0;
	return (available < goal ? goal - available : 0) + waiting + debt;
}

uint32_t
vm_limit_shortage(const struct vm_limit *limit)
{
	uint32_t pages = shortage_in_pages(limit);
	uint32_t page_bytes = limit->frames->page_bytes;
	uint64_t excess = vm_budget_excess(&limit->budget);
	uint64_t in_budget = excess / page_bytes + (excess % page_bytes != 0);

	if (in_budget > limit->total)
		in_budget = limit->total;
	return in_budget > pages ? (uint32_t)in_budget : pages;
}

/* What was wanted on top ends with the pass, and where there is none, at once:
 * or else the next page taken would be a shortage that nobody is kicked for. */
uint32_t
vm_limit_pass_begin(struct vm_limit *limit)
{
	uint32_t deficit = atomic_exchange(&limit->deficit, 0), shortage;

	atomic_store(&limit->extra, smaller(limit->target, deficit));
	shortage = vm_limit_shortage(limit);
	if (shortage == 0) {
		atomic_store(&limit->extra, 0);
		atomic_store(&limit->helpless, false);
		atomic_store(&limit->no_room, false);
		return 0;
	}
	atomic_store(&limit->lacks_room, false);
	vm_lock(&limit->lock);
	limit->in_pass = true;
	limit->passes++;
	vm_limit_call_rescuer_locked(limit);
	vm_unlock(&limit->lock);
	return shortage;
}

void
vm_limit_end_streak(struct vm_limit *limit)
{
	if (!atomic_load(&limit->gave))
		atomic_store(&limit->gave, true);
	if (atomic_load(&limit->idle) == 0)
		return;
	atomic_store(&limit->idle, 0);
	atomic_store(&limit->fruitless, 0);
	atomic_store(&limit->told, false);
	vm_limit_wake_daemon(limit);
}

/* Turns that nobody has used: the pages are for who is next. */
static void
end_turns_locked(struct vm_limit *limit)
{
	if (atomic_exchange(&limit->turns, 0) != 0)
		vm_limit_serve_locked(limit);
}

/* Nothing is to be had: who was paused may use what there is (Mach: "or
 * nothing pageable in it"). */
static bool
end_pause_locked(struct vm_limit *limit)
{
	bool paused = atomic_exchange(&limit->paused, false);

	if (paused)
		vm_limit_serve_locked(limit);
	return paused;
}

uint32_t
vm_limit_help_pages(const struct vm_limit *limit, uint32_t most)
{
	uint32_t low = atomic_load(&limit->low);
	uint32_t target = atomic_load(&limit->target);

	return target > low ? smaller(target - low, most) : 1;
}

/* The daemon's next pass ends with pass_done, whatever it finds. */
void
vm_limit_no_help(struct vm_limit *limit)
{
	atomic_store(&limit->helpless, true);
	vm_limit_kick(limit);
}

void
vm_limit_pass_done(struct vm_limit *limit, uint32_t freed)
{
	bool resumed;

	atomic_store(&limit->no_room, freed == 0 &&
	    atomic_load(&limit->lacks_room));
	atomic_store(&limit->extra, 0);
	atomic_store(&limit->helpless, false);
	/* Who runs need not be resumed: writes that failed in this pass have
	 * emptied the laundry, too, and are no reason not to pause. */
	atomic_store(&limit->resumed, false);
	vm_lock(&limit->lock);
	limit->in_pass = false;
	end_turns_locked(limit);
	resumed = freed == 0 && end_pause_locked(limit);
	if (freed == 0 && atomic_load(&limit->idle) < IDLE_MAX &&
	    atomic_fetch_add(&limit->idle, 1) == 0)
		vm_limit_serve_locked(limit);	/* what was the readers' */
	if (freed == 0 && atomic_load(&limit->waiting) != 0 &&
	    atomic_fetch_add(&limit->fruitless, 1) + 1 >=
	    VM_LIMIT_FRUITLESS_MAX)
		vm_limit_fail_takers_locked(limit, ENOMEM);
	vm_unlock(&limit->lock);
	if (resumed)
		vm_limit_notify(limit);
	if (freed == 0)
		return;
	atomic_store(&limit->fruitless, 0);
	atomic_store(&limit->idle, 0);
	atomic_store(&limit->told, false);
}

void
vm_limit_lacks_room(struct vm_limit *limit)
{
	atomic_store(&limit->lacks_room, true);
}

/* Several passes in vain may be a disk that stands still; one that is full is
 * to be heard of before anybody is given up. */
static bool
is_hopeless(const struct vm_limit *limit)
{
	if (atomic_load(&limit->no_room) && atomic_load(&limit->idle) != 0)
		return true;
	return atomic_load(&limit->fruitless) >= VM_LIMIT_FRUITLESS_TELL &&
	    atomic_load(&limit->waiting) != 0;
}

/* 1 s: what a level is of (pressure.h). */
#define LEVEL_NS UINT64_C(1000000000)

uint64_t
vm_limit_tell_pressure(struct vm_limit *limit)
{
	enum vm_pressure_level before, level;

	vm_lock_assert_none_held();
	level = vm_pressure_judge(&limit->pressure, limit->counters,
	    is_hopeless(limit), limit->frames->os->clock_ns(), &before);
	if (level != before && limit->tell.call != NULL)
		limit->tell.call(limit->tell.arg, (int)level);
	return level == VM_LEVEL_NONE ? VM_FUTEX_FOREVER : LEVEL_NS;
}

void
vm_limit_listen(struct vm_limit *limit, struct vm_listener *listener)
{
	vm_lock(&limit->lock);
	vm_assert(!vm_node_linked(&listener->link));
	atomic_store(&listener->armed, false);
	vm_list_add_tail(&limit->listeners, &listener->link);
	vm_unlock(&limit->lock);
}

static bool
disarm_locked(struct vm_limit *limit, struct vm_listener *listener)
{
	vm_lock_assert_held(&limit->lock);
	if (!atomic_exchange(&listener->armed, false))
		return false;
	atomic_fetch_sub(&limit->armed, 1);
	return true;
}

void
vm_limit_unlisten(struct vm_limit *limit, struct vm_listener *listener)
{
	vm_lock(&limit->lock);
	vm_assert(vm_node_linked(&listener->link));
	(void)disarm_locked(limit, listener);
	vm_node_remove(&listener->link);
	vm_unlock(&limit->lock);
}

void
vm_limit_arm(struct vm_limit *limit, struct vm_listener *listener)
{
	vm_lock(&limit->lock);
	vm_assert(vm_node_linked(&listener->link));
	if (!atomic_exchange(&listener->armed, true))
		atomic_fetch_add(&limit->armed, 1);
	vm_limit_call_rescuer_locked(limit);
	vm_unlock(&limit->lock);
}

/*
 * Bounded by the number of listeners, one per event loop.  The callback runs
 * under the lock, against the rule, since that is what lets unlisten promise
 * that no call is under way.
 */
void
vm_limit_notify(struct vm_limit *limit)
{
	struct vm_node *node;

	if (atomic_load(&limit->armed) == 0)
		return;
	vm_lock(&limit->lock);
	node = vm_list_first(&limit->listeners);
	for (; node != NULL; node = vm_list_next(&limit->listeners, node)) {
		struct vm_listener *listener = VM_ENTRY(node,
		    struct vm_listener, link);

		if (disarm_locked(limit, listener))
			listener->wake(listener);
	}
	vm_unlock(&limit->lock);
}
