/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/budget.h - a number of bytes that all together may use.
 *
 * After the rump kernel's RUMP_MEMLIMIT: of the bytes that were given,
 * reserve are for the daemon alone, so that it can write pages out when
 * everybody else has to wait, and at nine tenths of the rest it is woken.
 *
 *	0 ------------------ mark ---- limit --------- given
 *	                     |         |  only the daemon
 *	                     |         others end here
 *	                     above: the daemon is needed
 *
 * used never exceeds the bound of who takes, not even for a moment (the rump
 * kernel adds first and looks then).  Without a budget all three are
 * UINT64_MAX and used still counts.
 */
#ifndef LIMIT_BUDGET_H
#define LIMIT_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* 128 KiB: two transfers of 64 KiB, the rump kernel's 2 * MAXPHYS. */
#define VM_BUDGET_RESERVE_BYTES (UINT64_C(128) << 10)

struct vm_budget {
	uint64_t given;		/* bytes (C) */
	uint64_t limit;		/* given less the reserve (C) */
	uint64_t mark;		/* (C) */
	_Atomic uint64_t used;	/* bytes (A) */
};

void vm_budget_init_none(struct vm_budget *budget);
/* 0; -EINVAL with a sentence unless given is more than reserve. */
VM_MUST_CHECK int vm_budget_init(struct vm_budget *budget, uint64_t given,
    uint64_t reserve);
static inline bool
vm_budget_limited(const struct vm_budget *budget)
{
	return budget->mark != UINT64_MAX;
}

/* How many of want units of unit bytes fit; they are taken.  reserve: the
 * daemon asks. */
uint32_t vm_budget_take(struct vm_budget *budget, uint64_t unit,
    uint32_t want, bool reserve);
/* Whether that many would fit now. */
bool vm_budget_fits(const struct vm_budget *budget, uint64_t bytes,
    bool reserve);
void vm_budget_give(struct vm_budget *budget, uint64_t bytes);

/* More than mark is used. */
bool vm_budget_needs_daemon(const struct vm_budget *budget);
/* Bytes to free until it is not. */
uint64_t vm_budget_excess(const struct vm_budget *budget);

#endif
