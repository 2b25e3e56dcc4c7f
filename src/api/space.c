/* SPDX-License-Identifier: BSD-2-Clause */
/* api/space.c - client address spaces: resident/space.h. */
#include <errno.h>
#include <resident/space.h>

#include "base/assert.h"
#include "base/error.h"
#include "fault/handler.h"
#include "map/space.h"
#include "os/os.h"
#include "pageout/limbo.h"
#include "pmap/uffd.h"

_Static_assert((int)VM_RANGE_READ == (int)VM_ENTRY_READ, "same order");
_Static_assert((int)VM_RANGE_TRACKED == (int)VM_ENTRY_TRACKED, "same order");
_Static_assert((int)VM_RANGE_ALIAS == (int)VM_ENTRY_ALIAS, "same order");
_Static_assert((int)VM_RANGE_PRIVATE == (int)VM_ENTRY_PRIVATE, "same order");

VM_EXPORT uint64_t
vm_space_features(void)
{
	return vm_pmap_features();
}

VM_EXPORT int
vm_space_create(struct vm *vm, int uffd,
    const struct vm_space_options *options, struct vm_space **out)
{
	struct vm_space *space;
	int error;

	if (options == NULL || options->size_bytes != sizeof(*options) ||
	    out == NULL)
		return vm_error(EINVAL, "space: options without their size");
	error = vm->pmap->check(uffd);
	if (error != 0)
		return vm_error(-error, "space: descriptor %d is no "
		    "userfaultfd, or not O_NONBLOCK", uffd);
	error = vm_space_new(vm, uffd, false, &space);
	if (error != 0)
		return error;
	space->forked = options->forked;
	space->failed = options->failed;
	atomic_store(&space->arg, options->arg);
	error = vm_handler_serve(space);
	if (error != 0) {
		vm_handler_leave(space);
		vm_space_end(space);
		return error;
	}
	*out = space;
	return 0;
}

VM_EXPORT void
vm_space_set_arg(struct vm_space *space, void *arg)
{
	atomic_store(&space->arg, arg);
}

VM_EXPORT int
vm_space_uffd(struct vm_space *space)
{
	int fd = space->vm->os->dup(space->pmap.uffd);

	return fd >= 0 ? fd : vm_error(-fd, "space: %s", vm_errno_text(-fd));
}

static int
check_range(const struct vm_space *space, uint64_t address, uint64_t length)
{
	uint32_t bytes = space->vm->page_bytes;

	if (address % bytes != 0 || length % bytes != 0 || length == 0 ||
	    address > UINT64_MAX - length)
		return vm_error(EINVAL, "space: 0x%llx + %llu bytes is not a "
		    "range of whole pages", (unsigned long long)address,
		    (unsigned long long)length);
	return 0;
}

/* Rule 3: public; which range shows which part of what, and how. */
VM_EXPORT int
vm_space_enter(struct vm_space *space, uint64_t address, uint64_t length,
    struct vm_object *object, uint64_t offset, enum vm_range_kind kind)
{
	uint32_t bytes = space->vm->page_bytes;
	struct vm_entry model = {
		.object = object, .kind = (enum vm_entry_kind)kind,
		.mapping = {
			.address = address, .pindex = offset / bytes,
			.pages = length / bytes,
		},
	};
	int error = check_range(space, address, length);

	if (error != 0)
		return error;
	if (offset % bytes != 0 || offset > UINT64_MAX - length)
		return vm_error(EINVAL, "space: offset %llu",
		    (unsigned long long)offset);
	if (kind > VM_RANGE_PRIVATE)
		return vm_error(EINVAL, "space: unknown kind %d", (int)kind);
	if (object->home != VM_HOME_STORE || object->vm != space->vm)
		return vm_error(EINVAL, "space: the object has no memory "
		    "file, or is another system's");
	if (kind == VM_RANGE_TRACKED && !object->writable)
		return vm_error(EACCES, "space: a writable range of a "
		    "read-only object");
	return vm_space_add(space, &model);
}

VM_EXPORT int
vm_space_protect(struct vm_space *space, uint64_t address, uint64_t length)
{
	int error = check_range(space, address, length);

	if (error == 0)
		vm_space_protect_range(space, address, length);
	return error;
}

VM_EXPORT int
vm_space_track(struct vm_space *space, uint64_t address, uint64_t length)
{
	int error = check_range(space, address, length);

	return error != 0 ? error : vm_space_make_tracked(space, address,
	    length);
}

VM_EXPORT int
vm_space_leave(struct vm_space *space, uint64_t address, uint64_t length)
{
	int error = check_range(space, address, length);

	if (error != 0)
		return error;
	vm_space_drain(space);	/* who forked before has the range too */
	vm_space_kick(space);
	vm_space_cut(space, address, length);
	return 0;
}

VM_EXPORT void
vm_space_freeze(struct vm_space *space)
{
	vm_space_stop_writes(space);
}

VM_EXPORT void
vm_space_thaw(struct vm_space *space)
{
	vm_space_allow_writes(space);
}

VM_EXPORT int64_t
vm_space_touched(struct vm_space *space, uint64_t address, uint64_t length)
{
	int error = check_range(space, address, length);

	return error != 0 ? error : (int64_t)vm_limbo_touched(space, address,
	    length);
}

VM_EXPORT unsigned
vm_space_ranges(struct vm_space *space)
{
	unsigned count;

	vm_space_drain(space);
	vm_space_kick(space);
	vm_lock(&space->lock);
	count = space->count;
	vm_unlock(&space->lock);
	return count;
}

VM_EXPORT int
vm_space_find(struct vm_space *space, uint64_t address, struct vm_range *out)
{
	const uint64_t bytes = space->vm->page_bytes;
	struct vm_entry entry;

	vm_space_drain(space);
	vm_space_kick(space);
	if (!vm_space_look_from(space, address, &entry))
		return vm_error(ENOENT, "space: no range at or above 0x%llx",
		    (unsigned long long)address);
	*out = (struct vm_range){
		.address = entry.mapping.address,
		.length = entry.mapping.pages * bytes,
		.offset = entry.mapping.pindex * bytes,
		.object = entry.object,
		.kind = (enum vm_range_kind)entry.kind,
	};
	vm_object_unpin(entry.object);
	return 0;
}

VM_EXPORT int
vm_space_alive(struct vm_space *space)
{
	return (!atomic_load(&space->pmap.gone) &&
	    space->pmap.ops->alive(space->pmap.uffd)) ||
	    vm_space_expects(space);
}

VM_EXPORT void
vm_space_destroy(struct vm_space *space)
{
	struct vm_space *child;

	vm_handler_leave(space);
	while ((child = vm_space_take_child(space)) != NULL)
		vm_space_end(child);
	vm_space_end(space);
}
