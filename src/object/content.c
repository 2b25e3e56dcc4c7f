/* SPDX-License-Identifier: BSD-2-Clause */
/* object/content.c - content.h has the theory. */
#include "object/content.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/home.h"

static uint32_t
bytes_of(const struct vm_page *page)
{
	return page->object->vm->page_bytes;
}

static uint32_t
all_of(const struct vm_page *page)
{
	return vm_page_all_blocks(bytes_of(page));
}

/* Blocks whose bytes mean something. */
static uint32_t
known(const struct vm_page *page)
{
	return page->valid | page->dirty;
}

/* NULL with a sentence. */
static void *
memory_of(struct vm_page *page)
{
	void *memory = vm_page_memory(page);

	if (memory == NULL)
		vm_error(ENOTSUP, "page: it has no bytes in this process");
	return memory;
}

/* The rest of the blocks that the range brings in part becomes zeros. */
static int
zero_edges(struct vm_page *page, uint32_t offset, uint32_t length)
{
	uint32_t edges = vm_bits_edges(bytes_of(page), offset, length) &
	    ~known(page);
	void *memory;

	if (edges == 0)
		return 0;
	memory = memory_of(page);
	if (memory == NULL)
		return -ENOTSUP;
	vm_bits_zero_around(bytes_of(page), edges, offset, length, memory);
	return 0;
}

/* Blocks behind the end of the object, of its last page. */
static uint32_t
behind_end(const struct vm_page *page)
{
	uint64_t length = atomic_load(&page->object->length);
	uint32_t bytes = bytes_of(page);

	/* A loose page's object has no length, and so no tail. */
	if (length % bytes == 0 || page->pindex != length / bytes)
		return 0;
	return vm_bits_behind(bytes, (uint32_t)(length % bytes));
}

/* It is valid to the end, so what is behind the end is too. */
static int
settle_tail(struct vm_page *page)
{
	uint32_t tail = behind_end(page) & ~known(page);
	void *memory;

	if (tail == 0)
		return 0;
	memory = memory_of(page);
	if (memory == NULL)
		return -ENOTSUP;
	vm_bits_zero(bytes_of(page), tail, memory);
	page->valid |= tail;
	return 0;
}

int
vm_content_set_valid(struct vm_page *page, uint32_t offset, uint32_t length)
{
	int error;

	vm_assert(vm_page_is_mine(page));
	error = zero_edges(page, offset, length);
	if (error != 0)
		return error;
	page->valid |= vm_page_blocks_outer(bytes_of(page), offset, length);
	return length == 0 ? 0 : settle_tail(page);
}

/*
 * A clean page must trap its next write (pmap/store.h), so a store's is
 * protected before it is called so.  In a window that trap would be the
 * holder's own, who may go on writing: there it stays as dirty as it is.
 */
static void
clean_blocks(struct vm_page *page, uint32_t blocks)
{
	struct vm_object *object = page->object;
	uint32_t left = page->dirty & ~blocks;

	if (left == page->dirty || object->home == VM_HOME_WINDOW)
		return;
	if (left == 0)
		vm_home_protect(object, page->pindex, 1);
	if (left == 0)
		vm_object_mark_clean(object, page);
	else
		atomic_store_explicit(&page->dirty, left,
		    memory_order_relaxed);
}

/* Of a page whose pager has the bytes, as somebody says.  Anonymous memory has
 * given up what swap had of a page that changed. */
static void
say_clean(struct vm_page *page, uint32_t blocks)
{
	if (!page->object->anonymous)
		clean_blocks(page, blocks);
}

int
vm_content_set_validclean(struct vm_page *page, uint32_t offset,
    uint32_t length, bool partial)
{
	uint32_t bytes = bytes_of(page);
	int error = vm_content_set_valid(page, offset, length);

	if (error != 0)
		return error;
	say_clean(page, partial ?
	    vm_page_blocks_outer(bytes, offset, length) :
	    vm_page_blocks_inner(bytes, offset, length));
	if (length == bytes)
		vm_page_set_flag(page, VM_PGA_NOSYNC, false);
	return 0;
}

int
vm_content_set_dirty(struct vm_page *page, uint32_t offset, uint32_t length)
{
	int error;

	vm_assert(vm_page_is_mine(page));
	vm_assert(!vm_page_has_flag(page, VM_PGA_CACHED));
	error = zero_edges(page, offset, length);
	if (error == 0 && length != 0)
		vm_object_mark_dirty(page->object, page,
		    vm_page_blocks_outer(bytes_of(page), offset, length));
	return error;
}

void
vm_content_clear_dirty(struct vm_page *page, uint32_t offset, uint32_t length)
{
	vm_assert(vm_page_is_mine(page));
	say_clean(page, vm_page_blocks_outer(bytes_of(page), offset, length));
}

int
vm_content_set_invalid(struct vm_page *page, uint32_t offset, uint32_t length)
{
	uint32_t blocks = vm_page_blocks_outer(bytes_of(page), offset, length);
	struct vm_object *object = page->object;

	vm_assert(vm_page_is_mine(page));
	if (!vm_home_is_pool(object))
		return vm_error(ENOTSUP, "page %llu: others may see what a "
		    "%s has", (unsigned long long)page->pindex,
		    vm_home_name(object));
	if (blocks == 0)
		return 0;
	page->valid &= ~blocks;
	clean_blocks(page, blocks);
	atomic_fetch_add_explicit(&object->generation, 1,
	    memory_order_relaxed);
	return 0;
}

int
vm_content_zero_invalid(struct vm_page *page, bool set_valid)
{
	uint32_t unknown = all_of(page) & ~known(page);
	void *memory;

	vm_assert(vm_page_is_mine(page));
	if (unknown != 0) {
		memory = memory_of(page);
		if (memory == NULL)
			return -ENOTSUP;
		vm_bits_zero(bytes_of(page), unknown, memory);
	}
	if (set_valid)
		page->valid = all_of(page);
	return 0;
}

bool
vm_content_is_valid(const struct vm_page *page, uint32_t offset,
    uint32_t length)
{
	uint32_t blocks = vm_page_blocks_outer(bytes_of(page), offset, length);

	return page->valid != 0 && (page->valid & blocks) == blocks;
}

/* The object is told first: who counts its precious pages asks it first. */
void
vm_content_set_precious(struct vm_page *page, bool on)
{
	vm_assert(vm_page_is_mine(page));
	if (on)
		atomic_store(&page->object->precious, true);
	vm_page_set_flag(page, VM_PGA_PRECIOUS, on);
}

uint32_t
vm_content_owed(const struct vm_page *page)
{
	uint32_t owed = page->dirty;

	if (vm_page_has_flag(page, VM_PGA_PRECIOUS))
		owed |= page->valid;
	return owed;
}
