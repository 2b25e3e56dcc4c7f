/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * window/buffer.h - memory of a process, made ready for a transfer.
 *
 * NetBSD's vmapbuf and vunmapbuf.  Memory of this process is pinned where it
 * is (memory/pin.h).  Another one's is not to be had at an address of ours, so
 * it gets a bounce, which is filled from it before a write and emptied into it
 * after a read: by whoever unmaps, for the buffer says whose memory it is.
 *
 *	data NULL --map--> data: the bytes --unmap--> data NULL, error
 */
#ifndef WINDOW_BUFFER_H
#define WINDOW_BUFFER_H

#include <stdint.h>

#include "base/compiler.h"
#include "limit/account.h"
#include "object/vm.h"

/* What of resident/window.h's struct vm_buffer stays as it is. */
struct vm_transfer {
	int pid;		/* 0: this process */
	bool out;		/* out of the memory: a write */
	uint64_t address;
	uint64_t bytes;		/* not 0 */
};

/* 0 and the address of the bytes; -EINVAL, -ENOMEM, -E2BIG, -EFAULT, -ESRCH,
 * -EPERM: then nothing is charged or pinned.  Sleeps. */
VM_MUST_CHECK int vm_transfer_map(struct vm *vm, struct vm_account *account,
    const struct vm_transfer *transfer, void **data);
/* It is over whatever this returns, after moved bytes: what copying them out
 * of a bounce met, or 0. */
VM_MUST_CHECK int vm_transfer_unmap(struct vm *vm, struct vm_account *account,
    const struct vm_transfer *transfer, void *data, uint64_t moved);

#endif
