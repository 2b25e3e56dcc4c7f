/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/elf.c - see elf.h.  Nothing in the file is believed. */
#include "elf.h"

#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* 256 program headers: real programs have about 13. */
#define HEADERS_MAX 256

static bool
read_exactly(int fd, void *to, size_t size, uint64_t offset)
{
	return offset <= (uint64_t)INT64_MAX &&
	    pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

/* Our own program is one that this machine runs. */
static bool
is_like_us(const ElfW(Ehdr) *header)
{
	ElfW(Ehdr) own;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	bool same = fd >= 0 && read_exactly(fd, &own, sizeof(own), 0) &&
	    own.e_ident[EI_CLASS] == header->e_ident[EI_CLASS] &&
	    own.e_ident[EI_DATA] == header->e_ident[EI_DATA] &&
	    own.e_machine == header->e_machine;

	if (fd >= 0)
		close(fd);
	return same;
}

/* STATIC until a header asks for a dynamic linker. */
static enum vm_elf_kind
find_linker(int fd, const ElfW(Ehdr) *header, char *linker, size_t size)
{
	for (unsigned i = 0; i < header->e_phnum && i < HEADERS_MAX; i++) {
		ElfW(Phdr) part;
		size_t length;

		if (!read_exactly(fd, &part, sizeof(part), header->e_phoff +
		    (uint64_t)i * sizeof(part)))
			return VM_ELF_BROKEN;
		if (part.p_type != PT_INTERP)
			continue;
		length = part.p_filesz < size ? part.p_filesz : size - 1;
		if (!read_exactly(fd, linker, length, part.p_offset))
			return VM_ELF_BROKEN;
		linker[length] = '\0';
		return VM_ELF_DYNAMIC;
	}
	return VM_ELF_STATIC;
}

enum vm_elf_kind
vm_elf_kind(int fd, char *linker, size_t size)
{
	ElfW(Ehdr) header;

	linker[0] = '\0';
	memset(&header, 0, sizeof(header));
	if (pread(fd, &header, sizeof(header), 0) < SELFMAG ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return VM_ELF_NOT;
	if (!is_like_us(&header))
		return VM_ELF_FOREIGN;
	if (!read_exactly(fd, &header, sizeof(header), 0) ||
	    (header.e_type != ET_EXEC && header.e_type != ET_DYN) ||
	    header.e_phentsize != sizeof(ElfW(Phdr)))
		return VM_ELF_BROKEN;
	return find_linker(fd, &header, linker, size);
}
