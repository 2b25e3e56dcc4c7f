/* SPDX-License-Identifier: BSD-2-Clause */
/* api/content.c - what is in a page: resident/content.h. */
#include <errno.h>
#include <resident/content.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/content.h"
#include "stat/stat.h"

static uint32_t
bytes_of(const struct vm_page *page)
{
	return page->object->vm->page_bytes;
}

static void
check_range(const struct vm_page *page, uint32_t offset, uint32_t length)
{
	vm_assert(offset <= bytes_of(page));
	vm_assert(length <= bytes_of(page) - offset);
}

/* Held by somebody, who we trust is the caller. */
static void
check_held(const struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	vm_assert(slot == NULL ? vm_page_is_mine(page) :
	    !vm_slot_idle(slot));
}

VM_EXPORT uint32_t
vm_page_bits(struct vm *vm, uint32_t offset, uint32_t length)
{
	return vm_page_blocks_outer(vm->page_bytes, offset, length);
}

VM_EXPORT uint32_t
vm_page_valid(const struct vm_page *page)
{
	check_held(page);
	return page->valid;
}

VM_EXPORT uint32_t
vm_page_dirty_bits(const struct vm_page *page)
{
	check_held(page);
	return page->dirty;
}

VM_EXPORT int
vm_page_set_valid(struct vm_page *page, uint32_t offset, uint32_t length)
{
	check_range(page, offset, length);
	return vm_content_set_valid(page, offset, length);
}

VM_EXPORT int
vm_page_set_validclean(struct vm_page *page, uint32_t offset, uint32_t length,
    unsigned flags)
{
	check_range(page, offset, length);
	if (flags & ~VM_CLEAN_PARTIAL)
		return vm_error(EINVAL, "validclean: unknown flags 0x%x",
		    flags);
	return vm_content_set_validclean(page, offset, length,
	    (flags & VM_CLEAN_PARTIAL) != 0);
}

static int
check_writable(const struct vm_page *page)
{
	if (!atomic_load(&page->object->writable))
		return vm_error(EACCES, "page %llu: of a read-only object",
		    (unsigned long long)page->pindex);
	return 0;
}

VM_EXPORT int
vm_page_set_dirty(struct vm_page *page, uint32_t offset, uint32_t length)
{
	int error;

	check_range(page, offset, length);
	error = check_writable(page);
	return error != 0 ? error : vm_content_set_dirty(page, offset,
	    length);
}

VM_EXPORT void
vm_page_clear_dirty(struct vm_page *page, uint32_t offset, uint32_t length)
{
	check_range(page, offset, length);
	vm_content_clear_dirty(page, offset, length);
}

VM_EXPORT void
vm_page_undirty(struct vm_page *page)
{
	vm_content_clear_dirty(page, 0, bytes_of(page));
}

VM_EXPORT int
vm_page_set_invalid(struct vm_page *page, uint32_t offset, uint32_t length)
{
	check_range(page, offset, length);
	return vm_content_set_invalid(page, offset, length);
}

VM_EXPORT int
vm_page_zero_invalid(struct vm_page *page, int set_valid)
{
	return vm_content_zero_invalid(page, set_valid != 0);
}

VM_EXPORT int
vm_page_is_valid(const struct vm_page *page, uint32_t offset, uint32_t length)
{
	check_range(page, offset, length);
	check_held(page);
	return vm_content_is_valid(page, offset, length);
}

VM_EXPORT int
vm_page_test_dirty(const struct vm_page *page)
{
	check_held(page);
	return page->dirty != 0;
}

static int
no_memory(const char *call)
{
	return vm_error(ENOTSUP, "%s: the page has no bytes in this process",
	    call);
}

VM_EXPORT int
vm_page_zero_fill(struct vm_page *page, unsigned flags)
{
	uint32_t all = vm_page_all_blocks(bytes_of(page));
	void *memory = vm_page_memory(page);
	int error = 0;

	vm_assert(vm_page_is_mine(page));
	if (flags & ~VM_ZERO_DIRTY)
		return vm_error(EINVAL, "zero: unknown flags 0x%x", flags);
	if (memory == NULL)
		return no_memory("zero");
	if ((flags & VM_ZERO_DIRTY) != 0)
		error = check_writable(page);
	if (error != 0)
		return error;
	if ((flags & VM_ZERO_DIRTY) != 0) {
		vm_assert(!vm_page_has_flag(page, VM_PGA_CACHED));
		vm_object_mark_dirty(page->object, page, all);
		page->valid = all;
	}
	memset(memory, 0, bytes_of(page));
	vm_count(page->object->vm->counters, VM_COUNTER_pages_zeroed, 1);
	return 0;
}

VM_EXPORT int
vm_page_copy(const struct vm_page *from, struct vm_page *to, unsigned flags)
{
	void *source = vm_page_memory(from), *target = vm_page_memory(to);

	vm_assert(from != to && from->object->vm == to->object->vm);
	check_held(from);
	vm_assert(vm_page_is_mine(to));
	if (flags & ~VM_COPY_VALID)
		return vm_error(EINVAL, "copy: unknown flags 0x%x", flags);
	if (source == NULL || target == NULL)
		return no_memory("copy");
	memcpy(target, source, bytes_of(to));
	if ((flags & VM_COPY_VALID) != 0)
		to->valid = vm_page_all_blocks(bytes_of(to));
	return 0;
}

VM_EXPORT void
vm_page_set_precious(struct vm_page *page, int on)
{
	vm_content_set_precious(page, on != 0);
}

static int
look_at(const struct vm_page *page, uint16_t flag)
{
	check_held(page);
	return vm_page_has_flag(page, flag);
}

VM_EXPORT int
vm_page_precious(const struct vm_page *page)
{
	return look_at(page, VM_PGA_PRECIOUS);
}

VM_EXPORT void
vm_page_set_nosync(struct vm_page *page, int on)
{
	vm_assert(vm_page_is_mine(page));
	vm_page_set_flag(page, VM_PGA_NOSYNC, on != 0);
}

VM_EXPORT int
vm_page_nosync(const struct vm_page *page)
{
	return look_at(page, VM_PGA_NOSYNC);
}

/* The bit means something else of a page without identity. */
VM_EXPORT void
vm_page_set_error(struct vm_page *page, int on)
{
	vm_assert(vm_page_is_mine(page));
	vm_assert(atomic_load(&page->slot) != NULL);
	vm_page_set_flag(page, VM_PGA_ERROR, on != 0);
}

VM_EXPORT int
vm_page_error(const struct vm_page *page)
{
	return look_at(page, VM_PGA_ERROR) && atomic_load(&page->slot) != NULL;
}
