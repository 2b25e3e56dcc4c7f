/* SPDX-License-Identifier: BSD-2-Clause */
/* api/quota.c - limits of an object: resident/limit.h. */
#include <errno.h>
#include <resident/limit.h>

#include "base/error.h"
#include "object/quota.h"

static int
check(const struct vm_object_limits *limits)
{
	return limits != NULL && limits->size_bytes == sizeof(*limits) ? 0 :
	    vm_error(EINVAL, "limits: without VM_OBJECT_LIMITS_INIT");
}

VM_EXPORT int
vm_object_set_limits(struct vm_object *object,
    const struct vm_object_limits *limits)
{
	int error = check(limits);

	if (error != 0)
		return error;
	return vm_quota_set(object, &(struct vm_quota){
	    .min = limits->min_pages, .low = limits->low_pages,
	    .high = limits->high_pages, .wired_max = limits->wired_max });
}

VM_EXPORT int
vm_object_get_limits(struct vm_object *object, struct vm_object_limits *out)
{
	int error = check(out);
	struct vm_quota quota;

	if (error != 0)
		return error;
	vm_quota_get(object, &quota);
	out->min_pages = quota.min;
	out->low_pages = quota.low;
	out->high_pages = quota.high;
	out->wired_max = quota.wired_max;
	return 0;
}
