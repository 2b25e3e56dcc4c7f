/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/async.h - grabs of one thread that do not wait for each other.
 *
 * An ask is a grab that is under way:
 *
 *	READY	to be tried
 *	FLYING	its fill is in flight; neighbours are one fill, chained by next
 *	ARRIVED	its fill is done: its page is exclusive, nothing finished
 *	WAITS	somebody is in its slot, its bytes change, or memory is short:
 *		tried again when the bell has rung
 *	HARD	resident, but not valid as a whole, or lent: grabbed by itself
 *		with all the sleeping that takes, once nothing flies and
 *		nothing is done (rule 16); until then no fill is started
 *	DONE	answered: held, or failed
 *
 *	READY --> DONE, FLYING, WAITS, HARD    FLYING --> ARRIVED, READY, DONE
 *	ARRIVED --> DONE    WAITS --> READY, DONE    HARD --> DONE
 *
 * The bell is a listener of limit's whose wake posts a request that the I/O
 * queue expects, so that one descriptor, and one sleep, covers reads and
 * releases.  It is armed before the try that decides to wait.
 *
 * Without memory and with nothing in flight or done, the first that starves is
 * grabbed as HARD ones are, in line with everybody else.  While anything is
 * done, nobody sleeps for memory or for a slot: the caller may have what is
 * missing.
 *
 * Belongs to one thread at a time and needs no lock.
 */
#ifndef FAULT_ASYNC_H
#define FAULT_ASYNC_H

#include "base/compiler.h"
#include "object/object.h"

struct vm_async;

/* depth at least 1.  0, -ENOMEM, or why there is no I/O queue. */
VM_MUST_CHECK int vm_async_new(struct vm *vm, unsigned depth,
    struct vm_async **out);
void vm_async_free(struct vm_async *async);

struct vm *vm_async_system(const struct vm_async *async);
unsigned vm_async_outstanding(const struct vm_async *async);
/* There is no room for another. */
bool vm_async_full(const struct vm_async *async);

/* There is room.  how: fault/grab.h. */
void vm_async_add(struct vm_async *async, struct vm_object *object,
    vm_pindex_t pindex, unsigned how, void *arg);
/* An ask that was not worth one, answered with error, negative. */
void vm_async_refuse(struct vm_async *async, int error, void *arg);
/* Tries what was added, and hands its reads over. */
void vm_async_start(struct vm_async *async);
/* Until min are done, or none can be: resident/async.h. */
void vm_async_wait(struct vm_async *async, unsigned min);

/* The next that is done: its page, or NULL and *error.  False: none is. */
bool vm_async_take(struct vm_async *async, struct vm_page **page, int *error,
    void **arg);

int vm_async_poll_fd(struct vm_async *async);
unsigned vm_async_give_up(struct vm_async *async);

#endif
