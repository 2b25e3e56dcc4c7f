/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/export_memory.c - libc's names for memory; see export.h. */
#undef _FORTIFY_SOURCE
#include "export.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "map.h"
#include "syscalls.h"

VM_EXPORT void *
mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
	struct vm_map_call map = { address, length, prot, flags, fd, offset };

	return (void *)vm_sys_return(vm_shim_mmap(&map));
}

VM_EXPORT void *
mmap64(void *address, size_t length, int prot, int flags, int fd,
    off64_t offset)
{
	struct vm_map_call map = { address, length, prot, flags, fd, offset };

	return (void *)vm_sys_return(vm_shim_mmap(&map));
}

VM_EXPORT int
munmap(void *address, size_t length)
{
	return (int)vm_sys_return(vm_shim_munmap(address, length));
}

VM_EXPORT void *
mremap(void *old, size_t old_length, size_t new_length, int flags, ...)
{
	struct vm_remap_call remap = {
		old, old_length, new_length, flags, NULL
	};
	va_list arguments;

	/* MREMAP_DONTUNMAP, too, takes the address when it is given. */
	va_start(arguments, flags);
	if ((flags & MREMAP_FIXED) != 0)
		remap.new = va_arg(arguments, void *);
	va_end(arguments);
	return (void *)vm_sys_return(vm_shim_mremap(&remap));
}

VM_EXPORT int
mprotect(void *address, size_t length, int prot)
{
	return (int)vm_sys_return(vm_shim_mprotect(address, length, prot));
}

VM_EXPORT int
pkey_mprotect(void *address, size_t length, int prot, int pkey)
{
	int result = mprotect(address, length, prot);

	if (result == 0 && pkey != -1)
		result = (int)vm_sys_return(VM_SYS(SYS_pkey_mprotect,
		    address, length, prot, pkey));
	return result;
}

VM_EXPORT int
msync(void *address, size_t length, int flags)
{
	return (int)vm_sys_return(vm_shim_msync(address, length, flags));
}

VM_EXPORT int
madvise(void *address, size_t length, int advice)
{
	return (int)vm_sys_return(vm_shim_madvise(address, length, advice));
}

VM_EXPORT int
posix_madvise(void *address, size_t length, int advice)
{
	/* In libc, too: POSIX's advice must not lose data. */
	if (advice == POSIX_MADV_DONTNEED)
		return 0;
	return (int)-vm_shim_madvise(address, length, advice);
}

VM_EXPORT int
mlock(const void *address, size_t length)
{
	return (int)vm_sys_return(vm_shim_mlock(address, length, -1));
}

VM_EXPORT int
mlock2(const void *address, size_t length, unsigned flags)
{
	return (int)vm_sys_return(vm_shim_mlock(address, length,
	    (int)(flags & INT32_MAX)));
}

VM_EXPORT int
munlock(const void *address, size_t length)
{
	return (int)vm_sys_return(vm_shim_munlock(address, length));
}
