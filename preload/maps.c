/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/maps.c - see maps.h. */
#include "maps.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/sysmacros.h>

#include "memory.h"
#include "syscalls.h"

/* 64 KiB of text at a time; a line has at most a path of 4096 in it. */
#define TEXT_BYTES 65536

/* Lines on their way from the kernel. */
struct reading {
	int (*each)(void *arg, const struct vm_maps_line *line);
	void *arg;
	char *text;	/* TEXT_BYTES */
	size_t have;
};

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
	out->read = line[0] == 'r';
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

/* The whole lines of the text; what is behind them moves to the front. */
static int
take_lines(struct reading *r)
{
	size_t from = 0;
	int result = 0;

	for (size_t i = 0; i < r->have && result == 0; i++) {
		struct vm_maps_line line;

		if (r->text[i] != '\n')
			continue;
		if (vm_maps_parse(r->text + from, r->text + i, &line))
			result = r->each(r->arg, &line);
		from = i + 1;
	}
	r->have -= from;
	for (size_t i = 0; i < r->have; i++)
		r->text[i] = r->text[from + i];
	return result;
}

static int
read_lines(struct reading *r, long fd)
{
	int result = 0;
	long got = 1;

	while (result == 0 && got > 0) {
		if (r->have == TEXT_BYTES)
			return -E2BIG;
		got = VM_SYS(SYS_read, fd, r->text + r->have,
		    TEXT_BYTES - r->have);
		if (got < 0)
			return (int)got;
		r->have += (size_t)got;
		result = take_lines(r);
	}
	return result;
}

int
vm_maps_each(int (*each)(void *arg, const struct vm_maps_line *line),
    void *arg)
{
	struct reading r = { .each = each, .arg = arg };
	long fd = VM_SYS(SYS_openat, AT_FDCWD, "/proc/self/maps",
	    O_RDONLY | O_CLOEXEC, 0);
	int result = -ENOMEM;

	if (vm_sys_failed(fd))
		return (int)fd;
	r.text = vm_own_new(TEXT_BYTES);
	if (r.text != NULL) {
		result = read_lines(&r, fd);
		vm_own_free(r.text, TEXT_BYTES);
	}
	(void)VM_SYS(SYS_close, fd);
	return result;
}
