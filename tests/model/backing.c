/* SPDX-License-Identifier: BSD-2-Clause */
/* backing.c - a pager of our own: a thing's second array of bytes. */
#include <string.h>

#include "world.h"

static void
copy(struct thing *t, struct vm_pager_request *request)
{
	uint8_t *at = t->backing + request->pindex * PAGE;
	uint64_t left = request->bytes;

	for (int i = 0; i < request->iov_count && left != 0; i++) {
		size_t n = request->iov[i].iov_len;

		if (n > left)
			n = left;
		if (request->op == VM_PAGER_IN)
			memcpy(request->iov[i].iov_base, at, n);
		else
			memcpy(at, request->iov[i].iov_base, n);
		at += n;
		left -= n;
	}
}

static void
submit(void *arg, struct vm_pager_request *request)
{
	copy(arg, request);
	if (request->op == VM_PAGER_IN && request->pindex % 8 == 0)
		vm_pager_mark(request, 0, 1, VM_PAGER_PRECIOUS |
		    VM_PAGER_NO_WRITE);
	vm_pager_done(request, VM_PAGER_OK, 0);
}

static void
resized(void *arg, uint64_t bytes)
{
	struct thing *t = arg;

	memset(t->backing + bytes, 0, BYTES_MAX - bytes);
}

static int
unlock(void *arg, uint64_t pindex, unsigned want)
{
	(void)arg;
	(void)pindex;
	(void)want;
	return 0;
}

void
backing_make(struct world *w, struct thing *t, unsigned flags)
{
	struct vm_pager_callbacks callbacks = VM_PAGER_CALLBACKS_INIT;

	callbacks.submit = submit;
	callbacks.resized = resized;
	callbacks.unlock = unlock;
	for (uint64_t i = 0; i < t->length; i++)
		t->bytes[i] = (uint8_t)(i / 5 + i / PAGE);
	memcpy(t->backing, t->bytes, t->length);
	MUST(w, vm_object_create_pager(w->vm, &callbacks, t, t->length, flags,
	    &t->object) == 0);
}
