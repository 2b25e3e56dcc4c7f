/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/serve.c - one fault of a client: handler.h draws its ways. */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "fault/handler_private.h"
#include "fault/rights.h"
#include "os/os.h"
#include "stat/stat.h"

static void
count_served(const struct vm_fault *fault)
{
	struct vm *vm = fault->space->vm;

	uint64_t took_ns = vm->os->clock_ns() - fault->what.since_ns;

	/* The space's page: which object's it was may have changed. */
	VM_TRACE(vm->trace, fault, 0, fault->what.address / vm->page_bytes,
	    took_ns);
	vm_count(vm->counters, VM_COUNTER_faults, 1);
	vm_count(vm->counters, VM_COUNTER_wait_ns, took_ns);
}

static void
wake(const struct vm_fault *fault)
{
	vm_pmap_wake(&fault->space->pmap, fault->what.address,
	    fault->space->vm->page_bytes);
}

/* From now on, until it ends or it waits for something else. */
static void
wait_begins(struct vm_fault *fault, enum vm_wait_for_what what)
{
	struct vm *vm = fault->space->vm;
	uint64_t now_ns;

	if (fault->waits == what)
		return;
	now_ns = vm->os->clock_ns();
	if (fault->waits != VM_WAITS)
		vm_pressure_leave(&vm->limit.pressure, vm->counters,
		    fault->waits, now_ns);
	vm_pressure_enter_for(&vm->limit.pressure, vm->counters, what, now_ns,
	    fault->what.thread);
	if (what == VM_WAITS_MISS && !fault->what.write)
		vm_pressure_reads(&vm->limit.pressure, now_ns);
	fault->waits = what;
}

static void
wait_ends(struct vm_fault *fault)
{
	struct vm *vm = fault->space->vm;
	uint64_t now_ns;

	if (fault->waits == VM_WAITS)
		return;
	now_ns = vm->os->clock_ns();
	vm_pressure_leave(&vm->limit.pressure, vm->counters, fault->waits,
	    now_ns);
	if (fault->waits == VM_WAITS_MISS && !fault->what.write)
		vm_pressure_reads(&vm->limit.pressure, now_ns);
	fault->waits = VM_WAITS;
}

static void
put(struct vm_handler *handler, struct vm_fault *fault, struct vm_list *list)
{
	/* Who is parked may wait for memory as before. */
	if (list == &handler->free || (list == &handler->parked &&
	    fault->waits == VM_WAITS_MISS))
		wait_ends(fault);
	if (vm_node_linked(&fault->link))
		vm_node_remove(&fault->link);
	vm_list_add_tail(list, &fault->link);
	if (list != &handler->attached)
		fault->fill = NULL;
}

static void
finished(struct vm_handler *handler, struct vm_fault *fault)
{
	count_served(fault);
	put(handler, fault, &handler->free);
}

/*
 * SIGBUS to whoever touches the page.  On kernels before 6.6 the page cannot
 * be poisoned: the one thread gets the signal, and faults again when it goes
 * on all the same.
 */
static void
fail(struct vm_handler *handler, struct vm_fault *fault, int error)
{
	struct vm_space *space = fault->space;
	uint64_t address = fault->what.address;
	int refused = vm_pmap_poison(&space->pmap, address,
	    space->vm->page_bytes);

	/* EAGAIN: the client is forking or unmapping; it faults again.  Told
	 * before the thread goes on, since the client may end by that. */
	if (refused != -EAGAIN && space->failed != NULL)
		space->failed(atomic_load(&space->arg), space, address, error,
		    vm_error_text());
	if (refused != 0 && refused != -EAGAIN)
		space->vm->os->task_sigbus(fault->what.thread);
	wake(fault);
	finished(handler, fault);
}

/* SIGBUS for a write that the pager forbids, to this thread alone: the page
 * may be read as before. */
static void
refuse(struct vm_handler *handler, struct vm_fault *fault, int error)
{
	struct vm_space *space = fault->space;

	if (space->failed != NULL)
		space->failed(atomic_load(&space->arg), space,
		    fault->what.address, error, vm_error_text());
	space->vm->os->task_sigbus(fault->what.thread);
	wake(fault);
	finished(handler, fault);
}

/* 32 pages, 128 KiB of 4 KiB pages, which one lift opens: a fill's, so that a
 * writer of new memory comes here once for what one fill has brought. */
#define OPEN_PAGES 32u

/* The page of a fault, and neighbours behind it that are opened with it: all
 * held exclusively. */
struct opening {
	struct vm_page *page[OPEN_PAGES];
	struct vm_slot *slot[OPEN_PAGES];
	unsigned count;
};

/* Of let_write: the space is frozen, nothing has happened. */
#define FROZEN 1

static int
lift(const struct vm_fault *fault, const struct vm_entry *entry,
    const struct opening *o)
{
	struct vm *vm = fault->space->vm;

	for (unsigned i = 0; i < o->count; i++)
		vm_object_mark_dirty(entry->object, o->page[i],
		    vm_page_all_blocks(vm->page_bytes));
	vm_count(vm->counters, VM_COUNTER_protect_calls, 1);
	return vm_pmap_protect(&fault->space->pmap, fault->what.address,
	    (uint64_t)o->count * vm->page_bytes, false);
}

/* The pages are ours: they are dirty from now on, and the mapping lets writes
 * by, unless the pager forbids it: then a negative errno; or FROZEN.
 * When the client is in the middle of a fork the lift is refused; woken, the
 * thread comes again. */
static int
let_write(const struct vm_fault *fault, const struct vm_entry *entry,
    const struct opening *o)
{
	struct vm_space *space = fault->space;
	int error = vm_rights_check(o->page[0], true);

	if (error != 0)
		return error;
	if (entry->object->anonymous && !vm_space_lift_begin(space))
		return FROZEN;
	if (lift(fault, entry, o) != 0)
		wake(fault);
	if (entry->object->anonymous)
		vm_space_lift_end(space);
	return 0;
}

/* How many pages behind pindex one lift can reach: in the same range, and of
 * anonymous memory only. */
static unsigned
reach_behind(const struct vm_entry *entry, vm_pindex_t pindex)
{
	uint64_t left = entry->mapping.pindex + entry->mapping.pages - pindex -
	    1;

	if (!entry->object->anonymous)
		return 0;
	return left < OPEN_PAGES - 1 ? (unsigned)left : OPEN_PAGES - 1;
}

/*
 * How many of those nobody has written yet: a write opens them too, for who
 * begins to write new memory goes on, and a page of zeros that is called dirty
 * in vain costs no more than its eviction.
 */
static unsigned
new_behind(const struct vm_entry *entry, vm_pindex_t pindex)
{
	struct vm_pager *pager = entry->object->pager;
	unsigned count, reach = reach_behind(entry, pindex);

	if (reach == 0 || pager->ops->extent(pager, pindex + 1, reach,
	    &count) != VM_PAGER_ABSENT)
		return 0;
	return count < reach ? count : reach;
}

/*
 * More of them, as far as they are there and nobody is in them: new ones, and
 * those that are dirty, which a freeze has protected and need not be.
 */
static void
gather(struct opening *o, const struct vm_entry *entry, vm_pindex_t pindex)
{
	struct vm_object *object = entry->object;
	unsigned most = 1 + reach_behind(entry, pindex);
	unsigned new = most == 1 ? 1 : 1 + new_behind(entry, pindex);
	struct vm_page *page;
	struct vm_slot *slot;
	uint32_t number;

	while (o->count < most && vm_index_try_excl_if(&object->index,
	    pindex + o->count, true, &slot, &number)) {
		page = vm_page_of(object->vm, number);
		if (page->dirty == 0 && o->count >= new) {
			vm_index_release_excl(&object->index, slot, number);
			break;
		}
		o->page[o->count] = page;
		o->slot[o->count++] = slot;
	}
}

static bool
is_write(const struct vm_fault *fault, const struct vm_entry *entry)
{
	return fault->what.write && entry->kind == VM_ENTRY_TRACKED;
}

/* Ids of mappings are one object's: behind those of this process. */
static uint32_t
who_maps(const struct vm_entry *entry)
{
	return (uint32_t)entry->mapping.id + VM_WHO_MAPS + 1;
}

static vm_pindex_t
pindex_of(const struct vm_fault *fault, const struct vm_entry *entry)
{
	return entry->mapping.pindex + (fault->what.address -
	    entry->mapping.address) / fault->space->vm->page_bytes;
}

/*
 * The file ends before the page: somebody cut it.  The memory file follows, so
 * that the kernel raises SIGBUS by itself, as it does for its own maps.
 */
static void
cut_short(struct vm_object *object)
{
	uint64_t length;

	/* Failing, the thread finds the page missing again. */
	if (object->pager->ops->length(object->pager, &length) == 0)
		(void)!vm_object_cut(object, length);
}

/* A read of several pages failed, which may be a neighbour's fault. */
static void
read_alone(struct vm_handler *handler, struct vm_fault *fault)
{
	fault->alone = true;
	put(handler, fault, &handler->parked);
	handler->vm->os->event_set(handler->bell);
}

/* The pager has no room, which is no error before the bound is over. */
static void
park_for_room(struct vm_handler *handler, struct vm_fault *fault)
{
	uint64_t now = handler->vm->os->clock_ns();
	uint64_t pause = vm_patience_pause(&fault->patience, now,
	    handler->vm->wait_max_ns);

	if (pause == 0) {
		vm_error(EAGAIN, "its pager has no room for the page at "
		    "0x%llx", (unsigned long long)fault->what.address);
		fail(handler, fault, EAGAIN);
		return;
	}
	fault->due_ns = now + pause;
	put(handler, fault, &handler->parked);
}

/* Page `at` of the fill, with those behind it that are new as well. */
static int
let_write_filled(const struct vm_fault *fault, const struct vm_entry *entry,
    const struct vm_fill *fill, unsigned at)
{
	struct opening o = { .count = 1 };
	unsigned most = 1 + new_behind(entry, fill->first + at);

	if (most > fill->good - at)
		most = fill->good - at;
	o.page[0] = fill->page[at];
	for (; o.count < most; o.count++)
		o.page[o.count] = fill->page[at + o.count];
	return let_write(fault, entry, &o);
}

/* A fill that this fault waits for has ended; the slots are still held. */
static void
settle(struct vm_handler *handler, struct vm_fault *fault,
    const struct vm_fill *fill)
{
	struct vm_entry entry;
	vm_pindex_t at;
	int error = 0;

	if (fill->good < fill->count && (fill->error == 0 ||
	    fill->error == ERANGE))
		cut_short(fill->object);
	if (fill->error != 0 && fill->error != ERANGE && fill->count > 1) {
		read_alone(handler, fault);
		return;
	}
	if (fill->error == EAGAIN) {
		park_for_room(handler, fault);
		return;
	}
	if (fill->error != 0 && fill->error != ERANGE) {
		vm_error(fill->error, "%s", vm_errno_text(fill->error));
		fail(handler, fault, fill->error);
		return;
	}
	if (!vm_space_look(fault->space, fault->what.address, &entry)) {
		wake(fault);
		finished(handler, fault);
		return;
	}
	at = pindex_of(fault, &entry) - fill->first;
	if (is_write(fault, &entry) && entry.object == fill->object &&
	    at < fill->good)
		error = let_write_filled(fault, &entry, fill, (unsigned)at);
	else
		wake(fault);
	vm_object_unpin(entry.object);
	if (error == FROZEN)
		put(handler, fault, &handler->parked);
	else if (error != 0)
		refuse(handler, fault, -error);
	else
		finished(handler, fault);
}

static void
fill_done(struct vm_fill *fill)
{
	struct vm_handler *handler = fill->arg;
	struct vm_node *node = vm_list_first(&handler->attached);

	while (node != NULL) {
		struct vm_fault *fault = VM_ENTRY(node, struct vm_fault,
		    link);

		node = vm_list_next(&handler->attached, node);
		if (fault->fill == fill)
			settle(handler, fault, fill);
	}
}

/* A fill of ours that brings the page in. */
static struct vm_fill *
covering(struct vm_handler *handler, const struct vm_object *object,
    vm_pindex_t pindex)
{
	struct vm_list *busy = &handler->filler->busy;
	struct vm_node *node;

	for (node = vm_list_first(busy); node != NULL;
	    node = vm_list_next(busy, node)) {
		struct vm_fill *fill = VM_ENTRY(node, struct vm_fill, link);

		if (fill->object == object && pindex >= fill->first &&
		    pindex - fill->first < fill->count)
			return fill;
	}
	return NULL;
}

static void
attach(struct vm_handler *handler, struct vm_fault *fault,
    struct vm_fill *fill)
{
	put(handler, fault, &handler->attached);
	fault->fill = fill;
	/* A fill made ahead had nobody to tell. */
	fill->done = fill_done;
	fill->arg = handler;
	wait_begins(fault, VM_WAITS_MISS);
}

/* False: it is not there, or somebody is in it.  *error is let_write's. */
static bool
write_resident(const struct vm_fault *fault, const struct vm_entry *entry,
    vm_pindex_t pindex, int *error)
{
	struct vm_object *object = entry->object;
	struct vm *vm = object->vm;
	struct opening o = { .count = 1 };
	uint32_t number;

	if (!vm_index_try_excl_if(&object->index, pindex, true, &o.slot[0],
	    &number))
		return false;
	o.page[0] = vm_page_of(vm, number);
	gather(&o, entry, pindex);
	*error = let_write(fault, entry, &o);
	for (unsigned i = 0; i < o.count; i++)
		vm_index_release_excl(&object->index, o.slot[i],
		    vm_number_of(o.page[i]));
	vm_limit_notify(&vm->limit);
	vm_count(vm->counters, VM_COUNTER_faults_write, 1);
	return true;
}

/* A page that is there: true when that was all. */
static bool
serve_resident(struct vm_handler *handler, struct vm_fault *fault,
    const struct vm_entry *entry, vm_pindex_t pindex)
{
	struct vm_object *object = entry->object;
	struct vm *vm = handler->vm;
	struct vm_slot *slot;
	uint32_t number;
	int error = 0;

	if (is_write(fault, entry)) {
		if (!write_resident(fault, entry, pindex, &error))
			return false;
	} else {
		if (!vm_index_try_shared(&object->index, pindex, &slot,
		    &number))
			return false;
		wake(fault);
		vm_slot_release_shared(slot);
		vm_limit_notify(&vm->limit);
		vm_count(vm->counters, VM_COUNTER_faults_minor, 1);
	}
	if (error == FROZEN)
		return false;
	if (error != 0)
		refuse(handler, fault, -error);
	else
		finished(handler, fault);
	return true;
}

/* Since when nothing but memory keeps it. */
static void
note_starved(struct vm_fault *fault, bool starved)
{
	if (starved) {
		wait_begins(fault, VM_WAITS_MEMORY);
		if (fault->starved_ns == 0)
			fault->starved_ns = fault->space->vm->os->clock_ns();
		return;
	}
	fault->starved_ns = 0;
	if (fault->waits == VM_WAITS_MEMORY)
		wait_ends(fault);
}

/* False: it cannot go on now. */
static bool
serve_absent(struct vm_handler *handler, struct vm_fault *fault,
    const struct vm_entry *entry, vm_pindex_t pindex)
{
	struct vm_fill *fill = covering(handler, entry->object, pindex);
	struct vm_fill_request request = {
		.object = entry->object, .pindex = pindex,
		.done = fill_done, .arg = handler, .alone = fault->alone,
		.who = who_maps(entry),
	};
	struct vm_slot *slot;
	enum vm_fill_result result;

	if (fill != NULL) {
		attach(handler, fault, fill);
		return true;
	}
	/* It may be done before start returns: attached first. */
	put(handler, fault, &handler->attached);
	fault->fill = VM_ENTRY(vm_list_first(&handler->filler->free),
	    struct vm_fill, link);
	result = vm_fill_start(handler->filler, &request, &slot, &fill);
	note_starved(fault, result == VM_FILL_MEMORY);
	switch (result) {
	case VM_FILL_STARTED:
		if (fault->fill != NULL)	/* it is not over yet */
			wait_begins(fault, VM_WAITS_MISS);
		return true;
	case VM_FILL_RESIDENT:
	case VM_FILL_BUSY:
	case VM_FILL_MEMORY:
	case VM_FILL_BARRED:
	case VM_FILL_FULL:
	case VM_FILL_THROTTLED:
		put(handler, fault, &handler->parked);
		return false;
	case VM_FILL_RANGE:
		break;
	}
	wake(fault);	/* the kernel knows the end too */
	finished(handler, fault);
	return true;
}

/* The first time that it is looked at. */
static void
trace_touch(struct vm_fault *fault, const struct vm_entry *entry,
    vm_pindex_t pindex)
{
	if (!fault->traced)
		VM_TRACE(fault->space->vm->trace, touch, entry->object->id,
		    pindex, is_write(fault, entry));
	fault->traced = true;
}

/* Without a look into the slot, whose release would ring the bell at once. */
static bool
is_frozen(const struct vm_fault *fault, const struct vm_entry *entry)
{
	return is_write(fault, entry) && entry->object->anonymous &&
	    atomic_load(&fault->space->frozen);
}

/* False: the fault is parked. */
static bool
serve(struct vm_handler *handler, struct vm_fault *fault)
{
	struct vm_entry entry;
	vm_pindex_t pindex;
	bool served;

	if (!vm_space_look(fault->space, fault->what.address, &entry)) {
		/* Unmapped meanwhile. */
		wake(fault);
		finished(handler, fault);
		return true;
	}
	pindex = pindex_of(fault, &entry);
	trace_touch(fault, &entry, pindex);
	if (is_frozen(fault, &entry)) {
		put(handler, fault, &handler->parked);
		vm_object_unpin(entry.object);
		return false;
	}
	served = serve_resident(handler, fault, &entry, pindex) ||
	    serve_absent(handler, fault, &entry, pindex);
	vm_object_unpin(entry.object);
	return served;
}

/* What it waits for may have happened before the listener was armed: once
 * more behind the arming, then the bell will ring. */
static void
serve_or_park(struct vm_handler *handler, struct vm_fault *fault)
{
	if (serve(handler, fault))
		return;
	vm_limit_arm(&handler->vm->limit, &handler->listener);
	(void)serve(handler, fault);
}

void
vm_fault_serve_space(struct vm_handler *handler, struct vm_space *space)
{
	struct vm_fault *fault;

	for (;;) {
		fault = VM_ENTRY(vm_list_first(&handler->free),
		    struct vm_fault, link);
		handler->starved = fault == NULL;
		if (fault == NULL || !vm_space_take_fault(space,
		    &fault->what))
			return;
		fault->space = space;
		fault->fill = NULL;
		fault->alone = false;
		fault->traced = false;
		fault->waits = VM_WAITS;
		fault->starved_ns = 0;
		fault->patience = (struct vm_patience){ .pauses = 0 };
		fault->due_ns = 0;
		vm_handler_note_thread(handler, fault->what.thread);
		serve_or_park(handler, fault);
	}
}

/* Nothing could be freed for it within the bound. */
static bool
expired(const struct vm_handler *handler, const struct vm_fault *fault)
{
	return fault->starved_ns != 0 && handler->vm->os->clock_ns() -
	    fault->starved_ns > handler->vm->wait_max_ns;
}

/* Looked at again, or a failure when it has waited for too long. */
static void
look_again(struct vm_handler *handler, struct vm_fault *fault)
{
	fault->due_ns = 0;
	if (!expired(handler, fault)) {
		(void)serve(handler, fault);
		return;
	}
	vm_error(ENOMEM, "no memory could be freed for the page at 0x%llx",
	    (unsigned long long)fault->what.address);
	fail(handler, fault, ENOMEM);
}

void
vm_fault_retry(struct vm_handler *handler)
{
	uint64_t now = handler->vm->os->clock_ns();
	struct vm_list again;
	struct vm_node *node;

	vm_list_init(&again);
	vm_limit_arm(&handler->vm->limit, &handler->listener);
	while ((node = vm_list_first(&handler->parked)) != NULL) {
		vm_node_remove(node);
		vm_list_add_tail(&again, node);
	}
	while ((node = vm_list_first(&again)) != NULL) {
		struct vm_fault *fault = VM_ENTRY(node, struct vm_fault,
		    link);

		/* Its own failed read has rung the bell as well. */
		if (fault->due_ns > now)
			put(handler, fault, &handler->parked);
		else
			look_again(handler, fault);
	}
}

uint64_t
vm_fault_next_due(const struct vm_handler *handler)
{
	const struct vm_list *parked = &handler->parked;
	uint64_t first = 0;

	for (struct vm_node *node = vm_list_first(parked); node != NULL;
	    node = vm_list_next(parked, node)) {
		uint64_t due = VM_ENTRY(node, struct vm_fault, link)->due_ns;

		if (due != 0 && (first == 0 || due < first))
			first = due;
	}
	return first;
}

static void
forget_in(struct vm_handler *handler, struct vm_list *list,
    const struct vm_space *space)
{
	struct vm_node *node = vm_list_first(list);

	while (node != NULL) {
		struct vm_fault *fault = VM_ENTRY(node, struct vm_fault,
		    link);

		node = vm_list_next(list, node);
		if (fault->space != space)
			continue;
		wake(fault);
		put(handler, fault, &handler->free);
	}
}

void
vm_fault_forget(struct vm_handler *handler, struct vm_space *space)
{
	forget_in(handler, &handler->parked, space);
	forget_in(handler, &handler->attached, space);
}
