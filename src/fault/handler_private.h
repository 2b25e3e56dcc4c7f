/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/handler_private.h - between the event loop and the faults it serves.
 */
#ifndef FAULT_HANDLER_PRIVATE_H
#define FAULT_HANDLER_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "fault/fill.h"
#include "fault/handler.h"
#include "fault/patience.h"
#include "limit/limit.h"
#include "map/space.h"

/* 512 faults at once per handler: a thread of a client waits behind each. */
#define VM_HANDLER_FAULTS 512

struct vm_fault {
	struct vm_space *space;
	struct vm_space_fault what;
	struct vm_fill *fill;	/* attached to, or NULL: parked or free */
	bool alone;		/* a read of several pages failed: one */
	bool traced;		/* it has been, once it was known which page */
	/* VM_WAITS: for none (limit/pressure.h) */
	enum vm_wait_for_what waits;
	uint64_t starved_ns;	/* without memory since, 0: it is not that */
	struct vm_patience patience;	/* with a pager without room */
	uint64_t due_ns;	/* parked: until then whatever rings, 0: the
				 * next bell */
	struct vm_node link;	/* free, parked or attached list */
};

/* (T) the handler's thread, (H) its lock. */
struct vm_handler {
	struct vm *vm;			/* (C) */
	struct vm_thread *thread;	/* (C) */
	struct vm_filler *filler;	/* (T) */
	int poll;			/* (C) */
	int bell;			/* eventfd (C) */
	struct vm_listener listener;
	struct vm_lock lock;		/* rank LEAF */
	struct vm_cond left;		/* a space was let go (H) */
	struct vm_list spaces;		/* (H) */
	unsigned count;			/* length of spaces (H) */
	bool stopping;			/* (H) */
	bool busy;			/* a turn is under way (H) */
	struct vm_fault *faults;	/* (C) */
	struct vm_list free;		/* (T) */
	struct vm_list parked;		/* (T) */
	struct vm_list attached;	/* (T) */
	bool starved;			/* a fault found no place (T) */
	bool unsent;			/* reads are queued, not begun (T) */
	int faulter;			/* thread that faulted last (T) */
	unsigned same;			/* how often in a row (T) */
};

/* Takes faults out of the space's ring and serves them. */
void vm_fault_serve_space(struct vm_handler *handler, struct vm_space *space);
/* Looks at parked faults again. */
void vm_fault_retry(struct vm_handler *handler);
/* When the first parked fault that waits for a pause is due; 0: none does. */
uint64_t vm_fault_next_due(const struct vm_handler *handler);
/* Faults of a space that goes away are forgotten, attached ones too. */
void vm_fault_forget(struct vm_handler *handler, struct vm_space *space);

/* 64 faults of one thread in a row: it is alone, or the others only compute. */
#define VM_HANDLER_ALONE 64

static inline void
vm_handler_note_thread(struct vm_handler *handler, int thread)
{
	handler->same = thread == handler->faulter ? handler->same + 1 : 0;
	handler->faulter = thread;
}

static inline bool
vm_handler_serves_one(const struct vm_handler *handler)
{
	return handler->same >= VM_HANDLER_ALONE;
}

#endif
