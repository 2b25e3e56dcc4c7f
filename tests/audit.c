/* SPDX-License-Identifier: BSD-2-Clause */
/* audit.c - audit.h has the theory. */
#include "audit.h"

#include <stdio.h>

#include <resident/resident.h>

#include "api/audit.h"
#include "check.h"

void
audit(struct vm *vm)
{
	int error = vm_audit_idle(vm);

	if (error != 0)
		fprintf(stderr, "%s\n", vm_last_error());
	CHECK_INT(error, 0);
}
