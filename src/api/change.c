/* SPDX-License-Identifier: BSD-2-Clause */
/* api/change.c - an object and its file in step: resident/object.h. */
#include <errno.h>
#include <fcntl.h>
#include <resident/object.h>

#include "api/check.h"
#include "api/map_private.h"
#include "base/assert.h"
#include "base/error.h"
#include "object/object.h"
#include "os/os.h"
#include "pageout/change.h"
#include "pageout/evict.h"
#include "pager/file.h"
#include "pager/filtered.h"

static int
check_file(const struct vm_object *object, const char *call)
{
	struct vm_pager *pager = object->pager;

	/* Only a file has bytes that others wrote. */
	return !object->anonymous && pager->ops->peek(pager, 0, NULL, 0) == 0 ?
	    0 : vm_error(ENOTSUP, "%s: the object has no file", call);
}

/* A window is to be read only, if the object was when it was mapped: then we
 * could not write there either. */
static int
leave_window(struct vm_object *object)
{
	struct vm_areas *areas = object->vm->areas;
	int error = 0;

	vm_areas_enter(areas);
	if (atomic_load(&object->home) == VM_HOME_WINDOW)
		error = vm_areas_to_store(areas, object);
	vm_areas_leave(areas);
	return error;
}

VM_EXPORT int
vm_object_set_writable(struct vm_object *object, int fd)
{
	int error = check_file(object, "set_writable");

	if (error == 0)
		error = vm_check_backed("set_writable", object,
		    atomic_load(&object->length));
	if (error == 0)
		error = leave_window(object);
	if (error == 0)
		error = vm_pager_file_set_writable(
		    vm_filtered_base(object->pager), fd);
	if (error == 0)
		object->writable = true;
	return error;
}

VM_EXPORT int
vm_object_resize(struct vm_object *object, uint64_t length)
{
	uint64_t now = atomic_load(&object->length);
	int error = 0;

	if (length > (uint64_t)INT64_MAX)
		return vm_error(EINVAL, "resize: a length of %llu bytes",
		    (unsigned long long)length);
	if (length == now)
		return 0;
	if (length > now && object->writable)
		error = vm_check_backed("resize", object, length);
	return error != 0 ? error : vm_change_length(object, length);
}

VM_EXPORT uint64_t
vm_object_length(const struct vm_object *object)
{
	return atomic_load(&object->length);
}

VM_EXPORT int
vm_object_write_begin(struct vm_object *object, uint64_t offset,
    uint64_t length)
{
	int error = check_file(object, "write_begin");

	if (error == 0)
		error = vm_check_range("write_begin", offset, length);
	if (error == 0)
		error = vm_change_begin(object, offset, length);
	return error;
}

VM_EXPORT int
vm_object_write_end(struct vm_object *object, uint64_t offset,
    uint64_t length, uint64_t written)
{
	int error = check_file(object, "write_end");

	if (error == 0)
		error = vm_check_range("write_end", offset, length);
	if (error == 0 && written > length)
		error = vm_error(EINVAL, "write_end: %llu bytes written of "
		    "%llu", (unsigned long long)written,
		    (unsigned long long)length);
	if (error != 0)
		return error;
	return vm_change_end(object, offset, length, written);
}

VM_EXPORT int
vm_object_forget(struct vm_object *object)
{
	return vm_evict_range(object, 0, UINT64_MAX, VM_EVICT_IDLE);
}

static int
check_store(const struct vm_object *object, const char *call)
{
	return object->home == VM_HOME_STORE ? 0 : vm_error(ENOTSUP, "%s: the "
	    "object has no memory file", call);
}

static int
again(struct vm_object *object, int fd, int flags)
{
	int got = object->vm->os->reopen(fd, flags | O_CLOEXEC);

	return got >= 0 ? got : vm_error(-got, "object: opening its memory "
	    "file: %s", vm_errno_text(-got));
}

VM_EXPORT int
vm_object_store_fd(struct vm_object *object, int writable)
{
	int error = check_store(object, "store_fd");

	return error != 0 ? error : again(object, object->store.fd,
	    writable ? O_RDWR : O_RDONLY);
}

VM_EXPORT int
vm_object_face_fd(struct vm_object *object)
{
	int error = check_store(object, "face_fd");

	return error != 0 ? error : again(object, object->store.face_fd,
	    O_RDONLY);
}
