/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/table.c - the policies that there are. */
#include <string.h>

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

const struct vm_policy_ops *
vm_policy_find(const char *name)
{
	for (const struct vm_policy_ops *const *p = vm_policies; *p; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}
