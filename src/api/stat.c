/* SPDX-License-Identifier: BSD-2-Clause */
/* api/stat.c - what a system has done, and is doing: resident/stat.h. */
#include <errno.h>
#include <resident/stat.h>
#include <string.h>

#include "base/error.h"
#include "frame/fictitious.h"
#include "object/life.h"
#include "object/object.h"
#include "os/os.h"
#include "pageout/clean.h"

/* Hundredths of a percent. */
static uint64_t
share_of(uint64_t one, uint64_t other)
{
	return one + other == 0 ? 0 : one * 10000 / (one + other);
}

static void
read_counters(const struct vm_counters *c, struct vm_stat *s)
{
#define READ(name) s->name = vm_counter_read(c, VM_COUNTER_##name)
	READ(faults);
	READ(faults_minor);
	READ(faults_write);
	READ(pages_in);
	READ(pages_out);
	READ(readahead_pages);
	READ(readahead_used);
	READ(readahead_unused);
	READ(evicted_clean);
	READ(evicted_dirty);
	READ(read_bytes);
	READ(written_bytes);
	READ(wait_ns);
	READ(memory_waits);
	READ(read_errors);
	READ(write_errors);
	READ(forks);
	READ(grabs);
	READ(grab_misses);
	READ(pages_zeroed);
	READ(pages_taken);
	READ(pages_freed);
	READ(reads);
	READ(writes);
	READ(syncs);
	READ(memory_wait_ns);
	READ(wakeups);
	READ(victims_busy);
	READ(victims_kept);
	READ(protect_calls);
	READ(punch_calls);
	READ(remaps);
	READ(loan_copies);
	READ(compact_moves);
	READ(compact_failures);
	READ(rescues);
	READ(rescued);
	READ(limbo_touched);
	READ(limbo_again);
	READ(no_room_pages);
	READ(pages_undirtied);
	READ(pages_dirtied);
	READ(cleaned_pages);
#undef READ
	s->readahead_useful = share_of(s->readahead_used,
	    s->readahead_unused);
}

static void
read_limit(struct vm *vm, struct vm_stat *s)
{
	const struct vm_limit *limit = &vm->limit;
	uint32_t used = vm_limit_used_pages(limit);
	uint32_t shelved = vm_shelves_count(limit);

	s->limit_pages = atomic_load(&limit->total);
	s->capacity_pages = limit->capacity;
	s->interrupt_pages = atomic_load(&limit->interrupt);
	s->reserved_pages = atomic_load(&limit->reserved);
	s->severe_pages = atomic_load(&limit->severe);
	s->min_pages = atomic_load(&limit->min);
	s->low_pages = atomic_load(&limit->low);
	s->target_pages = atomic_load(&limit->target);
	s->pageout_min_pages = atomic_load(&limit->pageout_min);
	s->free_pages = atomic_load(&limit->free) + shelved;
	s->resident_pages = used > shelved ? used - shelved : 0;
	s->margin_pages = atomic_load(&limit->margin);
	s->deficit_pages = atomic_load(&limit->deficit);
	s->pauses = atomic_load(&limit->pauses_begun);
	s->laundry_pages = atomic_load(&limit->laundry[0]);
	s->laundry_external_pages = atomic_load(&limit->laundry[1]);
	s->peak_pages = atomic_load(&limit->peak);
	s->waiting_threads = atomic_load(&limit->waiting);
	vm_lock(&vm->leaves.lock);
	s->overhead_bytes = (uint64_t)vm->leaves.fresh *
	    sizeof(struct vm_leaf);
	vm_unlock(&vm->leaves.lock);
	s->overhead_bytes += s->limit_pages * sizeof(struct vm_page);
}

/* Once with each of the two kinds and of the two ways of counting. */
#define READ_STALL(s, name, figures) do { \
	const struct vm_stall_figures *f = (figures); \
	(s)->name##_us = f->total_us; \
	(s)->name##_avg10 = f->average[0]; \
	(s)->name##_avg60 = f->average[1]; \
	(s)->name##_avg300 = f->average[2]; \
} while (0)

static void
read_pressure(struct vm *vm, struct vm_stat *s)
{
	struct vm_stall_figures figures[VM_WAITS][VM_STALLS];

	vm_pressure_read(&vm->limit.pressure, vm->counters,
	    vm->os->clock_ns(), figures);
	READ_STALL(s, memory_some, &figures[VM_WAITS_MEMORY][VM_STALL_SOME]);
	READ_STALL(s, memory_full, &figures[VM_WAITS_MEMORY][VM_STALL_FULL]);
	READ_STALL(s, miss_some, &figures[VM_WAITS_MISS][VM_STALL_SOME]);
	READ_STALL(s, miss_full, &figures[VM_WAITS_MISS][VM_STALL_FULL]);
	s->pressure_level = atomic_load(&vm->limit.pressure.level);
}

/* A list of a policy whose pages are the first to be considered. */
static bool
is_inactive(const char *name)
{
	return strncmp(name, "inactive", strlen("inactive")) == 0 ||
	    strcmp(name, "ahead") == 0 || strcmp(name, "small") == 0;
}

static void
read_queues(struct vm *vm, struct vm_stat *s)
{
	const char *name;
	uint32_t count;

	for (unsigned i = 0; vm_queue_list(&vm->queue, i, &name, &count); i++)
		if (is_inactive(name))
			s->inactive_pages += count;
		else
			s->active_pages += count;
	/* The cached ones are a list, too: the last. */
	s->cached_pages = vm_queue_cached(&vm->queue);
	s->active_pages -= s->cached_pages < s->active_pages ?
	    s->cached_pages : s->active_pages;
	s->available_pages = s->free_pages + s->cached_pages;
	s->reactivated = atomic_load(&vm->queue.reactivated);
}

static void
read_frames(struct vm_frames *frames, struct vm_stat *s)
{
	struct vm_fictitious *fictitious = &frames->fictitious;

	for (unsigned i = 0; i < frames->segments.count; i++) {
		struct vm_segment_count count;

		vm_frames_count(frames, i, &count);
		s->free_zeroed_pages += count.zeroed;
		s->free_magazine_pages += count.magazines;
	}
	s->stolen_pages = atomic_load(&frames->stolen);
	s->retired_pages = atomic_load(&frames->retired);
	vm_lock(&fictitious->lock);
	s->fictitious_pages = fictitious->made - fictitious->count;
	vm_unlock(&fictitious->lock);
}

static void
read_objects(struct vm *vm, struct vm_stat *s)
{
	struct vm_node *node;

	vm_lock(&vm->lock);
	s->objects = vm->object_count;
	for (node = vm_list_first(&vm->objects); node != NULL;
	    node = vm_list_next(&vm->objects, node))
		s->dirty_pages += atomic_load(&VM_ENTRY(node,
		    struct vm_object, link)->dirty);
	vm_unlock(&vm->lock);
	s->dirty_external_pages = vm_dirty_pages(vm);
	s->spaces = atomic_load(&vm->space_count);
	s->wired_pages = atomic_load(&vm->wired);
	s->external_pages = vm_objects_external(vm);
	s->loose_pages = vm_life_loose_pages(vm);
	s->held_pages = atomic_load(&vm->gone);
	s->loaned_pages = atomic_load(&vm->orphans);
	s->loans = atomic_load(&vm->loans);
}

VM_EXPORT int
vm_stat(struct vm *vm, struct vm_stat *out)
{
	struct vm_stat now = { .size_bytes = sizeof(now) };
	size_t bytes = out == NULL ? 0 : out->size_bytes;

	if (bytes < sizeof(size_t))
		return vm_error(EINVAL, "stat: without VM_STAT_INIT");
	read_limit(vm, &now);
	read_pressure(vm, &now);
	read_queues(vm, &now);
	read_frames(&vm->frames, &now);
	read_objects(vm, &now);
	read_counters(vm->counters, &now);
	/* A caller built against fewer fields gets those; one built against
	 * more finds its own zeros in the rest. */
	memcpy(out, &now, bytes < sizeof(now) ? bytes : sizeof(now));
	out->size_bytes = bytes;
	return 0;
}
