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

/* How many pages from pindex on, 0 at the object's end, have never been
 * written back; or *there. */
static unsigned
run_of(struct vm_object *from, vm_pindex_t pindex, bool *there)
{
	unsigned count;
	enum vm_pager_result result = from->pager->ops->extent(from->pager,
	    pindex, VM_PAGER_RUN_MAX, &count);

	*there = result != VM_PAGER_ABSENT;
	return count;
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

/* Pages [first, end); without there, those only that are in memory. */
static int
clone_run(const struct cloning *c, vm_pindex_t first, vm_pindex_t end,
    bool there)
{
	struct vm_slot *slot;
	int error = 0;

	for (; error == 0 && first < end; first++) {
		if (!there && !vm_index_next(&c->from->index, false, &first,
		    end, &slot))
			break;
		error = clone_page(c, first);
	}
	return error;
}

int
vm_clone_pages(struct vm_object *from, struct vm_object *to)
{
	const struct vm_os *os = from->vm->os;
	struct cloning c = { .from = from, .to = to };
	uint64_t pages = vm_object_pages(from);
	bool there;
	int error = 0;

	c.bytes = os->alloc(from->vm->page_bytes);
	if (c.bytes == NULL)
		return vm_error(ENOMEM, "clone: no memory for a page");
	for (vm_pindex_t at = 0; at < pages && error == 0;) {
		unsigned count = run_of(from, at, &there);

		/* It became shorter meanwhile. */
		if (count == 0)
			break;
		error = clone_run(&c, at, at + count, there);
		at += count;
	}
	os->free(c.bytes);
	return error;
}
