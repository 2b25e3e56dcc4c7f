/* SPDX-License-Identifier: BSD-2-Clause */
/* How many neighbours are one write. */
#include <fcntl.h>
#include <unistd.h>

#include <resident/resident.h>

#include "check.h"

enum { PAGE = 4096, PAGES = 512 };

static struct vm *vm;
static struct vm_object *object;
static int fd;

static void
set_up(uint64_t laundry_bytes)
{
	struct vm_options o = VM_OPTIONS_INIT;

	fd = open(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp",
	    O_TMPFILE | O_RDWR, 0600);
	CHECK(fd >= 0);
	CHECK(ftruncate(fd, PAGES * PAGE) == 0);
	o.resident_max_bytes = 4 * PAGES * PAGE;
	o.laundry_bytes = laundry_bytes;
	CHECK_INT(vm_create(&o, &vm), 0);
	CHECK_INT(vm_object_create_file(vm, fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
}

static void
tear_down(void)
{
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	close(fd);
}

static void
write_pages(uint64_t first, uint64_t count)
{
	struct vm_page *page;

	for (uint64_t i = first; i < first + count; i++) {
		CHECK_INT(vm_page_grab(object, i, VM_GRAB_WRITE |
		    VM_GRAB_OVERWRITE, &page), 0);
		*(uint64_t *)vm_page_data(page) = i + 1;
		vm_page_release(page);
	}
}

static uint64_t
writes_of_sync(void)
{
	struct vm_stat before = VM_STAT_INIT, after = VM_STAT_INIT;

	CHECK_INT(vm_stat(vm, &before), 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_stat(vm, &after), 0);
	return after.writes - before.writes;
}

TEST(neighbours_up_to_1_mib_are_one_write)
{
	uint64_t word;

	set_up(1 << 20);
	write_pages(3, 256);
	CHECK_INT(writes_of_sync(), 1);
	for (uint64_t i = 3; i < 3 + 256; i++) {
		CHECK(pread(fd, &word, sizeof(word), (off_t)(i * PAGE)) ==
		    sizeof(word));
		CHECK_INT(word, i + 1);
	}
	write_pages(0, PAGES);
	CHECK_INT(writes_of_sync(), 2);
	tear_down();
}

TEST(more_than_1_mib_is_not_asked_for)
{
	set_up(64 << 20);
	write_pages(0, PAGES);
	CHECK_INT(writes_of_sync(), 2);
	tear_down();
}

TEST(a_write_is_no_longer_than_was_asked_for)
{
	set_up(8 * PAGE);
	write_pages(0, 64);
	CHECK_INT(writes_of_sync(), 8);
	tear_down();
}
