/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/compiler.h - every compiler extension the project uses, by name.
 */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#include <stddef.h>

#define VM_MUST_CHECK		__attribute__((warn_unused_result))
#define VM_PRINTF(fmt, first)	__attribute__((format(printf, fmt, first)))
#define VM_NORETURN		__attribute__((noreturn))
#define VM_COLD			__attribute__((cold))
/* Not hot, and kept out of the hot function's registers. */
#define VM_APART		__attribute__((noinline))
#define VM_LIKELY(x)		__builtin_expect(!!(x), 1)
#define VM_UNLIKELY(x)		__builtin_expect(!!(x), 0)
#define VM_ALIGNED(n)		__attribute__((aligned(n)))
/* Of a thread's variable: at a fixed place, found without a call. */
#define VM_INITIAL_EXEC		__attribute__((tls_model("initial-exec")))
/* A definition the library exports; everything else is hidden. */
#define VM_EXPORT		__attribute__((visibility("default")))

/* A function whose races are meant: a detector does not look into it. */
#if defined(__clang__)
#define VM_NO_RACE_CHECK \
	__attribute__((noinline, disable_sanitizer_instrumentation))
#else
#define VM_NO_RACE_CHECK	__attribute__((noinline, no_sanitize("thread")))
#endif
/* Asks for a cache line that will be read; any address will do. */
#define VM_PREFETCH(address)	__builtin_prefetch(address)

/* Between two looks at what another processor will change. */
#if defined(__x86_64__)
#define VM_RELAX()		__builtin_ia32_pause()
#else
#define VM_RELAX()		__asm__ volatile("" : : : "memory")
#endif

/* 64 bytes: the cache line of every x86-64 and most arm64 machines. */
#define VM_CACHE_LINE		64

/* The number of the lowest bit set in a 64-bit value; not 0. */
#define VM_LOWEST_BIT(x)	((unsigned)__builtin_ctzll(x))

/* The structure of the given type whose member is at ptr. */
#define VM_CONTAINER(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define VM_COUNT(array)		(sizeof(array) / sizeof((array)[0]))

#endif
