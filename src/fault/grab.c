/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/grab.c - grab.h has the theory. */
#include "fault/grab.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "fault/fill.h"
#include "os/os.h"
#include "stat/stat.h"

/* One grab that missed, while it goes on. */
struct miss {
	struct vm_object *object;
	vm_pindex_t pindex;
	unsigned how;
	struct vm_page *page;	/* taken for it, not used yet */
	bool alone;		/* its neighbours cannot be read: without */
	bool done;		/* the fill has ended */
	unsigned count;		/* pages of the fill */
	int error;		/* positive errno: how */
	struct vm_page *got;	/* held exclusively */
};

static bool
hit(struct vm_object *object, vm_pindex_t pindex, unsigned how,
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
	if (found)
		*out = vm_page_of(object->vm, number);
	return found;
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
	fill->keep = true;
}

static int
read_error(const struct miss *miss)
{
	return vm_error(miss->error, "page %llu: %s",
	    (unsigned long long)miss->pindex, miss->error == ERANGE ?
	    "the backing store ends before it" :
	    vm_errno_text(miss->error));
}

static int
wait_for_memory(struct miss *miss)
{
	struct vm *vm = miss->object->vm;
	uint64_t start = vm->os->clock_ns();
	int error = vm_limit_wait(&vm->limit, miss->object->home,
	    vm->wait_max_ns, &miss->page);

	start = vm->os->clock_ns() - start;
	VM_TRACE(vm->trace, wait, miss->object->id, miss->pindex, start);
	vm_count(vm->counters, VM_COUNTER_memory_waits, 1);
	vm_count(vm->counters, VM_COUNTER_memory_wait_ns, start);
	return error;
}

static int
out_of_range(const struct miss *miss)
{
	return vm_error(ERANGE, "page %llu is beyond the object's end (%llu "
	    "pages)", (unsigned long long)miss->pindex,
	    (unsigned long long)vm_object_pages(miss->object));
}

/* 1: try the slot again; 0: miss->got is ours; negative: errno. */
static int
try_fill(struct vm_filler *filler, struct miss *miss)
{
	struct vm_fill_request request = {
		.object = miss->object, .pindex = miss->pindex,
		.page = miss->page, .done = filled, .arg = miss,
		.alone = miss->alone,
	};
	struct vm_slot *slot;
	struct vm_fill *fill;

	miss->done = false;
	switch (vm_fill_start(filler, &request, &slot, &fill)) {
	case VM_FILL_STARTED:
		miss->page = NULL;
		while (!miss->done)
			vm_filler_reap(filler, true);
		if (miss->error == 0 || miss->error == ERANGE ||
		    miss->count == 1)
			return miss->error == 0 ? 0 : read_error(miss);
		miss->alone = true;	/* it may be a neighbour's fault */
		return 1;
	case VM_FILL_RESIDENT:
		return 1;
	case VM_FILL_BUSY:
		vm_index_wait(&miss->object->index, miss->pindex, slot,
		    !(miss->how & VM_HOW_WRITE));
		return 1;
	case VM_FILL_MEMORY:
		return miss->page != NULL ? vm_error(ENOMEM, "page %llu: no "
		    "index leaf left", (unsigned long long)miss->pindex) :
		    wait_for_memory(miss) == 0 ? 1 : -ENOMEM;
	case VM_FILL_BARRED:
		vm_object_bar_wait(miss->object, miss->pindex);
		return 1;
	case VM_FILL_FULL:
		vm_filler_reap(filler, true);
		return 1;
	case VM_FILL_RANGE:
		return out_of_range(miss);
	}
	return -EINVAL;
}

/* A page that is to be overwritten: exclusive, zeroed, dirty, not read. */
static int
make_zero(struct miss *miss)
{
	struct vm_object *object = miss->object;
	struct vm *vm = object->vm;
	struct vm_slot *slot;
	uint32_t number;
	int got;

	if (miss->pindex >= vm_object_pages(object))
		return out_of_range(miss);
	if (miss->page == NULL && vm_limit_take(&vm->limit, object->home,
	    VM_CLASS_NORMAL, 0, &miss->page, 1) == 0)
		return wait_for_memory(miss) == 0 ? 1 : -ENOMEM;
	got = vm_index_try_excl(&object->index, miss->pindex, &slot, &number);
	if (got < 0)
		return got;
	if (got == 0) {
		vm_index_wait(&object->index, miss->pindex, slot, false);
		return 1;
	}
	if (number != VM_SLOT_ABSENT ||
	    vm_object_barred(object, miss->pindex)) {
		vm_index_release_excl(&object->index, slot, number);
		vm_object_bar_wait(object, miss->pindex);
		return 1;
	}
	if (miss->pindex >= vm_object_pages(object)) {	/* since we looked */
		vm_index_release_excl(&object->index, slot, VM_SLOT_ABSENT);
		return out_of_range(miss);
	}
	miss->page->valid = vm_page_all_blocks(vm->page_bytes);
	vm_object_enter_page(object, miss->page, miss->pindex, slot);
	vm_queue_add(&vm->queue, &miss->page, 1);
	VM_TRACE(vm->trace, zero, object->id, miss->pindex,
	    miss->page->number);
	vm_count(vm->counters, VM_COUNTER_pages_zeroed, 1);
	miss->got = miss->page;
	miss->page = NULL;
	return 0;
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

static int
bring_in(struct miss *miss)
{
	struct vm_filler *filler;
	int error;

	if ((miss->how & VM_HOW_ZERO) &&
	    miss->object->home == VM_HOME_POOL)
		return make_zero(miss);
	error = vm_filler_borrow(miss->object->vm, &filler);
	if (error != 0)
		return error;
	error = try_fill(filler, miss);
	vm_filler_return(filler);
	return error;
}

/* The exclusive hold of a fill becomes what the caller asked for. */
static void
settle(const struct miss *miss)
{
	if ((miss->how & VM_HOW_WRITE) != 0)
		return;
	vm_slot_publish_shared(atomic_load_explicit(&miss->got->slot,
	    memory_order_relaxed), vm_number_of(miss->got));
	vm_limit_notify(&miss->object->vm->limit);
}

static int
zero_page(struct vm_object *object, struct vm_page *page)
{
	struct vm *vm = object->vm;
	void *bytes = vm_page_memory(page);

	if (bytes == NULL)
		return -ENOMEM;
	memset(bytes, 0, vm->page_bytes);
	vm_object_mark_dirty(object, page,
	    vm_page_all_blocks(vm->page_bytes));
	return 0;
}

int
vm_grab(struct vm_object *object, vm_pindex_t pindex, unsigned how,
    struct vm_page **out)
{
	struct miss miss = {
		.object = object, .pindex = pindex, .how = how,
	};
	struct vm_slot *slot;
	uint64_t start_ns;
	int error = 1;

	vm_count(object->vm->counters, VM_COUNTER_grabs, 1);
	while (error == 1 && !hit(object, pindex, how, &miss.got, &slot)) {
		if (how & VM_HOW_NOWAIT) {
			error = vm_error(EAGAIN, "page %llu is not to be had "
			    "at once", (unsigned long long)pindex);
			break;
		}
		if (slot != NULL && !vm_slot_idle(slot)) {
			vm_index_wait(&object->index, pindex, slot,
			    !(how & VM_HOW_WRITE));
			continue;
		}
		vm_count(object->vm->counters, VM_COUNTER_grab_misses, 1);
		vm_count(object->vm->counters, VM_COUNTER_faults, 1);
		start_ns = trace_miss(&miss);
		error = bring_in(&miss);
		trace_fault(&miss, start_ns);
		if (error == 0)
			settle(&miss);
	}
	if (miss.page != NULL)
		vm_limit_give(&object->vm->limit, &miss.page, 1);
	if (error < 0)
		return error;
	if ((how & VM_HOW_ZERO) && zero_page(object, miss.got) != 0) {
		vm_ungrab(miss.got);
		return -ENOMEM;
	}
	*out = miss.got;
	return 0;
}

void
vm_ungrab(struct vm_page *page)
{
	struct vm_object *object = page->object;
	struct vm *vm = object->vm;	/* the object may go with the hold */
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	if (vm_slot_busy_excl(slot))
		vm_index_release_excl(&object->index, slot,
		    vm_number_of(page));
	else
		vm_slot_release_shared(slot);
	vm_limit_notify(&vm->limit);
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
