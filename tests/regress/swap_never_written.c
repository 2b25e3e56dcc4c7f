/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page was taken for one that is in the swap file as soon as it had a place
 * there.  When the write failed, what of the page was not valid was read from
 * that place: bytes of whoever had it before.
 */
#include "one_object.h"

enum { PAGES = 8 };

static void
fill(uint64_t pindex, char byte)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_WRITE);

	memset(vm_page_data(page), byte, PAGE);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
}

/* Somebody's bytes are all over the swap file, which is free again. */
static void
leave_bytes(void)
{
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, &object), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		fill(i, 'x');
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_destroy(object), 0);
}

TEST(a_place_that_was_never_written_is_not_read)
{
	struct vm_page *page;
	char *memory;

	core_create(0);
	core_new_file();
	leave_bytes();
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, &object), 0);
	page = core_grab(2, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	memset(vm_page_data(page), 'y', 512);
	CHECK_INT(vm_page_set_dirty(page, 0, 512), 0);
	vm_page_release(page);
	faulty.write_errno = ENOSPC;
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), -ENOSPC);
	faulty.write_errno = 0;
	page = core_grab(2, VM_GRAB_READ);
	memory = vm_page_data(page);
	for (unsigned i = 0; i < PAGE; i++)
		CHECK_INT(memory[i], i < 512 ? 'y' : 0);
	vm_page_release(page);
	core_tear_down();
}
