/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/syscalls.h - system calls without libc.
 *
 * The preload library stands where libc's functions were, so it cannot call
 * them; it looks up no "next" function either, since that may allocate and
 * lock.  VM_SYS(SYS_x, ...) makes the call and returns what the kernel does: a
 * result, or a negative errno.  errno itself is set by the exported functions
 * only, so that code without thread-local storage (watch.c) can use this too.
 *
 * VM_SYS_CANCEL is for calls that POSIX makes cancellation points: while it
 * lasts the thread can be cancelled, as inside libc's own wrapper.
 *
 * The one place of the preload library with compiler extensions: inline
 * assembly, which no C can replace.
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>

/* -4095 to -1 are errors in every Linux system call. */
#define VM_SYS_ERROR_MAX 4095

/* Rule 3: a system call has up to six arguments. */
static inline long
vm_sys6(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
	    : "=a"(result)
	    : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	    : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
	    : "+r"(x0)
	    : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
	    : "memory");
	return x0;
#else
#error "the preload library knows the system calls of x86-64 and AArch64"
#endif
}

/* Rule 3: as above. */
static inline long
vm_sys6_cancel(long number, long a, long b, long c, long d, long e, long f)
{
	int old;
	long result;

	if (__libc_single_threaded)
		return vm_sys6(number, a, b, c, d, e, f);
	(void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	result = vm_sys6(number, a, b, c, d, e, f);
	(void)pthread_setcanceltype(old, NULL);
	return result;
}

#define VM_SYS_L(x) ((long)(x))
#define VM_SYS_0(call, n) call(n, 0, 0, 0, 0, 0, 0)
#define VM_SYS_1(call, n, a) call(n, VM_SYS_L(a), 0, 0, 0, 0, 0)
#define VM_SYS_2(call, n, a, b) call(n, VM_SYS_L(a), VM_SYS_L(b), 0, 0, 0, 0)
#define VM_SYS_3(call, n, a, b, c) \
	call(n, VM_SYS_L(a), VM_SYS_L(b), VM_SYS_L(c), 0, 0, 0)
#define VM_SYS_4(call, n, a, b, c, d) \
	call(n, VM_SYS_L(a), VM_SYS_L(b), VM_SYS_L(c), VM_SYS_L(d), 0, 0)
#define VM_SYS_5(call, n, a, b, c, d, e) \
	call(n, VM_SYS_L(a), VM_SYS_L(b), VM_SYS_L(c), VM_SYS_L(d), \
	    VM_SYS_L(e), 0)
#define VM_SYS_6(call, n, a, b, c, d, e, f) \
	call(n, VM_SYS_L(a), VM_SYS_L(b), VM_SYS_L(c), VM_SYS_L(d), \
	    VM_SYS_L(e), VM_SYS_L(f))
#define VM_SYS_PICK(n, a, b, c, d, e, f, name, ...) name
#define VM_SYS_BY(call, ...) \
	VM_SYS_PICK(__VA_ARGS__, VM_SYS_6, VM_SYS_5, VM_SYS_4, VM_SYS_3, \
	    VM_SYS_2, VM_SYS_1, VM_SYS_0, 0)(call, __VA_ARGS__)
#define VM_SYS(...) VM_SYS_BY(vm_sys6, __VA_ARGS__)
#define VM_SYS_CANCEL(...) VM_SYS_BY(vm_sys6_cancel, __VA_ARGS__)

/* Of the result of a system call that returns an address. */
static inline int
vm_sys_failed(long result)
{
	return result < 0 && result >= -VM_SYS_ERROR_MAX;
}

/* What libc's function returns: the result, or -1 and errno. */
static inline long
vm_sys_return(long result)
{
	if (!vm_sys_failed(result))
		return result;
	errno = (int)-result;
	return -1;
}

#endif
