/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/workloads/mapped_ways.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <resident/resident.h>

/* Linux 5.11; older headers lack it. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

/* ---- by vm_map ----------------------------------------------------------- */

static int
map_all(struct shown *shown, unsigned flags, uint64_t length, void **out)
{
	struct vm_map_options o = VM_MAP_OPTIONS_INIT;

	o.object = shown->object;
	o.flags = flags;
	o.length = length;
	return vm_map(shown->vm, &o, out);
}

static int
map_twice(struct shown *shown)
{
	int code = map_all(shown, 0, bench_page_bytes(), &shown->second);

	return code == 0 ? map_all(shown, 0, 0, &shown->base) : code;
}

/* ---- by a thread of the library's ---------------------------------------- */

/* As a client does it; children are kept out, so nobody has to follow forks. */
static int
open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API,
		.features = vm_space_features() &
		~(uint64_t)UFFD_FEATURE_EVENT_FORK };
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK |
	    UFFD_USER_MODE_ONLY), code;

	if (uffd < 0)
		return -errno;
	if (ioctl(uffd, UFFDIO_API, &api) == 0)
		return uffd;
	code = -errno;
	close(uffd);
	return code;
}

static int
map_store(struct shown *shown)
{
	struct uffdio_register range = {
		.mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = vm_object_store_fd(shown->object, 0), code = 0;

	if (fd < 0)
		return fd;
	shown->base = mmap(NULL, shown->file->bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (shown->base == MAP_FAILED)	/* a read-only one: a private view */
		shown->base = mmap(NULL, shown->file->bytes, PROT_READ,
		    MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	close(fd);
	if (shown->base == MAP_FAILED)
		return -errno;
	range.range.start = (uintptr_t)shown->base;
	range.range.len = shown->file->bytes;
	if (madvise(shown->base, shown->file->bytes, MADV_DONTFORK) != 0 ||
	    ioctl(shown->uffd, UFFDIO_REGISTER, &range) != 0)
		code = -errno;
	return code;
}

static int
serve(struct shown *shown)
{
	struct vm_space_options options = { .size_bytes = sizeof(options) };
	int code;

	shown->uffd = open_uffd();
	if (shown->uffd < 0)
		return shown->uffd;
	code = vm_space_create(shown->vm, shown->uffd, &options,
	    &shown->space);
	if (code == 0)
		code = map_store(shown);
	return code != 0 ? code : vm_space_enter(shown->space,
	    (uintptr_t)shown->base, shown->file->bytes, shown->object, 0,
	    VM_RANGE_READ);
}

/* ---- open and close ------------------------------------------------------ */

static int
show(struct shown *shown, enum shown_how how)
{
	switch (how) {
	case SHOWN_WINDOW:
		return map_all(shown, 0, 0, &shown->base);
	case SHOWN_STORE:
		return map_twice(shown);
	case SHOWN_PRIVATE:
		return map_all(shown, VM_MAP_PRIVATE, 0, &shown->base);
	case SHOWN_SERVED:
		return serve(shown);
	}
	return -EINVAL;
}

int
shown_open(struct shown *shown, const struct bench_file *file,
    const struct shown_options *options)
{
	struct vm_options o = VM_OPTIONS_INIT;
	int code;

	*shown = (struct shown){ .file = file, .uffd = -1 };
	o.resident_max_bytes = options->limit_bytes;
	if (options->readahead_bytes != 0)
		o.readahead_bytes = options->readahead_bytes;
	bench_check(vm_create(&o, &shown->vm), "a system");
	bench_check(vm_object_create_file(shown->vm, file->fd, 0,
	    VM_LENGTH_ALL, options->how == SHOWN_SERVED ? VM_OBJECT_STORE : 0,
	    &shown->object), "an object");
	code = show(shown, options->how);
	if (code != 0)
		return code;
	if (options->how == SHOWN_SERVED)
		bench_check(vm_object_advise(shown->object,
		    VM_ADVICE_RANDOM), "advice");
	else
		bench_check(vm_advise(shown->vm, shown->base, file->bytes,
		    options->sequential ? VM_MADV_SEQUENTIAL :
		    VM_MADV_RANDOM), "advice");
	return 0;
}

void
shown_close(struct shown *shown)
{
	if (shown->vm == NULL)
		return;
	if (shown->space != NULL)
		vm_space_destroy(shown->space);
	else if (shown->base != NULL)
		bench_check(vm_unmap(shown->vm, shown->base,
		    shown->file->bytes), "unmap");
	if (shown->second != NULL)
		bench_check(vm_unmap(shown->vm, shown->second,
		    bench_page_bytes()), "unmap");
	/* In this order: who gives up what is watched waits until somebody has
	 * read of it, and nobody will. */
	if (shown->uffd >= 0)
		close(shown->uffd);
	if (shown->uffd >= 0 && shown->base != NULL)
		munmap(shown->base, shown->file->bytes);
	bench_check(vm_object_destroy(shown->object), "end of object");
	bench_check(vm_destroy(shown->vm), "end of system");
}
