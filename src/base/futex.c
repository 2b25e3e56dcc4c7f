/* SPDX-License-Identifier: BSD-2-Clause */
/* base/futex.c - futex.h has the contract. */
#include "base/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

#define NS_PER_S UINT64_C(1000000000)

/* errno stays as it was: a fault may wait here in the middle of host code. */
static int
futex(_Atomic uint32_t *word, int op, uint32_t value,
    const struct timespec *timeout)
{
	int saved = errno, result = 0;

	if (syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout,
	    NULL, 0) < 0)
		result = -errno;
	errno = saved;
	return result;
}

bool
vm_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
	struct timespec bound, *timeout = NULL;
	int err;

	if (timeout_ns != VM_FUTEX_FOREVER) {
		bound.tv_sec = (time_t)(timeout_ns / NS_PER_S);
		bound.tv_nsec = (long)(timeout_ns % NS_PER_S);
		timeout = &bound;
	}
	err = futex(word, FUTEX_WAIT, expected, timeout);
	/* Changed, interrupted, gone: early in each case. */
	vm_assert(err == 0 || err == -EAGAIN || err == -EINTR ||
	    err == -EFAULT || err == -ETIMEDOUT);
	return err != -ETIMEDOUT;
}

/* The count of a wake is an int in the kernel. */
static void
wake(_Atomic uint32_t *word, uint32_t count)
{
	int err = futex(word, FUTEX_WAKE, count, NULL);

	vm_assert(err == 0 || err == -EFAULT);
}

void
vm_futex_wake_one(_Atomic uint32_t *word)
{
	wake(word, 1);
}

void
vm_futex_wake_all(_Atomic uint32_t *word)
{
	wake(word, INT_MAX);
}
