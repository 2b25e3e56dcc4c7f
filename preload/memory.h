/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/memory.h - memory of the preload library's own.
 *
 * Whole mappings straight from the kernel: the program's allocator may be
 * what called us.  Reading the program's memory goes through the kernel too,
 * for it may be bad (EFAULT, where a plain load would end the program).
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Zeros, not charged before they are touched; NULL when there is none. */
void *vm_own_new(size_t size);
void vm_own_free(void *memory, size_t size);

/* Maps length bytes of fd, shared, at an address of the kernel's choice: an
 * address or a negative errno. */
long vm_own_map(int fd, size_t length, int prot);

/* Copies size bytes from an address of the program: 0 or -EFAULT. */
int vm_own_read(void *to, const void *from, size_t size);

#endif
