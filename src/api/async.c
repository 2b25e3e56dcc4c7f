/* SPDX-License-Identifier: BSD-2-Clause */
/* api/async.c - many grabs of one thread: resident/async.h. */
#include <errno.h>
#include <resident/async.h>
#include <resident/page.h>

#include "api/check.h"
#include "base/assert.h"
#include "base/error.h"
#include "fault/async.h"
#include "object/object.h"

/* 32: where disks are within a fifth of their best (fault/fill.h). */
#define DEPTH_DEFAULT 32u

VM_EXPORT int
vm_async_create(struct vm *vm, unsigned depth, struct vm_async **out)
{
	if (depth > VM_ASYNC_DEPTH_MAX)
		return vm_error(EINVAL, "async: depth %u is above %u", depth,
		    VM_ASYNC_DEPTH_MAX);
	return vm_async_new(vm, depth != 0 ? depth : DEPTH_DEFAULT, out);
}

VM_EXPORT void
vm_async_destroy(struct vm_async *async)
{
	vm_async_free(async);
}

static int
check(const struct vm_async *async, const struct vm_async_ask *ask)
{
	int error;

	if (ask->object->vm != vm_async_system(async))
		return vm_error(EINVAL, "async: an object of another system");
	if (ask->flags & VM_GRAB_ONCE)
		return vm_error(EINVAL, "async: ONCE, where nobody waits");
	error = vm_check_grab(ask->object, ask->pindex, ask->flags);
	return error != 0 ? error : vm_check_end(ask->object,
	    ask->pindex, 1);
}

VM_EXPORT unsigned
vm_async_grab(struct vm_async *async, const struct vm_async_ask *asks,
    unsigned count)
{
	unsigned n = 0;

	for (; n < count && !vm_async_full(async); n++) {
		const struct vm_async_ask *ask = &asks[n];
		int error = check(async, ask);

		if (error != 0)
			vm_async_refuse(async, error, ask->arg);
		else
			vm_async_add(async, ask->object, ask->pindex,
			    ask->flags, ask->arg);
	}
	vm_async_start(async);
	return n;
}

VM_EXPORT unsigned
vm_async_reap(struct vm_async *async, struct vm_async_answer *answers,
    unsigned max, unsigned min)
{
	unsigned n = 0;

	vm_async_wait(async, min < max ? min : max);
	while (n < max && vm_async_take(async, &answers[n].page,
	    &answers[n].error, &answers[n].arg))
		n++;
	return n;
}

VM_EXPORT unsigned
vm_async_pending(const struct vm_async *async)
{
	return vm_async_outstanding(async);
}

VM_EXPORT int
vm_async_fd(struct vm_async *async)
{
	int fd = vm_async_poll_fd(async);

	return fd >= 0 ? fd : vm_error(-fd, "async: no descriptor to poll: %s",
	    vm_errno_text(-fd));
}

VM_EXPORT unsigned
vm_async_cancel(struct vm_async *async)
{
	return vm_async_give_up(async);
}
