/* SPDX-License-Identifier: BSD-2-Clause */
/* The file entries of the real system, on unnamed files in the work folder. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "check.h"
#include "os/os.h"

#define OS (&vm_os_linux)

enum { PAGE = 4096 };

static int
scratch(void)
{
	int fd = OS->tmpfile(".");

	CHECK(fd >= 0);
	return fd;
}

TEST(an_unnamed_file_has_no_name_and_is_its_owners_alone)
{
	struct stat st;
	int fd = scratch();

	CHECK_INT(OS->fstat(fd, &st), 0);
	CHECK_INT(st.st_nlink, 0);
	CHECK_INT(st.st_mode, S_IFREG | 0600);
	CHECK_INT(st.st_size, 0);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	OS->close(fd);
}

TEST(an_unnamed_file_is_its_owners_under_any_umask)
{
	mode_t before = umask(0777);
	struct stat st;
	int fd = OS->tmpfile(".");

	umask(before);
	CHECK(fd >= 0);
	CHECK_INT(OS->fstat(fd, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	OS->close(fd);
}

TEST(an_unnamed_file_where_none_can_be_is_an_error)
{
	char path[PATH_MAX + 100];

	CHECK_INT(OS->tmpfile("./no/such/directory"), -ENOENT);
	CHECK(OS->tmpfile("/dev/null") < 0);
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CHECK_INT(OS->tmpfile(path), -ENAMETOOLONG);
	/* No O_TMPFILE there and no new names either. */
	CHECK(OS->tmpfile("/proc") < 0);
}

TEST(a_file_without_a_name_is_opened_again_through_its_descriptor)
{
	int fd = scratch(), again;
	char c = 0;

	CHECK_INT(OS->pwrite(fd, "abc", 3, 0), 3);
	again = OS->reopen(fd, O_RDONLY | O_CLOEXEC);
	CHECK(again >= 0 && again != fd);
	CHECK_INT(fcntl(again, F_GETFL) & O_ACCMODE, O_RDONLY);
	CHECK_INT(fcntl(again, F_GETFD), FD_CLOEXEC);
	CHECK_INT(OS->pread(again, &c, 1, 1), 1);
	CHECK_INT(c, 'b');
	CHECK_INT(OS->pwrite(again, "x", 1, 0), -EBADF);
	OS->close(again);
	OS->close(fd);
}

TEST(a_reopen_takes_only_access_mode_direct_and_cloexec)
{
	int fd = scratch(), again;
	struct stat st;

	CHECK_INT(OS->pwrite(fd, "abc", 3, 0), 3);
	again = OS->reopen(fd, O_RDWR | O_TRUNC | O_APPEND);
	CHECK(again >= 0);
	CHECK_INT(fcntl(again, F_GETFD), 0);
	CHECK_INT(fcntl(again, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR);
	CHECK_INT(OS->fstat(again, &st), 0);
	CHECK_INT(st.st_size, 3);
	OS->close(again);
	again = OS->reopen(fd, O_RDWR | O_DIRECT);
	CHECK(again >= 0 || again == -EINVAL);
	if (again >= 0)
		CHECK((fcntl(again, F_GETFL) & O_DIRECT) != 0);
	OS->close(again);
	OS->close(fd);
}

TEST(the_flags_of_a_descriptor_are_those_it_was_opened_with)
{
	int fd = scratch(), flags = OS->flags(fd);

	CHECK(flags >= 0 && (flags & O_ACCMODE) == O_RDWR);
	CHECK_INT(flags & O_APPEND, 0);
	CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
	CHECK((OS->flags(fd) & O_APPEND) != 0);
	OS->close(fd);
}

TEST(opening_no_descriptor_again_is_an_error)
{
	CHECK_INT(OS->reopen(-1, O_RDONLY), -ENOENT);
	CHECK_INT(OS->reopen(INT_MAX, O_RDONLY), -ENOENT);
	CHECK_INT(OS->dup(-1), -EBADF);
}

TEST(a_copy_of_a_descriptor_outlives_it)
{
	int fd = scratch(), copy;
	char c;

	CHECK_INT(OS->pwrite(fd, "a", 1, 0), 1);
	copy = OS->dup(fd);
	OS->close(fd);
	CHECK(copy >= 0);
	CHECK_INT(fcntl(copy, F_GETFD), FD_CLOEXEC);
	CHECK_INT(OS->pread(copy, &c, 1, 0), 1);
	OS->close(copy);
}

TEST(reading_stops_at_the_end_of_the_file)
{
	int fd = scratch();
	char bytes[8];

	CHECK_INT(OS->pread(fd, bytes, sizeof(bytes), 0), 0);
	CHECK_INT(OS->pwrite(fd, "abc", 3, 0), 3);
	CHECK_INT(OS->pread(fd, bytes, sizeof(bytes), 1), 2);
	CHECK_INT(OS->pread(fd, bytes, sizeof(bytes), 3), 0);
	OS->close(fd);
}

TEST(sizes_grow_shrink_and_are_allocated)
{
	int fd = scratch();
	struct stat st;
	char c = 1;

	CHECK_INT(OS->ftruncate(fd, 10 * PAGE), 0);
	CHECK_INT(OS->pread(fd, &c, 1, 10 * PAGE - 1), 1);
	CHECK_INT(c, 0);
	CHECK_INT(OS->ftruncate(fd, 1), 0);
	CHECK_INT(OS->fallocate(fd, 0, 0, 4 * PAGE), 0);
	CHECK_INT(OS->fstat(fd, &st), 0);
	CHECK_INT(st.st_size, 4 * PAGE);
	CHECK(st.st_blocks >= 4 * PAGE / 512);
	CHECK_INT(OS->fsync(fd), 0);
	OS->close(fd);
}

TEST(numbers_that_no_file_has_are_errors)
{
	int fd = scratch();
	char c = 0;

	CHECK_INT(OS->pread(fd, &c, 1, UINT64_MAX), -EINVAL);
	CHECK_INT(OS->pwrite(fd, &c, 1, UINT64_MAX), -EINVAL);
	CHECK_INT(OS->ftruncate(fd, UINT64_MAX), -EINVAL);
	CHECK_INT(OS->fallocate(fd, 0, 0, UINT64_MAX), -EINVAL);
	CHECK_INT(OS->fallocate(fd, 0, 0, 0), -EINVAL);
	OS->close(fd);
}

TEST(every_call_on_a_bad_descriptor_says_so)
{
	char c = 0;
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	struct stat st;

	CHECK_INT(OS->fstat(-1, &st), -EBADF);
	CHECK_INT(OS->ftruncate(-1, 0), -EBADF);
	CHECK_INT(OS->fallocate(-1, 0, 0, 1), -EBADF);
	CHECK_INT(OS->punch(-1, 0, 1), -EBADF);
	CHECK_INT(OS->fsync(-1), -EBADF);
	CHECK_INT(OS->pread(-1, &c, 1, 0), -EBADF);
	CHECK_INT(OS->pwrite(-1, &c, 1, 0), -EBADF);
	CHECK(OS->preadv_cached(-1, &iov, 1, 0) < 0);
	CHECK_INT(OS->flags(-1), -EBADF);
	CHECK_INT(OS->drop_cache(-1, 0, 1), -EBADF);
	CHECK(OS->any_cached(-1));
	OS->close(-1);
}

TEST(what_was_just_written_is_in_the_cache)
{
	char bytes[2 * PAGE] = "abc", a[PAGE], b[PAGE];
	struct iovec iov[] = {
		{ .iov_base = a, .iov_len = PAGE },
		{ .iov_base = b, .iov_len = PAGE },
	};
	int fd = scratch();
	ssize_t got;

	CHECK_INT(OS->pwrite(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	got = OS->preadv_cached(fd, iov, 2, 0);
	if (got == -EAGAIN)
		CHECK_SKIP("this file system cannot tell what is cached");
	CHECK_INT(got, 2 * PAGE);
	CHECK_STR(a, "abc");
	/* All or nothing: behind the end nothing is cached. */
	CHECK_INT(OS->preadv_cached(fd, iov, 2, PAGE), -EAGAIN);
	CHECK_INT(OS->preadv_cached(fd, iov, 2, 2 * PAGE), -EAGAIN);
	OS->close(fd);
}

TEST(what_was_dropped_from_the_cache_is_not_there)
{
	char bytes[PAGE] = "abc", back[PAGE];
	struct iovec iov = { .iov_base = back, .iov_len = PAGE };
	int fd = scratch();
	struct statfs fs;

	CHECK(fstatfs(fd, &fs) == 0);
	if (fs.f_type == TMPFS_MAGIC)
		CHECK_SKIP("the work folder is in memory");
	CHECK_INT(OS->pwrite(fd, bytes, PAGE, 0), PAGE);
	CHECK_INT(OS->fsync(fd), 0);
	/* Nothing of no bytes, though the kernel's own call means all. */
	CHECK_INT(OS->drop_cache(fd, 0, 0), 0);
	if (OS->preadv_cached(fd, &iov, 1, 0) == -EAGAIN)
		CHECK_SKIP("this file system cannot tell what is cached");
	CHECK(OS->any_cached(fd));
	CHECK_INT(OS->drop_cache(fd, 0, PAGE), 0);
	CHECK(!OS->any_cached(fd));
	/* Asking must not bring it back either. */
	for (int i = 0; i < 100; i++)
		CHECK_INT(OS->preadv_cached(fd, &iov, 1, 0), -EAGAIN);
	CHECK_INT(OS->pread(fd, back, PAGE, 0), PAGE);
	CHECK_STR(back, "abc");
	OS->close(fd);
}
