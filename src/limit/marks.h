/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/marks.h - the ladder of watermarks, computed from the size.
 *
 *	interrupt < reserved < severe < min < low < target <= total / 2
 *
 * all in free pages; limit.h says what each is for, docs/limit.md where the
 * formulas come from and what they give.
 */
#ifndef LIMIT_MARKS_H
#define LIMIT_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct vm_marks {
	uint32_t interrupt;
	uint32_t reserved;
	uint32_t severe;
	uint32_t min;
	uint32_t low;
	uint32_t target;
};

/* Ours: any total from 16 pages on. */
void vm_marks_compute(uint32_t total, struct vm_marks *marks);
/* FreeBSD's, and Mach's for one segment.  False, and nothing is set, where
 * they would be more than half of the system. */
VM_MUST_CHECK bool vm_marks_freebsd(uint32_t total, struct vm_marks *marks);
VM_MUST_CHECK bool vm_marks_mach(uint32_t total, struct vm_marks *marks);

/*
 * Sets those that are 0 to ours.  0; -EINVAL with a sentence when the ladder
 * does not rise then, or target is more than half of total.
 */
VM_MUST_CHECK int vm_marks_complete(uint32_t total, struct vm_marks *marks);

#endif
