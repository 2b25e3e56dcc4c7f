/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory/alloc.h - memory of any size.
 *
 *	up to half a page	a thing of the next size: 16, 32, 48, 64, 96 ...
 *	above			whole pages, which are neighbours
 *
 * What is aligned to more than its size would be gets the next power of two,
 * which is aligned to itself.  Runs of up to VM_QUANTA pages that are freed are
 * kept for the next one of that length.
 *
 * used and accounts count what was handed out, rounded up.
 */
#ifndef MEMORY_ALLOC_H
#define MEMORY_ALLOC_H

#include <stdint.h>

#include "base/compiler.h"
#include "limit/account.h"
#include "memory/memory.h"

/* 16 bytes: what any C object may want to be aligned to. */
#define VM_ALLOC_BYTES_MIN 16u

struct vm_alloc_request {
	uint64_t bytes;		/* not 0 */
	uint64_t align_bytes;	/* 0, or a power of two */
	unsigned flags;		/* VM_MEM_* */
	struct vm_account *account;	/* NULL: nobody is charged */
};

/* 0; -EINVAL, -E2BIG (more than 1024 pages), -ENOMEM, -ECANCELED, with a
 * sentence; then nothing is charged.  Sleeps with WAIT. */
VM_MUST_CHECK int vm_alloc(struct vm *vm,
    const struct vm_alloc_request *request, void **out);
/* Bytes and account as they were asked with; memory that is not out, or of
 * another size, stops the program.  Never sleeps. */
void vm_alloc_free(struct vm *vm, void *memory, uint64_t bytes,
    struct vm_account *account);

/* Gives kept runs back; pages. */
uint32_t vm_alloc_shrink(struct vm_memory *memory, uint32_t want);

#endif
