/* SPDX-License-Identifier: BSD-2-Clause */
/* api/object.c - objects for their users: resident/object.h. */
#include <errno.h>
#include <fcntl.h>
#include <resident/object.h>
#include <resident/resident.h>

#include "api/check.h"
#include "base/assert.h"
#include "base/error.h"
#include "fault/clone.h"
#include "fault/grab.h"
#include "object/object.h"
#include "os/os.h"
#include "pageout/evict.h"
#include "pageout/launder.h"
#include "pager/anon.h"
#include "pager/file.h"
#include "pager/filtered.h"
#include "pmap/view.h"

static int
check_create(struct vm *vm, unsigned flags, struct vm_object **out)
{
	if (vm == NULL || out == NULL)
		return vm_error(EINVAL, "object: no system, or nowhere to put "
		    "the object");
	if (flags & ~(VM_OBJECT_WRITABLE | VM_OBJECT_STORE))
		return vm_error(EINVAL, "object: unknown flags 0x%x", flags);
	/* The kernel maps a store in pages of its own. */
	if ((flags & VM_OBJECT_STORE) && vm->page_bytes != vm_page_bytes())
		return vm_error(EINVAL, "object: no store with pages of %u "
		    "bytes, the machine's have %u", vm->page_bytes,
		    vm_page_bytes());
	/* Lent frames keep their memory, whatever is in the store: they would
	 * be promised to its pages, and could not be had. */
	if ((flags & VM_OBJECT_STORE) &&
	    vm->frames.segments.own_frames != vm->frames.count)
		return vm_error(EINVAL, "object: no store in a system that "
		    "has memory of its caller");
	return 0;
}

static enum vm_home
home_of(unsigned flags)
{
	return flags & VM_OBJECT_STORE ? VM_HOME_STORE : VM_HOME_POOL;
}

static int
file_length(struct vm *vm, int fd, uint64_t offset, uint64_t *length)
{
	struct stat st;
	int error = vm->os->fstat(fd, &st);

	if (error != 0)
		return vm_error(-error, "object: descriptor %d: %s", fd,
		    vm_errno_text(-error));
	if (offset % vm->page_bytes != 0)
		return vm_error(EINVAL, "object: offset %llu is not a "
		    "multiple of %u", (unsigned long long)offset,
		    vm->page_bytes);
	if (*length == VM_LENGTH_ALL)
		*length = (uint64_t)st.st_size < offset ? 0 :
		    (uint64_t)st.st_size - offset;
	if (*length > (uint64_t)INT64_MAX - offset)
		return vm_error(EINVAL, "object: %llu bytes at %llu are more "
		    "than a file can have", (unsigned long long)*length,
		    (unsigned long long)offset);
	return 0;
}

/* Rule 3: public; what file, which part of it, how, and the result. */
VM_EXPORT int
vm_object_create_file(struct vm *vm, int fd, uint64_t offset,
    uint64_t length, unsigned flags, struct vm_object **out)
{
	struct vm_pager_file_options o = { .fd = fd, .offset = offset };
	struct vm_pager *pager;
	int error = check_create(vm, flags, out);

	if (error == 0)
		error = file_length(vm, fd, offset, &length);
	if (error != 0)
		return error;
	o.os = vm->os;
	o.counters = vm->counters;
	o.length = length;
	o.page_bytes = vm->page_bytes;
	o.mode = vm->buffered ? VM_FILE_BUFFERED : VM_FILE_DIRECT;
	o.writable = (flags & VM_OBJECT_WRITABLE) != 0;
	o.cached_first = true;
	error = vm_pager_file_create(&o, &pager);
	if (error == 0)
		error = vm_filtered_wrap(vm, &pager);
	if (error == 0)
		error = vm_object_new(vm, pager, home_of(flags), length, out);
	if (error != 0 || !o.writable)
		return error;
	error = vm_check_backed("object", *out, length);
	if (error == 0)
		(*out)->writable = true;
	else
		vm_object_free(*out);
	return error;
}

VM_EXPORT int
vm_object_create_anon(struct vm *vm, uint64_t length, unsigned flags,
    struct vm_object **out)
{
	struct vm_pager *pager;
	int error = check_create(vm, flags, out);

	if (error == 0 && length > (uint64_t)INT64_MAX)
		error = vm_error(EINVAL, "object: a length of %llu bytes",
		    (unsigned long long)length);
	if (error == 0)
		error = vm_pager_anon_create(vm->swap, length, &pager);
	if (error == 0)
		error = vm_filtered_wrap(vm, &pager);
	if (error == 0)
		error = vm_object_new(vm, pager, home_of(flags), length, out);
	if (error == 0)
		(*out)->writable = (*out)->anonymous = true;
	return error;
}

VM_EXPORT int
vm_object_clone(struct vm_object *source, unsigned flags,
    struct vm_object **out)
{
	struct vm_object *clone;
	int error;

	if (out == NULL)
		return vm_error(EINVAL, "clone: nowhere to put the object");
	if (!source->anonymous)
		return vm_error(ENOTSUP, "clone: the object is not anonymous");
	error = vm_object_create_anon(source->vm,
	    atomic_load(&source->length), flags, &clone);
	if (error != 0)
		return error;
	error = vm_clone_pages(source, clone);
	if (error == 0)
		*out = clone;
	else
		(void)!vm_object_destroy(clone);
	return error;
}

/* Ranges of spaces that show a store; what is left of a window is none. */
static uint32_t
ranges_of(struct vm_object *object)
{
	const struct vm_view *view = object->view;
	uint32_t count;

	if (object->home != VM_HOME_STORE)
		return 0;
	count = atomic_load(&object->store.count);
	return view == NULL ? count : count - atomic_load(&view->count);
}

static int
check_unused(struct vm_object *object)
{
	uint32_t maps = ranges_of(object);

	if (maps != 0)
		return vm_error(EBUSY, "object: %u ranges of spaces show it",
		    maps);
	if (atomic_load(&object->maps) != 0)
		return vm_error(EBUSY, "object: %u maps show it",
		    atomic_load(&object->maps));
	if (atomic_load(&object->shadows) != 0)
		return vm_error(EBUSY, "object: %u private maps are made of "
		    "it", atomic_load(&object->shadows));
	if (atomic_load(&object->asks) != 0)
		return vm_error(EBUSY, "object: %u pages of it are asked for",
		    atomic_load(&object->asks));
	if (atomic_load(&object->wired) != 0)
		return vm_error(EBUSY, "object: %llu pages are wired",
		    (unsigned long long)atomic_load(&object->wired));
	return 0;
}

VM_EXPORT int
vm_object_destroy(struct vm_object *object)
{
	int error = check_unused(object);

	if (error != 0)
		return error;
	/* Faults of ranges that were left may still be fetching; without a
	 * range there are no new ones. */
	while (atomic_load(&object->pins) != 0)
		object->vm->os->yield();
	/* Anonymous pages have no other reader: they need no writing. */
	if (!object->anonymous)
		error = vm_launder_range(object, 0, UINT64_MAX, 0);
	if (error == 0)
		error = vm_evict_range(object, 0, UINT64_MAX,
		    object->anonymous ? VM_EVICT_DIRTY : 0);
	if (error == 0 && atomic_load(&object->resident) != 0)
		error = vm_error(EBUSY, "object: pages are dirty again");
	if (error != 0)
		return error;
	vm_object_free(object);
	return 0;
}

VM_EXPORT int
vm_object_discard_dirty(struct vm_object *object)
{
	return vm_evict_range(object, 0, UINT64_MAX, VM_EVICT_DIRTY);
}

static int
launder(struct vm_object *object, uint64_t offset, uint64_t length, bool sync)
{
	unsigned flags = sync ? VM_LAUNDER_SYNC : 0;
	vm_pindex_t first, end;
	int error = vm_check_range(sync ? "sync" : "flush", offset, length);

	if (error != 0)
		return error;
	vm_check_pages(object, offset, length, &first, &end);
	VM_TRACE(object->vm->trace, sync, object->id, first, end - first);
	if (!sync && offset == 0 && length == VM_LENGTH_ALL)
		flags |= VM_LAUNDER_PASS_NOSYNC;
	return vm_launder_range(object, first, end, flags);
}

VM_EXPORT int
vm_object_flush(struct vm_object *object, uint64_t offset, uint64_t length)
{
	return launder(object, offset, length, false);
}

VM_EXPORT int
vm_object_sync(struct vm_object *object, uint64_t offset, uint64_t length)
{
	return launder(object, offset, length, true);
}

VM_EXPORT int
vm_object_prefetch(struct vm_object *object, uint64_t offset,
    uint64_t length)
{
	vm_pindex_t first, end;
	int error = vm_check_range("prefetch", offset, length);

	if (error != 0)
		return error;
	vm_check_pages(object, offset, length, &first, &end);
	return vm_grab_ahead(object, first, end);
}

VM_EXPORT void
vm_object_stat(struct vm_object *object, struct vm_object_stat *out)
{
	*out = (struct vm_object_stat){
		.length_bytes = atomic_load(&object->length),
		.resident_pages = atomic_load(&object->resident),
		.dirty_pages = atomic_load(&object->dirty),
		.wired_pages = atomic_load(&object->wired),
		.write_errors = atomic_load(&object->write_errors),
		.ranges = ranges_of(object),
	};
}
