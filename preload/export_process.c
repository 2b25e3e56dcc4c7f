/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/export_process.c - libc's names for descriptors and exits; see
 * export.h. */
#undef _FORTIFY_SOURCE
#include "export.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "hide.h"
#include "shim.h"
#include "syscalls.h"

VM_EXPORT int
close(int fd)
{
	return (int)vm_sys_return(vm_shim_close(fd));
}

VM_EXPORT int
dup2(int from, int to)
{
	return (int)vm_sys_return(vm_shim_dup(from, to, -1));
}

VM_EXPORT int
dup3(int from, int to, int flags)
{
	return (int)vm_sys_return(vm_shim_dup(from, to, flags & INT_MAX));
}

VM_EXPORT int
close_range(unsigned first, unsigned last, int flags)
{
	return (int)vm_sys_return(vm_shim_close_range(first, last,
	    (unsigned)flags));
}

VM_EXPORT void
closefrom(int low)
{
	(void)vm_shim_close_range(low < 0 ? 0 : (unsigned)low, UINT_MAX, 0);
}

VM_EXPORT void
_exit(int status)
{
	vm_shim_finish();
	for (;;)
		(void)VM_SYS(SYS_exit_group, status);
}

VM_EXPORT void
_Exit(int status)
{
	_exit(status);
}
