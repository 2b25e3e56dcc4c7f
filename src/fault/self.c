/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/self.c - self.h has the theory. */
#include "fault/self.h"

#include <errno.h>

#include "base/error.h"

int
vm_fault_self(const struct vm_self_fault *fault)
{
	return vm_error(ENOSYS, "page %llu: no fault can be resolved here",
	    (unsigned long long)fault->pindex);
}
