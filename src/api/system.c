/* SPDX-License-Identifier: BSD-2-Clause */
/* api/system.c - making and ending a system: resident/resident.h. */
#include <errno.h>
#include <resident/resident.h>
#include <string.h>
#include <unistd.h>

#include "api/clean.h"
#include "api/frames.h"
#include "api/limits.h"
#include "api/swap.h"
#include "api/system.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/size.h"
#include "fault/fill.h"
#include "fault/handler.h"
#include "fault/prefetch.h"
#include "map/area.h"
#include "memory/memory.h"
#include "object/cached.h"
#include "object/early.h"
#include "object/life.h"
#include "object/object.h"
#include "os/os.h"
#include "pageout/clean.h"
#include "pageout/compact.h"
#include "pageout/daemon.h"
#include "pageout/help.h"
#include "pageout/trim.h"
#include "pageout/launder.h"
#include "pageout/rehome.h"
#include "pager/anon.h"
#include "pager/filtered.h"
#include "pager/timer.h"
#include "pmap/uffd.h"
#include "queue/policy.h"
#include "window/window.h"

/* 16 pages: below, the watermarks would be the whole system. */
#define PAGES_MIN 16
/* The number field of a slot has 28 bits. */
#define PAGES_MAX ((uint64_t)VM_SLOT_PAGES_MAX)
/* 64 KiB: what one read fetches around a miss (design, "Floors"). */
#define CLUSTER_BYTES (UINT64_C(64) << 10)
/* 8 MiB: 4 reads of 1 MiB are under way while as much has come and is being
 * used.  More is no faster, since the frames that it takes turns in are in no
 * cache any more (docs/readahead.md). */
#define WINDOW_BYTES (UINT64_C(8) << 20)
/* 1 MiB: what is fetched at a miss where no use is seen, and so none between
 * two windows.  4 MiB are a tenth faster, and cost four times as much where
 * they are not wanted. */
#define WINDOW_UNSEEN_BYTES (UINT64_C(1) << 20)
/* 256 KiB: as much as one write may be (pageout/launder.h). */
#define LAUNDRY_BYTES (UINT64_C(256) << 10)
/* 30 s: three times what a disk takes to give up on a request. */
#define WAIT_NS (UINT64_C(30) * 1000000000)
/*
 * 128 victims a batch: enough neighbours for long punches, and at 0.3 us a page
 * those who wait for memory get the first pages after 50 us.
 */
#define RECLAIM_BATCH 128u
/* Leaves beyond one per page: slots that are held while absent. */
#define LEAVES_SPARE 4096

VM_EXPORT const char *
vm_last_error(void)
{
	return vm_error_text();
}

VM_EXPORT const char *
vm_version(void)
{
	return VM_VERSION;
}

VM_EXPORT uint32_t
vm_page_bytes(void)
{
	return (uint32_t)sysconf(_SC_PAGESIZE);
}

VM_EXPORT int
vm_size_parse(const char *text, uint64_t *bytes)
{
	if (text == NULL || bytes == NULL)
		return vm_error(EINVAL, "size: no text");
	return vm_size_parse_text(text, bytes);
}

VM_EXPORT const char *const *
vm_policy_names(void)
{
	/* 16: more than there will be. */
	static const char *names[16];

	for (unsigned i = 0; vm_policies[i] != NULL; i++)
		names[i] = vm_policies[i]->name;
	return names;
}

VM_EXPORT const char *
vm_policy_name(const struct vm *vm)
{
	/* It may be changed at any time (vm_set_policy). */
	return vm_queue_policy((struct vm_queue *)&vm->queue)->name;
}

VM_EXPORT int
vm_set_policy(struct vm *vm, const char *name)
{
	const struct vm_policy_ops *ops = name == NULL ? vm_policies[0] :
	    vm_policy_find(name);

	if (ops == NULL)
		return vm_error(EINVAL, "policy: there is none named \"%s\"",
		    name);
	return vm_queue_change(&vm->queue, ops);
}

VM_EXPORT uint32_t
vm_system_page_bytes(const struct vm *vm)
{
	return vm->page_bytes;
}

static int
check_options(const struct vm_options *o, uint32_t page_bytes)
{
	if (vm_limits_bytes(o) / page_bytes < PAGES_MIN)
		return vm_error(EINVAL, "create: a limit of %llu bytes is "
		    "below %u pages of %u bytes",
		    (unsigned long long)vm_limits_bytes(o), PAGES_MIN,
		    page_bytes);
	if (vm_limits_most_bytes(o) / page_bytes > PAGES_MAX)
		return vm_error(EINVAL, "create: a limit of %llu bytes is "
		    "above %llu pages",
		    (unsigned long long)vm_limits_most_bytes(o),
		    (unsigned long long)PAGES_MAX);
	if (o->policy != NULL && vm_policy_find(o->policy) == NULL)
		return vm_error(EINVAL, "create: no policy \"%.64s\"",
		    o->policy);
	if (o->trace_events > VM_TRACE_EVENTS_MAX)
		return vm_error(EINVAL, "create: %u trace events are more "
		    "than %u", o->trace_events, VM_TRACE_EVENTS_MAX);
	if (o->reclaim_batch > VM_DAEMON_BATCH_MAX)
		return vm_error(EINVAL, "create: batches of %u pages are more "
		    "than %u", o->reclaim_batch, VM_DAEMON_BATCH_MAX);
	if (o->laundry_depth > VM_LAUNDRY_DEPTH_MAX)
		return vm_error(EINVAL, "create: %u writes at once are more "
		    "than %u", o->laundry_depth, VM_LAUNDRY_DEPTH_MAX);
	if (o->flags & ~(VM_BUFFERED | VM_NO_URING | VM_PAUSE | VM_HUGE |
	    VM_HIGH_FIRST | VM_NO_HUGE | VM_SWAP_ENCRYPT))
		return vm_error(EINVAL, "create: unknown flags 0x%x",
		    o->flags);
	return vm_swaps_check(o);
}

/* Pages for a number of bytes, at least one, at most most. */
static uint32_t
pages(uint64_t bytes, uint64_t otherwise, uint32_t page_bytes, uint32_t most)
{
	uint64_t n = (bytes == 0 ? otherwise : bytes) / page_bytes;

	return n < 1 ? 1 : n > most ? most : (uint32_t)n;
}

static void
take_options(struct vm *vm, const struct vm_options *o, uint32_t count)
{
	uint32_t eighth = count / 8;

	vm->ioq_kind = o->flags & VM_NO_URING ? VM_IOQ_SYNC : VM_IOQ_AUTO;
	vm->buffered = (o->flags & VM_BUFFERED) != 0;
	vm->wait_max_ns = o->wait_max_ns == 0 ? WAIT_NS : o->wait_max_ns;
	vm->fault_threads = o->fault_threads;
	vm->reclaim_batch = o->reclaim_batch == 0 ? RECLAIM_BATCH :
	    o->reclaim_batch;
	vm->laundry_depth = o->laundry_depth == 0 ? VM_LAUNDRY_DEPTH :
	    o->laundry_depth;
	vm->laundry_pages = pages(o->laundry_bytes, LAUNDRY_BYTES,
	    vm->page_bytes, VM_LAUNDRY_PAGES);
	vm->cluster_pages = pages(o->cluster_bytes, CLUSTER_BYTES,
	    vm->page_bytes, eighth < VM_FILL_USUAL ? eighth : VM_FILL_USUAL);
	vm->window_pages = pages(o->readahead_bytes, WINDOW_BYTES,
	    vm->page_bytes, count / VM_EARLY_SHARE);
	vm->window_unseen_pages = pages(o->readahead_bytes,
	    WINDOW_UNSEEN_BYTES, vm->page_bytes, eighth);
}

static int
make_trace(struct vm *vm, uint32_t events)
{
	void *memory;

	if (events == 0)
		return 0;
	memory = vm->os->alloc(vm_trace_bytes(events));
	if (memory == NULL)
		return vm_error(ENOMEM, "create: no memory for %u trace "
		    "events", events);
	vm->trace = vm_trace_init(memory, events, vm->os->clock_ns);
	return 0;
}

/* A copy, for the objects that come; what is wrong is found now. */
static int
take_filters(struct vm *vm, const char *text)
{
	if (text == NULL)
		return 0;
	vm->pager_filter = vm->os->alloc(strlen(text) + 1);
	if (vm->pager_filter == NULL)
		return vm_error(ENOMEM, "create: no memory");
	memcpy(vm->pager_filter, text, strlen(text));
	return vm_filtered_check(vm, text);
}

/* The rooms' parts, lowest first; what was made is undone by unmake. */
static int
make_parts(struct vm *vm, const struct vm_options *o, uint32_t count)
{
	struct vm_act act = {
		.initial = o->activity.initial, .advance = o->activity.advance,
		.decline = o->activity.decline, .max = o->activity.max,
	};
	int error = make_trace(vm, o->trace_events);

	if (error != 0)
		return error;
	error = vm_frames_set_up(vm, o);
	if (error != 0)
		return error;
	vm_limit_init(&vm->limit, &vm->frames);
	vm->limit.counters = vm->counters;
	vm->limit.trace = vm->trace;
	error = vm_limits_set_up(vm, o);
	if (error != 0)
		return error;
	error = vm_nowhere_init(vm);
	if (error != 0)
		return error;
	error = vm_leaves_init(&vm->leaves, vm->os, count + LEAVES_SPARE);
	if (error != 0)
		return error;
	error = vm_queue_init(&vm->queue, vm->os, o->policy == NULL ?
	    vm_policies[0] : vm_policy_find(o->policy), count, &act);
	if (error != 0)
		return error;
	vm_queue_show(&vm->queue, vm->frames.pages);
	vm_cached_init(vm);
	vm_compact_init(vm);
	vm_help_init(vm);
	vm_trim_init(vm);
	atomic_init(&vm->behind, true);
	atomic_init(&vm->clean_hint, true);
	error = vm_swaps_set_up(vm, o);
	if (error == 0)
		error = take_filters(vm, o->pager_filter);
	if (error == 0)
		error = vm_mem_init(vm, vm_page_bytes());
	if (error == 0)
		error = vm_windows_init(vm);
	if (error == 0)
		error = vm_areas_init(vm);
	if (error == 0)
		error = vm_fillers_init(vm);
	if (error == 0)
		error = vm_prefetch_init(vm);
	if (error == 0)
		error = vm_handlers_init(vm);
	if (error == 0)
		error = vm_daemon_start(vm);
	if (error == 0)
		error = vm_cleaning_set_up(vm, o->cleaning);
	return error;
}

static void
unmake(struct vm *vm)
{
	vm_prefetch_fini(vm);
	vm_daemon_stop(vm);
	vm_cleaner_stop(vm);
	vm_handlers_fini(vm);
	vm_fillers_fini(vm);
	vm_areas_fini(vm);
	vm_rehome_fini(vm);
	if (vm->swap != NULL)
		vm_swap_destroy(vm->swap);
	if (vm->timer != NULL)
		vm_timer_destroy(vm->timer);
	vm->os->free(vm->pager_filter);
	vm_windows_fini(vm);
	vm_mem_fini(vm);
	vm_nowhere_fini(vm);
	if (vm->queue.policy != NULL)
		vm_queue_fini(&vm->queue);
	if (vm->leaves.array != NULL)
		vm_leaves_fini(&vm->leaves);
	if (vm->frames.pages != NULL) {
		vm_limit_fini(&vm->limit);
		vm_frames_fini(&vm->frames);
	}
	vm_lock_fini(&vm->lock);
	vm->os->free(vm->trace);
	vm->os->free(vm->counters);
	vm->os->free(vm);
}

/* An empty system over these two doors; NULL: no memory. */
static struct vm *
new_system(const struct vm_os *os, const struct vm_pmap_ops *pmap,
    uint32_t page_bytes)
{
	struct vm *vm = os->alloc(sizeof(*vm));

	if (vm != NULL)
		vm->counters = os->alloc(sizeof(*vm->counters));
	if (vm == NULL || vm->counters == NULL) {
		os->free(vm);
		return NULL;
	}
	vm->os = os;
	vm->pmap = pmap;
	vm->page_bytes = page_bytes;
	vm->number_shift = VM_SLOT_NUMBER_SHIFT - VM_LOWEST_BIT(page_bytes);
	vm->all_blocks = vm_page_all_blocks(page_bytes);
	vm_lock_init(&vm->lock, VM_RANK_SYSTEM, "system");
	vm_list_init(&vm->objects);
	return vm;
}

/* The options as they are to be, nothing left to be computed from others. */
static int
complete_options(const struct vm_options *options, struct vm_options *out)
{
	int error;

	if (options == NULL || options->size_bytes != sizeof(*options))
		return vm_error(EINVAL, "create: options without "
		    "VM_OPTIONS_INIT");
	*out = *options;
	error = vm_frames_complete(out);
	return error == 0 ? check_options(out, out->page_bytes) : error;
}

int
vm_create_on(const struct vm_options *options, const struct vm_os *os,
    const struct vm_pmap_ops *pmap, struct vm **out)
{
	struct vm_options o;
	struct vm *vm;
	uint32_t count;
	int error = complete_options(options, &o);

	if (error != 0)
		return error;
	if (out == NULL)
		return vm_error(EINVAL, "create: nowhere to put the system");
	vm = new_system(os, pmap, o.page_bytes);
	if (vm == NULL)
		return vm_error(ENOMEM, "create: no memory");
	count = (uint32_t)(vm_limits_most_bytes(&o) / vm->page_bytes);
	take_options(vm, &o, (uint32_t)(vm_limits_bytes(&o) /
	    vm->page_bytes));
	error = make_parts(vm, &o, count);
	if (error != 0) {
		unmake(vm);
		return error;
	}
	*out = vm;
	return 0;
}

VM_EXPORT int
vm_create(const struct vm_options *options, struct vm **out)
{
	return vm_create_on(options, &vm_os_linux, &vm_pmap_linux, out);
}

/* Pages that are neither an object's nor free. */
static uint32_t
owned_pages(struct vm *vm)
{
	return vm_life_loose_pages(vm) + atomic_load(&vm->gone) +
	    atomic_load(&vm->orphans);
}

VM_EXPORT int
vm_destroy(struct vm *vm)
{
	uint32_t objects;
	int error;

	vm_lock(&vm->lock);
	objects = vm->object_count;
	vm_unlock(&vm->lock);
	if (objects != 0 || atomic_load(&vm->space_count) != 0)
		return vm_error(EBUSY, "destroy: %u objects and %u spaces are "
		    "left", objects, atomic_load(&vm->space_count));
	if (atomic_load(&vm->asyncs) != 0)
		return vm_error(EBUSY, "destroy: %u asyncs are left",
		    atomic_load(&vm->asyncs));
	if (vm_windows_open(vm) != 0)
		return vm_error(EBUSY, "destroy: %u windows are open",
		    vm_windows_open(vm));
	error = vm_mem_idle(vm);
	if (error == 0)
		error = vm_limits_idle(vm);
	if (error != 0)
		return error;
	(void)vm_mem_reclaim(vm, UINT32_MAX);
	vm_debug_assert(vm_audit(vm) != -EUCLEAN);
	if (owned_pages(vm) != 0)
		return vm_error(EBUSY, "destroy: %u pages are their callers' "
		    "still, held, lent or never freed", owned_pages(vm));
	unmake(vm);
	return 0;
}
