/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/run.h - neighbours through the limit, and frames that leave it.
 *
 * A run is promised as a whole or not at all.  Who waits for one stands in
 * line for each of its pages, one after the other, and keeps what he gets; then
 * he exchanges them for neighbours.  Nobody stands in line for neighbours:
 * where they are lacking, vm_limit.compact makes room, and where that cannot,
 * enough free pages do not help.
 */
#ifndef LIMIT_RUN_H
#define LIMIT_RUN_H

#include "base/compiler.h"
#include "limit/limit.h"

/*
 * Takes a run for the pool; vm_run_check has said yes.  0; -EAGAIN: the class
 * may not have so many pages now, and the daemon was kicked; -ENOMEM with a
 * sentence: enough are free, but not together.  Never sleeps.
 */
VM_MUST_CHECK int vm_limit_take_run(struct vm_limit *limit,
    enum vm_class class, const struct vm_run_options *options,
    struct vm_page **first);
/* The same for who waits: -ENOMEM with a sentence (after timeout_ns, too),
 * -ECANCELED, as vm_limit_wait.  Room is made several times, for what is busy
 * now may be idle after a pause.  Two who wait for much at once may each have
 * what the other needs, until the time is over. */
VM_MUST_CHECK int vm_limit_wait_run(struct vm_limit *limit,
    const struct vm_run_options *options, uint64_t timeout_ns,
    struct vm_page **first);
void vm_limit_give_run(struct vm_limit *limit, struct vm_page *first,
    uint32_t count);

/*
 * For vm_limit.compact, within the promise that it was called with: this frame,
 * false when it is not free; any one for that home, NULL when there is none
 * (never for the pool); one of these back into the promise.
 */
VM_MUST_CHECK bool vm_limit_run_take_at(struct vm_limit *limit,
    uint32_t number);
struct vm_page *vm_limit_run_take_any(struct vm_limit *limit,
    enum vm_home home);
void vm_limit_run_give(struct vm_limit *limit, struct vm_page *page);

/* A taken page is out of use for good, and the limit one page smaller. */
void vm_limit_retire(struct vm_limit *limit, struct vm_page *page);

#endif
