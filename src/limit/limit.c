/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/limit.c - who may take how deep, giving; limit.h has the rules. */
#include "limit/limit.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "limit/hand.h"
#include "limit/limit_private.h"
#include "os/os.h"
#include "stat/stat.h"
#include "stat/trace.h"

/* Between interrupt, where SYSTEM ends, and reserved, where the others do:
 * FreeBSD's v_pageout_free_min. */
static uint32_t
pageout_min_of(const struct vm_marks *marks)
{
	return (marks->interrupt + marks->reserved + 1) / 2;
}

bool
vm_limit_set_ladder_locked(struct vm_limit *limit)
{
	struct vm_marks marks = limit->given;

	if (vm_marks_complete(atomic_load(&limit->total), &marks) != 0)
		return false;
	atomic_store(&limit->interrupt, marks.interrupt);
	atomic_store(&limit->reserved, marks.reserved);
	atomic_store(&limit->severe, marks.severe);
	atomic_store(&limit->min, marks.min);
	atomic_store(&limit->writers, marks.min + (marks.low - marks.min) / 2);
	atomic_store(&limit->low, marks.low);
	atomic_store(&limit->target, marks.target);
	atomic_store(&limit->pageout_min, pageout_min_of(&marks));
	atomic_store(&limit->help, marks.low + (marks.target - marks.low) / 2);
	return true;
}

void
vm_limit_init(struct vm_limit *limit, struct vm_frames *frames)
{
	uint32_t total = vm_frames_usable(frames);
	bool fits;

	vm_assert(total >= VM_LIMIT_PAGES_MIN);
	*limit = (struct vm_limit){ .frames = frames, .total = total,
		.capacity = total };
	vm_lock_init(&limit->lock, VM_RANK_LIMIT, "limit");
	fits = vm_limit_set_ladder_locked(limit);
	vm_assert(fits);
	vm_budget_init_none(&limit->budget);
	vm_pressure_init(&limit->pressure);
	atomic_init(&limit->free, limit->total);
	vm_cond_init(&limit->daemon);
	vm_cond_init(&limit->rescuer);
	vm_cond_init(&limit->cleaner);
	vm_cond_init(&limit->shrunk);
	for (unsigned i = 0; i < VM_LINES; i++)
		vm_list_init(&limit->line[i]);
	vm_list_init(&limit->shrinkers);
	vm_list_init(&limit->listeners);
	/* A shelf does not ask for the colour, as magazines do not. */
	if (frames->magazines.size != 0)
		vm_shelves_init(&limit->shelves, total);
}

void
vm_limit_fini(struct vm_limit *limit)
{
	(void)vm_shelves_shut(limit);
	vm_assert(atomic_load(&limit->free) == limit->total);
	vm_assert(atomic_load(&limit->cached) == 0);
	vm_assert(atomic_load(&limit->budget.used) == 0);
	vm_assert(atomic_load(&limit->in_flight) == 0);
	vm_assert(atomic_load(&limit->waiting) == 0);
	vm_assert(atomic_load(&limit->accounts) == 0);
	vm_assert(vm_list_empty(&limit->shrinkers));
	vm_assert(vm_list_empty(&limit->listeners));
	vm_pressure_fini(&limit->pressure);
	vm_cond_fini(&limit->cleaner);
	vm_cond_fini(&limit->rescuer);
	vm_cond_fini(&limit->shrunk);
	vm_cond_fini(&limit->daemon);
	vm_lock_fini(&limit->lock);
}

int
vm_limit_set_marks(struct vm_limit *limit, const struct vm_marks *marks)
{
	struct vm_marks all = *marks;
	int error = vm_marks_complete(atomic_load(&limit->total), &all);
	bool fits;

	if (error != 0)
		return error;
	limit->given = *marks;
	vm_lock(&limit->lock);
	fits = vm_limit_set_ladder_locked(limit);
	vm_unlock(&limit->lock);
	vm_assert(fits);
	return 0;
}

uint32_t
vm_limit_available(const struct vm_limit *limit)
{
	return atomic_load(&limit->free) + atomic_load(&limit->cached);
}

/*
 * What is in use.  False: the limit changed meanwhile, and the three are not of
 * one moment.  Free comes last, and the others did not change: it is what is in
 * use when it is read.
 */
static bool
look_at_used(const struct vm_limit *limit, uint32_t *used)
{
	uint32_t moves = atomic_load(&limit->moves);
	uint32_t most = atomic_load(&limit->total) +
	    atomic_load(&limit->debt);
	uint32_t free = atomic_load(&limit->free);

	*used = free < most ? most - free : 0;
	return moves % 2 == 0 && atomic_load(&limit->moves) == moves;
}

/* 1000: a change is a few stores, but who makes it may be kept from going
 * on. */
#define LOOKS_MAX 1000u

uint32_t
vm_limit_used_pages(const struct vm_limit *limit)
{
	uint32_t used;

	for (unsigned i = 0; i < LOOKS_MAX; i++)
		if (look_at_used(limit, &used))
			return used;
	return used < limit->frames->count ? used : limit->frames->count;
}

/* The next taker notes what could not be told. */
static void
note_peak(struct vm_limit *limit)
{
	uint32_t used, peak = atomic_load_explicit(&limit->peak,
	    memory_order_relaxed);

	if (!look_at_used(limit, &used))
		return;
	while (used > peak && !atomic_compare_exchange_weak_explicit(
	    &limit->peak, &peak, used, memory_order_relaxed,
	    memory_order_relaxed))
		continue;
}

_Thread_local VM_INITIAL_EXEC const struct vm_limit *vm_limit_reclaimed;

void
vm_limit_reclaimer_enter(struct vm_limit *limit)
{
	vm_assert(vm_limit_reclaimed == NULL);
	vm_limit_reclaimed = limit;
}

void
vm_limit_reclaimer_leave(struct vm_limit *limit)
{
	vm_assert(vm_limit_reclaimed == limit);
	vm_limit_reclaimed = NULL;
}

/* -- Mach's pause ---------------------------------------------------------- */

/*
 * Clears itself: the one who set it may have looked before the last page was
 * given that it waits for.
 */
bool
vm_limit_is_paused(struct vm_limit *limit)
{
	if (!atomic_load(&limit->paused))
		return false;
	if (vm_limit_available(limit) < atomic_load(&limit->target))
		return true;
	atomic_store(&limit->paused, false);
	return false;
}

static void
pause_below_min(struct vm_limit *limit, bool refused)
{
	uint32_t free = atomic_load(&limit->free);

	if (!limit->pauses || free > limit->min ||
	    (free == limit->min && !refused))
		return;
	if (!atomic_exchange(&limit->paused, true))
		atomic_fetch_add(&limit->pauses_begun, 1);
}

/* -- the ladder ------------------------------------------------------------ */

/* As many as stay free, whoever of that class asks. */
static uint32_t
floor_of(const struct vm_limit *limit, enum vm_class class, unsigned flags)
{
	if ((flags & VM_TAKE_OPTIONAL) != 0)
		return limit->min;
	switch (class) {
	case VM_CLASS_NORMAL:
		if ((flags & VM_TAKE_DIRTIES) != 0 &&
		    atomic_load(&limit->idle) == 0)
			return (flags & VM_TAKE_PRESSES) != 0 ?
			    limit->writers : limit->low;
		return limit->pauses ? limit->min : limit->reserved;
	case VM_CLASS_SYSTEM:
		return atomic_load(&limit->cached) == 0 ? limit->interrupt :
		    limit->reserved;
	case VM_CLASS_INTERRUPT:
		break;
	}
	return 0;
}

static bool
kept_out(struct vm_limit *limit, enum vm_class class)
{
	return class == VM_CLASS_NORMAL &&
	    (atomic_load(&limit->debt) != 0 || vm_limit_is_paused(limit));
}

/* How many of free may be had: down to floor; one at a time below few. */
static uint32_t
portion(uint32_t free, uint32_t floor, uint32_t few, uint32_t want)
{
	uint32_t most;

	if (free <= floor)
		return 0;
	most = free > few ? free - few : 1;
	return want < most ? want : most;
}

static uint32_t
promise_free(struct vm_limit *limit, enum vm_class class, unsigned flags,
    uint32_t want, uint32_t keep)
{
	uint32_t floor = floor_of(limit, class, flags) + keep, few = floor;
	uint32_t free = atomic_load(&limit->free), got;

	if (class == VM_CLASS_NORMAL && floor < limit->severe)
		few = limit->severe;
	do {
		got = portion(free, floor, few, want);
		if (got == 0)
			return 0;
	} while (!atomic_compare_exchange_weak(&limit->free, &free,
	    free - got));
	return got;
}

static uint64_t
budget_of(const struct vm_limit *limit, uint32_t pages)
{
	if (!vm_budget_limited(&limit->budget))
		return 0;
	return (uint64_t)pages * limit->frames->page_bytes;
}

/* The budget first: what is in free is there for everybody, but for a moment
 * bytes may be taken that another could have used; who gives serves. */
uint32_t
vm_limit_promise(struct vm_limit *limit, enum vm_class class, unsigned flags,
    uint32_t want, uint32_t keep)
{
	bool limited = vm_budget_limited(&limit->budget);
	uint32_t fit = want, got;

	if (kept_out(limit, class))
		return 0;
	if (limited)
		fit = vm_budget_take(&limit->budget,
		    limit->frames->page_bytes, want,
		    class != VM_CLASS_NORMAL);
	got = fit == 0 ? 0 : promise_free(limit, class, flags, fit, keep);
	if (limited && got < fit)
		vm_budget_give(&limit->budget, budget_of(limit, fit - got));
	if (got != 0)
		note_peak(limit);
	return got;
}

void
vm_limit_unpromise(struct vm_limit *limit, uint32_t count)
{
	uint32_t free = atomic_fetch_add(&limit->free, count) + count;

	vm_assert(free <= limit->frames->count);
	if (vm_budget_limited(&limit->budget))
		vm_budget_give(&limit->budget, budget_of(limit, count));
	if (atomic_load(&limit->debt) != 0)
		vm_limit_pay_debt(limit);
	if (vm_limit_available(limit) >= vm_limit_ends(limit))
		atomic_store(&limit->filling, false);
	vm_limit_serve(limit);
}

/* -- taking and giving ----------------------------------------------------- */

static void
note_taken(const struct vm_limit *limit, unsigned count)
{
	VM_TRACE(limit->trace, take, 0, 0, count);
	if (limit->counters != NULL)
		vm_count(limit->counters, VM_COUNTER_pages_taken, count);
}

static void
note_given(const struct vm_limit *limit, unsigned count)
{
	VM_TRACE(limit->trace, give, 0, 0, count);
	if (limit->counters != NULL)
		vm_count(limit->counters, VM_COUNTER_pages_freed, count);
}

/* Others were there first. */
static bool
behind_others(struct vm_limit *limit, const struct vm_take *take)
{
	uint32_t waiting = atomic_load(&limit->waiting);

	if (take->class != VM_CLASS_NORMAL || waiting == 0)
		return false;
	if ((take->flags & VM_TAKE_DIRTIES) == 0)
		waiting -= atomic_load(&limit->waiting_dirty);
	if ((take->flags & VM_TAKE_KERNEL) != 0)
		waiting -= atomic_load(&limit->waiting_fault);
	/* The three are not of one moment. */
	return (int32_t)waiting > 0;
}

static void
kick_when_low(struct vm_limit *limit)
{
	if (vm_limit_available(limit) < vm_limit_begins(limit) ||
	    vm_limit_needs_daemon(limit))
		vm_limit_kick(limit);
}

/* Bounded by total, so that event loops that try and try do not wrap it. */
static void
add_deficit(struct vm_limit *limit, unsigned want)
{
	if (atomic_load(&limit->deficit) < limit->total)
		atomic_fetch_add(&limit->deficit, want);
}

static unsigned
none(struct vm_limit *limit, struct vm_take *take)
{
	take->why = VM_TAKE_NONE;
	if ((take->flags & VM_TAKE_OPTIONAL) != 0)
		return 0;
	if (take->class != VM_CLASS_INTERRUPT &&
	    atomic_load(&limit->cached) != 0) {
		take->why = VM_TAKE_CACHED_FIRST;
		return 0;
	}
	add_deficit(limit, take->want);
	vm_limit_kick(limit);
	return 0;
}

/* As many as may be had; what lies on shelves is given for it. */
static uint32_t
promise(struct vm_limit *limit, const struct vm_take *take, uint32_t want)
{
	uint32_t promised = vm_limit_promise(limit, take->class, take->flags,
	    want, 0);

	if (VM_LIKELY(promised != 0) || vm_shelves_count(limit) == 0 ||
	    (take->flags & VM_TAKE_OPTIONAL) != 0)
		return promised;
	if (vm_shelves_shut(limit) != 0)
		promised = vm_limit_promise(limit, take->class, take->flags,
		    take->want, 0);
	vm_shelves_open(limit);
	return promised;
}

/* What a shelf has or would like to have: one page, for the pool. */
static bool
is_plain(const struct vm_limit *limit, const struct vm_take *take)
{
	return take->want == 1 && take->class == VM_CLASS_NORMAL &&
	    take->home == VM_HOME_POOL && !limit->pauses &&
	    (take->flags & (VM_TAKE_OPTIONAL | VM_TAKE_ZERO |
	    VM_TAKE_ROWS)) == 0 &&
	    ((take->flags & VM_TAKE_DIRTIES) == 0 || atomic_load_explicit(
	    &limit->free, memory_order_relaxed) > limit->low) &&
	    !vm_budget_limited(&limit->budget);
}

/* One page, and some for the shelf. */
static unsigned
take_plain(struct vm_limit *limit, struct vm_page **out)
{
	struct vm_page *pages[1 + VM_SHELF_MAX];
	uint32_t promised, want = 1 + vm_shelf_wants(limit);
	unsigned got;

	promised = vm_limit_promise(limit, VM_CLASS_NORMAL, 0, want, 0);
	got = promised == 0 ? 0 : vm_frame_take(limit->frames, VM_HOME_POOL,
	    pages, promised);
	if (VM_UNLIKELY(got < promised))
		vm_limit_unpromise(limit, promised - got);
	if (got == 0)
		return 0;
	*out = pages[0];
	kick_when_low(limit);
	vm_shelf_fill(limit, pages + 1, got - 1);
	return 1;
}

/* False: look at everything. */
static bool
take_at_hand(struct vm_limit *limit, const struct vm_take *take,
    struct vm_page **out)
{
	if (limit->shelves.size == 0 || !is_plain(limit, take) ||
	    vm_limit_reclaims(limit))
		return false;
	*out = vm_shelf_take(limit, false);
	return *out != NULL || (vm_shelf_wants(limit) != 0 &&
	    take_plain(limit, out) == 1);
}

/*
 * The page that the taker has goes first, its promise stays: at no time are
 * fewer frames free than are promised.  So all are there.
 */
static unsigned
take_rows(struct vm_limit *limit, struct vm_page **pages, uint32_t promised)
{
	unsigned got;

	vm_frame_give(limit->frames, pages, 1);
	got = vm_frame_take_rows(limit->frames, pages, promised + 1);
	vm_assert(got != 0);
	return got - 1;
}

static unsigned
take_frames(struct vm_limit *limit, const struct vm_take *take,
    struct vm_page **pages, uint32_t promised)
{
	struct vm_frames *frames = limit->frames;

	if ((take->flags & VM_TAKE_ZERO) != 0)
		return vm_frame_take_zero(frames, pages, promised);
	if ((take->flags & VM_TAKE_ROWS) == 0)
		return vm_frame_take(frames, take->home, pages, promised);
	if (promised + 1 < VM_FRAME_ROW)
		return vm_frame_take(frames, take->home, pages + 1, promised);
	return take_rows(limit, pages, promised);
}

unsigned
vm_limit_take_for(struct vm_limit *limit, struct vm_take *take,
    struct vm_page **pages)
{
	bool turn = vm_limit_use_turn(limit);
	uint32_t promised = 0;
	unsigned got;

	if (VM_LIKELY(take_at_hand(limit, take, pages))) {
		note_taken(limit, 1);
		take->why = VM_TAKE_OK;
		return 1;
	}
	if (take->class == VM_CLASS_NORMAL && vm_limit_reclaims(limit))
		take->class = VM_CLASS_SYSTEM;
	if (turn || !behind_others(limit, take))
		promised = promise(limit, take, take->want);
	pause_below_min(limit, promised == 0);
	kick_when_low(limit);
	if (promised == 0)
		return none(limit, take);
	got = take_frames(limit, take, pages, promised);
	if (VM_UNLIKELY(got < promised))
		vm_limit_unpromise(limit, promised - got);
	note_taken(limit, got);
	take->why = got != 0 ? VM_TAKE_OK : VM_TAKE_NONE;
	return got;
}

/*
 * Rule 3: six parameters, three of which are names at every call; callers that
 * do not ask why read better so.
 */
unsigned
vm_limit_take(struct vm_limit *limit, enum vm_home home, enum vm_class class,
    unsigned flags, struct vm_page **pages, unsigned want)
{
	struct vm_take take = { .home = home, .class = class, .flags = flags,
		.want = want };

	return vm_limit_take_for(limit, &take, pages);
}

void
vm_limit_give_back(struct vm_limit *limit, struct vm_page **pages,
    uint32_t count)
{
	if (count == 0)
		return;
	vm_frame_give(limit->frames, pages, count);
	vm_limit_end_streak(limit);
	vm_limit_unpromise(limit, count);
	vm_limit_notify(limit);
}

void
vm_limit_give(struct vm_limit *limit, struct vm_page **pages, unsigned count)
{
	if (count == 0)
		return;
	note_given(limit, count);
	if (count != 1 || !vm_shelf_give(limit, pages[0], false))
		vm_limit_give_back(limit, pages, count);
}

void
vm_limit_cached(struct vm_limit *limit, int change)
{
	uint32_t before = atomic_fetch_add(&limit->cached, (uint32_t)change);

	vm_assert(change >= 0 || before >= (uint32_t)-change);
	if (change <= 0)
		return;
	if (vm_limit_available(limit) >= vm_limit_ends(limit))
		atomic_store(&limit->filling, false);
	if (atomic_load(&limit->waiting) == 0)
		return;
	vm_limit_serve(limit);
	vm_limit_kick(limit);	/* to make free pages of them */
}

/* -- bytes ----------------------------------------------------------------- */

uint64_t
vm_limit_used_bytes(const struct vm_limit *limit)
{
	uint64_t bytes = atomic_load(&limit->budget.used);
	uint32_t shelved = vm_shelves_count(limit), used;

	if (vm_budget_limited(&limit->budget))
		return bytes;
	used = vm_limit_used_pages(limit);
	/* Shelves are filled and emptied meanwhile. */
	return bytes + (uint64_t)(used > shelved ? used - shelved : 0) *
	    limit->frames->page_bytes;
}

bool
vm_limit_needs_daemon(const struct vm_limit *limit)
{
	return vm_budget_needs_daemon(&limit->budget);
}

/* Every request looks whether the daemon is needed, as in the rump kernel. */
static bool
take_bytes(struct vm_limit *limit, uint64_t bytes)
{
	bool fits = vm_budget_take(&limit->budget, bytes, 1,
	    vm_limit_reclaims(limit)) == 1;

	if (fits)
		atomic_fetch_add(&limit->bytes, bytes);
	if (!fits || vm_limit_needs_daemon(limit))
		vm_limit_kick(limit);
	return fits;
}

int
vm_limit_bytes_take(struct vm_limit *limit, uint64_t bytes,
    uint64_t timeout_ns)
{
	const struct vm_os *os = limit->frames->os;
	uint64_t start = os->clock_ns(), waited_ns = 0;
	uint64_t most = vm_limit_reclaims(limit) ? limit->budget.given :
	    limit->budget.limit;

	while (bytes != 0 && !take_bytes(limit, bytes)) {
		int error = -ETIMEDOUT;

		if (bytes <= most && waited_ns < timeout_ns)
			error = vm_limit_look(limit, VM_LINE_KERNEL, bytes,
			    timeout_ns - waited_ns);
		waited_ns = os->clock_ns() - start;
		if (error == -ETIMEDOUT)
			return vm_error(ENOMEM, "memory: %llu bytes more than "
			    "%llu would exceed the limit of %llu",
			    (unsigned long long)bytes, (unsigned long long)
			    atomic_load(&limit->budget.used),
			    (unsigned long long)most);
		if (error != 0)
			return error;
	}
	return 0;
}

void
vm_limit_bytes_give(struct vm_limit *limit, uint64_t bytes)
{
	uint64_t before = atomic_fetch_sub(&limit->bytes, bytes);

	vm_assert(before >= bytes);
	vm_budget_give(&limit->budget, bytes);
	vm_limit_end_streak(limit);
	vm_limit_serve(limit);
	vm_limit_notify(limit);
}
