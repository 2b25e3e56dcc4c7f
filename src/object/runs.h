/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/runs.h - neighbours without identity: loose pages in a row.
 *
 * Each page of a run is loose by itself (object/life.h): it may be inserted or
 * freed alone, and what is left is still a run of those around it.
 */
#ifndef OBJECT_RUNS_H
#define OBJECT_RUNS_H

#include <stdint.h>

#include "base/compiler.h"
#include "frame/frame.h"
#include "limit/limit.h"
#include "object/vm.h"

struct vm_run_take {
	struct vm_run_options options;
	enum vm_class class;
	bool wired;
	bool wait;		/* for as long as the system allows */
};

/* 0; -ENOMEM with a sentence: short of memory, fragmented, or too much is
 * wired.  Pages are zeros where the options say so. */
VM_MUST_CHECK int vm_runs_take(struct vm *vm, const struct vm_run_take *take,
    struct vm_page **first);
/* Wired or not; whose frames somebody holds are free later. */
void vm_runs_free(struct vm *vm, struct vm_page *first, uint32_t count);

/* The loose page is out of use for good.  0; -EBUSY while somebody holds or
 * borrows it, -EINVAL when the limit would be too small. */
VM_MUST_CHECK int vm_runs_retire(struct vm *vm, struct vm_page *page);

#endif
