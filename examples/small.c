/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers the pages of a 64 MiB file, with 1 MiB of memory. */
#include <resident/resident.h>
#include <stdio.h>
#include <unistd.h>

static int
fail(void)
{
	fprintf(stderr, "small: %s\n", vm_last_error());
	return 1;
}

int
main(void)
{
	struct vm_options options = VM_OPTIONS_INIT;
	struct vm_stat stat = VM_STAT_INIT;
	uint64_t pages = (64 << 20) / vm_page_bytes();
	int fd = fileno(tmpfile());
	struct vm_object *object;
	struct vm_page *page;
	struct vm *vm;

	options.resident_max_bytes = 1 << 20;
	if (ftruncate(fd, 64 << 20) != 0 || vm_create(&options, &vm) != 0 ||
	    vm_object_create_file(vm, fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object) != 0)
		return fail();
	for (uint64_t i = 0; i < pages; i++) {
		if (vm_page_grab(object, i, VM_GRAB_WRITE, &page) != 0)
			return fail();
		*(uint64_t *)vm_page_data(page) = i;
		vm_page_dirty(page, 0, sizeof(i));
		vm_page_release(page);
	}
	if (vm_object_sync(object, 0, VM_LENGTH_ALL) != 0 ||
	    vm_stat(vm, &stat) != 0 || vm_object_destroy(object) != 0 ||
	    vm_destroy(vm) != 0)
		return fail();
	printf("%llu pages written, at most %llu of them in memory\n",
	    (unsigned long long)stat.pages_out,
	    (unsigned long long)stat.peak_pages);
	return 0;
}
