/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/clean.c - clean.h has the theory. */
#include "pageout/clean.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "object/cached.h"
#include "object/content.h"
#include "object/object.h"
#include "os/os.h"
#include "pageout/launder.h"
#include "stat/stat.h"

#define SECOND_NS UINT64_C(1000000000)

/* 1 s: what is dirty for less is likely to be written to again (a buffer that
 * is filled in pieces), and as often is looked how much is dirty. */
#define YOUNG_NS SECOND_NS

/* 64 s: what the pause after failures grows to. */
#define PAUSE_MOST_NS (64 * SECOND_NS)

/* 4096 descriptors: 256 KiB to read, 0.1 ms. */
#define STEP_PAGES 4096u

/* While somebody reads, or the daemon writes: a quarter of the rate. */
#define BEHIND 4u

/* 2: the next is made ready while the pieces of one go. */
#define DEPTH 2u

struct vm_cleaner {
	struct vm *vm;			/* (C) */
	struct vm_thread *thread;	/* by who has started (C) */
	_Atomic bool started;		/* there is a thread, or soon (A) */
	_Atomic bool off;		/* (A) */
	_Atomic uint64_t age_ns;	/* (A) */
	_Atomic uint32_t share;		/* percent (A) */
	_Atomic uint64_t rate_bytes;	/* (A) */
	struct vm_laundry *laundry;	/* (T) */
	uint64_t *seen;	/* a bit a page: dirty at the last look (T) */
	size_t seen_bytes;		/* (C) */
	uint32_t hand;	/* the next to look at; all: the look is over (T) */
	bool idle;	/* nothing was dirty at the last step (T) */
	bool young;	/* this look came early: there were too many (T) */
	bool looked;	/* at least once (T) */
	uint64_t look_ns;		/* when the look began (T) */
	uint64_t ready_ns;		/* the next write may be then (T) */
	uint64_t pause_ns;		/* of failures (T) */
	struct vm_page *run[VM_LAUNDRY_PAGES];	/* (T) */
};

/* Who dirties counts before it releases the page, who cleans has it: read in
 * this order, the second is not behind the first but for what is just being
 * stored. */
uint64_t
vm_dirty_pages(const struct vm *vm)
{
	uint64_t gone = vm_counter_read(vm->counters,
	    VM_COUNTER_pages_undirtied);
	uint64_t come = vm_counter_read(vm->counters,
	    VM_COUNTER_pages_dirtied);

	return come > gone ? come - gone : 0;
}

/* -- which pages ----------------------------------------------------------- */

static uint64_t
bit_of(uint32_t number)
{
	return UINT64_C(1) << number % 64;
}

static bool
was_seen(const struct vm_cleaner *cleaner, uint32_t number)
{
	return (cleaner->seen[number / 64] & bit_of(number)) != 0;
}

/* Stores only what changes: memory that is never written is not there. */
static void
note_seen(struct vm_cleaner *cleaner, uint32_t number, bool seen)
{
	if (was_seen(cleaner, number) != seen)
		cleaner->seen[number / 64] ^= bit_of(number);
}

static bool
is_wanted(const struct vm_page *page)
{
	return page->dirty != 0 && !page->object->anonymous &&
	    page->number < page->object->vm->frames.count &&
	    !vm_page_has_flag(page, VM_PGA_NOSYNC);
}

/* Exclusive, if that needs no waiting and it is to be written; or NULL. */
static struct vm_page *
wanted_at(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_page *page = vm_object_try_lock_page(object, pindex);

	if (page == NULL || is_wanted(page))
		return page;
	vm_object_unlock_page(object, page);
	return NULL;
}

static void
turn_round(struct vm_page **pages, unsigned count)
{
	for (unsigned i = 0; i < count / 2; i++) {
		struct vm_page *page = pages[i];

		pages[i] = pages[count - 1 - i];
		pages[count - 1 - i] = page;
	}
}

/* The page and its dirty neighbours, first those before it. */
static unsigned
gather(struct vm_cleaner *cleaner, struct vm_page *page, unsigned most)
{
	struct vm_object *object = page->object;
	vm_pindex_t next = page->pindex + 1, before = page->pindex;
	unsigned n = 0;

	while (page != NULL) {
		cleaner->run[n++] = page;
		page = n < most && before != 0 ?
		    wanted_at(object, --before) : NULL;
	}
	turn_round(cleaner->run, n);
	while (n < most && (page = wanted_at(object, next++)) != NULL)
		cleaner->run[n++] = page;
	return n;
}

/* -- one write ------------------------------------------------------------- */

static unsigned
most_pages(const struct vm *vm, bool behind)
{
	return behind && vm->laundry_pages > VM_LAUNDRY_READING ?
	    VM_LAUNDRY_READING : vm->laundry_pages;
}

/* When the next write may be, after one that began then. */
static void
charge(struct vm_cleaner *cleaner, uint64_t began_ns, unsigned pages,
    bool behind)
{
	uint64_t bytes = (uint64_t)pages * cleaner->vm->page_bytes;
	uint64_t rate = atomic_load(&cleaner->rate_bytes);
	/* 256 pages of 2 MiB at most: the product fits. */
	uint64_t ns = bytes * SECOND_NS / rate;

	cleaner->ready_ns = began_ns + (behind ? BEHIND * ns : ns);
}

static void
note_failure(struct vm_cleaner *cleaner)
{
	uint64_t pause_ns = cleaner->pause_ns * 2;

	if (pause_ns == 0)
		pause_ns = SECOND_NS;
	if (pause_ns > PAUSE_MOST_NS)
		pause_ns = PAUSE_MOST_NS;
	cleaner->pause_ns = pause_ns;
	cleaner->ready_ns = cleaner->vm->os->clock_ns() + pause_ns;
}

/* A write that fails is counted, and said by the object's next sync. */
static void
write_run(struct vm_cleaner *cleaner, unsigned count, uint64_t now_ns,
    bool behind)
{
	struct vm *vm = cleaner->vm;

	for (unsigned i = 0; i < count; i++)
		note_seen(cleaner, cleaner->run[i]->number, false);
	vm_laundry_add(cleaner->laundry, cleaner->run, count, NULL);
	if (vm_laundry_finish(cleaner->laundry) != 0) {
		note_failure(cleaner);
		return;
	}
	cleaner->pause_ns = 0;
	vm_count(vm->counters, VM_COUNTER_cleaned_pages, count);
	charge(cleaner, now_ns, count, behind);
}

/* False: there is nothing to be written, or somebody is in it. */
static bool
clean(struct vm_cleaner *cleaner, struct vm_page *page, uint64_t now_ns)
{
	struct vm *vm = cleaner->vm;
	bool behind = vm_limit_shortage(&vm->limit) != 0 ||
	    vm_pressure_reading(&vm->limit.pressure, now_ns);

	if (!vm_page_try_lock(vm, page))
		return false;
	if (!is_wanted(page)) {
		vm_object_unlock_page(page->object, page);
		return false;
	}
	write_run(cleaner, gather(cleaner, page, most_pages(vm, behind)),
	    now_ns, behind);
	return true;
}

/* -- a look ---------------------------------------------------------------- */

/* Where memory is short, who needs it sees to that. */
static bool
too_many(const struct vm_cleaner *cleaner)
{
	uint64_t limit = atomic_load(&cleaner->vm->limit.total);

	return vm_limit_shortage(&cleaner->vm->limit) == 0 &&
	    vm_dirty_pages(cleaner->vm) * 100 > limit *
	    atomic_load(&cleaner->share);
}

/* One page; true: it was written. */
static bool
look_at(struct vm_cleaner *cleaner, uint32_t number, bool writes,
    uint64_t now_ns)
{
	struct vm_page *page = &cleaner->vm->frames.pages[number];
	/* Without the slot: a hint. */
	bool dirty = atomic_load_explicit(&page->dirty,
	    memory_order_relaxed) != 0;
	bool old = dirty && was_seen(cleaner, number);

	note_seen(cleaner, number, dirty);
	return old && writes && clean(cleaner, page, now_ns);
}

/* Looks on; how long until more is to be looked at, 0: at once. */
static uint64_t
look_on(struct vm_cleaner *cleaner, bool writes, uint64_t now_ns)
{
	uint32_t count = cleaner->vm->frames.count;

	for (uint32_t i = 0; i < STEP_PAGES && cleaner->hand < count; i++) {
		if (!look_at(cleaner, cleaner->hand++, writes, now_ns))
			continue;
		now_ns = cleaner->vm->os->clock_ns();
		return cleaner->ready_ns > now_ns ?
		    cleaner->ready_ns - now_ns : 0;
	}
	return 0;
}

static uint64_t
shorter(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How long until the next look may begin; 0: one is under way. */
static uint64_t
begin_look(struct vm_cleaner *cleaner, bool many, uint64_t now_ns)
{
	uint64_t half_ns = atomic_load(&cleaner->age_ns) / 2;
	uint64_t apart_ns = many ? shorter(half_ns, YOUNG_NS) : half_ns;
	uint64_t passed_ns = now_ns - cleaner->look_ns;

	if (cleaner->hand != cleaner->vm->frames.count)
		return 0;
	if (cleaner->looked && passed_ns < apart_ns)
		return shorter(apart_ns - passed_ns, YOUNG_NS);
	cleaner->young = cleaner->looked && passed_ns < half_ns;
	cleaner->looked = true;
	cleaner->look_ns = now_ns;
	cleaner->hand = 0;
	return 0;
}

uint64_t
vm_cleaner_step(struct vm_cleaner *cleaner, bool *rests)
{
	uint64_t now_ns = cleaner->vm->os->clock_ns(), wait_ns;
	bool idle = cleaner->idle, off = atomic_load(&cleaner->off), many;

	cleaner->idle = vm_dirty_pages(cleaner->vm) == 0;
	*rests = cleaner->idle && !off;
	if (off)
		return VM_FUTEX_FOREVER;
	/* Once more, for who has not seen that we rest. */
	if (cleaner->idle)
		return idle ? VM_FUTEX_FOREVER : YOUNG_NS;
	if (cleaner->ready_ns > now_ns)
		return cleaner->ready_ns - now_ns;
	many = too_many(cleaner);
	wait_ns = begin_look(cleaner, many, now_ns);
	return wait_ns != 0 ? wait_ns :
	    look_on(cleaner, many || !cleaner->young, now_ns);
}

/* -- its life -------------------------------------------------------------- */

static void
run(void *arg)
{
	struct vm_cleaner *cleaner = arg;
	uint64_t sleep_ns;
	bool rests;

	do
		sleep_ns = vm_cleaner_step(cleaner, &rests);
	while (vm_limit_clean_wait(&cleaner->vm->limit, sleep_ns, rests));
}

int
vm_cleaner_new(struct vm *vm, struct vm_cleaner **out)
{
	struct vm_cleaner *cleaner = vm->os->alloc(sizeof(*cleaner));
	void *seen;
	int error;

	if (cleaner == NULL)
		return vm_error(ENOMEM, "clean: no memory for the cleaner");
	cleaner->vm = vm;
	atomic_init(&cleaner->off, true);
	cleaner->hand = vm->frames.count;
	cleaner->seen_bytes = ((size_t)vm->frames.count + 63) / 64 *
	    sizeof(uint64_t);
	error = vm_laundry_new_of(vm, DEPTH, &cleaner->laundry);
	if (error == 0 && vm->os->map_anon(cleaner->seen_bytes, &seen) != 0)
		error = vm_error(ENOMEM, "clean: no room for a bit a page");
	if (error == 0) {
		cleaner->seen = seen;
		*out = cleaner;
		return 0;
	}
	vm_cleaner_free(cleaner);
	return error;
}

void
vm_cleaner_free(struct vm_cleaner *cleaner)
{
	const struct vm_os *os = cleaner->vm->os;

	if (cleaner->seen != NULL)
		os->unmap(cleaner->seen, cleaner->seen_bytes);
	if (cleaner->laundry != NULL)
		vm_laundry_free(cleaner->laundry);
	os->free(cleaner);
}

void
vm_cleaner_tell(struct vm_cleaner *cleaner, const struct vm_clean_how *how)
{
	vm_assert(how->off || (how->age_ns != 0 && how->rate_bytes != 0));
	atomic_store(&cleaner->age_ns, how->age_ns);
	atomic_store(&cleaner->share, how->share);
	atomic_store(&cleaner->rate_bytes, how->rate_bytes);
	atomic_store(&cleaner->off, how->off);
}

/* The system's, made if there is none. */
static int
find(struct vm *vm, struct vm_cleaner **out)
{
	struct vm_cleaner *none = NULL;
	int error;

	*out = atomic_load(&vm->cleaner);
	if (*out != NULL)
		return 0;
	error = vm_cleaner_new(vm, out);
	if (error != 0 || atomic_compare_exchange_strong(&vm->cleaner, &none,
	    *out))
		return error;
	vm_cleaner_free(*out);	/* somebody was faster */
	*out = none;
	return 0;
}

int
vm_cleaner_set(struct vm *vm, const struct vm_clean_how *how)
{
	struct vm_cleaner *cleaner;
	int error = 0;

	if (how->off && atomic_load(&vm->cleaner) == NULL)
		return 0;
	error = find(vm, &cleaner);
	if (error != 0)
		return error;
	vm_cleaner_tell(cleaner, how);
	if (!how->off && !atomic_exchange(&cleaner->started, true))
		error = vm->os->thread_start("resident-clean", run, cleaner,
		    &cleaner->thread);
	vm_limit_call_cleaner(&vm->limit);
	if (error == 0)
		return 0;
	atomic_store(&cleaner->off, true);
	atomic_store(&cleaner->started, false);
	return vm_error(-error, "clean: the cleaner's thread: %s",
	    vm_errno_text(-error));
}

void
vm_cleaner_get(struct vm *vm, struct vm_clean_how *how)
{
	struct vm_cleaner *cleaner = atomic_load(&vm->cleaner);

	*how = (struct vm_clean_how){ .off = true };
	if (cleaner == NULL)
		return;
	how->off = atomic_load(&cleaner->off);
	how->age_ns = atomic_load(&cleaner->age_ns);
	how->share = atomic_load(&cleaner->share);
	how->rate_bytes = atomic_load(&cleaner->rate_bytes);
}

void
vm_cleaner_stop(struct vm *vm)
{
	struct vm_cleaner *cleaner = atomic_load(&vm->cleaner);

	if (cleaner == NULL)
		return;
	if (cleaner->thread != NULL)
		vm->os->thread_join(cleaner->thread);
	vm_cleaner_free(cleaner);
	atomic_store(&vm->cleaner, NULL);
}
