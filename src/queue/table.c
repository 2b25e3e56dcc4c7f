/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/table.c - the policies that there are. */
#include <string.h>

#include "base/assert.h"
#include "queue/policy.h"

const struct vm_policy_ops *const vm_policies[] = {
	&vm_policy_alirs,
	&vm_policy_s3fifo,
	&vm_policy_car,
	&vm_policy_lirs,
	&vm_policy_lru,
	&vm_policy_sieve,
	&vm_policy_freebsd,
	&vm_policy_clock2,
	&vm_policy_fifo,
	NULL,
};

/* By the list that it is on: the page's flag says how it came, not whether
 * it was used since. */
bool
vm_policy_is_ahead(const struct vm_policy *policy, const struct vm_page *page)
{
	const char *name;
	uint32_t count;
	bool known = policy->ops->list(policy, vm_policy_where(policy, page),
	    &name, &count);

	vm_assert(known);
	return strcmp(name, "ahead") == 0;
}

const struct vm_policy_ops *
vm_policy_find(const char *name)
{
	for (const struct vm_policy_ops *const *p = vm_policies; *p; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}
