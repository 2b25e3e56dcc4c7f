/* SPDX-License-Identifier: BSD-2-Clause */
/* api/window.c - windows and buffers: resident/window.h. */
#include <errno.h>
#include <resident/window.h>

#include "base/assert.h"
#include "base/error.h"
#include "window/buffer.h"
#include "window/window.h"

_Static_assert(VM_WINDOW_READ == VM_VIEW_READ, "same bits");
_Static_assert(VM_WINDOW_WRITE == VM_VIEW_WRITE, "same bits");
_Static_assert(VM_WINDOW_BOUNCE == VM_VIEW_BOUNCE, "same bits");
_Static_assert(VM_WINDOW_PAGES_MAX == VM_WINDOW_MAX, "same bound");

static int
check_flags(unsigned flags)
{
	unsigned way = flags & (VM_WINDOW_READ | VM_WINDOW_WRITE);

	if ((flags & ~(way | VM_WINDOW_BOUNCE)) != 0)
		return vm_error(EINVAL, "window: unknown flags 0x%x", flags);
	if (way != VM_WINDOW_READ && way != VM_WINDOW_WRITE)
		return vm_error(EINVAL, "window: neither to read nor to "
		    "write, or both");
	return 0;
}

VM_EXPORT int
vm_window_open(struct vm *vm, struct vm_page **pages, unsigned count,
    unsigned flags, struct vm_window **out)
{
	int error = check_flags(flags);

	if (error != 0)
		return error;
	if (vm == NULL || pages == NULL || out == NULL)
		return vm_error(EINVAL, "window: no system, no pages, or "
		    "nowhere to put it");
	if (count == 0 || count > VM_WINDOW_PAGES_MAX)
		return vm_error(EINVAL, "window: %u pages, of 1 to %u", count,
		    VM_WINDOW_PAGES_MAX);
	return vm_window_new(vm, pages, count, flags, out);
}

VM_EXPORT int
vm_window_close(struct vm_window *window, unsigned count, uint64_t moved)
{
	if (window == NULL)
		return vm_error(EINVAL, "window: none");
	return vm_window_end(window, count, moved);
}

VM_EXPORT void *
vm_window_base(const struct vm_window *window)
{
	return window->base;
}

VM_EXPORT int
vm_window_iovec(const struct vm_window *window, const struct iovec **iov)
{
	*iov = window->iov;
	return window->iov_count;
}

VM_EXPORT struct vm_page *
vm_window_page(struct vm *vm, const void *address, uint32_t *offset)
{
	return vm_window_at(vm, address, offset);
}

VM_EXPORT int64_t
vm_object_purge_windows(struct vm_object *object)
{
	if (object == NULL)
		return vm_error(EINVAL, "purge: no object");
	return vm_window_purge(object);
}

/* ---- buffers ------------------------------------------------------------- */

static struct vm_transfer
transfer_of(const struct vm_buffer *buffer)
{
	return (struct vm_transfer){
		.pid = buffer->pid, .out = buffer->direction ==
		    VM_BUFFER_WRITE,
		.address = buffer->address, .bytes = buffer->bytes,
	};
}

static int
check_buffer(const struct vm_buffer *buffer)
{
	if (buffer == NULL || buffer->size_bytes != sizeof(*buffer))
		return vm_error(EINVAL, "buffer: without VM_BUFFER_INIT");
	if (buffer->pid < 0 || buffer->bytes == 0 ||
	    buffer->address > UINT64_MAX - buffer->bytes)
		return vm_error(EINVAL, "buffer: of no process, empty, or "
		    "beyond the end of addresses");
	if (buffer->direction != VM_BUFFER_READ &&
	    buffer->direction != VM_BUFFER_WRITE)
		return vm_error(EINVAL, "buffer: neither to read nor to "
		    "write");
	if (buffer->data != NULL)
		return vm_error(EBUSY, "buffer: it is mapped already");
	return 0;
}

VM_EXPORT int
vm_buffer_map(struct vm *vm, struct vm_account *account,
    struct vm_buffer *buffer)
{
	int error = check_buffer(buffer);
	struct vm_transfer transfer;

	if (error != 0)
		return error;
	transfer = transfer_of(buffer);
	return vm_transfer_map(vm, account, &transfer, &buffer->data);
}

VM_EXPORT int
vm_buffer_unmap(struct vm *vm, struct vm_account *account,
    struct vm_buffer *buffer, uint64_t moved)
{
	struct vm_transfer transfer = transfer_of(buffer);

	vm_assert(buffer->data != NULL);
	if (moved > buffer->bytes)
		return vm_error(EINVAL, "buffer: %llu bytes are more than it "
		    "has", (unsigned long long)moved);
	buffer->error = vm_transfer_unmap(vm, account, &transfer,
	    buffer->data, moved);
	buffer->data = NULL;
	return buffer->error;
}
