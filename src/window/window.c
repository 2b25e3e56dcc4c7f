/* SPDX-License-Identifier: BSD-2-Clause */
/* window/window.c - window.h has the theory. */
#include "window/window.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "memory/alloc.h"
#include "memory/pages.h"
#include "object/content.h"
#include "object/retire.h"
#include "os/os.h"

/* One block for all of it: the window, its places, its list. */
static struct vm_window *
allocate(struct vm *vm, unsigned count, unsigned flags)
{
	size_t places = count * sizeof(struct vm_window_place);
	struct vm_window *window = vm->os->alloc(sizeof(*window) + places +
	    count * sizeof(struct iovec));

	if (window == NULL)
		return NULL;
	window->vm = vm;
	window->count = count;
	window->flags = flags;
	window->place = (void *)(window + 1);
	window->iov = (void *)(window->place + count);
	return window;
}

/* Held by somebody, who we trust is the caller; to be read into, by nobody
 * else, and then nobody borrows it either. */
static void
assert_held(const struct vm_page *page, unsigned flags)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	if ((flags & VM_VIEW_READ) != 0)
		vm_assert(vm_page_is_mine(page) && !vm_page_lent(page));
	else
		vm_assert(slot == NULL ? vm_page_is_mine(page) :
		    !vm_slot_idle(slot));
}

static void
add_piece(struct vm_window *window, char *bytes)
{
	uint32_t page_bytes = window->vm->page_bytes;
	struct iovec *last = window->iov_count == 0 ? NULL :
	    &window->iov[window->iov_count - 1];

	if (last != NULL &&
	    (char *)last->iov_base + last->iov_len == bytes) {
		last->iov_len += page_bytes;
		return;
	}
	window->iov[window->iov_count++] = (struct iovec){
		.iov_base = bytes, .iov_len = page_bytes,
	};
}

/* The pages' own bytes.  False: one has none here, or not where a page starts,
 * so that the table could not tell whose an address is. */
static bool
show(struct vm_window *window)
{
	uint32_t page_bytes = window->vm->page_bytes;

	for (unsigned i = 0; i < window->count; i++) {
		char *bytes = vm_page_memory(window->place[i].page);

		if (bytes == NULL || (uintptr_t)bytes % page_bytes != 0)
			return false;
		window->place[i].key = (uintptr_t)bytes / page_bytes;
		add_piece(window, bytes);
	}
	if (window->iov_count == 1)
		window->base = window->iov[0].iov_base;
	return true;
}

static size_t
bytes_of(const struct vm_window *window)
{
	return (size_t)window->count * window->vm->page_bytes;
}

/* Page by page, what of the first length bytes of the bounce is there. */
static void
copy(struct vm_window *window, uint64_t length, bool in)
{
	uint32_t page_bytes = window->vm->page_bytes;

	for (unsigned i = 0; i < window->count && length != 0; i++) {
		size_t n = length < page_bytes ? (size_t)length : page_bytes;
		char *bytes = vm_page_memory(window->place[i].page);
		char *place = window->base + (size_t)i * page_bytes;

		vm_assert(bytes != NULL);
		memcpy(in ? place : bytes, in ? bytes : place, n);
		length -= n;
	}
}

static bool
have_bytes(const struct vm_window *window)
{
	for (unsigned i = 0; i < window->count; i++)
		if (vm_page_memory(window->place[i].page) == NULL)
			return false;
	return true;
}

static int
bounce(struct vm_window *window)
{
	struct vm *vm = window->vm;
	/* The caller holds pages, so nothing is waited for; he may be the one
	 * who frees memory, so it may be of the reserve. */
	const struct vm_alloc_request request = {
		.bytes = bytes_of(window), .align_bytes = vm->page_bytes,
		.flags = VM_MEM_SYSTEM,
	};
	int error;

	if (!have_bytes(window))
		return vm_error(ENOTSUP, "window: a page has no bytes in this "
		    "process");
	error = vm_alloc(vm, &request, &window->bounce);
	if (error != 0)
		return error;
	window->base = window->bounce;
	window->iov_count = 0;
	for (unsigned i = 0; i < window->count; i++) {
		char *bytes = window->base + (size_t)i * vm->page_bytes;

		window->place[i].key = (uintptr_t)bytes / vm->page_bytes;
		add_piece(window, bytes);
	}
	copy(window, bytes_of(window), true);
	return 0;
}

static int
fill(struct vm_window *window)
{
	bool shown = show(window);

	if (shown && window->base != NULL)
		return 0;
	if ((window->flags & VM_VIEW_BOUNCE) != 0)
		return bounce(window);
	return shown ? 0 : vm_error(ENOTSUP, "window: a page has no bytes in "
	    "this process, or they start where no page does");
}

int
vm_window_new(struct vm *vm, struct vm_page **pages, unsigned count,
    unsigned flags, struct vm_window **out)
{
	struct vm_window *window;
	int error;

	vm_assert(count >= 1 && count <= VM_WINDOW_MAX);
	for (unsigned i = 0; i < count; i++) {
		vm_assert(pages[i]->object->vm == vm);
		assert_held(pages[i], flags);
	}
	window = allocate(vm, count, flags);
	if (window == NULL)
		return vm_error(ENOMEM, "window: no memory");
	for (unsigned i = 0; i < count; i++) {
		window->place[i].page = pages[i];
		window->place[i].object = pages[i]->object;
	}
	error = fill(window);
	if (error != 0) {
		vm->os->free(window);
		return error;
	}
	vm_windows_enter(vm->windows, window);
	*out = window;
	return 0;
}

int
vm_window_end(struct vm_window *window, unsigned count, uint64_t moved)
{
	struct vm *vm = window->vm;

	if (count != window->count)
		return vm_error(EINVAL, "window: %u pages of %u are not "
		    "closed by themselves", count, window->count);
	if (moved > bytes_of(window))
		return vm_error(EINVAL, "window: %llu bytes are more than it "
		    "has", (unsigned long long)moved);
	vm_windows_leave(vm->windows, window);
	if (window->bounce != NULL) {
		if ((window->flags & VM_VIEW_READ) != 0)
			copy(window, moved, false);
		vm_alloc_free(vm, window->bounce, bytes_of(window), NULL);
	}
	vm->os->free(window);
	return 0;
}
