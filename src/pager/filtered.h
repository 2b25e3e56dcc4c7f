/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/filtered.h - filters between an object and its pager.
 *
 * Every object that users make has a filtered pager: one that hands everything
 * to the one below, and through its filters what they want to see.  Without a
 * filter that is one load and one more call a request.
 *
 *	submit --> before(top) --> ... --> before(0) --> the pager's submit
 *	done   <-- after(top)  <-- ... <-- after(0)  <-- the pager's done
 *
 * Each step is a verdict: go on; end it here (before: it turns back, and the
 * filters above see the result); later (it is in flight in its queue, and goes
 * on when the timer posts it); again (after: once more through this filter's
 * lower ones).  All run in the thread that has the request's queue, so a filter
 * never sleeps; syncs, which may, go through sync.
 *
 * Filters are added at any time: a request goes through those that were there
 * when it started.  They stay until the pager ends, so a late one finds them.
 */
#ifndef PAGER_FILTERED_H
#define PAGER_FILTERED_H

#include <stdbool.h>
#include <stdint.h>

#include <resident/pager.h>

#include "base/compiler.h"
#include "object/pager_ops.h"

struct vm;
struct vm_filter;

/* Puts one over *pager, which becomes it; *pager is destroyed when there is
 * none to be had.  With the system's filters (vm->pager_filter).  0, -errno. */
VM_MUST_CHECK int vm_filtered_wrap(struct vm *vm, struct vm_pager **pager);

/* The pager itself, below its filters. */
struct vm_pager *vm_filtered_base(struct vm_pager *pager);

/* vm_object_add_filter and vm_object_filter_stat, of a filtered pager. */
VM_MUST_CHECK int vm_filtered_add(struct vm_pager *pager, const char *text);
VM_MUST_CHECK int vm_filtered_stat(struct vm_pager *pager, unsigned number,
    struct vm_filter_stat *out);

/* Whether the text would do: 0, -errno with the sentence. */
VM_MUST_CHECK int vm_filtered_check(struct vm *vm, const char *text);

/*
 * For filters: the request goes on, as a verdict LATER, ns from now on.  False
 * when its queue cannot take it: then it goes on at once.
 */
VM_MUST_CHECK bool vm_filtered_postpone(struct vm_pager_io *io, uint64_t ns);

/* The system's timer, made when it is not there. */
struct vm_timer;
VM_MUST_CHECK int vm_filtered_timer(struct vm *vm, struct vm_timer **out);

#endif
