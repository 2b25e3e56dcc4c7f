/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * points.c - each atomic access of the library is a point.
 *
 * The library is compiled with -fsanitize=thread and linked without that
 * sanitizer's run time: the compiler calls these functions in place of atomic
 * instructions (their names and types are its), and before plain accesses,
 * which are no points.  The tasks share one thread, so an access is the plain
 * one; the orders are not simulated.  A weak exchange fails now and then.
 *
 * Rule 2: what the macros make would be a page per width, and the names are
 * the compiler's.
 */
#include <stddef.h>
#include <string.h>

#include "sim.h"

/* One weak exchange in 32 fails for nothing. */
#define VAIN 32

static inline void
point(void)
{
	if (--sim_left == 0) {
		sim_left = 1;
		sim_point();
	}
}

#define HOOK(bits, type, name, ...) \
	type __tsan_atomic##bits##_##name(__VA_ARGS__); \
	type __tsan_atomic##bits##_##name(__VA_ARGS__)

#define FETCH(bits, type, name, expression) \
	HOOK(bits, type, fetch_##name, type *at, type value, int order) \
	{ \
		type old; \
		\
		(void)order; \
		point(); \
		old = *at; \
		*at = (type)(expression); \
		return old; \
	}

#define EXCHANGE(bits, type, name, vain) \
	HOOK(bits, int, compare_exchange_##name, type *at, type *expected, \
	    type value, int order, int failed) \
	{ \
		type old; \
		\
		(void)order; \
		(void)failed; \
		point(); \
		old = *at; \
		if (old == *expected && !(vain)) { \
			*at = value; \
			return 1; \
		} \
		*expected = old; \
		return 0; \
	}

#define WIDTH(bits, type) \
	HOOK(bits, type, load, const type *at, int order) \
	{ \
		(void)order; \
		point(); \
		return *at; \
	} \
	\
	HOOK(bits, void, store, type *at, type value, int order) \
	{ \
		(void)order; \
		point(); \
		*at = value; \
	} \
	\
	HOOK(bits, type, compare_exchange_val, type *at, type expected, \
	    type value, int order, int failed) \
	{ \
		type old; \
		\
		(void)order; \
		(void)failed; \
		point(); \
		old = *at; \
		if (old == expected) \
			*at = value; \
		return old; \
	} \
	\
	FETCH(bits, type, add, old + value) \
	FETCH(bits, type, sub, old - value) \
	FETCH(bits, type, and, old & value) \
	FETCH(bits, type, or, old | value) \
	FETCH(bits, type, xor, old ^ value) \
	FETCH(bits, type, nand, ~(old & value)) \
	EXCHANGE(bits, type, strong, false) \
	EXCHANGE(bits, type, weak, sim_one_in(VAIN)) \
	\
	HOOK(bits, type, exchange, type *at, type value, int order) \
	{ \
		type old; \
		\
		(void)order; \
		point(); \
		old = *at; \
		*at = value; \
		return old; \
	}

WIDTH(8, uint8_t)
WIDTH(16, uint16_t)
WIDTH(32, uint32_t)
WIDTH(64, uint64_t)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);

void
__tsan_atomic_thread_fence(int order)
{
	(void)order;
	point();
}

void
__tsan_atomic_signal_fence(int order)
{
	(void)order;
}

/* Beside another sanitizer, with -fsanitize-coverage=trace-pc: each branch. */
void __sanitizer_cov_trace_pc(void);

void
__sanitizer_cov_trace_pc(void)
{
	point();
}

/* What the compiler calls besides: no points. */
#define NOTHING(name) \
	void __tsan_##name(void *at); \
	void __tsan_##name(void *at) \
	{ \
		(void)at; \
	}

#define PLAIN(bytes) \
	NOTHING(read##bytes) \
	NOTHING(write##bytes) \
	NOTHING(unaligned_read##bytes) \
	NOTHING(unaligned_write##bytes) \
	NOTHING(read_write##bytes) \
	NOTHING(unaligned_read_write##bytes)

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)
NOTHING(func_entry)

#define RANGE(name) \
	void __tsan_##name(void *at, unsigned long bytes); \
	void __tsan_##name(void *at, unsigned long bytes) \
	{ \
		(void)at; \
		(void)bytes; \
	}

RANGE(read_range)
RANGE(write_range)

void __tsan_init(void);
void __tsan_func_exit(void);

void
__tsan_init(void)
{
}

void
__tsan_func_exit(void)
{
}

/* clang's, for copies of structures. */
void *__tsan_memcpy(void *to, const void *from, size_t bytes);
void *__tsan_memset(void *to, int value, size_t bytes);
void *__tsan_memmove(void *to, const void *from, size_t bytes);

void *
__tsan_memcpy(void *to, const void *from, size_t bytes)
{
	return memcpy(to, from, bytes);
}

void *
__tsan_memset(void *to, int value, size_t bytes)
{
	return memset(to, value, bytes);
}

void *
__tsan_memmove(void *to, const void *from, size_t bytes)
{
	return memmove(to, from, bytes);
}
