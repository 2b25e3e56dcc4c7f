/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that is full for a while, or has a bad spot: what was written before
 * stays, every error is said, and all goes on when the disk does.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <resident/resident.h>

#include "api/system.h"
#include "audit.h"
#include "check.h"
#include "faulty.h"

enum { PAGE = 4096, PAGES = 64, LIMIT_PAGES = 32, BYTES = PAGES * PAGE };

static struct vm *vm;
static struct vm_object *object;
static int fd;

static const char *
directory(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";
}

/* 20 ms: whoever waits for memory waits in vain. */
#define IN_VAIN_NS UINT64_C(20000000)

/* wait_ns: how long for memory at most, 0: as long as usual. */
static void
set_up(bool file, unsigned flags, uint64_t wait_ns)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.swap_directory = directory();
	o.wait_max_ns = wait_ns;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	fd = open(directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && ftruncate(fd, BYTES) == 0);
	for (uint64_t i = 0; i < PAGES; i++)
		CHECK(pwrite(fd, &i, sizeof(i), (off_t)(i * PAGE)) ==
		    (ssize_t)sizeof(i));
	if (file)
		CHECK_INT(vm_object_create_file(vm, fd, 0, VM_LENGTH_ALL,
		    VM_OBJECT_WRITABLE | flags, &object), 0);
	else
		CHECK_INT(vm_object_create_anon(vm, BYTES, flags, &object),
		    0);
}

static void
tear_down(void)
{
	audit(vm);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	close(fd);
	faulty_check_clean();
}

static int
put(uint64_t at, uint64_t value)
{
	struct vm_page *page;
	int error = vm_page_grab(object, at, VM_GRAB_WRITE, &page);

	if (error != 0)
		return error;
	memcpy((char *)vm_page_data(page) + 8, &value, sizeof(value));
	vm_page_dirty(page, 8, sizeof(value));
	vm_page_release(page);
	return 0;
}

/* The page's word, 0: its number, 1: what put() wrote. */
static int
get(uint64_t at, unsigned word, uint64_t *value)
{
	struct vm_page *page;
	int error = vm_page_grab(object, at, VM_GRAB_READ, &page);

	if (error != 0)
		return error;
	memcpy(value, (char *)vm_page_data(page) + word * 8, sizeof(*value));
	vm_page_release(page);
	return 0;
}

/* Writes until there is no memory for more; how many pages. */
static uint64_t
write_all_that_fits(void)
{
	uint64_t n = 0;
	int error;

	while ((error = put(n, n + 100)) == 0)
		n++;
	CHECK_INT(error, -ENOMEM);
	CHECK(strstr(vm_last_error(), "free") != NULL);
	CHECK(n >= LIMIT_PAGES / 2 && n < PAGES);
	return n;
}

/* Whoever waits in vain, because the bound on that is short, asks again. */
static void
check_written(uint64_t n)
{
	uint64_t value = 0;
	int error;

	for (uint64_t i = 0; i < n; i++) {
		while ((error = get(i, 1, &value)) == -ENOMEM)
			continue;
		CHECK_INT(error, 0);
		CHECK_INT(value, i + 100);
	}
}

static uint64_t
in_file(uint64_t at)
{
	uint64_t value;

	CHECK(pread(fd, &value, 8, (off_t)(at * PAGE + 8)) == 8);
	return value;
}

static void
fill_a_full_disk(bool file, unsigned flags)
{
	struct vm_object_stat stat;
	uint64_t n;
	int error;

	set_up(file, flags, IN_VAIN_NS);
	atomic_store(&faulty.write_errno, ENOSPC);
	n = write_all_that_fits();
	check_written(n);
	vm_object_stat(object, &stat);
	CHECK_INT(stat.dirty_pages, n);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), -ENOSPC);
		CHECK(strstr(vm_last_error(), "No space") != NULL);
	}
	vm_object_stat(object, &stat);
	CHECK(stat.dirty_pages == n && stat.write_errors >= 2);
	atomic_store(&faulty.write_errno, 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; file && i < n; i++)
		CHECK_INT(in_file(i), i + 100);
	/* The daemon, which found nothing, pauses for longer than the bound. */
	for (uint64_t i = n; i < PAGES; i++)
		while ((error = put(i, i + 100)) != 0)
			CHECK_INT(error, -ENOMEM);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	check_written(PAGES);
	for (uint64_t i = 0; file && i < PAGES; i++)
		CHECK_INT(in_file(i), i + 100);
	tear_down();
}

TEST(a_full_disk_loses_nothing)
{
	fill_a_full_disk(true, 0);
}

TEST(a_full_disk_loses_nothing_of_a_store)
{
	fill_a_full_disk(true, VM_OBJECT_STORE);
}

TEST(a_full_swap_file_loses_nothing)
{
	fill_a_full_disk(false, 0);
}

/* Clean pages go on coming and going beside those that cannot be written. */
TEST(pages_that_cannot_be_written_do_not_stop_those_that_need_not)
{
	uint64_t value = 0;

	set_up(true, 0, 0);
	atomic_store(&faulty.write_errno, EIO);
	for (uint64_t i = 0; i < LIMIT_PAGES / 2; i++)
		CHECK_INT(put(i, i + 100), 0);
	for (int turn = 0; turn < 3; turn++)
		for (uint64_t i = 0; i < PAGES; i++) {
			CHECK_INT(get(i, 0, &value), 0);
			CHECK_INT(value, i);
		}
	check_written(LIMIT_PAGES / 2);
	atomic_store(&faulty.write_errno, 0);
	tear_down();
}

TEST(an_object_that_cannot_be_written_ends_when_told_to)
{
	uint64_t value = 0;

	set_up(true, 0, 0);
	CHECK_INT(put(3, 103), 0);
	atomic_store(&faulty.write_errno, EIO);
	CHECK_INT(vm_object_destroy(object), -EIO);
	CHECK_INT(get(3, 1, &value), 0);	/* it is as it was */
	CHECK_INT(value, 103);
	CHECK_INT(vm_object_discard_dirty(object), 0);
	CHECK_INT(get(3, 1, &value), 0);
	CHECK_INT(value, 0);
	tear_down();
}

TEST(a_bad_spot_fails_its_own_page_only)
{
	uint64_t value = 0;

	set_up(true, 0, 0);
	atomic_store(&faulty.bad_from, 5 * PAGE + 512);
	atomic_store(&faulty.bad_end, 5 * PAGE + 1024);
	for (int turn = 0; turn < 2; turn++) {
		for (uint64_t i = 0; i < PAGES; i++) {
			CHECK_INT(get(i, 0, &value), i == 5 ? -EIO : 0);
			CHECK(i == 5 || value == i);
		}
		CHECK_INT(put(5, 1), -EIO);
	}
	CHECK_INT(get(5, 0, &value), -EIO);
	CHECK(strstr(vm_last_error(), "page 5") != NULL);
	atomic_store(&faulty.bad_end, 0);
	CHECK_INT(get(5, 0, &value), 0);
	CHECK_INT(value, 5);
	tear_down();
}

TEST(what_is_fetched_ahead_in_vain_is_left_to_who_wants_it)
{
	uint64_t value = 0;

	set_up(true, VM_OBJECT_STORE, 0);
	atomic_store(&faulty.bad_end, UINT64_MAX);
	CHECK_INT(vm_object_prefetch(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(get(7, 0, &value), -EIO);
	atomic_store(&faulty.bad_end, 0);
	CHECK_INT(get(7, 0, &value), 0);
	CHECK_INT(value, 7);
	tear_down();
}
