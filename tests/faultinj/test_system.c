/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every call to the machine is made to fail once, the first, the second and so
 * on, until a whole run meets none: objects of each kind in a small system,
 * written, read, evicted, synced, changed behind, wired, shown in a space and
 * ended.  Whoever gets an error finds a sentence with it and may do the same
 * again, which must work; nothing is left behind; no byte is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <resident/resident.h>

#include "api/system.h"
#include "audit.h"
#include "base/error.h"
#include "check.h"
#include "faulty.h"

enum { PAGE = 4096, PAGES = 40, LIMIT_PAGES = 16, BYTES = PAGES * PAGE };

enum { POOL, STORE, ANON, KINDS };

static struct vm *vm;
static struct vm_object *object[KINDS];
static int fd[KINDS] = { -1, -1, -1 };
static uint8_t stamp;		/* differs from run to run */

/* A value for each page, kind and run. */
static uint64_t
value(int kind, uint64_t page)
{
	return (uint64_t)stamp << 32 | (uint64_t)kind << 16 | (page + 1);
}

static void
wrong(int error, const char *what)
{
	const char *failed = atomic_load(&faulty.failed);

	fprintf(stderr, "%s: %d, %s (call %u, %s, failed)\n", what, error,
	    vm_last_error(), atomic_load(&faulty.fail_at),
	    failed != NULL ? failed : "none");
}

/*
 * Does it, and once more when it failed, for then it was the one failure of
 * the run: an error has a sentence, and the second time must work.
 */
#define TWICE(call)                                                           \
	do {                                                                  \
		int twice_error;                                              \
		vm_error(EDOM, "stale");                                      \
		twice_error = (call);                                         \
		if (twice_error != 0) {                                       \
			if (atomic_load(&faulty.failed) == NULL ||            \
			    strcmp(vm_last_error(), "stale") == 0)            \
				wrong(twice_error, #call);                    \
			CHECK(twice_error < 0);                               \
			CHECK(atomic_load(&faulty.failed) != NULL);           \
			CHECK(strcmp(vm_last_error(), "stale") != 0);         \
			twice_error = (call);                                 \
			if (twice_error != 0)                                 \
				wrong(twice_error, "again: " #call);          \
			CHECK_INT(twice_error, 0);                            \
		}                                                             \
	} while (0)

static const char *
directory(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";
}

static int
create(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.swap_directory = directory();
	return vm_create_on(&o, &faulty_os, &pmap_nobody, &vm);
}

static void
create_object(int kind)
{
	unsigned flags = VM_OBJECT_WRITABLE |
	    (kind == STORE ? VM_OBJECT_STORE : 0);

	if (kind == ANON) {
		TWICE(vm_object_create_anon(vm, BYTES, 0, &object[ANON]));
		return;
	}
	fd[kind] = open(directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CHECK(fd[kind] >= 0);
	CHECK(ftruncate(fd[kind], BYTES) == 0);
	TWICE(vm_object_create_file(vm, fd[kind], 0, VM_LENGTH_ALL, flags,
	    &object[kind]));
}

static void
write_pages(int kind)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t v = value(kind, i);
		struct vm_page *page;
		void *data;

		TWICE(vm_page_grab(object[kind], i, VM_GRAB_WRITE |
		    (i % 4 == 0 ? VM_GRAB_ZERO : 0), &page));
		data = vm_page_data(page);
		if (data == NULL) {
			CHECK(atomic_load(&faulty.failed) != NULL);
			data = vm_page_data(page);
		}
		CHECK(data != NULL);
		memcpy(data, &v, sizeof(v));
		vm_page_dirty(page, 0, sizeof(v));
		vm_page_release(page);
	}
}

static void
read_pages(int kind)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		struct vm_page *page;
		uint64_t v;

		TWICE(vm_page_grab(object[kind], i, VM_GRAB_READ, &page));
		CHECK(vm_page_data(page) != NULL);
		memcpy(&v, vm_page_data(page), sizeof(v));
		vm_page_release(page);
		if (v != value(kind, i))
			wrong(kind, "bytes");
		CHECK(v == value(kind, i));
	}
}

static bool
fsync_failed(void)
{
	const char *failed = atomic_load(&faulty.failed);

	return failed != NULL && strcmp(failed, "fsync_of") == 0;
}

static void
check_file(int kind)
{
	uint64_t v;

	for (uint64_t i = 0; kind != ANON && i < PAGES; i++) {
		CHECK(pread(fd[kind], &v, sizeof(v), (off_t)(i * PAGE)) ==
		    (ssize_t)sizeof(v));
		CHECK(v == value(kind, i));
	}
}

/* After a failed fsync nobody knows what it lost: each sync says so. */
static void
sync_pages(int kind)
{
	int error = vm_object_sync(object[kind], 0, VM_LENGTH_ALL);

	if (error != 0 && fsync_failed())
		CHECK(vm_object_sync(object[kind], 0, VM_LENGTH_ALL) < 0);
	else if (error != 0)
		TWICE(vm_object_sync(object[kind], 0, VM_LENGTH_ALL));
	check_file(kind);
}

/* The last page gets its value from outside. */
static void
write_behind(int kind)
{
	uint64_t at = (PAGES - 1) * PAGE, v = value(kind, PAGES - 1);
	int error;

	if (kind == ANON)
		return;
	TWICE(vm_object_write_begin(object[kind], at, PAGE));
	CHECK(pwrite(fd[kind], &v, sizeof(v), (off_t)at) ==
	    (ssize_t)sizeof(v));
	error = vm_object_write_end(object[kind], at, PAGE, PAGE);
	if (error == 0)
		return;
	/* The barrier is gone, the bytes were not taken over: once more. */
	CHECK(atomic_load(&faulty.failed) != NULL);
	CHECK_INT(vm_object_write_begin(object[kind], at, PAGE), 0);
	CHECK_INT(vm_object_write_end(object[kind], at, PAGE, PAGE), 0);
}

/* Longer and as long as before. */
static void
resize(int kind)
{
	if (kind != ANON)
		CHECK(ftruncate(fd[kind], 100 * BYTES) == 0);
	TWICE(vm_object_resize(object[kind], 100 * BYTES));
	TWICE(vm_object_resize(object[kind], BYTES));
	if (kind != ANON)
		CHECK(ftruncate(fd[kind], BYTES) == 0);
}

static void
pin_and_fetch(int kind)
{
	TWICE(vm_object_wire(object[kind], 3 * PAGE, 2 * PAGE));
	TWICE(vm_object_prefetch(object[kind], 0, VM_LENGTH_ALL));
	TWICE(vm_object_unwire(object[kind], 3 * PAGE, 2 * PAGE));
	TWICE(vm_object_forget(object[kind]));
}

static void
show(void)
{
	struct vm_space_options options = { .size_bytes = sizeof(options) };
	struct vm_space *space;
	int nobody = vm_os_linux.eventfd(), got;

	CHECK(nobody >= 0);
	TWICE(vm_space_create(vm, nobody, &options, &space));
	for (uint64_t i = 0; i < 20; i++)
		TWICE(vm_space_enter(space, (1 + i) << 24, BYTES,
		    object[STORE], 0, VM_RANGE_TRACKED));
	TWICE(vm_space_protect(space, 1 << 24, BYTES));
	TWICE(vm_space_leave(space, (1 << 24) + PAGE, PAGE));
	got = vm_space_uffd(space);
	if (got < 0)
		got = vm_space_uffd(space);
	CHECK(got >= 0);
	faulty_os.close(got);
	got = vm_object_store_fd(object[STORE], 1);
	if (got < 0)
		got = vm_object_store_fd(object[STORE], 1);
	CHECK(got >= 0);
	faulty_os.close(got);
	vm_space_destroy(space);
	close(nobody);
}

static void
use(void)
{
	for (int kind = 0; kind < KINDS; kind++)
		create_object(kind);
	for (int kind = 0; kind < KINDS; kind++)
		write_pages(kind);
	show();
	for (int kind = 0; kind < KINDS; kind++) {
		read_pages(kind);
		sync_pages(kind);
		write_behind(kind);
		resize(kind);
		pin_and_fetch(kind);
		read_pages(kind);
	}
	audit(vm);
}

static void
end(void)
{
	for (int kind = 0; kind < KINDS; kind++) {
		TWICE(vm_object_destroy(object[kind]));
		check_file(kind);
		if (fd[kind] >= 0)
			close(fd[kind]);
		fd[kind] = -1;
	}
	CHECK_INT(vm_destroy(vm), 0);
}

static void
run(unsigned fail_at)
{
	faulty_reset();
	stamp++;
	atomic_store(&faulty.fail_at, fail_at);
	TWICE(create());
	use();
	end();
	faulty_check_clean();
}

TEST(a_run_without_failure_leaves_nothing_behind)
{
	run(0);
	fprintf(stderr, "%u calls that can fail\n", faulty.calls);
}

TEST(whatever_fails_once_can_be_done_again)
{
	unsigned at = 1;

	do
		run(at++);
	while (atomic_load(&faulty.failed) != NULL);
	fprintf(stderr, "%u runs\n", at - 1);
}
