/* SPDX-License-Identifier: BSD-2-Clause */
/* object/home.c - home.h has the theory. */
#include "object/home.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pmap/view.h"

/* 1000 times: a machine that has no page for as long as others run so often
 * ends somebody. */
#define REFILLS_MAX 1000u
/* 4096 bytes: pages of most machines fit on the stack. */
#define USUAL_PAGE 4096u

static enum vm_home
home_of(const struct vm_object *object)
{
	return atomic_load_explicit(&object->home, memory_order_relaxed);
}

bool
vm_home_fits(const struct vm_object *object, const struct vm_page *page)
{
	uint16_t flags = atomic_load_explicit(&page->flags,
	    memory_order_relaxed);

	return ((flags & VM_PGA_WARM) != 0) == vm_home_is_pool(object);
}

void
vm_home_expect(struct vm_object *object, vm_pindex_t first, uint64_t count)
{
	if (home_of(object) == VM_HOME_STORE)
		vm_store_mark(&object->store, first, count, true);
}

int
vm_home_fill(struct vm_object *object, vm_pindex_t first, unsigned count,
    const void *bytes, bool protect)
{
	int error;

	vm_assert(!vm_home_is_pool(object));
	if (home_of(object) == VM_HOME_STORE) {
		error = vm_store_fill(&object->store, first, count, bytes);
		/* Part of it may be there: nothing without a page. */
		if (error != 0)
			vm_store_drop(&object->store, first, count);
		return error;
	}
	error = vm_view_fill(object->view, first, count, bytes, protect);
	if (error != 0)
		vm_view_drop(object->view, first, count);
	return error;
}

void
vm_home_drop(struct vm_object *object, vm_pindex_t first, uint64_t count)
{
	switch (home_of(object)) {
	case VM_HOME_POOL:
		break;
	case VM_HOME_STORE:
		vm_store_drop(&object->store, first, count);
		vm_store_mark(&object->store, first, count, false);
		break;
	case VM_HOME_WINDOW:
		vm_view_drop(object->view, first, count);
		break;
	}
}

/* Pages from the front that are neighbours of each other. */
static unsigned
run_length(struct vm_page **pages, unsigned count)
{
	unsigned n = 1;

	while (n < count && pages[n]->object == pages[0]->object &&
	    pages[n]->pindex == pages[0]->pindex + n)
		n++;
	return n;
}

/* The run's memory, as one range more of many. */
static bool
gather(struct vm_page **pages, unsigned n, struct iovec *range)
{
	struct vm_view *view = pages[0]->object->view;

	if (vm_view_run(view, pages[0]->pindex) < n)
		return false;
	range->iov_base = vm_view_at(view, pages[0]->pindex);
	range->iov_len = (size_t)n * view->views->page_bytes;
	return true;
}

void
vm_home_drop_pages(struct vm_page **pages, unsigned count)
{
	struct iovec range[VM_HOME_DROP_MAX];
	unsigned ranges = 0, n;

	vm_assert(count <= VM_HOME_DROP_MAX);
	for (unsigned at = 0; at < count; at += n) {
		struct vm_object *object = pages[at]->object;

		n = run_length(&pages[at], count - at);
		if (home_of(object) == VM_HOME_WINDOW &&
		    gather(&pages[at], n, &range[ranges]))
			ranges++;
		else
			vm_home_drop(object, pages[at]->pindex, n);
	}
	if (ranges != 0)
		vm_views_drop(atomic_load_explicit(
		    &pages[0]->object->vm->views, memory_order_relaxed),
		    range, ranges);
}

void
vm_home_protect(struct vm_object *object, vm_pindex_t first, uint64_t count)
{
	if (home_of(object) == VM_HOME_STORE)
		vm_store_protect(&object->store, first, count);
	else if (home_of(object) == VM_HOME_WINDOW)
		vm_view_protect(object->view, first, count, true);
}

void
vm_home_open(struct vm_page *page)
{
	struct vm_object *object = page->object;

	if (home_of(object) != VM_HOME_WINDOW)
		return;
	/* First: a page that is clean is never open. */
	vm_object_mark_dirty(object, page, object->vm->all_blocks);
	vm_view_protect(object->view, page->pindex, 1, false);
}

static void
set_bytes(char *to, const void *bytes, uint32_t length)
{
	if (bytes != NULL)
		memcpy(to, bytes, length);
	else
		memset(to, 0, length);
}

/* The page has gone, and is to be there again with these bytes: the kernel has
 * the memory, for it got it just now. */
static void
bring_again(struct vm_page *page, const char *bytes)
{
	struct vm_object *object = page->object;
	unsigned tries = 0;

	while (vm_view_fill(object->view, page->pindex, 1, bytes, true) != 0) {
		vm_assert(++tries < REFILLS_MAX);
		object->vm->os->yield();
	}
}

/*
 * Nobody may write to a read-only object's window, not even we: the program's
 * rights are the memory's.  So the page goes, and comes with other bytes; it
 * stays clean.  Who touches it meanwhile waits for its slot.
 */
static int
replace_in_view(struct vm_page *page, uint32_t offset, const void *bytes,
    uint32_t length)
{
	struct vm_object *object = page->object;
	struct vm *vm = object->vm;
	char usual[USUAL_PAGE], *copy = usual;

	if (vm->page_bytes > sizeof(usual))
		copy = vm->os->alloc(vm->page_bytes);
	if (copy == NULL)
		return vm_error(ENOMEM, "object: no memory to change page "
		    "%llu", (unsigned long long)page->pindex);
	memcpy(copy, vm_view_at(object->view, page->pindex), vm->page_bytes);
	set_bytes(copy + offset, bytes, length);
	vm_view_drop(object->view, page->pindex, 1);
	bring_again(page, copy);
	if (copy != usual)
		vm->os->free(copy);
	return 0;
}

static int
write_in_view(struct vm_page *page, uint32_t offset, const void *bytes,
    uint32_t length)
{
	struct vm_object *object = page->object;

	if (!atomic_load(&object->writable))
		return replace_in_view(page, offset, bytes, length);
	vm_home_open(page);
	set_bytes(vm_view_at(object->view, page->pindex) + offset, bytes,
	    length);
	return 0;
}

int
vm_home_write(struct vm_page *page, uint32_t offset, const void *bytes,
    uint32_t length)
{
	struct vm_object *object = page->object;

	vm_assert(length <= object->vm->page_bytes - offset);
	switch (home_of(object)) {
	case VM_HOME_STORE:
		/* The memory file's end clears its own. */
		return bytes == NULL ? 0 : vm_store_write(&object->store,
		    page->pindex * object->vm->page_bytes + offset, bytes,
		    length);
	case VM_HOME_WINDOW:
		return write_in_view(page, offset, bytes, length);
	case VM_HOME_POOL:
		break;
	}
	set_bytes((char *)vm_page_memory(page) + offset, bytes, length);
	return 0;
}

bool
vm_home_is_seen(const struct vm_object *object)
{
	return home_of(object) == VM_HOME_WINDOW ||
	    (home_of(object) == VM_HOME_STORE &&
	    atomic_load(&object->store.count) != 0);
}

const char *
vm_home_name(const struct vm_object *object)
{
	static const char *const name[] = {
		[VM_HOME_POOL] = "pool",
		[VM_HOME_STORE] = "store",
		[VM_HOME_WINDOW] = "window",
	};

	return name[home_of(object)];
}
