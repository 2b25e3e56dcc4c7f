/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/handler.h - the threads that serve the faults of client spaces.
 *
 * A handler is an event loop: it waits for events of its spaces' userfaultfds,
 * for reads it has in flight, and for a bell (its eventfd).  It never sleeps
 * for a page, for memory or for a lock that is held across I/O; a fault that
 * cannot go on is parked and looked at again when the bell rings, which it
 * does when pages are given back or a slot is released (limit's listeners).
 *
 *	read --resident--> wake the thread
 *	     --absent--> attached to a fill --done--> mark dirty, lift, wake
 *	     --fill of ours covers it--> attached to that
 *	     --busy, barred, no memory--> parked --bell--> (again)
 *	     --pager without room--> parked --pause--> (again)
 *	     --error--> poisoned: the thread gets SIGBUS
 *
 * Each space belongs to one handler.  Where a handler runs is the scheduler's
 * business: kept to the processor of the thread it serves it gains nothing,
 * since a woken thread goes to an idle processor all the same, and loses, since
 * it is away from where reads are completed (docs/design-notes.md).
 */
#ifndef FAULT_HANDLER_H
#define FAULT_HANDLER_H

#include "base/compiler.h"
#include "map/space.h"
#include "object/vm.h"

/* Threads start with the first space.  0, -errno. */
VM_MUST_CHECK int vm_handlers_init(struct vm *vm);
/* No space is left. */
void vm_handlers_fini(struct vm *vm);

/* From now on the space's faults are served. */
VM_MUST_CHECK int vm_handler_serve(struct vm_space *space);
/* Not any more: returns when no fault of it is being worked on.  Sleeps. */
void vm_handler_leave(struct vm_space *space);

#endif
