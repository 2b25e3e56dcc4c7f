/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/grab.c - one page; grab.h has the theory. */
#include "fault/grab.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "fault/fill.h"
#include "fault/grab_private.h"
#include "fault/prefetch.h"
#include "fault/rights.h"
#include "object/cached.h"
#include "object/content.h"
#include "object/foreign.h"
#include "object/home.h"
#include "object/life.h"
#include "object/loan.h"
#include "object/wire.h"
#include "os/os.h"
#include "stat/stat.h"

static uint16_t
flags_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->flags, memory_order_relaxed);
}

static struct vm_slot *
slot_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->slot, memory_order_relaxed);
}

enum vm_class
vm_grab_class(unsigned how)
{
	return vm_life_class((how & VM_HOW_SYSTEM ? VM_LIFE_SYSTEM : 0) |
	    (how & VM_HOW_INTERRUPT ? VM_LIFE_INTERRUPT : 0));
}

/* A use: a page that was cached, or fetched ahead, is so no more. */
static void
bring_back(struct vm_page *page, unsigned how)
{
	struct vm_object *object = page->object;

	vm_prefetch_use(page, (how & VM_HOW_FAULT) == 0);
	if (VM_LIKELY((flags_of(page) & VM_PGA_CACHED) == 0))
		return;
	VM_TRACE(object->vm->trace, reactivate, object->id, page->pindex,
	    page->number);
	vm_queue_activate(&object->vm->queue, page);
}

bool
vm_grab_hit(struct vm_object *object, vm_pindex_t pindex, unsigned how,
    struct vm_page **out, struct vm_slot **slot)
{
	uint32_t number;
	bool found;

	if (how & VM_HOW_WRITE) {
		found = vm_index_try_excl_if(&object->index, pindex, true,
		    slot, &number);
		if (!found)
			*slot = vm_index_find(&object->index, pindex);
		else
			vm_slot_mark(*slot);
	} else
		found = vm_index_try_shared(&object->index, pindex, slot,
		    &number);
	if (found) {
		*out = vm_page_of(object->vm, number);
		bring_back(*out, how);
	}
	return found;
}

/* A placeholder is good for nothing, however little is asked of it. */
static bool
is_enough(const struct vm_page *page, unsigned how)
{
	if (how & (VM_HOW_NOREAD | VM_HOW_ZERO | VM_HOW_OVERWRITE))
		return page->valid != 0 ||
		    (flags_of(page) & VM_PGA_FICTITIOUS) == 0;
	return page->valid == page->object->vm->all_blocks;
}

static bool
keeps_lent(const struct vm_page *page, unsigned how)
{
	return (how & (VM_HOW_WRITE | VM_HOW_WIRED)) == 0 ||
	    (how & VM_HOW_KEEP_LENT) != 0 || !vm_page_lent(page);
}

bool
vm_grab_usable(const struct vm_page *page, unsigned how)
{
	return is_enough(page, how) && keeps_lent(page, how);
}

static void
filled(struct vm_fill *fill)
{
	struct miss *miss = fill->arg;

	miss->done = true;
	miss->count = fill->count;
	miss->error = fill->error;
	if (fill->error != 0)
		return;
	miss->got = fill->page[fill->wanted];
	miss->open = fill->open;
	fill->keep = true;
}

static int
read_error(const struct miss *miss, int error)
{
	return vm_error(error, "page %llu: %s",
	    (unsigned long long)miss->pindex, error == ERANGE ?
	    "the backing store ends before it" : vm_errno_text(error));
}

/* 1: a page is in hand; -ENOMEM. */
static int
wait_for_memory(struct miss *miss)
{
	struct vm *vm = miss->object->vm;
	struct vm_wait_for how = {
		.home = miss->object->home, .class = vm_grab_class(miss->how),
		.line = (miss->how & VM_HOW_WRITE) != 0 ? VM_LINE_DIRTY :
		VM_LINE_FAULT, .timeout_ns = vm->wait_max_ns,
	};
	uint64_t start = vm->os->clock_ns();
	int error = vm_limit_wait_for(&vm->limit, &how, &miss->page);

	start = vm->os->clock_ns() - start;
	VM_TRACE(vm->trace, wait, miss->object->id, miss->pindex, start);
	miss->slept = true;
	vm_count(vm->counters, VM_COUNTER_memory_waits, 1);
	vm_count(vm->counters, VM_COUNTER_memory_wait_ns, start);
	return error == 0 ? 1 : error;
}

static void
give_page(struct miss *miss)
{
	if (miss->page != NULL)
		vm_limit_give(&miss->object->vm->limit, &miss->page, 1);
	miss->page = NULL;
}

static int
out_of_range(const struct miss *miss)
{
	return vm_error(ERANGE, "page %llu is beyond the object's end (%llu "
	    "pages)", (unsigned long long)miss->pindex,
	    (unsigned long long)vm_object_pages(miss->object));
}

static int
not_at_once(const struct miss *miss)
{
	return vm_error(EAGAIN, "page %llu is not to be had at once",
	    (unsigned long long)miss->pindex);
}

static int
wait_for_slot(struct miss *miss, struct vm_slot *slot)
{
	vm_index_wait(&miss->object->index, miss->pindex, slot,
	    !(miss->how & VM_HOW_WRITE));
	miss->slept = true;
	return 1;
}

static int
wait_for_barrier(struct miss *miss)
{
	vm_object_bar_wait(miss->object, miss->pindex);
	miss->slept = true;
	return 1;
}

/* The pager had no room, and its error was said.  1: it may have some by now;
 * -EAGAIN. */
static int
wait_for_room(struct miss *miss)
{
	struct vm *vm = miss->object->vm;
	uint64_t pause_ns = vm_patience_pause(&miss->patience,
	    vm->os->clock_ns(), vm->wait_max_ns);
	_Atomic uint32_t nothing = 0;

	if (pause_ns == 0)
		return -EAGAIN;
	(void)vm_futex_wait(&nothing, 0, pause_ns);
	miss->slept = true;
	return 1;
}

/* ---- reading ------------------------------------------------------------- */

static int
await_fill(struct vm_filler *filler, struct miss *miss)
{
	while (!miss->done)
		vm_filler_reap(filler, true);
	if (miss->error == 0)
		return 0;
	if (miss->error == ERANGE || miss->count == 1)
		return read_error(miss, miss->error);
	miss->alone = true;	/* it may be a neighbour's fault */
	return 1;
}

/* What kept us from the claim is waited for, if that helps.  1: once more. */
static int
kept_from(struct miss *miss, enum vm_fill_result result, struct vm_slot *slot)
{
	switch (result) {
	case VM_FILL_RESIDENT:
		return 1;
	case VM_FILL_BUSY:
		return wait_for_slot(miss, slot);
	case VM_FILL_MEMORY:
		return miss->page != NULL ? vm_error(ENOMEM, "page %llu: no "
		    "index leaf left", (unsigned long long)miss->pindex) :
		    wait_for_memory(miss);
	case VM_FILL_BARRED:
		return wait_for_barrier(miss);
	case VM_FILL_THROTTLED:
		vm_object_inflight_wait(miss->object);
		miss->slept = true;
		return 1;
	case VM_FILL_RANGE:
		return out_of_range(miss);
	case VM_FILL_STARTED:
	case VM_FILL_FULL:	/* a borrowed filler has room */
		break;
	}
	return -EINVAL;
}

static int
borrow(const struct miss *miss, struct vm_filler **filler)
{
	struct vm *vm = miss->object->vm;

	if ((miss->how & VM_HOW_FAULT) == 0)
		return vm_filler_borrow(vm, filler);
	*filler = vm_filler_sit(vm);
	return 0;
}

/*
 * Whoever waits for bytes is counted (limit/pressure.h), where that takes as
 * long as a disk does.
 */
static void
note_read(const struct miss *miss, bool ends)
{
	struct vm *vm = miss->object->vm;
	struct vm_pressure *pressure = &vm->limit.pressure;
	uint64_t now_ns;

	now_ns = vm->os->clock_ns();
	if (ends)
		vm_pressure_leave(pressure, vm->counters, VM_WAITS_MISS,
		    now_ns);
	else
		vm_pressure_enter(pressure, vm->counters, VM_WAITS_MISS,
		    now_ns);
	if ((miss->how & VM_HOW_WRITE) == 0)
		vm_pressure_reads(pressure, now_ns);
}

/* By a filler: with neighbours, or where the pager wants a request. */
static int
read_by_filler(struct miss *miss, const struct vm_fill_request *request,
    const struct vm_fill_claim *claim, struct vm_plan plan)
{
	struct vm_filler *filler;
	int error = borrow(miss, &filler);

	if (error != 0) {
		vm_fill_unclaim(claim);
		return error;
	}
	miss->done = false;
	(void)vm_fill_go(filler, request, claim, plan);
	error = await_fill(filler, miss);
	vm_filler_return(filler);
	return error;
}

/* 1: try the slot again; 0: miss->got is ours; negative: errno. */
static int
try_fill(struct miss *miss)
{
	struct vm_fill_request request = {
		.object = miss->object, .pindex = miss->pindex,
		.page = miss->page, .done = filled, .arg = miss,
		.alone = miss->alone, .class = vm_grab_class(miss->how),
		.write = (miss->how & VM_HOW_WRITE) != 0,
		.hands_over = (miss->how & VM_HOW_FAULT) == 0,
		.who = (miss->how & VM_HOW_FAULT) != 0 ? VM_WHO_MAPS :
		    VM_WHO_CALLERS,
	};
	bool shared = (miss->how & VM_HOW_WRITE) == 0;
	bool slow = !miss->object->pager->at_once;
	enum vm_pager_result read = VM_PAGER_PENDING;
	struct vm_fill_claim claim;
	struct vm_plan plan;
	enum vm_fill_result result = vm_fill_claim(&request, &claim);
	int error = 0;

	if (VM_UNLIKELY(result != VM_FILL_STARTED))
		return kept_from(miss, result, claim.slot);
	miss->page = NULL;	/* it is the claim's */
	plan = vm_fill_plan(&request);
	if (slow)
		note_read(miss, false);
	if (plan.count == 1 && plan.ahead.count == 0)
		read = vm_fill_now(&claim, shared, &error);
	if (VM_UNLIKELY(read == VM_PAGER_PENDING))
		error = read_by_filler(miss, &request, &claim, plan);
	if (slow)
		note_read(miss, true);
	if (VM_LIKELY(read == VM_PAGER_OK)) {
		miss->got = claim.page;
		miss->open = !shared;
		return 0;
	}
	if (read == VM_PAGER_PENDING)
		return error;
	vm_fill_unclaim(&claim);
	return read_error(miss, error);
}

static int
read_in(struct miss *miss)
{
	int error = try_fill(miss);

	return error == -EAGAIN ? wait_for_room(miss) : error;
}

/* ---- making -------------------------------------------------------------- */

bool
vm_grab_makes(const struct vm_object *object, unsigned how)
{
	return object->memory != NULL || (vm_home_is_pool(object) &&
	    (how & (VM_HOW_ZERO | VM_HOW_NOREAD | VM_HOW_OVERWRITE)) != 0);
}

/* The page gets the slot, which stays exclusive. */
static int
enter_made(struct miss *miss, struct vm_slot *slot)
{
	struct vm_object *object = miss->object;
	struct vm *vm = object->vm;

	if (object->memory != NULL) {
		int error = vm_foreign_enter_device(object, miss->pindex,
		    slot, &miss->got);

		if (error != 0)
			vm_index_release_excl(&object->index, slot,
			    VM_SLOT_ABSENT);
		return error;
	}
	miss->got = miss->page;
	miss->page = NULL;
	miss->got->valid = (miss->how & VM_HOW_ZERO) != 0 ?
	    vm_page_all_blocks(vm->page_bytes) : 0;
	vm_object_enter_page(object, miss->got, miss->pindex, slot);
	vm_slot_exchange(slot, vm_number_of(miss->got));
	vm_queue_add(&vm->queue, &miss->got, 1);
	vm_object_note_entered(object, miss->pindex, 1);
	if ((miss->how & VM_HOW_ZERO) == 0)
		return 0;
	VM_TRACE(vm->trace, zero, object->id, miss->pindex,
	    miss->got->number);
	vm_count(vm->counters, VM_COUNTER_pages_zeroed, 1);
	return 0;
}

static bool
needs_page(const struct miss *miss)
{
	return miss->page == NULL && miss->object->memory == NULL;
}

int
vm_grab_make(struct miss *miss)
{
	struct vm_object *object = miss->object;
	struct vm_take take = {
		.home = object->home, .class = vm_grab_class(miss->how),
		.want = 1,
		.flags = (miss->how & VM_HOW_ZERO ? VM_TAKE_ZERO : 0) |
		    (miss->how & VM_HOW_WRITE ? VM_TAKE_DIRTIES : 0),
	};
	struct vm_slot *slot;
	uint32_t number;
	int got;

	if (miss->pindex >= vm_object_pages(object))
		return out_of_range(miss);
	if (needs_page(miss) && vm_life_get(object->vm, &take,
	    &miss->page) == 0)
		return 1;
	got = vm_index_try_excl(&object->index, miss->pindex, &slot, &number);
	if (got <= 0)
		return got == 0 ? 1 : got;
	if (number != VM_SLOT_ABSENT ||
	    vm_object_barred(object, miss->pindex) ||
	    (object->memory == NULL && !vm_home_fits(object, miss->page))) {
		vm_index_release_excl(&object->index, slot, number);
		vm_limit_notify(&object->vm->limit);
		return 1;
	}
	if (miss->pindex >= vm_object_pages(object)) {	/* since we looked */
		vm_index_release_excl(&object->index, slot, VM_SLOT_ABSENT);
		vm_limit_notify(&object->vm->limit);
		return out_of_range(miss);
	}
	return enter_made(miss, slot);
}

/* The same, and waits for what kept it. */
static int
make(struct miss *miss)
{
	struct vm_slot *slot;
	int error = vm_grab_make(miss);

	if (error != 1)
		return error;
	if (needs_page(miss))
		return wait_for_memory(miss);
	slot = vm_index_find(&miss->object->index, miss->pindex);
	if (slot != NULL && !vm_slot_idle(slot))
		return wait_for_slot(miss, slot);
	return wait_for_barrier(miss);
}

/* The time is taken only where somebody will read it. */
static uint64_t
trace_miss(const struct miss *miss)
{
	struct vm *vm = miss->object->vm;

	VM_TRACE(vm->trace, miss, miss->object->id, miss->pindex, miss->how);
	return vm->trace == NULL ? 0 : vm->os->clock_ns();
}

static void
trace_fault(const struct miss *miss, uint64_t start_ns)
{
	struct vm *vm = miss->object->vm;

	VM_TRACE(vm->trace, fault, miss->object->id, miss->pindex,
	    vm->trace == NULL ? 0 : vm->os->clock_ns() - start_ns);
}

/* The exclusive hold of who brought the page in becomes what was asked for. */
static int
bring_in(struct miss *miss)
{
	struct vm_counters *counters = miss->object->vm->counters;
	uint64_t start = trace_miss(miss);
	int error;

	vm_count(counters, VM_COUNTER_grab_misses, 1);
	vm_count(counters, VM_COUNTER_faults, 1);
	if (miss->page != NULL && !vm_home_fits(miss->object, miss->page))
		give_page(miss);	/* the object has moved */
	error = vm_grab_makes(miss->object, miss->how) ? make(miss) :
	    read_in(miss);
	if (error == 0 && (miss->how & VM_HOW_WRITE) == 0 &&
	    vm_slot_busy_excl(slot_of(miss->got)))
		vm_life_downgrade(miss->got);
	if (error == 0)
		trace_fault(miss, start);
	return error;
}

/* ---- what is there in part ----------------------------------------------- */

/* The shared hold becomes exclusive, perhaps of another page by now.  1: it
 * was let go, and somebody else is in it. */
static int
make_exclusive(struct miss *miss)
{
	struct vm_object *object = miss->object;
	struct vm_slot *slot;
	uint32_t number;

	if ((miss->how & VM_HOW_WRITE) != 0 ||
	    vm_slot_try_upgrade(slot_of(miss->got)))
		return 0;
	vm_ungrab(miss->got);
	if (vm_index_try_excl_if(&object->index, miss->pindex, true, &slot,
	    &number)) {
		miss->got = vm_page_of(object->vm, number);
		return 0;
	}
	slot = vm_index_find(&object->index, miss->pindex);
	if (slot != NULL) {
		vm_index_wait(&object->index, miss->pindex, slot, false);
		miss->slept = true;
	}
	return 1;
}

/* A placeholder gets a frame.  1: there was none, and now there may be. */
static int
materialize(struct miss *miss)
{
	int error;

	if ((flags_of(miss->got) & VM_PGA_FICTITIOUS) == 0 ||
	    (flags_of(miss->got) & VM_PGA_PRIVATE) != 0)
		return 0;
	give_page(miss);	/* so that there is one to be had */
	if (vm_foreign_convert(&miss->got))
		return 0;
	vm_ungrab(miss->got);
	error = wait_for_memory(miss);
	return error;
}

static int
read_rest(struct miss *miss)
{
	struct vm_filler *filler;
	bool asked;
	int error;

	if (vm_grab_usable(miss->got, miss->how))
		return 0;
	error = vm_filler_borrow(miss->object->vm, &filler);
	asked = error == 0;
	if (asked) {
		error = vm_fill_missing(filler, miss->got);
		vm_filler_return(filler);
		if (error != 0)
			read_error(miss, -error);
	}
	if (error == 0)
		return 0;
	vm_ungrab(miss->got);
	return asked && error == -EAGAIN ? wait_for_room(miss) : error;
}

/* A page for the writer of one that is lent.  Who may not sleep has INTERRUPT's
 * class, which looks for no cached page (FreeBSD's vm_page_cowfault). */
static bool
take_own(struct miss *miss)
{
	struct vm_take take = {
		.home = VM_HOME_POOL, .want = 1,
		.class = miss->how & VM_HOW_NOWAIT ? VM_CLASS_INTERRUPT :
		    vm_grab_class(miss->how),
	};

	return miss->page != NULL ||
	    vm_life_get(miss->object->vm, &take, &miss->page) == 1;
}

/* The page that was taken is loose. */
static struct vm_page *
use_taken(struct miss *miss)
{
	struct vm *vm = miss->object->vm;
	struct vm_page *page = miss->page;

	page->object = vm->nowhere;
	atomic_fetch_add_explicit(&vm->loose, 1, memory_order_relaxed);
	miss->page = NULL;
	return page;
}

/* What is lent stays as it is.  1: there was no page for it, and now there may
 * be; by then nobody may borrow it any more, and nothing is copied. */
static int
make_own(struct miss *miss)
{
	bool copy = (miss->how & (VM_HOW_ZERO | VM_HOW_OVERWRITE)) == 0;

	if (!vm_page_lent(miss->got))
		return 0;
	if (take_own(miss)) {
		vm_loan_part(&miss->got, use_taken(miss), copy);
		return 0;
	}
	vm_ungrab(miss->got);
	return (miss->how & VM_HOW_NOWAIT) != 0 ? not_at_once(miss) :
	    wait_for_memory(miss);
}

/* Only what needs neither a read nor a sleep. */
static int
complete_at_once(struct miss *miss)
{
	bool excl = vm_slot_busy_excl(slot_of(miss->got));

	if (is_enough(miss->got, miss->how) && (excl ||
	    vm_slot_try_upgrade(slot_of(miss->got))))
		return 0;
	vm_ungrab(miss->got);
	return not_at_once(miss);
}

/* As attempt. */
static int
complete(struct miss *miss)
{
	int error = (miss->how & VM_HOW_NOWAIT) != 0 ?
	    complete_at_once(miss) : make_exclusive(miss);

	if (error == 0)
		error = materialize(miss);
	if (error == 0)
		error = make_own(miss);
	if (error == 0)
		error = read_rest(miss);
	if (error == 0 && (miss->how & VM_HOW_WRITE) == 0)
		vm_life_downgrade(miss->got);
	return error;
}

/* ---- one attempt after the other ----------------------------------------- */

static int
use(struct miss *miss)
{
	if (VM_LIKELY(vm_grab_usable(miss->got, miss->how)))
		return 0;
	return complete(miss);
}

/* 0: miss->got is held as asked for; 1: once more; a negative errno. */
static int
attempt(struct miss *miss)
{
	struct vm_slot *slot;

	if (vm_grab_hit(miss->object, miss->pindex, miss->how, &miss->got,
	    &slot))
		return use(miss);
	if ((miss->how & VM_HOW_NOWAIT) != 0)
		return not_at_once(miss);
	if (slot != NULL && !vm_slot_idle(slot))
		return wait_for_slot(miss, slot);
	return bring_in(miss);
}

static int
zero_page(struct vm_page *page)
{
	struct vm_object *object = page->object;
	struct vm *vm = object->vm;
	void *bytes = vm_page_memory(page);

	if (bytes == NULL)
		return -ENOMEM;
	if ((flags_of(page) & VM_PGA_ZERO) == 0)
		memset(bytes, 0, vm->page_bytes);
	/* From now on they are the caller's. */
	atomic_fetch_and_explicit(&page->flags, (uint16_t)~VM_PGA_ZERO,
	    memory_order_relaxed);
	page->valid = vm_page_all_blocks(vm->page_bytes);
	vm_object_mark_dirty(object, page, page->valid);
	return 0;
}

/* Whatever is in it: all of it will be the writer's when he lets go. */
static void
trust_writer(struct vm_page *page)
{
	struct vm_object *object = page->object;

	page->valid = object->vm->all_blocks;
	vm_object_mark_dirty(object, page, page->valid);
}

int
vm_grab_finish(struct vm_page *page, unsigned how)
{
	int error;

	if (VM_UNLIKELY((flags_of(page) & VM_PGA_ERROR) != 0)) {
		if ((how & (VM_HOW_ZERO | VM_HOW_NOREAD |
		    VM_HOW_OVERWRITE)) == 0)
			return vm_cached_refuse(page);
		/* What is brought now is as good as any. */
		vm_page_set_flag(page, VM_PGA_ERROR, false);
	}
	error = vm_rights_check(page, (how & VM_HOW_WRITE) != 0);
	if (error == 0 && (how & (VM_HOW_WRITE | VM_HOW_OPEN)) ==
	    VM_HOW_WRITE)
		vm_home_open(page);
	if (error == 0 && (how & VM_HOW_ZERO) != 0)
		error = zero_page(page);
	if (error == 0 && (how & VM_HOW_OVERWRITE) != 0)
		trust_writer(page);
	if (error == 0 && (how & VM_HOW_WIRED) != 0)
		error = vm_wire_add(page, NULL);
	if (error != 0)
		vm_ungrab(page);
	return error;
}

int
vm_grab(struct vm_object *object, vm_pindex_t pindex, unsigned how,
    struct vm_page **out)
{
	struct miss miss = {
		.object = object, .pindex = pindex, .how = how,
	};
	int error;

	vm_count(object->vm->counters, VM_COUNTER_grabs, 1);
	do {
		error = attempt(&miss);
		if (error == 1 && miss.slept && (how & VM_HOW_ONCE) != 0)
			error = vm_error(EAGAIN, "page %llu had to be waited "
			    "for, look again", (unsigned long long)pindex);
	} while (error == 1);
	give_page(&miss);
	if (error == 0)
		error = vm_grab_finish(miss.got, miss.open ?
		    how | VM_HOW_OPEN : how);
	if (error != 0)
		return error;
	if ((how & VM_HOW_WRITE) == 0)
		vm_life_learn(miss.got);
	*out = miss.got;
	return 0;
}

void
vm_ungrab(struct vm_page *page)
{
	vm_life_release(page);
}

int
vm_grab_ahead(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	struct vm_filler *filler;
	int error = vm_filler_borrow(object->vm, &filler);

	if (error != 0)
		return error;
	if (end > vm_object_pages(object))
		end = vm_object_pages(object);
	while (first < end) {
		vm_pindex_t reached = vm_fill_ahead(filler, object, first,
		    end);

		vm_filler_reap(filler, reached < end);
		if (reached == first && vm_list_empty(&filler->busy))
			break;	/* memory is not plenty */
		first = reached;
	}
	vm_filler_return(filler);
	return 0;
}
