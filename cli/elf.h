/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/elf.h - what an ELF file says about how it is to be loaded.
 */
#ifndef CLI_ELF_H
#define CLI_ELF_H

#include <stddef.h>

enum vm_elf_kind {
	VM_ELF_NOT,		/* no ELF file */
	VM_ELF_BROKEN,		/* cut off, or nonsense inside */
	VM_ELF_FOREIGN,		/* for another kind of machine */
	VM_ELF_STATIC,		/* asks for no dynamic linker */
	VM_ELF_DYNAMIC,		/* *linker is the one it asks for */
};

/* linker: at least 1 byte; its path is cut to size. */
enum vm_elf_kind vm_elf_kind(int fd, char *linker, size_t size);

#endif
