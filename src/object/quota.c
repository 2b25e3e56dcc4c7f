/* SPDX-License-Identifier: BSD-2-Clause */
/* object/quota.c - quota.h has the theory. */
#include "object/quota.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "stat/stat.h"

static uint64_t
load(const _Atomic uint64_t *pages)
{
	return atomic_load_explicit(pages, memory_order_relaxed);
}

static void
store(_Atomic uint64_t *pages, uint64_t value)
{
	atomic_store_explicit(pages, value, memory_order_relaxed);
}

static int
check(const struct vm_quota *quota)
{
	if (quota->low != 0 && quota->min > quota->low)
		return vm_error(EINVAL, "limits: min of %llu pages is above "
		    "low", (unsigned long long)quota->min);
	if (quota->high != 0 && (quota->low > quota->high ||
	    quota->min > quota->high))
		return vm_error(EINVAL, "limits: high of %llu pages is below "
		    "min or low", (unsigned long long)quota->high);
	return 0;
}

/* The object's part of what is min in all; under the system lock. */
static int
share_locked(struct vm_object *object, uint64_t min)
{
	struct vm *vm = object->vm;
	uint64_t others, most = atomic_load(&vm->limit.total) / 2;

	vm_lock_assert_held(&vm->lock);
	others = load(&vm->kept) - load(&object->kept_min);
	if (min > most || others > most - min)
		return vm_error(ENOMEM, "limits: %llu pages are kept for other "
		    "objects, and with %llu more that is above half of the "
		    "limit (%llu)", (unsigned long long)others,
		    (unsigned long long)min, (unsigned long long)most);
	store(&vm->kept, others + min);
	store(&object->kept_min, min);
	return 0;
}

int
vm_quota_set(struct vm_object *object, const struct vm_quota *quota)
{
	int error = check(quota);

	if (error != 0)
		return error;
	vm_lock(&object->vm->lock);
	error = share_locked(object, quota->min);
	if (error == 0) {
		store(&object->kept_low, quota->low);
		store(&object->high, quota->high);
		store(&object->wired_max, quota->wired_max);
		atomic_store(&object->limited, true);
	}
	vm_unlock(&object->vm->lock);
	if (error == 0)
		vm_quota_grew(object);
	return error;
}

void
vm_quota_get(struct vm_object *object, struct vm_quota *out)
{
	vm_lock(&object->vm->lock);
	*out = (struct vm_quota){
		.min = load(&object->kept_min),
		.low = load(&object->kept_low),
		.high = load(&object->high),
		.wired_max = load(&object->wired_max),
	};
	vm_unlock(&object->vm->lock);
}

int
vm_quota_check_limit(struct vm *vm, uint32_t pages)
{
	uint64_t kept = load(&vm->kept);

	vm_lock_assert_held(&vm->lock);
	return kept <= pages / 2 ? 0 : vm_error(EINVAL, "limit: of %u pages, "
	    "of which objects keep %llu", pages, (unsigned long long)kept);
}

void
vm_quota_end(struct vm_object *object)
{
	struct vm *vm = object->vm;

	vm_lock(&vm->lock);
	store(&vm->kept, load(&vm->kept) - load(&object->kept_min));
	store(&object->kept_min, 0);
	vm_unlock(&vm->lock);
}

/* What it keeps just now. */
static uint64_t
kept_of(const struct vm_object *object)
{
	uint64_t min = load(&object->kept_min);
	uint64_t low = load(&object->kept_low);

	return low > min && !atomic_load_explicit(&object->vm->needy,
	    memory_order_relaxed) ? low : min;
}

bool
vm_quota_try_claim(struct vm_object *object)
{
	struct vm *vm = object->vm;
	uint64_t leaving = atomic_fetch_add(&object->leaving, 1) + 1;
	uint64_t resident = atomic_load(&object->resident);

	/* No sum: low may be all there is. */
	if (resident >= leaving && resident - leaving >= kept_of(object))
		return true;
	vm_quota_unclaim(object, 1);
	atomic_store_explicit(&vm->spared, true, memory_order_relaxed);
	vm_count(vm->counters, VM_COUNTER_victims_kept, 1);
	return false;
}

/* No more than there are: some were claimed when nobody counted. */
void
vm_quota_unclaim(struct vm_object *object, unsigned count)
{
	uint64_t leaving = atomic_load(&object->leaving), rest;

	do {
		rest = leaving < count ? 0 : leaving - count;
	} while (!atomic_compare_exchange_weak(&object->leaving, &leaving,
	    rest));
}

uint64_t
vm_quota_above(const struct vm_object *object)
{
	uint64_t high = load(&object->high);
	uint64_t gone = atomic_load(&object->leaving);
	uint64_t resident = atomic_load(&object->resident);

	return high == 0 || resident <= high + gone ? 0 :
	    resident - gone - high;
}

void
vm_quota_grew(struct vm_object *object)
{
	struct vm *vm = object->vm;

	if (vm_quota_above(object) != 0 && vm->trim != NULL)
		vm->trim(object);
	if (vm_quota_above(object) == 0)
		return;
	atomic_store(&vm->above, true);
	vm_limit_kick(&vm->limit);
}
