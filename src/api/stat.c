/* SPDX-License-Identifier: BSD-2-Clause */
/* api/stat.c - what a system has done: resident/stat.h. */
#include <errno.h>
#include <resident/stat.h>
#include <string.h>

#include "base/error.h"
#include "object/vm.h"

static void
read_counters(const struct vm_counters *c, struct vm_stat *s)
{
	s->faults = vm_counter_read(c, VM_COUNTER_faults);
	s->faults_minor = vm_counter_read(c, VM_COUNTER_faults_minor);
	s->faults_write = vm_counter_read(c, VM_COUNTER_faults_write);
	s->pages_in = vm_counter_read(c, VM_COUNTER_pages_in);
	s->pages_out = vm_counter_read(c, VM_COUNTER_pages_out);
	s->readahead_pages = vm_counter_read(c, VM_COUNTER_readahead_pages);
	s->evicted_clean = vm_counter_read(c, VM_COUNTER_evicted_clean);
	s->evicted_dirty = vm_counter_read(c, VM_COUNTER_evicted_dirty);
	s->read_bytes = vm_counter_read(c, VM_COUNTER_read_bytes);
	s->written_bytes = vm_counter_read(c, VM_COUNTER_written_bytes);
	s->wait_ns = vm_counter_read(c, VM_COUNTER_wait_ns);
	s->memory_waits = vm_counter_read(c, VM_COUNTER_memory_waits);
	s->read_errors = vm_counter_read(c, VM_COUNTER_read_errors);
	s->write_errors = vm_counter_read(c, VM_COUNTER_write_errors);
	s->forks = vm_counter_read(c, VM_COUNTER_forks);
}

static void
read_limit(struct vm *vm, struct vm_stat *s)
{
	const struct vm_limit *limit = &vm->limit;

	s->limit_pages = limit->total;
	s->reserved_pages = limit->reserved;
	s->min_pages = limit->min;
	s->low_pages = limit->low;
	s->target_pages = limit->target;
	s->free_pages = atomic_load(&limit->free);
	s->resident_pages = limit->total - s->free_pages;
	s->peak_pages = atomic_load(&limit->peak);
	vm_lock(&vm->leaves.lock);
	s->overhead_bytes = (uint64_t)vm->leaves.fresh *
	    sizeof(struct vm_leaf);
	vm_unlock(&vm->leaves.lock);
	s->overhead_bytes += s->limit_pages * sizeof(struct vm_page);
}

VM_EXPORT int
vm_stat(struct vm *vm, struct vm_stat *out)
{
	struct vm_stat now = { .size_bytes = sizeof(now) };
	size_t bytes = out == NULL ? 0 : out->size_bytes;

	if (bytes < sizeof(size_t))
		return vm_error(EINVAL, "stat: without VM_STAT_INIT");
	read_limit(vm, &now);
	read_counters(vm->counters, &now);
	/* A caller built against fewer fields gets those; one built against
	 * more finds its own zeros in the rest. */
	memcpy(out, &now, bytes < sizeof(now) ? bytes : sizeof(now));
	out->size_bytes = bytes;
	return 0;
}
