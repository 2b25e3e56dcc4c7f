/* SPDX-License-Identifier: BSD-2-Clause */
/* map/events.c - what the client's kernel tells: map/space.h has the rules. */
#include <errno.h>

#include "base/assert.h"
#include "map/space.h"
#include "map/space_private.h"
#include "os/os.h"
#include "stat/stat.h"

/* 16 messages a read: one cache line each in the kernel, 512 bytes of ours. */
#define EVENTS 16

static void
add_fault(struct vm_space *space, const struct vm_pmap_event *event)
{
	unsigned next = (space->tail + 1) % VM_SPACE_FAULTS;

	if (next == space->head) {
		space->overflow = true;
		return;
	}
	space->faults[space->tail] = (struct vm_space_fault){
		.address = event->address &
		    ~(uint64_t)(space->vm->page_bytes - 1),
		.write = event->write,
		.thread = event->thread,
		.since_ns = space->vm->os->clock_ns(),
	};
	space->tail = next;
}

/*
 * When there is no memory for the child's space its descriptor stays open and
 * unserved: the child stops at its first missing page, which is better than
 * reading zeros.
 */
static void
fork_event(struct vm_space *parent, int uffd)
{
	struct vm_space *child;
	bool ours;

	VM_TRACE(parent->vm->trace, fork, 0, 0, 0);
	vm_count(parent->vm->counters, VM_COUNTER_forks, 1);
	if (vm_space_new(parent->vm, uffd, true, &child) != 0)
		return;
	child->forked = parent->forked;
	child->failed = parent->failed;
	atomic_store(&child->arg, atomic_load(&parent->arg));
	/* The child runs already.  With its first entry it is known to others,
	 * who must not apply what it does before it has all of them. */
	ours = vm_lock_try(&child->pmap.events);
	vm_assert(ours);
	/* A partial copy is not taken back: the child stops where a range is
	 * missing, as above. */
	(void)vm_space_copy_entries(parent, child);
	vm_unlock(&child->pmap.events);
	vm_list_add_tail(&parent->children, &child->born);
}

static void
apply(struct vm_space *space, const struct vm_pmap_event *event)
{
	switch (event->kind) {
	case VM_PMAP_FAULT:
		add_fault(space, event);
		break;
	case VM_PMAP_FORK:
		fork_event(space, event->fd);
		break;
	case VM_PMAP_REMAP:
		vm_count(space->vm->counters, VM_COUNTER_remaps, 1);
		vm_space_shift(space, event->address, event->to,
		    event->length);
		break;
	case VM_PMAP_UNMAP:
		vm_count(space->vm->counters, VM_COUNTER_remaps, 1);
		vm_space_cut(space, event->address,
		    event->to - event->address);
		break;
	}
}

void
vm_space_drain(struct vm_space *space)
{
	struct vm_pmap *pmap = &space->pmap;
	struct vm_pmap_event events[EVENTS];
	int n;

	do {
		/* Read and apply under one hold: see pmap/uffd.h. */
		vm_lock(&pmap->events);
		n = pmap->ops->read(pmap->uffd, events, EVENTS);
		for (int i = 0; i < n; i++)
			apply(space, &events[i]);
		vm_unlock(&pmap->events);
	} while (n == EVENTS);
}

/* After a dropped fault: everybody who waits anywhere faults again. */
static void
wake_all(struct vm_space *space)
{
	struct vm_entry entry;
	uint64_t address = 0;

	while (vm_space_look_from(space, address, &entry)) {
		uint64_t length = entry.mapping.pages * space->vm->page_bytes;

		vm_pmap_wake(&space->pmap, entry.mapping.address, length);
		address = entry.mapping.address + length;
		vm_object_unpin(entry.object);
	}
}

bool
vm_space_take_fault(struct vm_space *space, struct vm_space_fault *out)
{
	bool found, overflow = false;

	vm_lock(&space->pmap.events);
	found = space->head != space->tail;
	if (found) {
		*out = space->faults[space->head];
		space->head = (space->head + 1) % VM_SPACE_FAULTS;
	} else {
		overflow = space->overflow;
		space->overflow = false;
	}
	vm_unlock(&space->pmap.events);
	if (overflow)
		wake_all(space);
	return found;
}

struct vm_space *
vm_space_take_child(struct vm_space *space)
{
	struct vm_space *child;

	vm_lock(&space->pmap.events);
	child = VM_ENTRY(vm_list_first(&space->children), struct vm_space,
	    born);
	if (child != NULL) {
		vm_node_remove(&child->born);
		space->handing++;
	}
	vm_unlock(&space->pmap.events);
	return child;
}

void
vm_space_handed_over(struct vm_space *space)
{
	vm_lock(&space->pmap.events);
	vm_assert(space->handing > 0);
	space->handing--;
	vm_unlock(&space->pmap.events);
}

bool
vm_space_expects(struct vm_space *space)
{
	bool expects;

	vm_lock(&space->pmap.events);
	expects = space->handing > 0 || !vm_list_empty(&space->children);
	vm_unlock(&space->pmap.events);
	return expects;
}
