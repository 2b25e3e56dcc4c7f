/* SPDX-License-Identifier: BSD-2-Clause */
/* window/buffer.c - buffer.h has the theory. */
#include "window/buffer.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "memory/alloc.h"
#include "memory/pages.h"
#include "memory/pin.h"
#include "os/os.h"

static int
not_copied(const struct vm_transfer *transfer, int error)
{
	return vm_error(-error, "buffer: %llu bytes at 0x%llx of process %d: "
	    "%s", (unsigned long long)transfer->bytes,
	    (unsigned long long)transfer->address, transfer->pid,
	    vm_errno_text(-error));
}

static int
map_bounce(struct vm *vm, struct vm_account *account,
    const struct vm_transfer *transfer, void **data)
{
	const struct vm_alloc_request request = {
		.bytes = transfer->bytes, .align_bytes = vm->page_bytes,
		.flags = VM_MEM_WAIT, .account = account,
	};
	void *memory;
	int error = vm_alloc(vm, &request, &memory);

	if (error != 0)
		return error;
	if (transfer->out)
		error = vm->os->task_read(transfer->pid, transfer->address,
		    memory, transfer->bytes);
	if (error != 0) {
		vm_alloc_free(vm, memory, transfer->bytes, account);
		return not_copied(transfer, error);
	}
	*data = memory;
	return 0;
}

int
vm_transfer_map(struct vm *vm, struct vm_account *account,
    const struct vm_transfer *transfer, void **data)
{
	void *memory = (void *)(uintptr_t)transfer->address;
	int error;

	vm_lock_assert_none_held();
	if (transfer->pid != 0)
		return map_bounce(vm, account, transfer, data);
	error = vm_pin(vm, account, memory, transfer->bytes);
	if (error == 0)
		*data = memory;
	return error;
}

int
vm_transfer_unmap(struct vm *vm, struct vm_account *account,
    const struct vm_transfer *transfer, void *data, uint64_t moved)
{
	int error = 0;

	vm_assert(data != NULL && moved <= transfer->bytes);
	if (transfer->pid == 0)
		return vm_unpin(vm, account, data, transfer->bytes);
	if (!transfer->out && moved != 0)
		error = vm->os->task_write(transfer->pid, transfer->address,
		    data, moved);
	vm_alloc_free(vm, data, transfer->bytes, account);
	return error != 0 ? not_copied(transfer, error) : 0;
}
