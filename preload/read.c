/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/read.c - reads and syncs of managed files; see write.h. */
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "files.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"
#include "write.h"

/* What a request needs of a file that has dirty pages. */
struct dirty {
	uint32_t number;
	uint64_t length;	/* whole pages */
};

/* A descriptor that can be sent to nobody. */
static bool
is_path(int fd)
{
	long status = VM_SYS(SYS_fcntl, fd, F_GETFL);

	return status < 0 || (status & O_PATH) != 0;
}

/* False when no page of fd is newer than its file. */
static bool
find_dirty(int fd, struct dirty *dirty)
{
	struct vm_signals saved;
	struct vm_file *file;
	struct stat st;
	bool found = false;

	if (!vm_fd_managed(fd, &st) || is_path(fd) || !vm_shim_enter(&saved))
		return false;
	if (vm_file_open(fd, &st, false, &file) == 0 &&
	    vm_face_dirty(file->face) != 0) {
		dirty->number = file->number;
		dirty->length = vm_shim_page_up(vm_face_length(file->face));
		found = true;
	}
	vm_shim_leave(saved);
	return found;
}

static int
request(enum vm_request_op op, uint32_t number, uint64_t offset,
    uint64_t length)
{
	struct vm_signals saved = vm_signals_block();
	int err = vm_rpc_file(op, number, offset, length);

	vm_signals_restore(saved);
	return err;
}

static void
flush(const struct dirty *dirty, uint64_t offset, uint64_t length)
{
	if (offset >= dirty->length)
		return;
	if (length > dirty->length - offset)
		length = dirty->length - offset;
	(void)request(VM_REQ_FLUSH, dirty->number, offset, length);
}

static long
position(int fd, const int64_t *offset)
{
	return offset != NULL ? (long)*offset :
	    VM_SYS(SYS_lseek, fd, 0, SEEK_CUR);
}

void
vm_shim_settle(int fd, const int64_t *offset, uint64_t length)
{
	struct dirty dirty;
	long at;

	if (!find_dirty(fd, &dirty))
		return;
	at = position(fd, offset);
	if (at >= 0)
		flush(&dirty, (uint64_t)at, length);
}

long
vm_shim_read(const struct vm_transfer *transfer)
{
	struct dirty dirty;
	long at;

	if (find_dirty(transfer->fd, &dirty)) {
		at = position(transfer->fd, vm_transfer_has_offset(transfer) ?
		    &transfer->offset : NULL);
		if (at >= 0)
			flush(&dirty, (uint64_t)at,
			    vm_transfer_length(transfer));
	}
	return vm_transfer_make(transfer);
}

long
vm_shim_sync(int fd)
{
	struct dirty dirty;
	int err;

	if (!find_dirty(fd, &dirty))
		return 0;
	err = request(VM_REQ_SYNC, dirty.number, 0, dirty.length);
	return err == -ENOENT || err == -ENOTCONN ? 0 : err;
}

static void
sync_one(uint32_t number, uint64_t length)
{
	(void)vm_rpc_file(VM_REQ_SYNC, number, 0, length);
}

void
vm_shim_sync_all(void)
{
	struct vm_signals saved;

	if (!vm_shim_enter(&saved))
		return;
	vm_files_dirty(sync_one);
	vm_shim_leave(saved);
}
