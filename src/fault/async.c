/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/async.c - async.h has the theory. */
#include "fault/async.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "fault/fill.h"
#include "fault/grab.h"
#include "fault/grab_private.h"
#include "fault/prefetch.h"
#include "object/life.h"
#include "object/wire.h"
#include "os/os.h"
#include "stat/stat.h"

struct ask {
	struct vm_async *async;
	struct vm_object *object;
	vm_pindex_t pindex;
	unsigned how;
	int error;		/* positive errno, DONE: of the answer */
	void *arg;
	struct vm_page *page;	/* ARRIVED, DONE */
	struct ask *next;	/* FLYING: of the same fill */
	uint64_t starved_ns;	/* without memory since; 0: it is not that */
	bool flying;
	bool alone;		/* a read of several pages failed: one */
	struct vm_node link;	/* in the list of its state, unless FLYING */
};

/* (T) the thread whose it is. */
struct vm_async {
	struct vm *vm;			/* (C) */
	struct vm_filler *filler;	/* (T) */
	struct ask *asks;		/* (C) */
	unsigned depth;			/* (C) */
	unsigned used;			/* asks that are not free (T) */
	unsigned flying;		/* (T) */
	unsigned done_count;		/* (T) */
	struct vm_list free, ready, arrived, waits, hard, done;	/* (T) */
	struct vm_listener listener;
	struct vm_ioq_request bell;
	bool armed;	/* the bell is expected, a release rings it (T) */
	bool rung;	/* and has (T) */
	bool dry;	/* this pass found no memory (T) */
	bool reads;	/* this pass began or ended to read (T) */
};

static struct ask *
ask_of(struct vm_node *node)
{
	return VM_ENTRY(node, struct ask, link);
}

static void
put(struct ask *ask, struct vm_list *list)
{
	if (vm_node_linked(&ask->link))
		vm_node_remove(&ask->link);
	vm_list_add_tail(list, &ask->link);
}

/* ---- answers ------------------------------------------------------------- */

/* error: positive errno, 0: the page is held and finished. */
static void
answer(struct ask *ask, int error)
{
	struct vm_async *async = ask->async;

	ask->error = error;
	if (error != 0)
		ask->page = NULL;
	atomic_fetch_sub_explicit(&ask->object->asks, 1,
	    memory_order_relaxed);
	put(ask, &async->done);
	async->done_count++;
}

/* The page is held as asked for; what is left of the grab. */
static void
finish(struct ask *ask)
{
	vm_count(ask->async->vm->counters, VM_COUNTER_grabs, 1);
	answer(ask, -vm_grab_finish(ask->page, ask->how));
}

/* Those whose fill is done: its slots are theirs by now. */
static void
settle(struct vm_async *async)
{
	struct vm_node *node;

	while ((node = vm_list_first(&async->arrived)) != NULL) {
		struct ask *ask = ask_of(node);

		if ((ask->how & VM_HOW_WRITE) == 0)
			vm_life_downgrade(ask->page);
		finish(ask);
	}
}

/* ---- waiting ------------------------------------------------------------- */

static void
ring(struct vm_listener *listener)
{
	struct vm_async *async = VM_CONTAINER(listener, struct vm_async,
	    listener);

	vm_ioq_post(async->filler->queue, &async->bell, 0);
}

static void
bell_rang(struct vm_ioq_request *request)
{
	struct vm_async *async = VM_CONTAINER(request, struct vm_async, bell);

	async->armed = false;
	async->rung = true;
}

/* 0, or a negative errno: there is no descriptor for it. */
static int
arm(struct vm_async *async)
{
	int error = vm_ioq_submit(async->filler->queue, &async->bell);

	if (error != 0)
		return error;
	vm_limit_arm(&async->vm->limit, &async->listener);
	async->armed = true;
	return 0;
}

/* It cannot go on now: once more behind the arming, then the bell will ring. */
static void
park(struct ask *ask, bool starved)
{
	struct vm_async *async = ask->async;
	int error;

	if (!starved)
		ask->starved_ns = 0;
	else if (ask->starved_ns == 0)
		ask->starved_ns = async->vm->os->clock_ns();
	if (async->armed) {
		async->dry |= starved;
		put(ask, &async->waits);
		return;
	}
	error = arm(async);
	if (error != 0) {
		answer(ask, -error);
		return;
	}
	vm_node_remove(&ask->link);
	vm_list_add_head(&async->ready, &ask->link);
}

/* ---- reading ------------------------------------------------------------- */

/* From where that takes time, by who is not about to write. */
static void
note_read(const struct ask *ask)
{
	if (!ask->object->pager->at_once && (ask->how & VM_HOW_WRITE) == 0)
		ask->async->reads = true;
}

/* Once a pass: those who write in the background are to stand back. */
static void
tell_reads(struct vm_async *async)
{
	struct vm *vm = async->vm;

	if (async->reads)
		vm_pressure_reads(&vm->limit.pressure, vm->os->clock_ns());
	async->reads = false;
}

/* What came of one ask of a fill, the at-th of its pages. */
static void
land(struct ask *ask, struct vm_fill *fill, unsigned at)
{
	struct vm_async *async = ask->async;

	ask->flying = false;
	async->flying--;
	if (at < fill->good) {
		ask->page = fill->page[at];
		fill->keep = true;
		put(ask, &async->arrived);
		return;
	}
	if (fill->error != 0 && fill->error != ERANGE && fill->count > 1) {
		ask->alone = true;	/* it may be a neighbour's fault */
		put(ask, &async->ready);
		return;
	}
	answer(ask, fill->error != 0 ? fill->error : ERANGE);
}

static void
filled(struct vm_fill *fill)
{
	struct ask *ask = fill->arg, *next;

	note_read(ask);
	for (unsigned i = 0; ask != NULL; ask = next, i++) {
		next = ask->next;
		if (i < fill->span) {
			land(ask, fill, fill->wanted + i);
			continue;
		}
		ask->flying = false;	/* the fill is shorter: once more */
		ask->async->flying--;
		put(ask, &ask->async->ready);
	}
}

/* The ask, and those behind it for the pages behind its, as one fill. */
static unsigned
chain(struct ask *first)
{
	struct vm_async *async = first->async;
	struct ask *last = first;
	unsigned count = 0;

	for (;;) {
		struct vm_node *node;

		vm_node_remove(&last->link);
		last->flying = true;
		last->next = NULL;
		async->flying++;
		count++;
		node = vm_list_first(&async->ready);
		if (node == NULL || first->alone ||
		    count == async->filler->most)
			return count;
		last->next = ask_of(node);
		if (last->next->object != first->object ||
		    last->next->pindex != last->pindex + 1 ||
		    last->next->how != first->how || last->next->alone) {
			last->next = NULL;
			return count;
		}
		last = last->next;
	}
}

/* Those of a chain behind the first count go back to where they were. */
static void
unchain(struct ask *ask, unsigned count)
{
	struct ask *rest[VM_FILL_USUAL];
	unsigned n = 0;

	for (unsigned i = 0; ask != NULL; i++) {
		struct ask *next = ask->next;

		if (i + 1 == count)
			ask->next = NULL;
		if (i >= count) {
			ask->flying = false;
			ask->async->flying--;
			rest[n++] = ask;
		}
		ask = next;
	}
	while (n-- > 0)
		vm_list_add_head(&rest[n]->async->ready, &rest[n]->link);
}

static void
count_miss(const struct ask *ask, unsigned count)
{
	struct vm *vm = ask->async->vm;

	VM_TRACE(vm->trace, miss, ask->object->id, ask->pindex, ask->how);
	vm_count(vm->counters, VM_COUNTER_grab_misses, count);
	vm_count(vm->counters, VM_COUNTER_faults, count);
}

/* Asks for one page behind the other, that go on where others ended: what comes
 * next is on its way with them. */
static void
fetch_ahead(struct vm_object *object, vm_pindex_t first, unsigned count)
{
	vm_pindex_t end = first + count, stop;
	struct vm_step step = { .ahead = { .first = end, .count = 1 } };

	if (count == 1)
		return;
	stop = vm_object_plan_run(object, first, count);
	step.ahead.pages = (uint32_t)(stop - end);
	if (stop > end && vm_prefetch_worth(&step.ahead))
		(void)vm_prefetch(object, &step, true);
}

static void
start_fill(struct ask *ask)
{
	struct vm_async *async = ask->async;
	struct vm_fill_request request = {
		.object = ask->object, .pindex = ask->pindex,
		.span = chain(ask), .done = filled, .arg = ask,
		.class = vm_grab_class(ask->how),
	};
	enum vm_fill_result result;
	struct vm_slot *slot;
	struct vm_fill *fill;

	result = vm_fill_start(async->filler, &request, &slot, &fill);
	if (result == VM_FILL_STARTED) {
		note_read(ask);
		count_miss(ask, 1);
		if (ask->flying)	/* it is not over yet */
			unchain(ask, fill->span);
		fetch_ahead(request.object, request.pindex, request.span);
		return;
	}
	unchain(ask, 0);
	if (result == VM_FILL_RANGE)
		answer(ask, ERANGE);
	else if (result != VM_FILL_RESIDENT)
		park(ask, result == VM_FILL_MEMORY);
}

/* ---- one try ------------------------------------------------------------- */

/* A page that needs no read. */
static void
make(struct ask *ask)
{
	struct miss miss = {
		.object = ask->object, .pindex = ask->pindex, .how = ask->how,
	};
	int error = vm_grab_make(&miss);
	bool starved = miss.page == NULL && ask->object->memory == NULL;

	if (miss.page != NULL)
		vm_limit_give(&ask->async->vm->limit, &miss.page, 1);
	if (error == 1) {
		park(ask, starved);
		return;
	}
	if (error != 0) {
		answer(ask, -error);
		return;
	}
	count_miss(ask, 1);
	ask->page = miss.got;
	put(ask, &ask->async->arrived);
}

static void
use(struct ask *ask)
{
	if (vm_grab_usable(ask->page, ask->how)) {
		finish(ask);
		return;
	}
	vm_ungrab(ask->page);
	put(ask, &ask->async->hard);
}

/* With all the sleeping it takes, or none where the ask says so. */
static void
grab(struct ask *ask)
{
	answer(ask, -vm_grab(ask->object, ask->pindex, ask->how, &ask->page));
}

static void
try_ask(struct ask *ask)
{
	struct vm_slot *slot;

	if ((ask->how & VM_HOW_NOWAIT) != 0)
		grab(ask);
	else if (vm_grab_hit(ask->object, ask->pindex, ask->how, &ask->page,
	    &slot))
		use(ask);
	else if (slot != NULL && !vm_slot_idle(slot))
		park(ask, false);
	else if (ask->async->dry)
		park(ask, true);
	else if (vm_grab_makes(ask->object, ask->how))
		make(ask);
	else
		start_fill(ask);
}

/* Those that wait go first, in their order. */
static void
take_up(struct vm_async *async)
{
	struct vm_node *node;

	async->rung = false;
	while ((node = vm_list_last(&async->waits)) != NULL) {
		vm_node_remove(node);
		vm_list_add_head(&async->ready, node);
	}
}

/* Who has had no memory for as long as calls may wait. */
static void
expire(struct vm_async *async)
{
	struct vm_node *node = vm_list_first(&async->waits), *next;
	uint64_t now = node == NULL ? 0 : async->vm->os->clock_ns();

	for (; node != NULL; node = next) {
		struct ask *ask = ask_of(node);

		next = vm_list_next(&async->waits, node);
		if (ask->starved_ns != 0 && now - ask->starved_ns >
		    async->vm->wait_max_ns)
			answer(ask, ENOMEM);
	}
}

/* All that can be done without sleeping.  Each turn of the loop changes an
 * ask's state, and back to READY it goes once for an arming, a short fill or a
 * fill of several that failed. */
static void
pass(struct vm_async *async)
{
	struct vm_node *node;

	async->dry = false;
	if (async->rung)
		take_up(async);
	settle(async);
	while (vm_list_empty(&async->hard) &&
	    (node = vm_list_first(&async->ready)) != NULL) {
		try_ask(ask_of(node));
		settle(async);
	}
	(void)vm_ioq_flush(async->filler->queue);	/* or the next one */
	tell_reads(async);
	expire(async);
}

/* ---- sleeping ------------------------------------------------------------ */

/* Nothing flies and nothing is done: one that needs all of a grab's sleeping.
 * False: there is none. */
static bool
grab_one(struct vm_async *async, bool sleeps)
{
	struct vm_node *node = vm_list_first(&async->hard);

	if (node == NULL && sleeps) {
		node = vm_list_first(&async->waits);
		while (node != NULL && ask_of(node)->starved_ns == 0)
			node = vm_list_next(&async->waits, node);
	}
	if (node == NULL)
		return false;
	grab(ask_of(node));
	return true;
}

/* With reads in flight, of which the caller needs one before it can go on. */
static void
await_read(struct vm_async *async)
{
	struct vm *vm = async->vm;
	struct vm_pressure *pressure = &vm->limit.pressure;

	vm_pressure_enter(pressure, vm->counters, VM_WAITS_MISS,
	    vm->os->clock_ns());
	vm_filler_reap(async->filler, true);
	vm_pressure_leave(pressure, vm->counters, VM_WAITS_MISS,
	    vm->os->clock_ns());
}

void
vm_async_wait(struct vm_async *async, unsigned min)
{
	vm_ioq_reap(async->filler->queue, false);
	for (;;) {
		pass(async);
		if (async->flying != 0 && async->done_count < min)
			await_read(async);
		else if (async->flying != 0 || async->done_count != 0 ||
		    async->used == 0)
			return;
		else if (!grab_one(async, min != 0)) {
			if (min == 0)
				return;
			vm_ioq_reap(async->filler->queue, true);
		}
	}
}

/* ---- from outside -------------------------------------------------------- */

struct vm *
vm_async_system(const struct vm_async *async)
{
	return async->vm;
}

unsigned
vm_async_outstanding(const struct vm_async *async)
{
	return async->used;
}

bool
vm_async_full(const struct vm_async *async)
{
	return async->used == async->depth;
}

static struct ask *
new_ask(struct vm_async *async, struct vm_object *object, void *arg)
{
	struct ask *ask = ask_of(vm_list_first(&async->free));

	vm_assert(ask != NULL);
	vm_node_remove(&ask->link);
	*ask = (struct ask){ .async = async, .object = object, .arg = arg };
	atomic_fetch_add_explicit(&object->asks, 1, memory_order_relaxed);
	async->used++;
	return ask;
}

/* Rule 3: a grab's arguments, and whose. */
void
vm_async_add(struct vm_async *async, struct vm_object *object,
    vm_pindex_t pindex, unsigned how, void *arg)
{
	struct ask *ask = new_ask(async, object, arg);

	vm_assert(object->vm == async->vm);
	ask->pindex = pindex;
	ask->how = how;
	put(ask, &async->ready);
}

void
vm_async_refuse(struct vm_async *async, int error, void *arg)
{
	vm_assert(error < 0);
	answer(new_ask(async, async->vm->nowhere, arg), -error);
}

void
vm_async_start(struct vm_async *async)
{
	pass(async);
}

/* A grab leaves its sentence with the thread; an answer may be older. */
static int
say(const struct ask *ask)
{
	return vm_error(ask->error, "page %llu: %s",
	    (unsigned long long)ask->pindex, vm_errno_text(ask->error));
}

bool
vm_async_take(struct vm_async *async, struct vm_page **page, int *error,
    void **arg)
{
	struct vm_node *node = vm_list_first(&async->done);
	struct ask *ask = ask_of(node);

	if (node == NULL)
		return false;
	*page = ask->page;
	*arg = ask->arg;
	*error = ask->error == 0 ? 0 : say(ask);
	put(ask, &async->free);
	async->done_count--;
	async->used--;
	return true;
}

int
vm_async_poll_fd(struct vm_async *async)
{
	return vm_ioq_poll_fd(async->filler->queue);
}

static unsigned
cancel_list(struct vm_list *list)
{
	struct vm_node *node;
	unsigned count = 0;

	for (; (node = vm_list_first(list)) != NULL; count++)
		answer(ask_of(node), ECANCELED);
	return count;
}

unsigned
vm_async_give_up(struct vm_async *async)
{
	return cancel_list(&async->waits) + cancel_list(&async->hard) +
	    cancel_list(&async->ready);
}

static int
make_parts(struct vm_async *async)
{
	struct vm *vm = async->vm;
	int error = vm_filler_new_deep(vm, async->depth, &async->filler);

	if (error != 0)
		return error;
	async->asks = vm->os->alloc(async->depth * sizeof(struct ask));
	if (async->asks == NULL)
		return vm_error(ENOMEM, "async: no memory for asks");
	for (unsigned i = 0; i < async->depth; i++)
		vm_list_add_tail(&async->free, &async->asks[i].link);
	async->bell.op = VM_IOQ_POSTED;
	async->bell.fd = -1;
	async->bell.done = bell_rang;
	return 0;
}

static void
free_parts(struct vm_async *async)
{
	const struct vm_os *os = async->vm->os;

	if (async->filler != NULL)
		vm_filler_free(async->filler);
	os->free(async->asks);
	os->free(async);
}

static void
make_lists(struct vm_async *async)
{
	struct vm_list *lists[] = { &async->free, &async->ready,
		&async->arrived, &async->waits, &async->hard, &async->done };

	for (unsigned i = 0; i < VM_COUNT(lists); i++)
		vm_list_init(lists[i]);
}

int
vm_async_new(struct vm *vm, unsigned depth, struct vm_async **out)
{
	struct vm_async *async = vm->os->alloc(sizeof(*async));
	int error;

	vm_assert(depth >= 1);
	if (async == NULL)
		return vm_error(ENOMEM, "async: no memory");
	async->vm = vm;
	async->depth = depth;
	make_lists(async);
	error = make_parts(async);
	if (error != 0) {
		free_parts(async);
		return error;
	}
	async->listener.wake = ring;
	vm_limit_listen(&vm->limit, &async->listener);
	atomic_fetch_add(&vm->asyncs, 1);
	*out = async;
	return 0;
}

/* Behind unlisten nobody rings: the bell has rung, or is taken down. */
static void
silence(struct vm_async *async)
{
	vm_limit_unlisten(&async->vm->limit, &async->listener);
	if (async->armed)
		vm_ioq_reap(async->filler->queue, false);
	if (async->armed)
		vm_ioq_withdraw(async->filler->queue, &async->bell);
}

static void
release_done(struct vm_async *async)
{
	struct vm_node *node;

	while ((node = vm_list_first(&async->done)) != NULL) {
		struct ask *ask = ask_of(node);

		vm_node_remove(node);
		if (ask->page == NULL)
			continue;
		if ((ask->how & VM_HOW_WIRED) != 0)
			vm_wire_drop(ask->page, NULL, VM_PLACE_INACTIVE);
		vm_ungrab(ask->page);
	}
}

void
vm_async_free(struct vm_async *async)
{
	struct vm *vm = async->vm;

	do {
		(void)vm_async_give_up(async);
		settle(async);
		if (async->flying != 0)
			vm_filler_reap(async->filler, true);
		settle(async);
	} while (async->flying != 0 || !vm_list_empty(&async->ready));
	release_done(async);
	silence(async);
	free_parts(async);
	atomic_fetch_sub(&vm->asyncs, 1);
}
