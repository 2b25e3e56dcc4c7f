/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/wait.c - the lines: joining, serving, being given up.
 *
 * Whoever waits is served by whoever gives, under the lock: a page is promised
 * on the waiter's behalf, so that nobody can be faster.  Who only looks is
 * promised nothing; it gets a turn, which keeps one page from those behind it
 * until it has tried, or until the daemon's next pass is over.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/error.h"
#include "limit/limit_private.h"
#include "os/os.h"

#define NS_PER_MS UINT64_C(1000000)

/* The system in which this thread has a turn.  One that went and one that came
 * to the same place: a turn too many is one newcomer let in. */
static _Thread_local VM_INITIAL_EXEC const struct vm_limit *turn;

static void
drop_turn(struct vm_limit *limit)
{
	uint32_t turns = atomic_load(&limit->turns);

	while (turns != 0 && !atomic_compare_exchange_weak(&limit->turns,
	    &turns, turns - 1))
		continue;
}

bool
vm_limit_use_turn(struct vm_limit *limit)
{
	if (VM_LIKELY(turn != limit))
		return false;
	turn = NULL;
	drop_turn(limit);
	return true;
}

/* -- serving --------------------------------------------------------------- */

static void
settle_locked(struct vm_limit *limit, struct taker *taker, int result)
{
	vm_lock_assert_held(&limit->lock);
	vm_assert(taker->state == TAKER_WAITS);
	taker->state = TAKER_SETTLED;
	taker->result = result;
	vm_node_remove(&taker->link);
	atomic_fetch_sub(&limit->waiting, 1);
	if (taker->line == VM_LINE_FAULT)
		atomic_fetch_sub(&limit->waiting_fault, 1);
	if (taker->line == VM_LINE_DIRTY)
		atomic_fetch_sub(&limit->waiting_dirty, 1);
	vm_cond_wake_one(&taker->cond);
}

static struct taker *
taker_of(struct vm_node *node)
{
	return VM_ENTRY(node, struct taker, link);
}

static bool
can_look(struct vm_limit *limit, const struct taker *taker)
{
	uint32_t available = vm_limit_available(limit);

	if (taker->bytes != 0)
		return vm_budget_fits(&limit->budget, taker->bytes,
		    taker->reclaims);
	if (taker->reclaims)
		return available >= limit->pageout_min;
	return !vm_limit_is_paused(limit) &&
	    available >= limit->min + atomic_load(&limit->turns);
}

/* False: not now, nor anybody behind it who wants a page. */
static bool
serve_one_locked(struct vm_limit *limit, struct taker *taker)
{
	if (taker->looks) {
		if (!can_look(limit, taker))
			return true;
		if (taker->bytes == 0 && !taker->reclaims)
			atomic_fetch_add(&limit->turns, 1);
	} else {
		if (taker->reclaims && vm_limit_available(limit) <
		    limit->pageout_min)
			return false;
		if (vm_limit_promise(limit, taker->class, taker->line ==
		    VM_LINE_DIRTY ? VM_TAKE_DIRTIES : 0, 1,
		    atomic_load(&limit->turns)) == 0)
			return false;
	}
	settle_locked(limit, taker, 0);
	return true;
}

void
vm_limit_serve_locked(struct vm_limit *limit)
{
	for (unsigned i = 0; i < VM_LINES; i++) {
		struct vm_list *line = &limit->line[i];
		struct vm_node *node = vm_list_first(line), *next;

		for (; node != NULL; node = next) {
			next = vm_list_next(line, node);
			if (!serve_one_locked(limit, taker_of(node)))
				break;
		}
	}
}

void
vm_limit_serve(struct vm_limit *limit)
{
	if (atomic_load(&limit->waiting) == 0)
		return;
	vm_lock(&limit->lock);
	vm_limit_serve_locked(limit);
	vm_unlock(&limit->lock);
}

void
vm_limit_fail_line_locked(struct vm_limit *limit, enum vm_wait_line line,
    int err)
{
	struct vm_node *node;

	while ((node = vm_list_first(&limit->line[line])) != NULL)
		settle_locked(limit, taker_of(node), err);
}

void
vm_limit_fail_takers_locked(struct vm_limit *limit, int err)
{
	for (unsigned i = 0; i < VM_LINES; i++)
		vm_limit_fail_line_locked(limit, (enum vm_wait_line)i, err);
}

void
vm_limit_wake_lookers_locked(struct vm_limit *limit)
{
	struct vm_node *node, *next;

	for (unsigned i = 0; i < VM_LINES; i++)
		for (node = vm_list_first(&limit->line[i]); node != NULL;
		    node = next) {
			next = vm_list_next(&limit->line[i], node);
			if (taker_of(node)->looks)
				settle_locked(limit, taker_of(node), 0);
		}
}

void
vm_limit_cancel(struct vm_limit *limit)
{
	vm_lock(&limit->lock);
	vm_limit_fail_takers_locked(limit, ECANCELED);
	vm_unlock(&limit->lock);
}

/* -- waiting -------------------------------------------------------------- */

/* A reclaimer waits for what others write; nobody else frees pages. */
static bool
hopeless(const struct vm_limit *limit, const struct taker *taker)
{
	return limit->stopping || (taker->reclaims &&
	    atomic_load(&limit->in_flight) == 0);
}

static void
join_locked(struct vm_limit *limit, struct taker *taker)
{
	vm_list_add_tail(&limit->line[taker->line], &taker->link);
	if (taker->line == VM_LINE_FAULT)
		atomic_fetch_add(&limit->waiting_fault, 1);
	if (taker->line == VM_LINE_DIRTY)
		atomic_fetch_add(&limit->waiting_dirty, 1);
	atomic_fetch_add(&limit->waiting, 1);
	vm_limit_serve_locked(limit);	/* what was given before that */
	if (taker->state == TAKER_WAITS && hopeless(limit, taker))
		settle_locked(limit, taker, ENOMEM);
}

/*
 * Once more: between the first kick and our place in line the daemon may have
 * looked in vain, and gone to sleep.
 */
static void
kick_locked(struct vm_limit *limit, const struct taker *taker)
{
	vm_lock_assert_held(&limit->lock);
	if (taker->state != TAKER_WAITS)
		return;
	atomic_store(&limit->kicked, true);
	vm_cond_wake_one(&limit->daemon);
	vm_limit_call_rescuer_locked(limit);
}

/*
 * 0.5 ms: half of what a disk needs for 32 writes, and with the pages between
 * writers and low (84 of 64 MiB) 40 ms, longer than disks stand still.
 */
#define PACE_NS UINT64_C(500000)

/* Whoever will make its page dirty has waited for so long. */
static void
press_locked(struct vm_limit *limit, struct taker *taker)
{
	if (taker->state == TAKER_WAITS && !taker->looks &&
	    taker->line == VM_LINE_DIRTY && vm_limit_promise(limit,
	    taker->class, VM_TAKE_DIRTIES | VM_TAKE_PRESSES, 1,
	    atomic_load(&limit->turns)) != 0)
		settle_locked(limit, taker, 0);
}

/* How long until something else is to be done than to wait. */
static uint64_t
turn_ns(const struct taker *taker, uint64_t left_ns)
{
	return taker->line == VM_LINE_DIRTY && left_ns > PACE_NS ? PACE_NS :
	    left_ns;
}

static void
await(struct vm_limit *limit, struct taker *taker, uint64_t timeout_ns)
{
	const struct vm_os *os = limit->frames->os;
	uint64_t start = os->clock_ns(), waited_ns = 0;

	vm_pressure_enter(&limit->pressure, limit->counters, VM_WAITS_MEMORY,
	    start);
	vm_cond_init(&taker->cond);
	(void)vm_shelves_shut(limit);
	vm_lock(&limit->lock);
	join_locked(limit, taker);
	kick_locked(limit, taker);
	while (taker->state == TAKER_WAITS && waited_ns < timeout_ns) {
		(void)vm_cond_wait(&taker->cond, &limit->lock,
		    turn_ns(taker, timeout_ns - waited_ns));
		waited_ns = os->clock_ns() - start;
		if (waited_ns >= PACE_NS)
			press_locked(limit, taker);
	}
	if (taker->state == TAKER_WAITS)
		settle_locked(limit, taker, ETIMEDOUT);
	vm_unlock(&limit->lock);
	vm_shelves_open(limit);
	vm_cond_fini(&taker->cond);
	vm_pressure_leave(&limit->pressure, limit->counters, VM_WAITS_MEMORY,
	    os->clock_ns());
	vm_limit_notify(limit);	/* an event loop may be next */
}

static const char *
why_none(const struct vm_limit *limit, const struct taker *taker)
{
	if (taker->result == ECANCELED)
		return "the wait was cancelled";
	if (taker->result == ENOMEM && taker->reclaims)
		return "nothing is on its way to a pager, who frees pages "
		    "cannot wait";
	if (atomic_load(&limit->no_room))
		return "nothing could be freed, there is no room to write "
		    "dirty pages";
	if (atomic_load(&limit->fruitless) >= VM_LIMIT_FRUITLESS_MAX)
		return "nothing could be freed, every page is in use";
	return "no page became free in time";
}

static int
no_memory(struct vm_limit *limit, uint64_t start, int err, const char *why)
{
	uint64_t waited_ns = limit->frames->os->clock_ns() - start;

	return vm_error(err, "memory: %s after %" PRIu64 " ms: of %" PRIu32
	    " pages %" PRIu32 " are free (%" PRIu32 " kept in reserve), %"
	    PRIu32 " wait", why, waited_ns / NS_PER_MS,
	    atomic_load(&limit->total), atomic_load(&limit->free),
	    atomic_load(&limit->reserved), atomic_load(&limit->waiting));
}

static struct taker
new_taker(struct vm_limit *limit, enum vm_wait_line line, enum vm_class class)
{
	struct taker taker = { .state = TAKER_WAITS, .line = line,
		.class = class };

	vm_assert(line != VM_LINE_RECLAIM);
	if (vm_limit_reclaims(limit)) {
		taker.reclaims = true;
		taker.line = VM_LINE_RECLAIM;
		if (class == VM_CLASS_NORMAL)
			taker.class = VM_CLASS_SYSTEM;
	}
	return taker;
}

int
vm_limit_wait_for(struct vm_limit *limit, const struct vm_wait_for *how,
    struct vm_page **page)
{
	struct taker taker = new_taker(limit, how->line, how->class);
	uint64_t start = limit->frames->os->clock_ns();

	vm_lock_assert_none_held();
	vm_limit_kick(limit);
	await(limit, &taker, how->timeout_ns);
	if (taker.result != 0)
		return no_memory(limit, start, taker.result == ECANCELED ?
		    ECANCELED : ENOMEM, why_none(limit, &taker));
	if (vm_frame_take(limit->frames, how->home, page, 1) == 1)
		return 0;
	vm_limit_unpromise(limit, 1);
	return no_memory(limit, start, ENOMEM,
	    "the system would not take memory back");
}

int
vm_limit_wait(struct vm_limit *limit, enum vm_home home, uint64_t timeout_ns,
    struct vm_page **page)
{
	struct vm_wait_for how = { .home = home, .class = VM_CLASS_NORMAL,
		.line = VM_LINE_FAULT, .timeout_ns = timeout_ns };

	return vm_limit_wait_for(limit, &how, page);
}

int
vm_limit_look(struct vm_limit *limit, enum vm_wait_line line, uint64_t bytes,
    uint64_t timeout_ns)
{
	struct taker taker = new_taker(limit, line, VM_CLASS_NORMAL);
	uint64_t start = limit->frames->os->clock_ns();

	vm_lock_assert_none_held();
	taker.looks = true;
	taker.bytes = bytes;
	vm_limit_kick(limit);
	await(limit, &taker, timeout_ns);
	if (taker.result != 0)
		return no_memory(limit, start, taker.result,
		    why_none(limit, &taker));
	if (bytes == 0 && !taker.reclaims)
		turn = limit;
	return 0;
}
