/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/quota.h - how much of memory an object keeps, and how much it may
 * have.
 *
 *	0 <= min <= low <= high, in resident pages; a high of 0 is none
 *
 *	resident	its pages
 *	.. min		none leaves against its user's will
 *	.. low		none does, as long as other objects have some that can
 *			(cgroup v2's memory.low)
 *	.. high		as the policy thinks
 *	above		its own go before any other, and one comes for each that
 *			goes (memory.high)
 *
 * All that is min together is half of the limit at most, so that the rest keeps
 * the system moving.  What its user gives up, cuts off, caches or writes behind
 * its back leaves whatever the limits are.
 *
 * A page is claimed before it leaves for want of memory, and is left out of
 * what the object has from then on, so that two who look for victims at once do
 * not both take the last one above min:
 *
 *	claim: leaving + 1; refused where resident - leaving would be below
 *	it has gone, or stays after all: leaving - 1
 *
 * An object that has no limits, and never had, is not counted: its pages are
 * claimed for nothing, at the cost of a look at the line of the object that
 * says where its bytes are.  Those that were being taken when it got its first
 * limits are the ones that min may miss, once.
 *
 * Hits see nothing of this; a miss looks at that line and, of an object that
 * has limits, at the count of its pages.
 */
#ifndef OBJECT_QUOTA_H
#define OBJECT_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "object/object.h"

struct vm_quota {
	uint64_t min;		/* pages */
	uint64_t low;		/* pages */
	uint64_t high;		/* pages; 0: none */
	uint64_t wired_max;	/* pages; 0: none of its own */
};

/* 0; -EINVAL: min above low, or low above high; -ENOMEM: more than half of the
 * limit would be min.  Then nothing has changed. */
VM_MUST_CHECK int vm_quota_set(struct vm_object *object,
    const struct vm_quota *quota);
void vm_quota_get(struct vm_object *object, struct vm_quota *out);
/* 0; -EINVAL: what objects keep is above half of so many pages.  The system
 * lock is held. */
VM_MUST_CHECK int vm_quota_check_limit(struct vm *vm, uint32_t pages);
/* The object ends. */
void vm_quota_end(struct vm_object *object);

/* The halves of vm_quota_claim and vm_quota_left for objects with limits. */
bool vm_quota_try_claim(struct vm_object *object);
void vm_quota_unclaim(struct vm_object *object, unsigned count);

static inline bool
vm_quota_limits(const struct vm_object *object)
{
	return VM_UNLIKELY(atomic_load_explicit(&object->limited,
	    memory_order_relaxed));
}

/* A page of the object may leave for want of memory. */
VM_MUST_CHECK static inline bool
vm_quota_claim(struct vm_object *object)
{
	return !vm_quota_limits(object) || vm_quota_try_claim(object);
}

/* So many that were claimed have lost their identity, or stay.  The object is
 * still there. */
static inline void
vm_quota_left(struct vm_object *object, unsigned count)
{
	if (vm_quota_limits(object))
		vm_quota_unclaim(object, count);
}

/* Pages above high. */
uint64_t vm_quota_above(const struct vm_object *object);

/*
 * Pages have come to the object: where it has too many, some leave, or the
 * daemon is asked to see to that.  Never sleeps; hold no lock.
 */
void vm_quota_grew(struct vm_object *object);

#endif
