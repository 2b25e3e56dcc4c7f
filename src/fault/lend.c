/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/lend.c - lend.h has the contracts. */
#include "fault/lend.h"

#include "fault/grab.h"
#include "object/loan.h"

int
vm_lend(struct vm_object *object, vm_pindex_t pindex, bool nowait,
    struct vm_page **out)
{
	struct vm_page *page;
	int error = vm_loan_allowed(object);

	if (error == 0)
		error = vm_grab(object, pindex, nowait ? VM_HOW_NOWAIT : 0,
		    &page);
	if (error != 0)
		return error;
	error = vm_loan_add(page);
	vm_ungrab(page);
	if (error == 0)
		*out = page;
	return error;
}

/* One by one: who waits for the second holds nothing of the first (rule 16). */
int
vm_lend_range(struct vm_object *object, vm_pindex_t first, unsigned count,
    struct vm_page **pages)
{
	for (unsigned i = 0; i < count; i++) {
		int error = vm_lend(object, first + i, false, &pages[i]);

		if (error == 0)
			continue;
		while (i > 0)
			vm_page_drop_loan(object->vm, pages[--i]);
		return error;
	}
	return 0;
}
