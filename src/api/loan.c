/* SPDX-License-Identifier: BSD-2-Clause */
/* api/loan.c - pages on loan: resident/loan.h. */
#include <errno.h>
#include <resident/loan.h>
#include <resident/page.h>

#include "base/error.h"
#include "fault/lend.h"
#include "object/loan.h"

static int
check_place(const struct vm_object *object, uint64_t pindex, unsigned count)
{
	uint64_t pages = vm_object_pages(object);

	if (pindex < pages && pages - pindex >= count)
		return 0;
	return vm_error(ERANGE, "loan: page %llu is beyond the object's end "
	    "(%llu pages)", (unsigned long long)(pindex < pages ? pages :
	    pindex), (unsigned long long)pages);
}

VM_EXPORT int
vm_loan(struct vm_object *object, uint64_t pindex, unsigned flags,
    struct vm_page **out)
{
	int error;

	if (out == NULL)
		return vm_error(EINVAL, "loan: nowhere to put the page");
	if (flags & ~VM_LOAN_NOWAIT)
		return vm_error(EINVAL, "loan: unknown flags 0x%x", flags);
	error = check_place(object, pindex, 1);
	return error != 0 ? error : vm_lend(object, pindex,
	    (flags & VM_LOAN_NOWAIT) != 0, out);
}

VM_EXPORT int
vm_object_loan(struct vm_object *object, uint64_t first, unsigned count,
    struct vm_page **pages)
{
	int error;

	if (pages == NULL)
		return vm_error(EINVAL, "loan: nowhere to put the pages");
	if (count == 0 || count > VM_GRAB_MANY_MAX)
		return vm_error(EINVAL, "loan: %u pages at once, of 1 to %u",
		    count, VM_GRAB_MANY_MAX);
	error = check_place(object, first, count);
	return error != 0 ? error : vm_lend_range(object, first, count,
	    pages);
}

VM_EXPORT const void *
vm_loan_data(struct vm *vm, const struct vm_page *page)
{
	return vm_frame_data(&vm->frames, page);
}

VM_EXPORT void
vm_unloan(struct vm *vm, struct vm_page *page)
{
	vm_page_drop_loan(vm, page);
}

VM_EXPORT int
vm_loan_break(struct vm_object *object, uint64_t pindex)
{
	return vm_loan_break_page(object, pindex);
}

VM_EXPORT int
vm_loan_adopt(struct vm_page *page, struct vm_object *object, uint64_t pindex)
{
	return vm_loan_adopt_page(page, object, pindex);
}
