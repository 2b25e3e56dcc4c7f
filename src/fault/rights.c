/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/rights.c - rights.h has the theory. */
#include "fault/rights.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/content.h"
#include "object/home.h"

#define RIGHTS (VM_PGA_NO_WRITE | VM_PGA_NO_ACCESS)

/* A page of a store or window is in mappings, which cannot be closed to reads:
 * there NO_ACCESS is no more than NO_WRITE. */
static unsigned
flags_for(const struct vm_object *object, unsigned marks)
{
	unsigned flags = 0;

	if ((marks & VM_PAGER_NO_WRITE) != 0)
		flags |= VM_PGA_NO_WRITE;
	if ((marks & VM_PAGER_NO_ACCESS) != 0)
		flags |= vm_home_is_pool(object) ? VM_PGA_NO_ACCESS :
		    VM_PGA_NO_WRITE;
	return flags;
}

void
vm_rights_take(struct vm_page *page, const struct vm_pager_marks *marks,
    unsigned i)
{
	uint64_t bit = i < 64 ? UINT64_C(1) << i : 0;
	unsigned set = 0;

	if ((marks->precious & bit) != 0)
		vm_content_set_precious(page, true);
	if ((marks->no_write & bit) != 0)
		set |= VM_PAGER_NO_WRITE;
	if ((marks->no_access & bit) != 0)
		set |= VM_PAGER_NO_ACCESS;
	if (set != 0)
		atomic_fetch_or_explicit(&page->flags,
		    (uint16_t)flags_for(page->object, set),
		    memory_order_relaxed);
}

int
vm_rights_ask(struct vm_page *page, bool write)
{
	struct vm_pager *pager = page->object->pager;
	unsigned gone = write ? VM_PGA_NO_WRITE | VM_PGA_NO_ACCESS :
	    VM_PGA_NO_ACCESS;
	int error;

	vm_assert(page->object->pager != NULL);
	vm_lock_assert_none_held();
	error = pager->ops->unlock == NULL ? vm_error(EACCES, "page %llu: its "
	    "pager forbids it", (unsigned long long)page->pindex) :
	    pager->ops->unlock(pager, page->pindex, write ?
	    VM_PAGER_NO_WRITE : VM_PAGER_NO_ACCESS);
	if (error < 0)
		return error;
	atomic_fetch_and_explicit(&page->flags, (uint16_t)~gone,
	    memory_order_relaxed);
	return 0;
}

void
vm_rights_set(struct vm_object *object, vm_pindex_t first, vm_pindex_t end,
    unsigned marks)
{
	unsigned flags = flags_for(object, marks);
	struct vm_slot *slot;

	for (; vm_index_next(&object->index, false, &first, end, &slot);
	    first++) {
		struct vm_page *page = vm_object_lock_page(object, first);

		if (page == NULL)
			continue;
		/* Before the page is let go: no write may slip by. */
		if ((flags & VM_PGA_NO_WRITE) != 0)
			vm_home_protect(object, first, 1);
		atomic_fetch_and_explicit(&page->flags, (uint16_t)~RIGHTS,
		    memory_order_relaxed);
		atomic_fetch_or_explicit(&page->flags, (uint16_t)flags,
		    memory_order_relaxed);
		vm_content_set_precious(page,
		    (marks & VM_PAGER_PRECIOUS) != 0);
		vm_object_unlock_page(object, page);
	}
}
