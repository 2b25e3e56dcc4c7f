/* SPDX-License-Identifier: BSD-2-Clause */
/* object/object.c - object.h has the theory. */
#include "object/object.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "object/early.h"
#include "object/home.h"
#include "object/life.h"
#include "object/part.h"
#include "object/quota.h"
#include "os/os.h"
#include "pmap/view.h"

static uint64_t
pages_in(const struct vm *vm, uint64_t length)
{
	return (length + vm->page_bytes - 1) / vm->page_bytes;
}

static int
init_parts(struct vm_object *object, uint64_t length)
{
	struct vm *vm = object->vm;
	int error = vm_index_init(&object->index, &vm->leaves,
	    pages_in(vm, length));

	if (error != 0) {
		vm_index_fini(&object->index);
		return error;
	}
	if (object->home != VM_HOME_STORE)
		return 0;
	error = vm_store_init(&object->store, vm->os, vm->page_bytes, length);
	if (error != 0)
		vm_index_fini(&object->index);
	object->store.counters = vm->counters;
	return error;
}

int
vm_object_new(struct vm *vm, struct vm_pager *pager, enum vm_home home,
    uint64_t length, struct vm_object **out)
{
	struct vm_object *object = vm->os->alloc(sizeof(*object));
	int error;

	if (object == NULL) {
		pager->ops->destroy(pager);
		return vm_error(ENOMEM, "object: no memory");
	}
	object->vm = vm;
	object->pager = pager;
	object->home = home;
	object->id = atomic_fetch_add(&vm->next_object, 1);
	atomic_init(&object->length, length);
	error = init_parts(object, length);
	if (error != 0) {
		pager->ops->destroy(pager);
		vm->os->free(object);
		return error;
	}
	vm_lock_init(&object->lock, VM_RANK_OBJECT, "object");
	vm_cond_init(&object->changed);
	vm_list_init(&object->barriers);
	vm_streams_init(&object->streams, vm->cluster_pages,
	    home == VM_HOME_POOL ? vm->window_pages :
	    vm->window_unseen_pages);
	vm_lock(&vm->lock);
	vm_list_add_tail(&vm->objects, &object->link);
	vm->object_count++;
	vm_unlock(&vm->lock);
	VM_TRACE(vm->trace, create, object->id, 0, vm_object_pages(object));
	*out = object;
	return 0;
}

int
vm_object_new_device(struct vm *vm, struct vm_pager *pager, void *memory,
    uint64_t length, struct vm_object **out)
{
	int error = vm_object_new(vm, pager, VM_HOME_POOL, length, out);

	if (error == 0)
		(*out)->memory = memory;
	return error;
}

void
vm_object_free(struct vm_object *object)
{
	struct vm *vm = object->vm;

	vm_assert(atomic_load(&object->resident) == 0);
	vm_assert(atomic_load(&object->dirty) == 0);
	vm_assert(atomic_load(&object->pins) == 0);
	VM_TRACE(vm->trace, destroy, object->id, 0, vm_object_pages(object));
	if (vm_quota_limits(object))
		vm_quota_end(object);
	if (atomic_load(&object->part) != 0)
		vm_part_end(object);
	vm_lock(&vm->lock);
	vm_node_remove(&object->link);
	vm->object_count--;
	vm_unlock(&vm->lock);
	if (object->view != NULL)
		vm_view_fini(object->view);
	vm->os->free(object->view);
	if (object->home == VM_HOME_STORE)
		vm_store_fini(&object->store);
	vm_index_fini(&object->index);
	object->pager->ops->destroy(object->pager);
	vm_cond_fini(&object->changed);
	vm_lock_fini(&object->lock);
	vm->os->free(object);
}

uint64_t
vm_object_pages(const struct vm_object *object)
{
	return pages_in(object->vm, atomic_load_explicit(&object->length,
	    memory_order_acquire));
}

void
vm_object_pin(struct vm_object *object)
{
	atomic_fetch_add(&object->pins, 1);
}

void
vm_object_unpin(struct vm_object *object)
{
	uint32_t old = atomic_fetch_sub(&object->pins, 1);

	vm_assert(old != 0);
}

int
vm_nowhere_init(struct vm *vm)
{
	struct vm_object *nowhere = vm->os->alloc(sizeof(*nowhere));

	if (nowhere == NULL)
		return vm_error(ENOMEM, "create: no memory");
	nowhere->vm = vm;
	nowhere->home = VM_HOME_POOL;
	nowhere->anonymous = true;
	atomic_init(&nowhere->writable, true);
	vm->nowhere = nowhere;
	return 0;
}

void
vm_nowhere_fini(struct vm *vm)
{
	vm->os->free(vm->nowhere);
	vm->nowhere = NULL;
}

void *
vm_page_memory(const struct vm_page *page)
{
	struct vm_object *object = page->object;
	uint16_t flags = atomic_load_explicit(&page->flags,
	    memory_order_relaxed);
	void *bytes;

	if ((flags & VM_PGA_PRIVATE) != 0)
		return page->foreign.memory;
	if ((flags & VM_PGA_FICTITIOUS) != 0)
		return NULL;
	if (vm_home_is_pool(object))
		return vm_frame_data(&object->vm->frames, page);
	if (object->home == VM_HOME_WINDOW)
		return vm_view_at(object->view, page->pindex);
	return vm_store_view(&object->store, page->pindex, &bytes) == 0 ?
	    bytes : NULL;
}

static bool
is_nowhere(const struct vm_object *object)
{
	return object == object->vm->nowhere;
}

/* A page without a frame counts as nobody's: there is nothing to wire. */
static void
move_wires(const struct vm_page *page, struct vm_object *from,
    struct vm_object *to)
{
	if (atomic_load(&page->wires) == 0 || (atomic_load_explicit(
	    &page->flags, memory_order_relaxed) & VM_PGA_FICTITIOUS) != 0)
		return;
	atomic_fetch_sub(&from->wired, 1);
	atomic_fetch_add(&to->wired, 1);
}

/* The first page has come, or the last one gone: to who wants to know. */
static void
tell_owner(struct vm_object *object, bool pages)
{
	void (*notify)(struct vm_object *object, int pages, void *arg);
	void *arg;

	vm_lock(&object->lock);
	notify = object->notify;
	arg = object->notify_arg;
	vm_unlock(&object->lock);
	if (notify != NULL)
		notify(object, pages, arg);
}

/* The object's pages became so many more, one at a time, or less. */
static void
count_resident(struct vm_object *object, int change)
{
	uint64_t before = atomic_fetch_add(&object->resident,
	    (uint64_t)(int64_t)change);

	vm_assert(change > 0 || before != 0);
	atomic_fetch_add_explicit(&object->generation, 1,
	    memory_order_relaxed);
	if (before == (change > 0 ? 0 : (uint64_t)-change))
		tell_owner(object, change > 0);
}

uint64_t
vm_objects_external(struct vm *vm)
{
	uint64_t pages = 0;
	struct vm_node *node;

	vm_lock(&vm->lock);
	for (node = vm_list_first(&vm->objects); node != NULL;
	    node = vm_list_next(&vm->objects, node)) {
		struct vm_object *object = VM_ENTRY(node, struct vm_object,
		    link);

		if (!object->anonymous)
			pages += atomic_load_explicit(&object->resident,
			    memory_order_relaxed);
	}
	vm_unlock(&vm->lock);
	return pages;
}

void
vm_object_enter_page(struct vm_object *object, struct vm_page *page,
    vm_pindex_t pindex, struct vm_slot *slot)
{
	uint32_t dirty = page->dirty;

	vm_assert(page->object == NULL || is_nowhere(page->object));
	vm_assert(vm_slot_busy_excl(slot));
	move_wires(page, object->vm->nowhere, object);
	page->object = object;
	page->pindex = pindex;
	atomic_store_explicit(&page->slot, slot, memory_order_release);
	page->dirty = 0;
	if (dirty != 0)
		vm_object_mark_dirty(object, page, dirty);
	count_resident(object, 1);
	VM_TRACE(object->vm->trace, insert, object->id, pindex, page->number);
}

/* Flags that say what the page is, not what is in it. */
#define LASTING	(VM_PGA_WARM | VM_PGA_FICTITIOUS | VM_PGA_PRIVATE)

static void
take_identity(struct vm_object *object, struct vm_page *page)
{
	vm_assert(page->object == object && !is_nowhere(object));
	VM_TRACE(object->vm->trace, remove, object->id, page->pindex,
	    page->number);
	if (vm_page_early(page))
		vm_early_leave(page);
	vm_object_mark_clean(object, page);
	move_wires(page, object, object->vm->nowhere);
	page->object = NULL;
	page->valid = 0;
	/* The daemon, which may have read the slot, finds another number. */
	atomic_store_explicit(&page->slot, NULL, memory_order_relaxed);
	atomic_fetch_and_explicit(&page->flags, LASTING,
	    memory_order_relaxed);
}

void
vm_object_remove_page(struct vm_object *object, struct vm_page *page)
{
	take_identity(object, page);
	count_resident(object, -1);
}

void
vm_object_remove_pages(struct vm_object *object, struct vm_page **pages,
    unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		take_identity(object, pages[i]);
	count_resident(object, -(int)count);
}

/* A page that nobody is in. */
static void
leave_behind(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_slot *slot = vm_index_find(&object->index, pindex);
	uint32_t number = vm_index_peek(&object->index, pindex);

	if (number != VM_SLOT_ABSENT && slot != NULL && vm_slot_idle(slot))
		vm_queue_deactivate(&object->vm->queue,
		    vm_page_of(object->vm, number), false);
}

void
vm_object_note_entered(struct vm_object *object, vm_pindex_t first,
    unsigned count)
{
	uint64_t last = atomic_exchange_explicit(&object->last_entered,
	    first + count - 1, memory_order_relaxed);
	vm_pindex_t at = first < count ? 0 : first - count;

	if (vm_quota_limits(object))
		vm_quota_grew(object);
	if (!atomic_load_explicit(&object->behind, memory_order_relaxed) ||
	    !atomic_load_explicit(&object->vm->behind,
	    memory_order_relaxed) || first != last + 1)
		return;
	for (; at < first; at++)
		leave_behind(object, at);
}

unsigned
vm_object_inflight_start(struct vm_object *object, unsigned want)
{
	uint32_t most = atomic_load_explicit(&object->inflight_max,
	    memory_order_relaxed);
	uint32_t now = atomic_load(&object->inflight), got;

	do {
		got = want;
		if (most != 0 && now >= most)
			return 0;
		if (most != 0 && most - now < want)
			got = most - now;
	} while (!atomic_compare_exchange_weak(&object->inflight, &now,
	    now + got));
	return got;
}

/* Who waits has looked at the count under the lock. */
void
vm_object_inflight_done(struct vm_object *object, unsigned count)
{
	uint32_t old = atomic_fetch_sub(&object->inflight, count);

	vm_assert(old >= count);
	if (atomic_load(&object->inflight_max) == 0)
		return;
	vm_lock(&object->lock);
	vm_cond_wake_all(&object->changed);
	vm_unlock(&object->lock);
}

void
vm_object_inflight_wait(struct vm_object *object)
{
	uint32_t most;

	vm_lock(&object->lock);
	while ((most = atomic_load(&object->inflight_max)) != 0 &&
	    atomic_load(&object->inflight) >= most)
		vm_cond_wait(&object->changed, &object->lock,
		    VM_FUTEX_FOREVER);
	vm_unlock(&object->lock);
}

/* A page has become dirty; the first one wakes the cleaner. */
static void
count_dirtied(struct vm_object *object, struct vm_slot *slot)
{
	struct vm *vm = object->vm;

	atomic_fetch_add(&object->dirty, 1);
	vm_index_count_dirty(&object->index, slot, 1);
	if (object->home == VM_HOME_STORE)
		vm_store_count_dirty(&object->store, 1);
	if (object->anonymous)
		return;
	vm_count(vm->counters, VM_COUNTER_pages_dirtied, 1);
	if (VM_UNLIKELY(atomic_load_explicit(&vm->limit.cleaner_rests,
	    memory_order_relaxed)))
		vm_limit_call_cleaner(&vm->limit);
}

void
vm_object_mark_dirty(struct vm_object *object, struct vm_page *page,
    uint32_t blocks)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	vm_assert(page->object == object && blocks != 0);
	if (object->memory != NULL)
		return;		/* it is where it belongs */
	if (slot == NULL) {
		page->dirty |= blocks;
		return;
	}
	vm_debug_assert(vm_slot_busy_excl(slot));
	if ((atomic_load_explicit(&page->flags, memory_order_relaxed) &
	    VM_PGA_CACHED) != 0)	/* by a client that wrote */
		vm_queue_activate(&object->vm->queue, page);
	if (vm_page_early(page))
		(void)vm_early_use(page);
	if (page->dirty == 0) {
		count_dirtied(object, slot);
		if (object->pager->ops->outdated != NULL &&
		    page->valid == object->vm->all_blocks)
			object->pager->ops->outdated(object->pager,
			    page->pindex);
	}
	page->dirty |= blocks;
}

void
vm_object_mark_clean(struct vm_object *object, struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	if (page->dirty == 0)
		return;
	page->dirty = 0;
	if (slot == NULL)
		return;
	atomic_fetch_sub(&object->dirty, 1);
	if (!object->anonymous)
		vm_count(object->vm->counters, VM_COUNTER_pages_undirtied, 1);
	vm_index_count_dirty(&object->index, slot, -1);
	if (object->home == VM_HOME_STORE)
		vm_store_count_dirty(&object->store, -1);
}

/* NULL or a barrier of the list that meets [first, end), but for self. */
static struct vm_barrier *
find_barrier(struct vm_object *object, vm_pindex_t first, vm_pindex_t end)
{
	struct vm_node *node;

	vm_lock_assert_held(&object->lock);
	for (node = vm_list_first(&object->barriers); node != NULL;
	    node = vm_list_next(&object->barriers, node)) {
		struct vm_barrier *barrier = VM_ENTRY(node,
		    struct vm_barrier, link);

		if (barrier->first < end && first < barrier->end)
			return barrier;
	}
	return NULL;
}

/*
 * The count is read after the slot was made exclusive, and a barrier is
 * counted before its owner looks for busy slots (both sequentially
 * consistent): one of the two sees the other.
 */
bool
vm_object_barred(struct vm_object *object, vm_pindex_t pindex)
{
	bool barred;

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&object->barrier_count) == 0)
		return false;
	vm_lock(&object->lock);
	barred = find_barrier(object, pindex, pindex + 1) != NULL;
	vm_unlock(&object->lock);
	return barred;
}

void
vm_object_bar(struct vm_object *object, struct vm_barrier *barrier)
{
	vm_lock(&object->lock);
	while (find_barrier(object, barrier->first, barrier->end) != NULL)
		vm_cond_wait(&object->changed, &object->lock,
		    VM_FUTEX_FOREVER);
	vm_list_add_tail(&object->barriers, &barrier->link);
	atomic_fetch_add(&object->barrier_count, 1);
	vm_unlock(&object->lock);
	atomic_thread_fence(memory_order_seq_cst);
}

void
vm_object_unbar(struct vm_object *object, struct vm_barrier *barrier)
{
	vm_lock(&object->lock);
	vm_node_remove(&barrier->link);
	atomic_fetch_sub(&object->barrier_count, 1);
	vm_cond_wake_all(&object->changed);
	vm_unlock(&object->lock);
	vm_limit_notify(&object->vm->limit);
}

void
vm_object_bar_wait(struct vm_object *object, vm_pindex_t pindex)
{
	vm_lock(&object->lock);
	while (find_barrier(object, pindex, pindex + 1) != NULL)
		vm_cond_wait(&object->changed, &object->lock,
		    VM_FUTEX_FOREVER);
	vm_unlock(&object->lock);
}

struct vm_page *
vm_object_lock_page(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_slot *slot;
	uint32_t number;

	while (!vm_index_try_excl_if(&object->index, pindex, true, &slot,
	    &number)) {
		slot = vm_index_find(&object->index, pindex);
		if (slot == NULL)
			return NULL;
		if (vm_slot_idle(slot) &&
		    vm_slot_number(slot) == VM_SLOT_ABSENT)
			return NULL;
		vm_index_wait(&object->index, pindex, slot, false);
	}
	return vm_page_of(object->vm, number);
}

struct vm_page *
vm_object_try_lock_page(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_slot *slot;
	uint32_t number;

	return vm_index_try_excl_if(&object->index, pindex, true, &slot,
	    &number) ? vm_page_of(object->vm, number) : NULL;
}

void
vm_object_unlock_page(struct vm_object *object, struct vm_page *page)
{
	vm_assert(page->object == object);
	vm_life_unlock(page);
}

/* What is to be known before a plan. */
static void
prepare_streams_locked(struct vm_object *object)
{
	struct vm_streams *streams = &object->streams;
	struct vm *vm = object->vm;

	vm_lock_assert_held(&object->lock);
	vm_streams_learn(streams, atomic_load_explicit(&object->early_used,
	    memory_order_relaxed), atomic_load_explicit(
	    &object->early_unused, memory_order_relaxed));
	streams->room_pages = vm_early_room(vm);
	/* A quarter of what there is: that much is worth keeping for who reads
	 * it once more. */
	streams->long_pages = atomic_load_explicit(&vm->limit.total,
	    memory_order_relaxed) / 4;
}

static void
publish_triggers_locked(struct vm_object *object)
{
	vm_lock_assert_held(&object->lock);
	atomic_store_explicit(&object->triggers,
	    vm_streams_bits(&object->streams), memory_order_relaxed);
}

struct vm_plan
vm_object_plan(struct vm_object *object, uint32_t who, vm_pindex_t pindex)
{
	struct vm_plan plan = { .first = pindex, .count = 1 };
	uint64_t pages;

	if (atomic_load_explicit(&object->single, memory_order_relaxed))
		return plan;
	vm_lock(&object->lock);
	pages = vm_object_pages(object);
	if (pindex < pages) {	/* it may have been cut just now */
		prepare_streams_locked(object);
		plan = vm_streams_miss(&object->streams, who, pindex, pages);
		if (plan.count + plan.ahead.count > 1)
			publish_triggers_locked(object);
	}
	vm_unlock(&object->lock);
	return plan;
}

vm_pindex_t
vm_object_plan_run(struct vm_object *object, vm_pindex_t pindex,
    uint32_t count)
{
	vm_pindex_t end = pindex + count;
	uint64_t pages;

	if (atomic_load_explicit(&object->single, memory_order_relaxed))
		return end;
	vm_lock(&object->lock);
	pages = vm_object_pages(object);
	if (end <= pages) {	/* it may have been cut just now */
		prepare_streams_locked(object);
		end = vm_streams_run(&object->streams, pindex, count, pages);
		publish_triggers_locked(object);
	}
	vm_unlock(&object->lock);
	return end;
}

bool
vm_object_plan_step(struct vm_object *object, vm_pindex_t pindex,
    struct vm_step *step)
{
	bool moved;

	if ((atomic_load_explicit(&object->triggers, memory_order_relaxed) &
	    vm_streams_bit(pindex)) == 0)
		return false;
	vm_lock(&object->lock);
	prepare_streams_locked(object);
	moved = vm_streams_touch(&object->streams, pindex,
	    vm_object_pages(object), step);
	if (moved)
		publish_triggers_locked(object);
	if (moved && step->passing_end != 0) {
		atomic_store_explicit(&object->passing_first,
		    step->passing_first, memory_order_relaxed);
		atomic_store_explicit(&object->passing_end, step->passing_end,
		    memory_order_relaxed);
	}
	vm_unlock(&object->lock);
	return moved;
}

/* Rule 26: the memory file's length changes under the lock, or two who grow
 * the object could leave it shorter than its length says.  So does a window,
 * which never shrinks. */
static int
set_length_locked(struct vm_object *object, uint64_t length)
{
	int error = 0;

	vm_lock_assert_held(&object->lock);
	if (object->home == VM_HOME_STORE)
		error = vm_store_resize(&object->store, length);
	if (object->home == VM_HOME_WINDOW)
		error = vm_view_extend(object->view, pages_in(object->vm,
		    length));
	if (error == 0)
		atomic_store_explicit(&object->length, length,
		    memory_order_release);
	return error;
}

static int
grow_index(struct vm_object *object, uint64_t length)
{
	return vm_index_grow(&object->index, pages_in(object->vm, length));
}

int
vm_object_set_length(struct vm_object *object, uint64_t length)
{
	int error = grow_index(object, length);

	if (error != 0)
		return error;
	vm_lock(&object->lock);
	error = set_length_locked(object, length);
	vm_unlock(&object->lock);
	if (error == 0)
		object->pager->ops->resized(object->pager, length);
	return error;
}

int
vm_object_grow(struct vm_object *object, uint64_t length)
{
	int error = grow_index(object, length);

	if (error != 0)
		return error;
	vm_lock(&object->lock);
	if (length > atomic_load(&object->length))
		error = set_length_locked(object, length);
	vm_unlock(&object->lock);
	if (error != 0)
		return error;
	/* Two who grow the object may tell the pager in the wrong order: the
	 * last thing it hears is what is true. */
	do {
		length = atomic_load(&object->length);
		object->pager->ops->resized(object->pager, length);
	} while (length != atomic_load(&object->length));
	return 0;
}

int
vm_object_cut(struct vm_object *object, uint64_t length)
{
	int error = 0;

	vm_lock(&object->lock);
	if (length < atomic_load(&object->length))
		error = set_length_locked(object, length);
	vm_unlock(&object->lock);
	return error;
}
