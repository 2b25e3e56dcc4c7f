/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/self.c - self.h has the theory. */
#include "fault/self.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "fault/fill.h"
#include "fault/grab.h"
#include "pmap/view.h"
#include "stat/stat.h"

int
vm_fault_self_ready(struct vm *vm)
{
	return vm_fillers_make_seats(vm);
}

static int
not_writable(const struct vm_self_fault *fault)
{
	return vm_error(EACCES, "map: page %llu: a write to what a read-only "
	    "object shows", (unsigned long long)fault->pindex);
}

static int
beyond(const struct vm_self_fault *fault)
{
	return vm_error(ERANGE, "map: page %llu is beyond the object's end",
	    (unsigned long long)fault->pindex);
}

static int
check(const struct vm_self_fault *fault)
{
	struct vm_object *object = fault->object;

	if (fault->write && !atomic_load(&object->writable))
		return not_writable(fault);
	return fault->pindex < vm_object_pages(object) ? 0 : beyond(fault);
}

/*
 * A window was opened by the grab.  A store's page is protected in each of its
 * mappings, and opened in the one that was touched.  Once more where it is
 * open already: only this thread knows that it trapped.
 */
static void
let_write(const struct vm_self_fault *fault, struct vm_page *page)
{
	struct vm_object *object = page->object;
	struct vm *vm = object->vm;

	if (object->home != VM_HOME_STORE)
		return;
	vm_object_mark_dirty(object, page, vm->all_blocks);
	while (vm_pmap_protect(&atomic_load_explicit(&vm->views,
	    memory_order_relaxed)->pmap, fault->address, vm->page_bytes,
	    false) != 0)
		continue;
}

/*
 * The program may have taken the page away from its own range (madvise, munmap
 * and mmap over it): then it is resident, and the touch traps all the same.
 * That cannot be told from a page that comes and goes but by how often it
 * happens: 64 times one after the other, with the instruction never getting
 * through, is no coincidence.
 */
#define REPEATS 64u

static _Thread_local VM_INITIAL_EXEC struct {
	uint64_t address;
	unsigned count;
} last;

static int
check_repeats(const struct vm_self_fault *fault, bool there)
{
	last.count = there && last.address == fault->address ?
	    last.count + 1 : 0;
	last.address = fault->address;
	if (last.count < REPEATS)
		return 0;
	last.count = 0;
	return vm_error(EFAULT, "map: page %llu is resident, but not in the "
	    "range at 0x%llx any more", (unsigned long long)fault->pindex,
	    (unsigned long long)fault->address);
}

/* The page is resident, and its slot held, for a moment. */
static int
resolve(const struct vm_self_fault *fault)
{
	struct vm_page *page;
	int error = check(fault);

	if (error == 0)
		error = vm_grab(fault->object, fault->pindex, VM_HOW_FAULT |
		    (fault->write ? VM_HOW_WRITE : 0), &page);
	if (error != 0)
		return error;
	if (fault->write)
		let_write(fault, page);
	vm_ungrab(page);
	return 0;
}

static void
count_minor(struct vm_counters *counters, bool write)
{
	vm_count(counters, VM_COUNTER_faults, 1);
	vm_count(counters, write ? VM_COUNTER_faults_write :
	    VM_COUNTER_faults_minor, 1);
}

int
vm_fault_self(const struct vm_self_fault *fault)
{
	struct vm_object *object = fault->object;
	bool there = vm_index_peek(&object->index, fault->pindex) !=
	    VM_SLOT_ABSENT;
	int saved = errno, error;

	vm_lock_assert_none_held();
	error = check_repeats(fault, there);
	if (error == 0)
		error = resolve(fault);
	if (there)	/* what was not has been counted by the grab */
		count_minor(object->vm->counters, fault->write);
	errno = saved;
	return error;
}
