/* SPDX-License-Identifier: BSD-2-Clause */
/* api/check.c - check.h has the theory. */
#include "api/check.h"

#include <errno.h>
#include <resident/page.h>

#include "base/error.h"

int
vm_check_range(const char *call, uint64_t offset, uint64_t length)
{
	if (length != UINT64_MAX && offset > UINT64_MAX - length)
		return vm_error(EINVAL, "%s: offset %llu + length %llu is "
		    "beyond 2^64", call, (unsigned long long)offset,
		    (unsigned long long)length);
	return 0;
}

void
vm_check_pages(const struct vm_object *object, uint64_t offset,
    uint64_t length, vm_pindex_t *first, vm_pindex_t *end)
{
	uint32_t bytes = object->vm->page_bytes;
	uint64_t stop = length > UINT64_MAX - offset ? UINT64_MAX :
	    offset + length;
	uint64_t pages = vm_object_pages(object);

	*first = offset / bytes;
	*end = stop / bytes + (stop % bytes != 0);
	if (*end > pages)
		*end = pages;
	if (*first > *end)
		*first = *end;
}

int
vm_check_backed(const char *call, const struct vm_object *object,
    uint64_t length)
{
	struct vm_pager *pager = object->pager;
	uint64_t backed;
	int error;

	if (object->anonymous || pager->ops->peek(pager, 0, NULL, 0) != 0)
		return 0;
	error = pager->ops->length(pager, &backed);
	if (error != 0 || length <= backed)
		return error;
	return vm_error(EINVAL, "%s: a length of %llu bytes, but the file "
	    "has %llu behind the object's start: make it longer first", call,
	    (unsigned long long)length, (unsigned long long)backed);
}

#define GRAB_FLAGS (VM_GRAB_WRITE | VM_GRAB_ZERO | VM_GRAB_NOWAIT | \
    VM_GRAB_WIRED | VM_GRAB_NOREAD | VM_GRAB_SYSTEM | VM_GRAB_INTERRUPT | \
    VM_GRAB_ONCE | VM_GRAB_OVERWRITE)
#define BOTH_CLASSES (VM_GRAB_SYSTEM | VM_GRAB_INTERRUPT)

int
vm_check_grab(const struct vm_object *object, uint64_t pindex, unsigned flags)
{
	if (flags & ~GRAB_FLAGS)
		return vm_error(EINVAL, "grab: unknown flags 0x%x", flags);
	if ((flags & BOTH_CLASSES) == BOTH_CLASSES)
		return vm_error(EINVAL, "grab: of two classes");
	if ((flags & VM_GRAB_ZERO) && !(flags & VM_GRAB_WRITE))
		return vm_error(EINVAL, "grab: ZERO without WRITE");
	if ((flags & VM_GRAB_NOREAD) && !(flags & VM_GRAB_WRITE))
		return vm_error(EINVAL, "grab: NOREAD without WRITE");
	if ((flags & VM_GRAB_OVERWRITE) && !(flags & VM_GRAB_WRITE))
		return vm_error(EINVAL, "grab: OVERWRITE without WRITE");
	if ((flags & VM_GRAB_WRITE) && !object->writable)
		return vm_error(EACCES, "grab: page %llu for writing, of a "
		    "read-only object", (unsigned long long)pindex);
	return 0;
}

int
vm_check_end(const struct vm_object *object, uint64_t pindex, unsigned count)
{
	uint64_t pages = vm_object_pages(object);

	if (pindex < pages && pages - pindex >= count)
		return 0;
	return vm_error(ERANGE, "grab: page %llu is beyond the object's end "
	    "(%llu pages)", (unsigned long long)(pindex < pages ? pages :
	    pindex), (unsigned long long)pages);
}
