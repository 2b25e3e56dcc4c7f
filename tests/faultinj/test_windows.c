/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows and buffers: each call with a failure. */
#include "scenario.h"

/* Of pages that are no neighbours: a list, or a copy. */
static void
run_windows(void)
{
	static const unsigned flags[] = { VM_WINDOW_WRITE, VM_WINDOW_WRITE |
	    VM_WINDOW_BOUNCE, VM_WINDOW_READ | VM_WINDOW_BOUNCE };
	struct vm_window *window;
	struct vm_page *page[3];

	/* A copy does not wait for memory. */
	for (int kind = 0; kind < KINDS; kind++) {
		TWICE(vm_object_flush(object[kind], 0, VM_LENGTH_ALL));
		TWICE(vm_object_forget(object[kind]));
	}
	for (int i = 0; i < 3; i++) {
		page[0] = grab(POOL, 2, VM_GRAB_WRITE);
		page[1] = grab(POOL, 9, VM_GRAB_WRITE);
		page[2] = grab(ANON, 5, VM_GRAB_WRITE);
		TWICE(vm_window_open(vm, page, 3, flags[i], &window));
		TWICE(vm_window_close(window, 3, 3 * PAGE));
		check_in(page[0], POOL, 2);
		check_in(page[1], POOL, 9);
		check_in(page[2], ANON, 5);
		vm_page_release_many(page, 3);
	}
	get(STORE, 1);
	TWICE(vm_object_purge_windows(object[STORE]));
	get(STORE, 1);
}

static void
run_buffers(void)
{
	static char bytes[3 * PAGE];
	struct vm_buffer buffer = VM_BUFFER_INIT;

	buffer.direction = VM_BUFFER_READ;
	buffer.address = (uintptr_t)bytes;
	buffer.bytes = sizeof(bytes);
	TWICE(vm_buffer_map(vm, NULL, &buffer));
	memset(buffer.data, 1, sizeof(bytes));
	TWICE(vm_buffer_unmap(vm, NULL, &buffer, sizeof(bytes)));
}

static const struct scenario windows[] = {
	{ "windows", run_windows },
	{ "buffers", run_buffers },
};

TEST(windows_close_whatever_fails)
{
	SCENARIOS_CHECK(windows);
}
