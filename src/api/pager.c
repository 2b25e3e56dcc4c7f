/* SPDX-License-Identifier: BSD-2-Clause */
/* api/pager.c - pagers that others write, filters: resident/pager.h. */
#include <errno.h>
#include <resident/object.h>
#include <resident/pager.h>

#include "base/assert.h"
#include "base/error.h"
#include "fault/rights.h"
#include "fault/supply.h"
#include "object/object.h"
#include "os/os.h"
#include "pager/callback.h"
#include "pager/device.h"
#include "pager/filtered.h"

#define MARKS (VM_PAGER_PRECIOUS | VM_PAGER_NO_WRITE | VM_PAGER_NO_ACCESS)

static int
check_create(const struct vm *vm, uint64_t length, struct vm_object **out)
{
	if (vm == NULL || out == NULL)
		return vm_error(EINVAL, "object: no system, or nowhere to put "
		    "the object");
	if (length > (uint64_t)INT64_MAX)
		return vm_error(EINVAL, "object: a length of %llu bytes",
		    (unsigned long long)length);
	return 0;
}

static int
check_callbacks(const struct vm_pager_callbacks *callbacks, unsigned flags)
{
	if (callbacks == NULL || callbacks->size_bytes != sizeof(*callbacks))
		return vm_error(EINVAL, "pager: callbacks without "
		    "VM_PAGER_CALLBACKS_INIT");
	if (callbacks->version != VM_PAGER_VERSION)
		return vm_error(EINVAL, "pager: version %u, this library has "
		    "%u", callbacks->version, VM_PAGER_VERSION);
	if (callbacks->submit == NULL)
		return vm_error(EINVAL, "pager: no submit");
	if (flags & ~(VM_OBJECT_WRITABLE | VM_OBJECT_STORE))
		return vm_error(EINVAL, "object: unknown flags 0x%x", flags);
	return 0;
}

/* Rule 3: public; as for files, and the pager in place of the file. */
VM_EXPORT int
vm_object_create_pager(struct vm *vm,
    const struct vm_pager_callbacks *callbacks, void *arg, uint64_t length,
    unsigned flags, struct vm_object **out)
{
	struct vm_pager_callback_options o = {
		.callbacks = callbacks, .arg = arg, .length = length,
	};
	struct vm_pager *pager;
	int error = check_create(vm, length, out);

	if (error == 0)
		error = check_callbacks(callbacks, flags);
	if (error != 0)
		return error;
	o.os = vm->os;
	o.counters = vm->counters;
	o.page_bytes = vm->page_bytes;
	error = vm_pager_callback_create(&o, &pager);
	if (error == 0)
		error = vm_filtered_wrap(vm, &pager);
	if (error == 0)
		error = vm_object_new(vm, pager, flags & VM_OBJECT_STORE ?
		    VM_HOME_STORE : VM_HOME_POOL, length, out);
	if (error != 0)
		return error;
	vm_pager_callback_open(vm_filtered_base(pager));
	(*out)->writable = (flags & VM_OBJECT_WRITABLE) != 0;
	return 0;
}

VM_EXPORT void
vm_pager_done(struct vm_pager_request *request, enum vm_pager_result result,
    uint32_t filled)
{
	vm_pager_answer(request, result, filled);
}

VM_EXPORT void
vm_pager_mark(struct vm_pager_request *request, uint32_t first,
    uint32_t count, unsigned marks)
{
	vm_pager_note_marks(request, first, count, marks);
}

static int
check_marks(const char *call, unsigned marks)
{
	return (marks & ~MARKS) == 0 ? 0 : vm_error(EINVAL, "%s: unknown "
	    "marks 0x%x", call, marks);
}

VM_EXPORT int
vm_pager_protect(struct vm_object *object, uint64_t pindex, uint64_t count,
    unsigned marks)
{
	int error = check_marks("protect", marks);

	if (error == 0)
		vm_rights_set(object, pindex, count > UINT64_MAX - pindex ?
		    UINT64_MAX : pindex + count, marks);
	return error;
}

VM_EXPORT int
vm_pager_supply(struct vm_object *object, uint64_t pindex, const void *bytes,
    uint32_t count, unsigned marks)
{
	const char *from = bytes;
	int error = check_marks("supply", marks), entered = 0;

	if (error != 0)
		return error;
	if (bytes == NULL || count == 0 || count > INT32_MAX)
		return vm_error(EINVAL, "supply: %u pages, or no bytes",
		    count);
	if (object->memory != NULL)
		return vm_error(EINVAL, "supply: the object's pages are a "
		    "device's memory");
	while ((uint32_t)entered < count) {
		error = vm_supply(object, pindex + (uint32_t)entered, from,
		    marks);
		if (error != 0)
			return entered > 0 ? entered : error;
		from += object->vm->page_bytes;
		entered++;
	}
	return entered;
}

VM_EXPORT int
vm_object_create_device(struct vm *vm, void *base, uint64_t length,
    unsigned flags, struct vm_object **out)
{
	struct vm_pager *pager;
	int error = check_create(vm, length, out);

	if (error != 0)
		return error;
	if (flags & ~VM_OBJECT_WRITABLE)
		return vm_error(EINVAL, "device: unknown flags 0x%x", flags);
	if (base == NULL || length == 0 || length % vm->page_bytes != 0 ||
	    (uintptr_t)base % vm->page_bytes != 0)
		return vm_error(EINVAL, "device: %llu bytes at %p are not "
		    "whole pages", (unsigned long long)length, base);
	error = vm_pager_device_create(vm->os, vm->page_bytes, length,
	    &pager);
	if (error == 0)
		error = vm_filtered_wrap(vm, &pager);
	if (error == 0)
		error = vm_object_new_device(vm, pager, base, length, out);
	if (error == 0)
		(*out)->writable = (flags & VM_OBJECT_WRITABLE) != 0;
	return error;
}

static int
check_filtered(struct vm_object *object)
{
	return vm_filtered_base(object->pager) != object->pager ? 0 :
	    vm_error(ENOTSUP, "filter: not on an object of the library's own");
}

VM_EXPORT int
vm_object_add_filter(struct vm_object *object, const char *text)
{
	int error = text == NULL ? vm_error(EINVAL, "filter: no text") :
	    check_filtered(object);

	return error != 0 ? error : vm_filtered_add(object->pager, text);
}

VM_EXPORT int
vm_object_filter_stat(struct vm_object *object, unsigned number,
    struct vm_filter_stat *out)
{
	int error;

	if (out == NULL || out->size_bytes != sizeof(*out))
		return vm_error(EINVAL, "filter: statistics without "
		    "VM_FILTER_STAT_INIT");
	error = check_filtered(object);
	return error != 0 ? error : vm_filtered_stat(object->pager, number,
	    out);
}
