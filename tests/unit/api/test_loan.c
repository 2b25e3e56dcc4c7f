/* SPDX-License-Identifier: BSD-2-Clause */
/* Loans, windows and buffers: what they are told wrongly. */
#include "one_object.h"

/* The call fails so, and says why. */
#define REFUSED(error, call, word)                                            \
	do {                                                                  \
		CHECK_INT(call, -(error));                                    \
		CHECK(strstr(vm_last_error(), word) != NULL);                 \
	} while (0)

TEST(a_loan_needs_a_place_and_a_page_that_can_be)
{
	struct vm_page *pages[2];

	core_set_up(0);
	REFUSED(EINVAL, vm_loan(object, 5, 0, NULL), "nowhere");
	REFUSED(EINVAL, vm_loan(object, 5, 2, pages), "flags 0x2");
	REFUSED(ERANGE, vm_loan(object, FILE_PAGES, 0, pages), "beyond");
	REFUSED(EINVAL, vm_object_loan(object, 5, 2, NULL), "nowhere");
	REFUSED(EINVAL, vm_object_loan(object, 5, 0, pages), "0 pages");
	REFUSED(EINVAL, vm_object_loan(object, 5, VM_GRAB_MANY_MAX + 1,
	    pages), "257 pages");
	REFUSED(ERANGE, vm_object_loan(object, FILE_PAGES - 1, 2, pages),
	    "page 100");
	REFUSED(ERANGE, vm_object_loan(object, UINT64_MAX, 2, pages),
	    "beyond");
	REFUSED(EAGAIN, vm_loan(object, 5, VM_LOAN_NOWAIT, pages), "at once");
	CHECK_INT(vm->loans, 0);
	core_tear_down();
}

TEST(a_page_of_another_system_is_not_adopted)
{
	struct vm *first;
	struct vm_object *of_first;
	struct vm_page *lent;
	int fd;

	core_set_up(0);
	CHECK_INT(vm_loan(object, 5, 0, &lent), 0);
	CHECK_INT(vm_loan_break(object, 5), 0);
	first = vm;
	of_first = object;
	fd = core_fd;
	core_create(0);
	CHECK_INT(vm_object_create_anon(vm, 10 * PAGE, 0, &object), 0);
	REFUSED(EINVAL, vm_loan_adopt(lent, object, 0), "another system");
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	vm = first;
	REFUSED(EACCES, (atomic_store(&of_first->writable, false),
	    vm_loan_adopt(lent, of_first, 7)), "read-only");
	vm_unloan(vm, lent);
	CHECK_INT(vm_object_destroy(of_first), 0);
	CHECK_INT(vm_destroy(vm), 0);
	close(fd);
}

TEST(a_window_goes_one_way_over_some_pages)
{
	struct vm_window *window;
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	REFUSED(EINVAL, vm_window_open(vm, &page, 1, 0, &window), "neither");
	REFUSED(EINVAL, vm_window_open(vm, &page, 1, VM_WINDOW_READ |
	    VM_WINDOW_WRITE, &window), "both");
	REFUSED(EINVAL, vm_window_open(vm, &page, 1, 0x10, &window),
	    "flags 0x10");
	REFUSED(EINVAL, vm_window_open(vm, &page, 0, VM_WINDOW_READ,
	    &window), "0 pages");
	REFUSED(EINVAL, vm_window_open(vm, &page, VM_WINDOW_PAGES_MAX + 1,
	    VM_WINDOW_READ, &window), "257 pages");
	REFUSED(EINVAL, vm_window_open(NULL, &page, 1, VM_WINDOW_READ,
	    &window), "no system");
	REFUSED(EINVAL, vm_window_open(vm, NULL, 1, VM_WINDOW_READ,
	    &window), "no pages");
	REFUSED(EINVAL, vm_window_open(vm, &page, 1, VM_WINDOW_READ, NULL),
	    "nowhere");
	REFUSED(EINVAL, vm_window_close(NULL, 1, 0), "none");
	REFUSED(EINVAL, (int)vm_object_purge_windows(NULL), "no object");
	vm_page_release(page);
	core_tear_down();
}

TEST(a_buffer_is_of_a_process_and_not_empty)
{
	struct vm_buffer buffer = VM_BUFFER_INIT;

	core_set_up(0);
	REFUSED(EINVAL, vm_buffer_map(vm, NULL, NULL), "INIT");
	REFUSED(EINVAL, vm_buffer_map(vm, NULL, &buffer), "empty");
	buffer.bytes = 1;
	buffer.pid = -1;
	REFUSED(EINVAL, vm_buffer_map(vm, NULL, &buffer), "no process");
	buffer.pid = 0;
	buffer.address = UINT64_MAX;
	REFUSED(EINVAL, vm_buffer_map(vm, NULL, &buffer), "beyond");
	buffer.address = 0;
	buffer.direction = (enum vm_direction)2;
	REFUSED(EINVAL, vm_buffer_map(vm, NULL, &buffer), "neither");
	buffer.direction = VM_BUFFER_READ;
	buffer.size_bytes = 1;
	REFUSED(EINVAL, vm_buffer_map(vm, NULL, &buffer), "INIT");
	CHECK(buffer.data == NULL);
	core_tear_down();
}
