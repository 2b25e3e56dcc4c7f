/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes every page of a 64 MiB file with 1 MiB of memory. */
#include <resident/resident.h>
#include <stdio.h>
#include <unistd.h>

int
main(void)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_stat s = VM_STAT_INIT;
	struct vm_object *object;
	struct vm_page *page;
	struct vm *vm;
	int e, fd = fileno(tmpfile());

	o.resident_max_bytes = 1 << 20;
	if (ftruncate(fd, 64 << 20) != 0 || vm_create(&o, &vm) != 0)
		return 1;
	e = vm_object_create_file(vm, fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object);
	for (uint64_t i = 0; e == 0 && i < (64 << 20) / vm_page_bytes(); i++) {
		e = vm_page_grab(object, i, VM_GRAB_WRITE, &page);
		if (e != 0)
			break;
		*(uint64_t *)vm_page_data(page) = i;
		vm_page_dirty(page, 0, sizeof(i));
		vm_page_release(page);
	}
	if (e != 0 || vm_object_sync(object, 0, VM_LENGTH_ALL) != 0 ||
	    vm_stat(vm, &s) != 0 || vm_object_destroy(object) != 0 ||
	    vm_destroy(vm) != 0)
		return fprintf(stderr, "%s\n", vm_last_error()), 1;
	printf("%lu pages written, at most %lu of them in memory\n",
	    (unsigned long)s.pages_out, (unsigned long)s.peak_pages);
	return 0;
}
