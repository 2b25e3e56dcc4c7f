/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/pager.h"

#include <resident/resident.h>

#include "bench/bench.h"

static void
submit(void *arg, struct vm_pager_request *request)
{
	(void)arg;
	vm_pager_done(request, VM_PAGER_OK, request->count);
}

struct vm_object *
bench_object_of_nothing(struct vm *vm, uint64_t bytes)
{
	struct vm_pager_callbacks callbacks = VM_PAGER_CALLBACKS_INIT;
	struct vm_object *object;

	callbacks.submit = submit;
	bench_check(vm_object_create_pager(vm, &callbacks, NULL, bytes,
	    VM_OBJECT_WRITABLE, &object), "an object");
	return object;
}
