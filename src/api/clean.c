/* SPDX-License-Identifier: BSD-2-Clause */
/* api/clean.c - cleaning in the background: resident/limit.h. */
#include "api/clean.h"

#include <errno.h>
#include <resident/resident.h>

#include "base/error.h"
#include "pageout/clean.h"

/* 30 s and 10 %: Linux's dirty_expire_centisecs and dirty_background_ratio,
 * which programs live with. */
#define AGE_MS		30000u
#define SHARE_PERCENT	10u
/* 32 MiB/s: a sixth of what the disk here writes, a third of a disk that
 * turns. */
#define RATE_BYTES	(UINT64_C(32) << 20)

#define NS_PER_MS	UINT64_C(1000000)

static int
check(const struct vm_cleaning *how)
{
	if (how == NULL || how->size_bytes != sizeof(*how))
		return vm_error(EINVAL, "cleaning: without VM_CLEANING_INIT");
	if ((how->flags & ~VM_CLEANING_OFF) != 0)
		return vm_error(EINVAL, "cleaning: unknown flags 0x%x",
		    how->flags);
	if (how->share_percent > 100)
		return vm_error(EINVAL, "cleaning: a share of %u percent",
		    how->share_percent);
	return 0;
}

VM_EXPORT int
vm_set_cleaning(struct vm *vm, const struct vm_cleaning *how)
{
	struct vm_clean_how to;
	int error = check(how);

	if (error != 0)
		return error;
	to.off = (how->flags & VM_CLEANING_OFF) != 0;
	to.age_ns = (how->age_ms == 0 ? AGE_MS : how->age_ms) * NS_PER_MS;
	to.share = how->share_percent == 0 ? SHARE_PERCENT :
	    how->share_percent;
	to.rate_bytes = how->rate_bytes == 0 ? RATE_BYTES : how->rate_bytes;
	return vm_cleaner_set(vm, &to);
}

VM_EXPORT int
vm_get_cleaning(struct vm *vm, struct vm_cleaning *out)
{
	struct vm_clean_how how;

	if (out == NULL || out->size_bytes != sizeof(*out))
		return vm_error(EINVAL, "cleaning: without VM_CLEANING_INIT");
	vm_cleaner_get(vm, &how);
	out->flags = how.off ? VM_CLEANING_OFF : 0;
	out->age_ms = (uint32_t)(how.age_ns / NS_PER_MS);
	out->share_percent = how.share;
	out->rate_bytes = how.rate_bytes;
	return 0;
}

int
vm_cleaning_set_up(struct vm *vm, const struct vm_cleaning *how)
{
	return how == NULL ? 0 : vm_set_cleaning(vm, how);
}
