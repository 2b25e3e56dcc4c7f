/* SPDX-License-Identifier: BSD-2-Clause */
/* os/linux.c - the table of the real system; os.h has the contracts. */
#include "os/ioq.h"
#include "os/linux_private.h"
#include "os/os.h"

const struct vm_os vm_os_linux = {
	.map_anon = vm_os_map_anon,
	.map_file = vm_os_map_file,
	.unmap = vm_os_unmap,
	.drop = vm_os_drop,
	.memfd = vm_os_memfd,
	.punch = vm_os_punch,
	.reopen = vm_os_reopen,
	.flags = vm_os_flags,
	.tmpfile = vm_os_tmpfile,
	.dup = vm_os_dup,
	.close = vm_os_close,
	.fstat = vm_os_fstat,
	.ftruncate = vm_os_ftruncate,
	.fallocate = vm_os_fallocate,
	.fsync = vm_os_fsync,
	.pread = vm_os_pread,
	.pwrite = vm_os_pwrite,
	.preadv_cached = vm_os_preadv_cached,
	.drop_cache = vm_os_drop_cache,
	.ioq_create = vm_ioq_create,
	.clock_ns = vm_os_clock_ns,
	.thread_start = vm_os_thread_start,
	.thread_join = vm_os_thread_join,
	.eventfd = vm_os_eventfd,
	.event_set = vm_os_event_set,
	.event_clear = vm_os_event_clear,
	.poll_create = vm_os_poll_create,
	.poll_add = vm_os_poll_add,
	.poll_remove = vm_os_poll_remove,
	.poll_wait = vm_os_poll_wait,
	.task_sigbus = vm_os_task_sigbus,
	.alloc = vm_os_alloc,
	.free = vm_os_free,
};
