/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/run.h - neighbours through the limit, and frames that leave it.
 *
 * A run is promised as a whole or not at all, and nobody stands in line for
 * one: a line that waits for neighbours would wait for ever where others are
 * content with less.
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
void vm_limit_give_run(struct vm_limit *limit, struct vm_page *first,
    uint32_t count);

/* A taken page is out of use for good, and the limit one page smaller. */
void vm_limit_retire(struct vm_limit *limit, struct vm_page *page);

#endif
