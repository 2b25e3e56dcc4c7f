/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/assert.h - a broken invariant stops the program with a message.
 *
 * vm_assert is always on and O(1); it guards against programmer errors only:
 * what a caller, a disk or the kernel can cause is an error, not an assertion.
 * vm_debug_assert may cost more and exists in debug builds alone.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include "base/compiler.h"

/* Writes "file:line: function: text" to file descriptor 2, then abort(). */
VM_NORETURN VM_COLD void vm_panic(const char *file, int line,
    const char *function, const char *text);

#define vm_assert(cond) \
	(VM_LIKELY(cond) ? (void)0 \
	    : vm_panic(__FILE__, __LINE__, __func__, #cond))

#ifdef VM_DEBUG
#define vm_debug_assert(cond)	vm_assert(cond)
#else
#define vm_debug_assert(cond)	((void)sizeof(cond))
#endif

#endif
