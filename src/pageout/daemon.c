/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/daemon.c - daemon.h has the theory. */
#include "pageout/daemon.h"

#include <assert.h>
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "memory/memory.h"
#include "object/cached.h"
#include "object/content.h"
#include "object/quota.h"
#include "os/os.h"
#include "pageout/control.h"
#include "pageout/evict.h"
#include "pageout/launder.h"
#include "pageout/rescue.h"
#include "pageout/trim.h"
#include "stat/stat.h"

static_assert(VM_DAEMON_BATCH_MAX <= VM_EVICT_MAX, "they leave at once");

struct vm_daemon {
	struct vm *vm;			/* (C) */
	struct vm_thread *thread;	/* (C) */
	struct vm_thread *rescuer;	/* rescue.h (C) */
	struct vm_laundry *laundry;	/* (T) */
	struct vm_page *victim[VM_DAEMON_BATCH_MAX];	/* (T) */
	struct vm_page *clean[VM_DAEMON_BATCH_MAX];	/* (T) */
	struct vm_page *dirty[VM_DAEMON_BATCH_MAX];	/* (T) */
	struct vm_page *refused[VM_DAEMON_BATCH_MAX];	/* (T) */
	uint64_t looked_ns;	/* at the pressure, within a pass (T) */
	struct vm_control control;	/* (T) */
	unsigned run_pages;		/* of a write, at most (T) */
	unsigned clean_count;		/* (T) */
	unsigned dirty_count;		/* (T) */
	unsigned refused_count;		/* (T) */
	uint32_t hand;			/* of victims_by_hand (T) */
};

/* Nobody may have wired, held or borrowed it while we did not have it. */
bool
vm_victim_lock(struct vm *vm, struct vm_page *page)
{
	if (!vm_page_try_lock(vm, page))
		return false;
	if (atomic_load(&page->wires) == 0 &&
	    atomic_load(&page->holds) == 0 && atomic_load(&page->loans) == 0 &&
	    !vm_page_has_flag(page, VM_PGA_UNMANAGED) &&
	    vm_quota_claim(page->object))
		return true;
	vm_object_unlock_page(page->object, page);
	return false;
}

static void
sort_out(struct vm_daemon *daemon, unsigned count)
{
	daemon->clean_count = daemon->dirty_count = 0;
	daemon->refused_count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct vm_page *page = daemon->victim[i];

		if (!vm_victim_lock(daemon->vm, page))
			daemon->refused[daemon->refused_count++] = page;
		else if (vm_content_owed(page) != 0)
			daemon->dirty[daemon->dirty_count++] = page;
		else
			daemon->clean[daemon->clean_count++] = page;
	}
}

/* The dirty resident page at pindex, exclusive, if that needs no waiting. */
static struct vm_page *
dirty_neighbour(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_page *page = vm_object_try_lock_page(object, pindex);

	if (page == NULL || page->dirty != 0)
		return page;
	vm_object_unlock_page(object, page);
	return NULL;
}

/*
 * Victims that are neighbours of each other are one write.  With a gap of
 * dirty pages behind them the write goes on: the disk takes 64 pages in about
 * the time of one.
 */
static void
launder_victims(struct vm_daemon *daemon)
{
	struct vm_page *run[VM_LAUNDRY_PAGES];
	bool leaving[VM_LAUNDRY_PAGES];
	unsigned at = 0;

	vm_evict_sort(daemon->dirty, daemon->dirty_count);
	while (at < daemon->dirty_count) {
		struct vm_object *object = daemon->dirty[at]->object;
		vm_pindex_t next = daemon->dirty[at]->pindex;
		unsigned n = 0;

		while (n < daemon->run_pages) {
			struct vm_page *page;

			leaving[n] = false;
			if (at < daemon->dirty_count &&
			    daemon->dirty[at]->object == object &&
			    daemon->dirty[at]->pindex == next) {
				page = daemon->dirty[at++];
				leaving[n] = true;
			} else
				page = dirty_neighbour(object, next);
			if (page == NULL)
				break;
			run[n++] = page;
			next++;
		}
		vm_laundry_add(daemon->laundry, run, n, leaving);
	}
}

/*
 * Who reads, and has not to wait for memory, is not to wait behind writes
 * either: one at a time while what is free is as much as those who write leave
 * alone, and more the less that is, up to all of them where readers wait.
 */
static void
stand_back(struct vm_daemon *daemon)
{
	struct vm *vm = daemon->vm;
	uint32_t writers = atomic_load(&vm->limit.writers);
	uint32_t reserved = atomic_load(&vm->limit.reserved);
	uint32_t free = atomic_load(&vm->limit.free), missing;
	unsigned depth = vm->laundry_depth;

	daemon->run_pages = vm->laundry_pages;
	if (vm_pressure_reading(&vm->limit.pressure, vm->os->clock_ns())) {
		if (daemon->run_pages > VM_LAUNDRY_READING)
			daemon->run_pages = VM_LAUNDRY_READING;
		missing = free >= writers ? 0 : writers - free;
		depth = 1 + missing * (depth - 1) / (writers - reserved);
	}
	vm_laundry_bound(daemon->laundry, depth);
}

/* How many of the victims, which are chosen, are free. */
static uint32_t
one_batch(struct vm_daemon *daemon, unsigned count)
{
	struct vm *vm = daemon->vm;
	uint32_t freed;

	sort_out(daemon, count);
	stand_back(daemon);
	freed = daemon->clean_count;
	vm_evict(vm, daemon->clean, daemon->clean_count, VM_LEAVE_EVICTED);
	vm_count(vm->counters, VM_COUNTER_evicted_clean,
	    daemon->clean_count);
	launder_victims(daemon);
	vm_queue_refused(&vm->queue, daemon->refused, daemon->refused_count);
	vm_count(vm->counters, VM_COUNTER_victims_busy,
	    daemon->refused_count);
	return freed;
}

/* 10 ms: often enough to see a level of a second rise. */
#define LOOK_NS UINT64_C(10000000)

/* An eighth of the way from low, where those who write begin to wait, to
 * target: as little that the margin of who writes slowly is soon 0 again. */
static uint32_t
setpoint(const struct vm_limit *limit)
{
	uint32_t low = atomic_load(&limit->low);

	return low + (atomic_load(&limit->target) - low) / 8;
}

/* How far ahead of need to work from now on. */
static void
steer(struct vm_daemon *daemon, uint64_t now_ns)
{
	struct vm *vm = daemon->vm;
	struct vm_limit *limit = &vm->limit;
	struct vm_control_sample sample = { .now_ns = now_ns,
		.level = vm_limit_available(limit) };

	if (!vm_control_see(&daemon->control, sample.level, now_ns))
		return;
	sample.taken = vm_counter_read(vm->counters, VM_COUNTER_pages_taken);
	sample.freed = vm_counter_read(vm->counters, VM_COUNTER_pages_freed);
	sample.under_way = atomic_load(&limit->in_flight);
	sample.setpoint = setpoint(limit);
	sample.pages = atomic_load(&limit->total);
	atomic_store(&limit->margin, vm_control_step(&daemon->control,
	    &sample));
}

/* What is to be done within a pass, too, which may take as long as somebody
 * writes without a pause. */
static void
look_around(struct vm_daemon *daemon)
{
	uint64_t now_ns = daemon->vm->os->clock_ns();

	steer(daemon, now_ns);
	if (now_ns < daemon->looked_ns + LOOK_NS)
		return;
	daemon->looked_ns = now_ns;
	(void)vm_limit_tell_pressure(&daemon->vm->limit);
}

/* As many looks as there are pages, those above the limit included: a pass
 * ends. */
static uint32_t
most_looks(const struct vm *vm)
{
	return atomic_load(&vm->limit.total) + atomic_load(&vm->limit.debt);
}

/* Objects that have more than they may, whatever is free. */
static void
keep_to_highs(struct vm_daemon *daemon)
{
	struct vm *vm = daemon->vm;
	uint32_t pages = most_looks(vm);
	unsigned found;

	for (uint32_t looked = 0; looked < pages; looked += found) {
		found = vm_trim_victims(vm, daemon->victim, vm->reclaim_batch);
		if (found == 0)
			break;
		(void)one_batch(daemon, found);
	}
	(void)vm_laundry_finish(daemon->laundry);
}

/*
 * One page after the other, whatever the policy thinks of it.  A policy that
 * takes pages of one kind before all others offers nothing else while there are
 * some; where objects keep them, it would offer these for ever.
 */
static unsigned
victims_by_hand(struct vm_daemon *daemon, uint32_t want)
{
	struct vm_frames *frames = &daemon->vm->frames;
	unsigned got = 0;

	for (uint32_t i = 0; i < frames->count && got < want; i++) {
		struct vm_page *page = &frames->pages[daemon->hand];

		daemon->hand = (daemon->hand + 1) % frames->count;
		if (atomic_load_explicit(&page->slot, memory_order_relaxed) !=
		    NULL)
			daemon->victim[got++] = page;
	}
	return got;
}

/* While writes are under way others may be wanted again, and join them: the
 * disk is never left alone. */
static uint32_t
look_for_all(struct vm_daemon *daemon, bool by_hand)
{
	struct vm *vm = daemon->vm;
	uint32_t want = vm_limit_shortage(&vm->limit), freed = 0;
	uint32_t pages = most_looks(vm);
	unsigned found = 1;

	for (uint32_t looked = 0; found != 0 && looked < pages;) {
		if (want == 0 && !vm_laundry_reap(daemon->laundry))
			break;
		if (want != 0) {
			if (want > vm->reclaim_batch)
				want = vm->reclaim_batch;
			found = by_hand ? victims_by_hand(daemon, want) :
			    vm_queue_victims(&vm->queue, daemon->victim,
			    want);
			freed += one_batch(daemon, found);
			looked += found;
		}
		freed += vm_laundry_evicted(daemon->laundry);
		want = vm_limit_shortage(&vm->limit);
		look_around(daemon);
	}
	/* A failed write is counted and said by the object's next sync. */
	(void)vm_laundry_finish(daemon->laundry);
	return freed + vm_laundry_evicted(daemon->laundry);
}

static uint32_t
pass(struct vm_daemon *daemon)
{
	struct vm *vm = daemon->vm;
	uint32_t want = vm_limit_shortage(&vm->limit), freed = 0;

	vm_control_rested(&daemon->control, vm->os->clock_ns());
	look_around(daemon);
	/* First what nobody would miss (NetBSD's pool caches). */
	if (want != 0)
		freed = vm_mem_reclaim(vm, want);
	atomic_store(&vm->spared, false);
	freed += look_for_all(daemon, false);
	if (vm_limit_shortage(&vm->limit) == 0 || !atomic_load(&vm->spared))
		return freed;
	/* What objects keep, or would like to, was in the way. */
	freed += look_for_all(daemon, true);
	if (vm_limit_shortage(&vm->limit) == 0)
		return freed;
	/* All others have been looked at. */
	atomic_store(&vm->needy, true);
	freed += look_for_all(daemon, true);
	atomic_store(&vm->needy, false);
	return freed;
}

static void
run(void *arg)
{
	struct vm_daemon *daemon = arg;
	struct vm *vm = daemon->vm;

	vm_limit_reclaimer_enter(&vm->limit);
	while (vm_limit_daemon_wait(&vm->limit,
	    vm_limit_tell_pressure(&vm->limit))) {
		uint32_t want = vm_limit_pass_begin(&vm->limit), freed;

		VM_TRACE(vm->trace, kick, 0, 0, want);
		vm_count(vm->counters, VM_COUNTER_wakeups, 1);
		if (atomic_load(&vm->above))
			keep_to_highs(daemon);
		if (want == 0)
			continue;
		freed = pass(daemon);
		if (freed == 0)
			freed = vm_limit_last_resort(&vm->limit);
		VM_TRACE(vm->trace, pass, 0, 0, freed);
		vm_limit_pass_done(&vm->limit, freed);
	}
	vm_limit_reclaimer_leave(&vm->limit);
}

static int
start_threads(struct vm_daemon *daemon)
{
	struct vm *vm = daemon->vm;
	int error = vm->os->thread_start("resident-daemon", run, daemon,
	    &daemon->thread);

	if (error == 0)
		error = vm->os->thread_start("resident-rescue",
		    vm_rescue_run, vm, &daemon->rescuer);
	if (error != 0)
		return vm_error(-error, "create: the daemon's thread: %s",
		    vm_errno_text(-error));
	return 0;
}

int
vm_daemon_start(struct vm *vm)
{
	struct vm_daemon *daemon = vm->os->alloc(sizeof(*daemon));
	int error;

	if (daemon == NULL)
		return vm_error(ENOMEM, "create: no memory for the daemon");
	daemon->vm = vm;
	vm->daemon = daemon;
	error = vm_laundry_new(vm, &daemon->laundry);
	if (error == 0)
		error = start_threads(daemon);
	if (error != 0)
		vm_daemon_stop(vm);
	return error;
}

void
vm_daemon_stop(struct vm *vm)
{
	struct vm_daemon *daemon = vm->daemon;

	if (daemon == NULL)
		return;
	vm_limit_stop_daemon(&vm->limit);
	if (daemon->thread != NULL)
		vm->os->thread_join(daemon->thread);
	if (daemon->rescuer != NULL)
		vm->os->thread_join(daemon->rescuer);
	if (daemon->laundry != NULL)
		vm_laundry_free(daemon->laundry);
	vm->os->free(daemon);
	vm->daemon = NULL;
}
