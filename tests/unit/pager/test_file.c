/* SPDX-License-Identifier: BSD-2-Clause */
/* A file's pages: ends, cuts, other writers, permissions. */
#include "pager/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/error.h"
#include "check.h"
#include "rig.h"

static int fd;
static struct vm_pager *pager;
static struct vm_ioq *queue;
static struct rig_io *r;

static struct vm_pager_file_options
options(uint64_t length)
{
	return (struct vm_pager_file_options){
		.os = &rig_os,
		.fd = fd,
		.length = length,
		.page_bytes = PAGE,
		.writable = true,
	};
}

static void
setup_with(const struct vm_pager_file_options *o)
{
	CHECK_INT(vm_pager_file_create(o, &pager), 0);
	queue = rig_queue(RIG_IN_REAP, 4);
	r = rig_io_new(RIG_PIECES);
}

static void
setup(uint64_t length)
{
	rig_reset();
	fd = rig_file();
	rig_file_fill(fd, 0, 'o', length);
	setup_with(&(struct vm_pager_file_options){ .os = &rig_os, .fd = fd,
	    .length = length, .page_bytes = PAGE, .writable = true });
}

static void
teardown(void)
{
	rig_io_free(r);
	vm_ioq_destroy(queue);
	pager->ops->destroy(pager);
	close(fd);
	rig_check_clean();
}

static unsigned
extent(vm_pindex_t pindex, unsigned want)
{
	unsigned count = 99;
	enum vm_pager_result result = pager->ops->extent(pager, pindex, want,
	    &count);

	CHECK_INT(result, count == 0 ? VM_PAGER_RANGE : VM_PAGER_OK);
	return count;
}

TEST(a_run_ends_with_the_object_and_with_the_largest_request)
{
	int error = 0;

	setup(300 * PAGE + 1);
	CHECK_INT(extent(0, 4), 4);
	CHECK_INT(extent(0, 1000), 256);
	CHECK_INT(extent(299, 1000), 2);
	CHECK_INT(extent(301, 1), 0);
	CHECK_INT(extent(UINT64_MAX, 1), 0);
	CHECK_INT(pager->ops->reserve(pager, 0, 1000, &error), 256);
	CHECK_INT(pager->ops->reserve(pager, 300, 9, &error), 1);
	CHECK_INT(error, 0);
	CHECK_INT(pager->ops->reserve(pager, 301, 9, &error), 0);
	CHECK_INT(error, ERANGE);
	pager->ops->resized(pager, PAGE);
	CHECK_INT(extent(0, 4), 1);
	teardown();
}

TEST(reading_behind_the_object_gives_nothing)
{
	setup(2 * PAGE);
	CHECK_INT(rig_in(r, pager, queue, 2, 3), VM_PAGER_RANGE);
	CHECK_INT(r->io.filled, 0);
	CHECK_INT(rig_in(r, pager, queue, 1, 3), VM_PAGER_RANGE);
	CHECK_INT(r->io.filled, 1);
	CHECK(rig_io_is(r, 0, 'o'));
	teardown();
}

TEST(an_object_may_begin_and_end_inside_the_file)
{
	struct vm_pager_file_options o;

	rig_reset();
	fd = rig_file();
	rig_file_fill(fd, 0, 'x', PAGE);
	rig_file_fill(fd, PAGE, 'y', 3 * PAGE);
	o = options(PAGE + 10);
	o.offset = PAGE;
	setup_with(&o);
	CHECK_INT(rig_in(r, pager, queue, 0, 2), VM_PAGER_OK);
	CHECK(rig_io_is(r, 0, 'y'));
	CHECK_INT(rig_io_page(r, 1)[9], 'y');
	CHECK_INT(rig_io_page(r, 1)[10], 0);
	rig_io_fill(r, 0, 'a');
	rig_io_fill(r, 1, 'b');
	CHECK_INT(rig_out(r, pager, queue, 0, 2), VM_PAGER_OK);
	CHECK(rig_file_is_all(fd, 0, 'x', PAGE));
	CHECK(rig_file_is_all(fd, PAGE, 'a', PAGE));
	CHECK(rig_file_is_all(fd, 2 * PAGE, 'b', 10));
	CHECK(rig_file_is_all(fd, 2 * PAGE + 10, 'y', 2 * PAGE - 10));
	teardown();
}

TEST(a_file_that_was_cut_is_read_up_to_its_end)
{
	setup(5 * PAGE);
	CHECK(ftruncate(fd, 2 * PAGE + 100) == 0);
	CHECK_INT(rig_in(r, pager, queue, 0, 5), VM_PAGER_RANGE);
	CHECK_INT(r->io.filled, 3);
	CHECK(rig_io_is(r, 1, 'o'));
	CHECK_INT(rig_io_page(r, 2)[99], 'o');
	for (unsigned i = 100; i < PAGE; i++)
		CHECK_INT(rig_io_page(r, 2)[i], 0);
	CHECK_INT(rig_in(r, pager, queue, 3, 2), VM_PAGER_RANGE);
	CHECK_INT(r->io.filled, 0);
	CHECK_INT(rig_in(r, pager, queue, 0, 3), VM_PAGER_OK);
	teardown();
}

static void
cut_at_second(void)
{
	if (rig.transfers == 2)
		CHECK(ftruncate(fd, PAGE) == 0);
}

TEST(a_file_cut_between_two_parts_ends_the_read)
{
	setup(5 * PAGE);
	rig.short_bytes = 3 * PAGE;
	rig.before = cut_at_second;
	CHECK_INT(rig_in(r, pager, queue, 0, 5), VM_PAGER_RANGE);
	CHECK_INT(r->io.filled, 3);
	teardown();
}

TEST(writing_does_not_make_a_cut_file_long_again)
{
	setup(5 * PAGE);
	CHECK(ftruncate(fd, 2 * PAGE + 100) == 0);
	for (unsigned i = 0; i < 5; i++)
		rig_io_fill(r, i, 'w');
	CHECK_INT(rig_out(r, pager, queue, 0, 5), VM_PAGER_OK);
	CHECK_INT(rig_file_length(fd), 2 * PAGE + 100);
	CHECK(rig_file_is_all(fd, 0, 'w', 2 * PAGE + 100));
	rig.transfers = 0;
	CHECK_INT(rig_out(r, pager, queue, 3, 2), VM_PAGER_OK);
	CHECK_INT(rig.transfers, 0);
	CHECK_INT(rig_file_length(fd), 2 * PAGE + 100);
	teardown();
}

TEST(a_file_that_grew_is_served_to_its_new_end)
{
	uint64_t bytes = 0;

	setup(PAGE);
	rig_file_fill(fd, PAGE, 'n', PAGE);
	CHECK_INT(pager->ops->length(pager, &bytes), 0);
	CHECK_INT(bytes, 2 * PAGE);
	CHECK_INT(extent(1, 1), 0);
	pager->ops->resized(pager, bytes);
	CHECK_INT(rig_in(r, pager, queue, 1, 1), VM_PAGER_OK);
	CHECK(rig_io_is(r, 0, 'n'));
	teardown();
}

static void
setup_cached_first(uint64_t length)
{
	struct vm_pager_file_options o;

	rig_reset();
	fd = rig_file();
	rig_file_fill(fd, 0, 'o', length);
	o = options(length);
	o.cached_first = true;
	setup_with(&o);
}

TEST(what_another_wrote_is_taken_from_the_page_cache)
{
	setup_cached_first(5 * PAGE - 7);
	rig_file_fill(fd, 0, 'n', 5 * PAGE - 7);
	CHECK_INT(rig_in(r, pager, queue, 0, 5), VM_PAGER_OK);
	CHECK(rig_io_is(r, 3, 'n'));
	CHECK_INT(rig_io_page(r, 4)[PAGE - 8], 'n');
	CHECK_INT(rig_io_page(r, 4)[PAGE - 7], 0);
	if (vm_os_linux.preadv_cached(fd, &(struct iovec){
	    rig_io_page(r, 0), PAGE }, 1, 0) == PAGE)
		CHECK_INT(rig.transfers, 0);
	teardown();
}

static bool
on_tmpfs(void)
{
	struct statfs fs;

	CHECK(fstatfs(fd, &fs) == 0);
	return fs.f_type == TMPFS_MAGIC;
}

static bool
is_cached(vm_pindex_t pindex)
{
	static char bytes[PAGE];

	return vm_os_linux.preadv_cached(fd, &(struct iovec){ bytes, PAGE },
	    1, pindex * PAGE) == PAGE;
}

TEST(what_is_not_in_the_page_cache_is_read_from_the_file)
{
	setup_cached_first(5 * PAGE);
	CHECK(fsync(fd) == 0);
	CHECK_INT(vm_os_linux.drop_cache(fd, 0, 5 * PAGE), 0);
	CHECK_INT(rig_in(r, pager, queue, 0, 5), VM_PAGER_OK);
	CHECK(rig_io_is(r, 4, 'o'));
	if (!on_tmpfs())
		CHECK_INT(rig.transfers, 1);
	teardown();
}

/* On tmpfs everything is in the page cache. */
TEST(a_file_of_which_nothing_is_cached_is_not_asked_for_each_page)
{
	setup_cached_first(5 * PAGE);
	CHECK(fsync(fd) == 0);
	CHECK_INT(vm_os_linux.drop_cache(fd, 0, 5 * PAGE), 0);
	for (unsigned i = 0; i < 64 && !on_tmpfs(); i++)
		CHECK_INT(rig_in(r, pager, queue, i % 5, 1), VM_PAGER_OK);
	if (!on_tmpfs()) {
		CHECK_INT(rig.asked_page, 64);
		CHECK_INT(rig.asked_file, 0);
	}
	for (unsigned i = 0; i < 32 && !on_tmpfs(); i++)
		CHECK_INT(rig_in(r, pager, queue, i % 5, 1), VM_PAGER_OK);
	if (!on_tmpfs()) {
		CHECK_INT(rig.asked_page, 64);
		CHECK_INT(rig.asked_file, 2);
	}
	/* Somebody writes: 16 reads later at most it is seen. */
	rig_file_fill(fd, 0, 'n', 5 * PAGE);
	for (unsigned i = 0; i < 17; i++)
		CHECK_INT(rig_in(r, pager, queue, i % 5, 1), VM_PAGER_OK);
	CHECK(rig_io_is(r, 0, 'n'));
	CHECK(rig.asked_page > 64 || on_tmpfs());
	teardown();
}

TEST(buffered_transfers_leave_nothing_in_the_page_cache)
{
	struct vm_pager_file_options o;

	rig_reset();
	fd = rig_file();
	rig_file_fill(fd, 0, 'o', 300 * PAGE);
	CHECK(fsync(fd) == 0);
	CHECK_INT(vm_os_linux.drop_cache(fd, 0, 300 * PAGE), 0);
	o = options(300 * PAGE);
	o.mode = VM_FILE_BUFFERED;
	setup_with(&o);
	CHECK_INT(rig_in(r, pager, queue, 10, 100), VM_PAGER_OK);
	CHECK(rig_io_is(r, 99, 'o'));
	CHECK_INT(rig.direct, 0);
	for (vm_pindex_t i = 0; i < 300 && !on_tmpfs(); i++)
		CHECK(!is_cached(i));
	CHECK_INT(rig_out(r, pager, queue, 20, 100), VM_PAGER_OK);
	CHECK_INT(pager->ops->sync(pager), 0);
	for (vm_pindex_t i = 0; i < 300 && !on_tmpfs(); i++)
		CHECK(!is_cached(i));
	teardown();
}

TEST(many_buffered_writes_drop_the_whole_file_now_and_then)
{
	struct vm_pager_file_options o;

	rig_reset();
	fd = rig_file();
	rig_file_fill(fd, 0, 'o', 256 * PAGE);
	o = options(256 * PAGE);
	o.mode = VM_FILE_BUFFERED;
	setup_with(&o);
	for (int i = 0; i < 16; i++)
		CHECK_INT(rig_out(r, pager, queue, 0, 256), VM_PAGER_OK);
	CHECK_INT(rig.drops, 16 + 2);	/* 16 MiB: twice 8 */
	teardown();
}

TEST(a_read_only_file_takes_no_write)
{
	struct vm_pager_file_options o;
	int error = 0;

	rig_reset();
	fd = rig_file();
	rig_file_fill(fd, 0, 'o', PAGE);
	o = options(PAGE);
	o.writable = false;
	setup_with(&o);
	CHECK_INT(pager->ops->reserve(pager, 0, 1, &error), 0);
	CHECK_INT(error, EROFS);
	CHECK_INT(pager->ops->sync(pager), 0);
	CHECK_DIES(rig_out(r, pager, queue, 0, 1));
	teardown();
}

TEST(a_writable_descriptor_can_come_later)
{
	struct vm_pager_file_options o;
	int error = 0, other, reader;

	rig_reset();
	fd = rig_file();
	other = rig_file();
	reader = vm_os_linux.reopen(fd, O_RDONLY);
	rig_file_fill(fd, 0, 'o', PAGE + 5);
	o = options(PAGE + 5);
	o.writable = false;
	o.fd = reader;
	setup_with(&o);
	CHECK_INT(vm_pager_file_set_writable(pager, other), -EINVAL);
	CHECK_INT(vm_pager_file_set_writable(pager, reader), -EACCES);
	CHECK_INT(vm_pager_file_set_writable(pager, -1), -EBADF);
	CHECK_INT(pager->ops->reserve(pager, 0, 2, &error), 0);
	CHECK_INT(vm_pager_file_set_writable(pager, fd), 0);
	CHECK_INT(vm_pager_file_set_writable(pager, fd), 0);
	CHECK_INT(pager->ops->reserve(pager, 0, 2, &error), 2);
	rig_io_fill(r, 0, 'w');
	rig_io_fill(r, 1, 'w');
	CHECK_INT(rig_out(r, pager, queue, 0, 2), VM_PAGER_OK);
	CHECK_INT(pager->ops->sync(pager), 0);
	CHECK(rig_file_is_all(fd, 0, 'w', PAGE + 5));
	CHECK_INT(rig_file_length(fd), PAGE + 5);
	close(other);
	close(reader);
	teardown();
}

TEST(what_cannot_be_a_file_is_refused_with_a_sentence)
{
	struct vm_pager_file_options o;
	int pipe_fd[2];

	rig_reset();
	fd = rig_file();
	o = options(PAGE);
	o.offset = 100;
	CHECK_INT(vm_pager_file_create(&o, &pager), -EINVAL);
	CHECK(strstr(vm_error_text(), "100") != NULL);
	o = options(INT64_MAX);
	o.offset = PAGE;
	CHECK_INT(vm_pager_file_create(&o, &pager), -EOVERFLOW);
	o = options(PAGE);
	o.fd = -1;
	CHECK_INT(vm_pager_file_create(&o, &pager), -EBADF);
	CHECK(pipe(pipe_fd) == 0);
	o.fd = pipe_fd[0];
	CHECK_INT(vm_pager_file_create(&o, &pager), -ENODEV);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	o.fd = vm_os_linux.reopen(fd, O_RDONLY);
	CHECK_INT(vm_pager_file_create(&o, &pager), -EACCES);
	close(o.fd);
	o.fd = vm_os_linux.reopen(fd, O_WRONLY);
	CHECK_INT(vm_pager_file_create(&o, &pager), -EACCES);
	CHECK(strstr(vm_error_text(), "reading") != NULL);
	close(o.fd);
	o = options(PAGE);
	rig.fail_alloc = 1;
	CHECK_INT(vm_pager_file_create(&o, &pager), -ENOMEM);
	close(fd);
	rig_check_clean();
}

TEST(peeking_shows_the_newest_bytes_and_zeros_behind_the_end)
{
	unsigned char bytes[2 * PAGE];

	setup(2 * PAGE);
	rig_file_fill(fd, PAGE + 10, 'n', 100);
	rig.short_bytes = 33;
	CHECK_INT(pager->ops->peek(pager, PAGE + 9, bytes, sizeof(bytes)), 0);
	CHECK_INT(bytes[0], 'o');
	CHECK_INT(bytes[1], 'n');
	CHECK_INT(bytes[100], 'n');
	CHECK_INT(bytes[101], 'o');
	CHECK_INT(bytes[PAGE - 10], 'o');
	CHECK_INT(bytes[PAGE - 9], 0);
	CHECK_INT(bytes[2 * PAGE - 1], 0);
	rig.pread_errno = EIO;
	CHECK_INT(pager->ops->peek(pager, 0, bytes, 1), -EIO);
	teardown();
}

TEST(forgetting_leaves_the_file_as_it_is)
{
	setup(2 * PAGE);
	pager->ops->forget(pager, 0, 2);
	CHECK_INT(rig_in(r, pager, queue, 0, 2), VM_PAGER_OK);
	CHECK(rig_io_is(r, 1, 'o'));
	teardown();
}
