/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/sim/run.h - one policy over one trace.
 *
 * The policy is the library's own object, with a memory of so many pages for
 * the rest of the system.  A touch of a page that is in memory sets the mark
 * that policies read; one of a page that is not evicts the policy's first
 * victim if memory is full, and brings the page in.  To a policy whose order is
 * that of each use (vm_policy_ops.exact) the touch is also told, by activate,
 * unless only marks are wanted: what the library gives it.
 */
#ifndef CLI_SIM_RUN_H
#define CLI_SIM_RUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "queue/policy.h"
#include "trace.h"

struct vm_sim {
	const struct vm_sim_trace *trace;
	const struct vm_policy_ops *ops;	/* NULL: Belady's optimum */
	uint32_t pages;			/* of memory, at least 1 */
	bool marks;			/* no touch is told by activate */
	/* Called now and then with how many requests are done since. */
	void (*progress)(uint64_t requests);
};

/* Requests that found their page; 0, or -ENOMEM. */
VM_MUST_CHECK int vm_sim_run(const struct vm_sim *sim, uint64_t *hits);
/* The same of the optimum. */
VM_MUST_CHECK int vm_sim_optimum(const struct vm_sim *sim, uint64_t *hits);

/* 2^16 requests: milliseconds. */
#define VM_SIM_STEP	UINT64_C(0x10000)

#endif
