/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/adopt.c - adopt.h has the theory. */
#include "adopt.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "memory.h"
#include "shim.h"
#include "syscalls.h"

/* 64 KiB of text at a time; a line has at most a path of 4096 in it. */
#define TEXT_BYTES 65536
/* Descriptors above are not looked at: a program that has so many open is not
 * waiting for this one map. */
#define FD_MAX 4096

/* Digits up to the first other character, which is stepped over. */
static bool
number(const char **at, const char *end, unsigned base, uint64_t *out)
{
	const char *start = *at;

	for (*out = 0; *at < end; ++*at) {
		char c = **at;
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') :
		    c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : base;

		if (digit >= base)
			break;
		*out = *out * base + digit;
	}
	if (*at == start || *at == end)
		return false;
	++*at;
	return true;
}

/* "7f00-7f10 rw-s 00001000 fe:00 1234   /a/file" */
bool
vm_maps_parse(const char *line, const char *end, struct vm_maps_line *out)
{
	uint64_t major, minor;

	if (!number(&line, end, 16, &out->start) ||
	    !number(&line, end, 16, &out->end) || end - line < 5)
		return false;
	out->write = line[1] == 'w';
	out->execute = line[2] == 'x';
	out->shared = line[3] == 's';
	line += 5;
	if (!number(&line, end, 16, &out->offset) ||
	    !number(&line, end, 16, &major) ||
	    !number(&line, end, 16, &minor) ||
	    !number(&line, end, 10, &out->inode))
		return false;
	out->device = makedev((unsigned)major, (unsigned)minor);
	return true;
}

/* Looks for the mapping among whole lines; *rest: what is behind them. */
static bool
find_in(const char *text, const char *end, uint64_t start,
    struct vm_maps_line *out, const char **rest)
{
	for (const char *at = text; at < end; at++) {
		if (*at != '\n')
			continue;
		if (vm_maps_parse(text, at, out) && out->start == start)
			return true;
		text = at + 1;
	}
	*rest = text;
	return false;
}

static bool
find_line(uint64_t start, char *text, struct vm_maps_line *out)
{
	long fd = VM_SYS(SYS_openat, AT_FDCWD, "/proc/self/maps",
	    O_RDONLY | O_CLOEXEC, 0), got;
	size_t have = 0;
	bool found = false;

	if (vm_sys_failed(fd))
		return false;
	while (!found && (got = VM_SYS(SYS_read, fd, text + have,
	    TEXT_BYTES - have)) > 0) {
		const char *rest = text;

		have += (size_t)got;
		found = find_in(text, text + have, start, out, &rest);
		have -= (size_t)(rest - text);
		for (size_t i = 0; i < have; i++)
			text[i] = rest[i];
		if (have == TEXT_BYTES)
			break;
	}
	(void)VM_SYS(SYS_close, fd);
	return found;
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
	struct vm_maps_line line = { .inode = 0 };
	char *text = vm_memory_new(TEXT_BYTES);
	long result = -ENOENT;
	int fd;

	if (text == NULL)
		return -ENOMEM;
	if (find_line((uint64_t)(uintptr_t)remap->old, text, &line) &&
	    may_be_adopted(&line, remap)) {
		fd = find_fd(&line);
		if (fd >= 0)
			result = map_anew(remap, &line, fd);
	}
	vm_memory_free(text, TEXT_BYTES);
	return result;
}
