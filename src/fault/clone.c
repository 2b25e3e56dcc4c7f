/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/clone.c - clone.h has the theory. */
#include "fault/clone.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "fault/grab.h"
#include "os/os.h"

struct cloning {
	struct vm_object *from;
	struct vm_object *to;
	char *bytes;		/* one page */
};

/* 3 looks; a page that comes or goes meanwhile is rare. */
#define LOOKS_MAX 3

/* How many pages from pindex on, up to end, read as zeros because nobody has
 * written them: neither resident nor with the pager. */
static unsigned
look(struct vm_object *from, vm_pindex_t pindex, vm_pindex_t end)
{
	vm_pindex_t at = pindex;
	struct vm_slot *slot;
	unsigned count;

	if (from->pager->ops->extent(from->pager, pindex, VM_PAGER_RUN_MAX,
	    &count) != VM_PAGER_ABSENT)
		return 0;
	if (count > end - pindex)
		count = (unsigned)(end - pindex);
	return vm_index_next(&from->index, false, &at, pindex + count,
	    &slot) ? (unsigned)(at - pindex) : count;
}

/*
 * The same, and nothing has moved while we looked: a page that was resident
 * when the pager had none, and with the pager when it was not resident, would
 * be lost.  0 when it cannot be said.
 */
static unsigned
empty_run(struct vm_object *from, vm_pindex_t pindex, vm_pindex_t end)
{
	for (unsigned i = 0; i < LOOKS_MAX; i++) {
		uint64_t before = atomic_load(&from->generation);
		unsigned count = look(from, pindex, end);

		if (atomic_load(&from->generation) == before)
			return count;
	}
	return 0;
}

static bool
is_zero(const char *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static int
take_out(const struct cloning *c, vm_pindex_t pindex)
{
	struct vm_page *page;
	const char *memory;
	int error = vm_grab(c->from, pindex, 0, &page);

	if (error != 0)
		return error;
	memory = vm_page_memory(page);
	if (memory == NULL)
		error = -ENOMEM;	/* the store cannot be seen */
	else
		memcpy(c->bytes, memory, c->from->vm->page_bytes);
	vm_ungrab(page);
	return error;
}

static int
put_in(const struct cloning *c, vm_pindex_t pindex)
{
	struct vm_page *page;
	char *memory;
	int error = vm_grab(c->to, pindex, VM_HOW_WRITE | VM_HOW_OVERWRITE,
	    &page);

	if (error != 0)
		return error;
	memory = vm_page_memory(page);
	if (memory == NULL)
		error = -ENOMEM;
	else
		memcpy(memory, c->bytes, c->to->vm->page_bytes);
	vm_ungrab(page);
	return error;
}

static int
clone_page(const struct cloning *c, vm_pindex_t pindex)
{
	int error = take_out(c, pindex);

	if (error == 0 && !is_zero(c->bytes, c->from->vm->page_bytes))
		error = put_in(c, pindex);
	return error;
}

int
vm_clone_pages(struct vm_object *from, struct vm_object *to)
{
	const struct vm_os *os = from->vm->os;
	struct cloning c = { .from = from, .to = to };
	uint64_t pages = vm_object_pages(from);
	int error = 0;

	c.bytes = os->alloc(from->vm->page_bytes);
	if (c.bytes == NULL)
		return vm_error(ENOMEM, "clone: no memory for a page");
	for (vm_pindex_t at = 0; at < pages && error == 0;) {
		unsigned empty = empty_run(from, at, pages);

		at += empty;
		if (empty == 0)
			error = clone_page(&c, at++);
	}
	/* It became shorter meanwhile. */
	if (error == -ERANGE)
		error = 0;
	os->free(c.bytes);
	return error;
}
