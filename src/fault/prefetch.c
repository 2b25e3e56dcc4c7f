/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/prefetch.c - prefetch.h has the theory. */
#include "fault/prefetch.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "fault/fill.h"
#include "object/home.h"
#include "os/os.h"
#include "stat/stat.h"

/* 64 requests: 16 readers, each with a window that moves in four parts, before
 * the thread has looked at one. */
#define REQUESTS 64u
/* 32 fills in flight, of 256 pages at most. */
#define PREFETCH_DEPTH 32u
/* Half of the largest window is read at a time.  The other half has frames and
 * slots by then and follows at once; a disk that ends all it has in one burst
 * would otherwise wait until what it brought is entered and used. */
#define FLIGHT_SHARE 2u

struct request {
	struct vm_object *object;	/* pinned */
	struct vm_step step;
};

enum state { NONE, STARTING, RUNS, BROKEN };

struct vm_prefetcher {
	struct vm *vm;			/* (C) */
	_Atomic enum state state;	/* RUNS and BROKEN are for good (A) */
	struct vm_thread *thread;	/* of who starts and ends it */
	struct vm_filler *filler;	/* (T) */
	struct vm_ioq_request bell;	/* rung by a post (T) */
	bool armed;			/* the bell is expected (T) */
	struct vm_lock lock;		/* rank LEAF (P) */
	struct vm_cond drained;		/* nothing is left (P) */
	struct vm_cond asked;		/* something is to be done (P) */
	struct request request[REQUESTS];	/* ring (P) */
	unsigned head;			/* the next one (P) */
	unsigned count;			/* (P) */
	bool listens;			/* nobody has rung the bell (P) */
	bool busy;			/* something is served or flies (P) */
	bool stopping;			/* (P) */
};

/* ---- the bell ------------------------------------------------------------ */

static void
bell_rang(struct vm_ioq_request *request)
{
	struct vm_prefetcher *p = VM_CONTAINER(request, struct vm_prefetcher,
	    bell);

	p->armed = false;
}

/* False: it cannot be expected just now. */
static bool
arm(struct vm_prefetcher *p)
{
	if (p->armed)
		return true;
	p->bell = (struct vm_ioq_request){ .op = VM_IOQ_POSTED, .fd = -1,
	    .done = bell_rang };
	p->armed = vm_ioq_submit(p->filler->queue, &p->bell) == 0;
	vm_lock(&p->lock);
	p->listens = p->armed;
	vm_unlock(&p->lock);
	return p->armed;
}

/* No post is on its way, or it has come. */
static void
disarm(struct vm_prefetcher *p)
{
	bool silent;

	vm_lock(&p->lock);
	silent = p->listens;
	p->listens = false;
	vm_unlock(&p->lock);
	if (p->armed && silent)
		vm_ioq_withdraw(p->filler->queue, &p->bell);
	else
		while (p->armed)
			vm_filler_reap(p->filler, true);
	p->armed = false;
}

/* Whether the caller is to ring, without the lock. */
static bool
wants_ring_locked(struct vm_prefetcher *p)
{
	bool listens = p->listens;

	vm_lock_assert_held(&p->lock);
	p->listens = false;
	vm_cond_wake_one(&p->asked);
	return listens;
}

static void
ring(struct vm_prefetcher *p)
{
	vm_ioq_post(p->filler->queue, &p->bell, 0);
}

/* ---- one request --------------------------------------------------------- */

/* Who takes so many would have others free some. */
static bool
is_short(const struct vm_limit *limit, uint32_t want)
{
	return atomic_load(&limit->free) < atomic_load(&limit->help) + want;
}

/* What is there of so many of them, from the k-th on. */
static unsigned
pages_in(struct vm_object *object, const struct vm_reach *reach, uint32_t k,
    unsigned count, struct vm_page **pages)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t number = vm_index_peek(&object->index,
		    vm_reach_page(reach, k + i));

		if (number != VM_SLOT_ABSENT)
			pages[n++] = vm_page_of(object->vm, number);
	}
	return n;
}

/*
 * How much is to be free before what is behind a stream stays.  An object that
 * has room as a whole stays until memory is short: who reads it again finds it.
 * Of one that has not, the next pages would take these frames anyway, and the
 * daemon keeps some free, more where it has to: long before.
 */
static uint32_t
spare_of(struct vm_object *object)
{
	const struct vm_limit *limit = &object->vm->limit;
	uint32_t total = atomic_load(&limit->total);
	bool has_room = vm_object_pages(object) + vm_limit_ends(limit) <= total;

	return has_room ? 0 : total / VM_EARLY_SHARE;
}

/*
 * What is behind a long stream leaves at once where memory is short: its frames
 * are in the processor's caches still, and lie as they were read.  A page that
 * has become another's since is looked at in vain.
 */
static void
leave_behind(const struct request *request)
{
	struct vm_object *object = request->object;
	struct vm *vm = object->vm;
	struct vm_page *pages[VM_QUEUE_CLAIM_MAX];
	const struct vm_reach *reach = &request->step.left;
	uint32_t left = vm->leave_behind == NULL ? 0 :
	    reach->count * reach->pages;
	bool claim = is_short(&vm->limit, left + spare_of(object));

	for (uint32_t k = 0; k < left;) {
		unsigned n = left - k < VM_QUEUE_CLAIM_MAX ? left - k :
		    VM_QUEUE_CLAIM_MAX;

		vm->leave_behind(vm, pages, pages_in(object, reach, k, n,
		    pages), claim);
		k += n;
	}
}

/*
 * As many pages leave as the fill will take, so that free never falls to where
 * the daemon is wanted; as long as there are some that can leave at once.
 */
static void
make_room(struct vm *vm, uint32_t want)
{
	struct vm_limit *limit = &vm->limit;

	while (vm->reclaim != NULL && is_short(limit, want)) {
		uint32_t before = atomic_load(&limit->free);

		vm->reclaim(vm);
		if (atomic_load(&limit->free) <= before)
			break;
	}
}

static bool
is_full(const struct vm_filler *filler)
{
	return vm_list_empty(&filler->free);
}

/* False: memory is not plenty, or the object's bound is reached. */
static bool
fetch(struct vm_prefetcher *p, struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end)
{
	/* Staging is memory that nobody counts. */
	unsigned most = vm_home_is_pool(object) ? VM_FILL_PAGES :
	    VM_FILL_USUAL;

	if (end > vm_object_pages(object))
		end = vm_object_pages(object);
	while (first < end) {
		vm_pindex_t stop = end - first > most ? first + most : end;
		vm_pindex_t reached;

		while (is_full(p->filler))
			vm_filler_reap(p->filler, true);
		make_room(p->vm, (uint32_t)(stop - first));
		reached = vm_fill_ahead(p->filler, object, first, stop);
		if (reached == first && !is_full(p->filler))
			return false;
		first = reached;
		vm_filler_reap(p->filler, false);
	}
	return true;
}

static void
serve(struct vm_prefetcher *p, const struct request *request)
{
	const struct vm_reach *reach = &request->step.ahead;
	vm_pindex_t at = reach->first;

	leave_behind(request);
	for (uint32_t i = 0; i < reach->count; i++) {
		if (!fetch(p, request->object, at, at + reach->pages))
			break;
		at += (uint64_t)reach->step;
	}
	vm_object_unpin(request->object);
}

/* ---- the thread ---------------------------------------------------------- */

/* The next request; false: there is none now. */
static bool
take(struct vm_prefetcher *p, struct request *out)
{
	bool got;

	vm_lock(&p->lock);
	got = p->count != 0;
	if (got) {
		*out = p->request[p->head];
		p->head = (p->head + 1) % REQUESTS;
		p->count--;
		p->busy = true;
	}
	vm_unlock(&p->lock);
	return got;
}

/* True: there is something to wait for; false: it is to end. */
static bool
listen(struct vm_prefetcher *p)
{
	bool flies = !vm_list_empty(&p->filler->busy), go_on, wait;

	vm_lock(&p->lock);
	p->busy = flies;
	if (!flies && p->count == 0)
		vm_cond_wake_all(&p->drained);
	go_on = !p->stopping || p->count != 0 || flies;
	wait = p->count == 0 && go_on;
	/* Without a bell nothing but a read wakes a reap. */
	while (wait && !flies && !p->armed && p->count == 0 && !p->stopping)
		vm_cond_wait(&p->asked, &p->lock, VM_FUTEX_FOREVER);
	vm_unlock(&p->lock);
	if (wait && (flies || p->armed))
		vm_filler_reap(p->filler, true);
	return go_on;
}

static void
run(void *arg)
{
	struct vm_prefetcher *p = arg;
	struct request request;

	do {
		while (take(p, &request))
			serve(p, &request);
		vm_filler_reap(p->filler, false);
		(void)arm(p);
	} while (listen(p));
	disarm(p);
}

/* The first bell is armed here: who has none gets no thread. */
static enum state
start(struct vm_prefetcher *p)
{
	struct vm *vm = p->vm;
	int error = vm_filler_new_for(vm, PREFETCH_DEPTH, VM_FILL_PAGES,
	    vm->window_pages / FLIGHT_SHARE, &p->filler);

	if (error != 0)
		return BROKEN;
	if (arm(p) && vm->os->thread_start("resident-ahead", run, p,
	    &p->thread) == 0)
		return RUNS;
	disarm(p);
	vm_filler_free(p->filler);
	p->filler = NULL;
	return BROKEN;
}

static bool
runs(struct vm_prefetcher *p, bool may_start)
{
	enum state state = atomic_load_explicit(&p->state,
	    memory_order_acquire);

	if (state == NONE && may_start &&
	    atomic_compare_exchange_strong(&p->state, &state, STARTING)) {
		state = start(p);
		atomic_store_explicit(&p->state, state, memory_order_release);
	}
	return state == RUNS;
}

/* ---- from outside -------------------------------------------------------- */

bool
vm_prefetch(struct vm_object *object, const struct vm_step *step,
    bool may_start)
{
	struct vm_prefetcher *p = object->vm->prefetcher;
	bool room, rings = false;

	if (step->ahead.count == 0 && step->left.count == 0)
		return true;
	if (p == NULL || object->memory != NULL || !runs(p, may_start))
		return false;
	vm_lock(&p->lock);
	room = p->count < REQUESTS && !p->stopping;
	if (room) {
		vm_object_pin(object);
		p->request[(p->head + p->count++) % REQUESTS] =
		    (struct request){ .object = object, .step = *step };
		rings = wants_ring_locked(p);
	}
	vm_unlock(&p->lock);
	if (rings) {
		ring(p);
		/* Where it has this processor it would come when the reader
		 * has read all there is, and the disk has nothing to do. */
		p->vm->os->yield();
	}
	return room;
}

/*
 * A long stream's use of a page is the only one, as far as anybody knows, so
 * that it leaves no mark: the page goes in its turn.  Where two streams pass at
 * once, those of one do.
 */
static bool
is_passed(const struct vm_object *object, vm_pindex_t pindex)
{
	return pindex < atomic_load_explicit(&object->passing_end,
	    memory_order_relaxed) && pindex >= atomic_load_explicit(
	    &object->passing_first, memory_order_relaxed);
}

void
vm_prefetch_used(struct vm_page *page, bool may_start)
{
	struct vm_object *object = page->object;
	vm_pindex_t pindex = page->pindex;
	struct vm_step step;

	if (!vm_early_use(page))
		return;
	if (is_passed(object, pindex))
		(void)vm_slot_test_clear_referenced(atomic_load_explicit(
		    &page->slot, memory_order_relaxed));
	if (vm_object_plan_step(object, pindex, &step))
		(void)vm_prefetch(object, &step, may_start);
}

void
vm_prefetch_drain(struct vm *vm)
{
	struct vm_prefetcher *p = vm->prefetcher;

	vm_lock(&p->lock);
	while (p->count != 0 || p->busy)
		vm_cond_wait(&p->drained, &p->lock, VM_FUTEX_FOREVER);
	vm_unlock(&p->lock);
}

int
vm_prefetch_init(struct vm *vm)
{
	struct vm_prefetcher *p = vm->os->alloc(sizeof(*p));

	if (p == NULL)
		return vm_error(ENOMEM, "create: no memory");
	p->vm = vm;
	vm_lock_init(&p->lock, VM_RANK_LEAF, "prefetcher");
	vm_cond_init(&p->drained);
	vm_cond_init(&p->asked);
	vm->prefetcher = p;
	return 0;
}

void
vm_prefetch_fini(struct vm *vm)
{
	struct vm_prefetcher *p = vm->prefetcher;
	bool rings;

	if (p == NULL)
		return;
	vm->prefetcher = NULL;
	if (atomic_load(&p->state) == RUNS) {
		vm_lock(&p->lock);
		p->stopping = true;
		rings = wants_ring_locked(p);
		vm_unlock(&p->lock);
		if (rings)
			ring(p);
		vm->os->thread_join(p->thread);
		vm_filler_free(p->filler);
	}
	vm_cond_fini(&p->asked);
	vm_cond_fini(&p->drained);
	vm_lock_fini(&p->lock);
	vm->os->free(p);
}
