/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/limit.c - ladder, taking, giving, waiting; limit.h has the rules. */
#include "limit/limit.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/error.h"
#include "limit/limit_private.h"
#include "os/os.h"
#include "stat/stat.h"
#include "stat/trace.h"

/*
 * The daemon frees in batches of 64 to 256 pages, so 256 free pages are a
 * batch in hand while the next one is freed; a system that is too small for
 * that keeps 1/16 free.  Above 4096 pages the need grows with the rate of
 * faults, not with memory, hence 1/64 of what is more; 65536 pages (256 MiB of
 * 4 KiB) are 50 ms at 5 GB/s, more than the daemon needs to react.
 */
#define TARGET_SHARE		16u
#define TARGET_KNEE_PAGES	4096u
#define TARGET_SHARE_ABOVE	64u
#define TARGET_MAX_PAGES	65536u

/*
 * Shares of target.  low: half of it, one batch before the next is needed.
 * min: below 1/8 read-ahead only makes faults wait.  reserved: 1/32, what the
 * laundry takes while it makes room; FreeBSD's v_free_reserved and Mach's
 * vm_page_free_reserved stand in the same place.
 */
#define LOW_SHARE		2u
#define MIN_SHARE		8u
#define RESERVED_SHARE		32u

#define NS_PER_MS		UINT64_C(1000000)

static uint32_t
larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t
target_of(uint32_t total)
{
	uint32_t target;

	if (total <= TARGET_KNEE_PAGES)
		return total / TARGET_SHARE;
	target = TARGET_KNEE_PAGES / TARGET_SHARE +
	    (total - TARGET_KNEE_PAGES) / TARGET_SHARE_ABOVE;
	return target < TARGET_MAX_PAGES ? target : TARGET_MAX_PAGES;
}

/* Each step is above the one before, however small the system. */
static void
set_watermarks(struct vm_limit *limit)
{
	uint32_t target = target_of(limit->total);

	limit->reserved = larger(target / RESERVED_SHARE, 1);
	limit->min = larger(target / MIN_SHARE, limit->reserved + 1);
	limit->low = larger(target / LOW_SHARE, limit->min + 1);
	limit->target = larger(target, limit->low + 1);
	vm_assert(limit->target <= limit->total / 4);
}

void
vm_limit_init(struct vm_limit *limit, struct vm_frames *frames)
{
	vm_assert(frames->count >= VM_LIMIT_PAGES_MIN);
	*limit = (struct vm_limit){ .frames = frames, .total = frames->count };
	set_watermarks(limit);
	atomic_init(&limit->free, limit->total);
	vm_lock_init(&limit->lock, VM_RANK_LIMIT, "limit");
	vm_cond_init(&limit->daemon);
	vm_list_init(&limit->takers);
	vm_list_init(&limit->listeners);
}

void
vm_limit_fini(struct vm_limit *limit)
{
	vm_assert(atomic_load(&limit->free) == limit->total);
	vm_assert(vm_list_empty(&limit->takers));
	vm_assert(vm_list_empty(&limit->listeners));
	vm_cond_fini(&limit->daemon);
	vm_lock_fini(&limit->lock);
}

static void
note_peak(struct vm_limit *limit, uint32_t used)
{
	uint32_t peak = atomic_load_explicit(&limit->peak,
	    memory_order_relaxed);

	while (used > peak && !atomic_compare_exchange_weak_explicit(
	    &limit->peak, &peak, used, memory_order_relaxed,
	    memory_order_relaxed))
		continue;
}

/* Promises up to want pages to the caller, leaving floor; how many. */
static uint32_t
reserve(struct vm_limit *limit, uint32_t floor, uint32_t want)
{
	uint32_t free = atomic_load(&limit->free), got;

	do {
		if (free <= floor)
			return 0;
		got = free - floor < want ? free - floor : want;
	} while (!atomic_compare_exchange_weak(&limit->free, &free,
	    free - got));
	note_peak(limit, limit->total - (free - got));
	return got;
}

static void
settle_locked(struct vm_limit *limit, struct taker *taker,
    enum taker_state state)
{
	vm_lock_assert_held(&limit->lock);
	vm_assert(taker->state == TAKER_WAITS);
	taker->state = state;
	vm_node_remove(&taker->link);
	atomic_fetch_sub(&limit->waiting, 1);
	vm_cond_wake_one(&taker->cond);
}

static struct taker *
oldest_locked(struct vm_limit *limit)
{
	return VM_ENTRY(vm_list_first(&limit->takers), struct taker, link);
}

void
vm_limit_fail_takers_locked(struct vm_limit *limit)
{
	struct taker *taker;

	while ((taker = oldest_locked(limit)) != NULL)
		settle_locked(limit, taker, TAKER_FAILED);
}

/* Promises free pages to those who wait, oldest first. */
static void
hand_out_locked(struct vm_limit *limit)
{
	struct taker *taker;

	while ((taker = oldest_locked(limit)) != NULL &&
	    reserve(limit, limit->reserved, 1) == 1)
		settle_locked(limit, taker, TAKER_GRANTED);
}

/* The other half of reserve: the frames are on their free lists already. */
static void
unreserve(struct vm_limit *limit, uint32_t count)
{
	uint32_t free = atomic_fetch_add(&limit->free, count) + count;

	vm_assert(free <= limit->total);
	if (free >= limit->target)
		atomic_store(&limit->filling, false);
	if (atomic_load(&limit->waiting) == 0)
		return;
	vm_lock(&limit->lock);
	hand_out_locked(limit);
	vm_unlock(&limit->lock);
}

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

/* The system that this thread frees pages of. */
static _Thread_local const struct vm_limit *reclaims;

void
vm_limit_reclaimer_enter(struct vm_limit *limit)
{
	vm_assert(reclaims == NULL);
	reclaims = limit;
}

void
vm_limit_reclaimer_leave(struct vm_limit *limit)
{
	vm_assert(reclaims == limit);
	reclaims = NULL;
}

void
vm_limit_cached(struct vm_limit *limit, int change)
{
	uint32_t before = atomic_fetch_add(&limit->cached, (uint32_t)change);

	vm_assert(change >= 0 || before >= (uint32_t)-change);
}

static uint32_t
floor_of(const struct vm_limit *limit, enum vm_class class, unsigned flags)
{
	if ((flags & VM_TAKE_OPTIONAL) != 0)
		return limit->min;
	return class == VM_CLASS_SYSTEM ? 0 : limit->reserved;
}

/*
 * Rule 3: six parameters, three of which are names at every call; a structure
 * of options would be built for each miss.
 */
unsigned
vm_limit_take(struct vm_limit *limit, enum vm_home home, enum vm_class class,
    unsigned flags, struct vm_page **pages, unsigned want)
{
	uint32_t promised;
	unsigned got;

	if (class == VM_CLASS_NORMAL && reclaims == limit)
		class = VM_CLASS_SYSTEM;
	if (class != VM_CLASS_SYSTEM && atomic_load(&limit->waiting) != 0)
		return 0;
	promised = reserve(limit, floor_of(limit, class, flags), want);
	if (atomic_load(&limit->free) < limit->low)
		vm_limit_kick(limit);
	if (promised == 0)
		return 0;
	got = vm_frame_take(limit->frames, home, pages, promised);
	if (VM_UNLIKELY(got < promised))
		unreserve(limit, promised - got);
	note_taken(limit, got);
	return got;
}

void
vm_limit_give(struct vm_limit *limit, struct vm_page **pages, unsigned count)
{
	if (count == 0)
		return;
	vm_frame_give(limit->frames, pages, count);
	note_given(limit, count);
	if (atomic_load(&limit->idle) != 0) {
		atomic_store(&limit->idle, 0);
		atomic_store(&limit->fruitless, 0);
		vm_limit_wake_daemon(limit);
	}
	unreserve(limit, count);
	vm_limit_notify(limit);
}

static void
join_locked(struct vm_limit *limit, struct taker *taker)
{
	vm_list_add_tail(&limit->takers, &taker->link);
	atomic_fetch_add(&limit->waiting, 1);
	hand_out_locked(limit);	/* what was given before we were in line */
}

/* Leaves the line by itself: the time ran out, or nobody will free a page. */
static void
leave_locked(struct vm_limit *limit, struct taker *taker)
{
	if (taker->state != TAKER_WAITS)
		return;
	settle_locked(limit, taker, TAKER_FAILED);
}

static bool
await_page(struct vm_limit *limit, struct taker *taker, uint64_t timeout_ns)
{
	const struct vm_os *os = limit->frames->os;
	uint64_t start = os->clock_ns(), waited_ns = 0;

	vm_lock(&limit->lock);
	join_locked(limit, taker);
	while (taker->state == TAKER_WAITS && waited_ns < timeout_ns &&
	    !limit->stopping) {
		(void)vm_cond_wait(&taker->cond, &limit->lock,
		    timeout_ns - waited_ns);
		waited_ns = os->clock_ns() - start;
	}
	leave_locked(limit, taker);
	vm_unlock(&limit->lock);
	return taker->state == TAKER_GRANTED;
}

static int
no_memory(struct vm_limit *limit, uint64_t waited_ns, const char *why)
{
	return vm_error(ENOMEM, "memory: %s after %" PRIu64 " ms: of %" PRIu32
	    " pages %" PRIu32 " are free (%" PRIu32 " kept in reserve), %"
	    PRIu32 " wait", why, waited_ns / NS_PER_MS, limit->total,
	    atomic_load(&limit->free), limit->reserved,
	    atomic_load(&limit->waiting));
}

static const char *
why_none(const struct vm_limit *limit)
{
	if (atomic_load(&limit->fruitless) >= VM_LIMIT_FRUITLESS_MAX)
		return "nothing could be freed, every page is in use";
	return "no page became free in time";
}

int
vm_limit_wait(struct vm_limit *limit, enum vm_home home, uint64_t timeout_ns,
    struct vm_page **page)
{
	const struct vm_os *os = limit->frames->os;
	struct taker taker = { .state = TAKER_WAITS };
	uint64_t start = os->clock_ns();
	bool granted;

	vm_lock_assert_none_held();
	vm_limit_kick(limit);
	vm_cond_init(&taker.cond);
	granted = await_page(limit, &taker, timeout_ns);
	vm_cond_fini(&taker.cond);
	if (!granted)
		return no_memory(limit, os->clock_ns() - start,
		    why_none(limit));
	if (vm_frame_take(limit->frames, home, page, 1) == 1) {
		note_taken(limit, 1);
		return 0;
	}
	unreserve(limit, 1);
	return no_memory(limit, os->clock_ns() - start,
	    "the system would not take memory back");
}

uint32_t
vm_limit_shortage(const struct vm_limit *limit)
{
	uint32_t free = atomic_load(&limit->free);
	uint32_t waiting = atomic_load(&limit->waiting);

	if (free >= limit->low && waiting == 0 &&
	    !atomic_load(&limit->filling))
		return 0;
	return (free < limit->target ? limit->target - free : 0) + waiting;
}
