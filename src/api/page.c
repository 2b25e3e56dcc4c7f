/* SPDX-License-Identifier: BSD-2-Clause */
/* api/page.c - taking, using and releasing pages: resident/page.h. */
#include <errno.h>
#include <resident/page.h>

#include "base/assert.h"
#include "base/error.h"
#include "fault/grab.h"
#include "object/object.h"

_Static_assert(VM_GRAB_WRITE == VM_HOW_WRITE, "same bits");
_Static_assert(VM_GRAB_ZERO == VM_HOW_ZERO, "same bits");
_Static_assert(VM_GRAB_NOWAIT == VM_HOW_NOWAIT, "same bits");

VM_EXPORT int
vm_page_grab(struct vm_object *object, uint64_t pindex, unsigned flags,
    struct vm_page **out)
{
	if (flags & ~(VM_GRAB_WRITE | VM_GRAB_ZERO | VM_GRAB_NOWAIT))
		return vm_error(EINVAL, "grab: unknown flags 0x%x", flags);
	if ((flags & VM_GRAB_ZERO) && !(flags & VM_GRAB_WRITE))
		return vm_error(EINVAL, "grab: ZERO without WRITE");
	if ((flags & VM_GRAB_WRITE) && !object->writable)
		return vm_error(EACCES, "grab: page %llu for writing, of a "
		    "read-only object", (unsigned long long)pindex);
	if (pindex >= vm_object_pages(object))
		return vm_error(ERANGE, "grab: page %llu is beyond the "
		    "object's end (%llu pages)", (unsigned long long)pindex,
		    (unsigned long long)vm_object_pages(object));
	return vm_grab(object, pindex, flags, out);
}

VM_EXPORT void *
vm_page_data(struct vm_page *page)
{
	return vm_page_memory(page);
}

VM_EXPORT void
vm_page_dirty(struct vm_page *page, uint32_t offset, uint32_t length)
{
	struct vm_object *object = page->object;
	uint32_t bytes = object->vm->page_bytes;

	vm_assert(vm_slot_busy_excl(atomic_load(&page->slot)));
	vm_assert(offset <= bytes && length <= bytes - offset);
	if (length != 0)
		vm_object_mark_dirty(object, page,
		    vm_page_blocks_outer(bytes, offset, length));
}

VM_EXPORT void
vm_page_release(struct vm_page *page)
{
	vm_ungrab(page);
}

VM_EXPORT uint64_t
vm_page_pindex(const struct vm_page *page)
{
	return page->pindex;
}
