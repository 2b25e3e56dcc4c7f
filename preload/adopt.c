/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/adopt.c - adopt.h has the theory. */
#include "adopt.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "maps.h"
#include "shim.h"
#include "syscalls.h"

/* Descriptors above are not looked at: a program that has so many open is not
 * waiting for this one map. */
#define FD_MAX 4096

/* The line that starts where the wanted one does. */
static int
match(void *arg, const struct vm_maps_line *line)
{
	struct vm_maps_line *wanted = arg;

	if (line->start != wanted->start)
		return 0;
	*wanted = *line;
	return 1;
}

/* A descriptor of the file that allows what the mapping does, and writing
 * too where there is one; -1: none. */
static int
find_fd(const struct vm_maps_line *line)
{
	int readable = -1;

	for (int fd = 0; fd < FD_MAX; fd++) {
		struct stat st;
		long status;

		if (VM_SYS(SYS_fstat, fd, &st) != 0 ||
		    !S_ISREG(st.st_mode) || st.st_dev != line->device ||
		    st.st_ino != line->inode)
			continue;
		status = VM_SYS(SYS_fcntl, fd, F_GETFL);
		if (status < 0 || (status & O_PATH) != 0)
			continue;
		if ((status & O_ACCMODE) == O_RDWR)
			return fd;
		if ((status & O_ACCMODE) == O_RDONLY)
			readable = fd;
	}
	return line->shared && line->write ? -1 : readable;
}

/* What a private map was written with would be lost. */
static bool
may_be_adopted(const struct vm_maps_line *line,
    const struct vm_remap_call *remap)
{
	return line->inode != 0 && !line->execute &&
	    (line->shared || !line->write) &&
	    line->end - line->start == vm_shim_page_up(remap->old_length);
}

static long
map_anew(const struct vm_remap_call *remap, const struct vm_maps_line *line,
    int fd)
{
	struct vm_map_call map = {
		.length = remap->new_length,
		.prot = PROT_READ | (line->write ? PROT_WRITE : 0),
		.flags = line->shared ? MAP_SHARED : MAP_PRIVATE,
		.fd = fd,
		.offset = (int64_t)line->offset,
	};
	long at;

	if ((remap->flags & MREMAP_FIXED) != 0) {
		map.address = remap->new;
		map.flags |= MAP_FIXED;
	}
	at = vm_shim_mmap(&map);
	if (!vm_sys_failed(at))
		(void)vm_shim_munmap(remap->old, remap->old_length);
	return at;
}

long
vm_shim_adopt(const struct vm_remap_call *remap)
{
	struct vm_maps_line line = {
		.start = (uint64_t)(uintptr_t)remap->old
	};
	long result = -ENOENT;
	int fd;

	if (vm_maps_each(match, &line) == 1 && may_be_adopted(&line, remap)) {
		fd = find_fd(&line);
		if (fd >= 0)
			result = map_anew(remap, &line, fd);
	}
	return result;
}
