/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls that a signal interrupts, or that an old kernel or a strange
 * file system refuses: those below stand before the C library's, and answer
 * what the test has asked them to, once.
 */
#include "os/os.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "os/ioq.h"

#define OS (&vm_os_linux)

enum { BYTES = 512 };

static int fail_with;		/* the next call's errno; 0: none */
static const char *fail_in;	/* which; NULL: any */
static unsigned calls;

/* Whether this call is the one. */
static bool
fails(const char *name)
{
	calls++;
	if (fail_with == 0 || (fail_in != NULL && strcmp(name, fail_in) != 0))
		return false;
	errno = fail_with;
	fail_with = 0;
	return true;
}

static void
next_fails(int error)
{
	fail_with = error;
	fail_in = NULL;
	calls = 0;
}

static void
next_fails_in(const char *name, int error)
{
	next_fails(error);
	fail_in = name;
}

#define FAILS fails(__func__)

int
open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	return FAILS ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags,
	    mode);
}

int
fchmod(int fd, mode_t mode)
{
	return FAILS ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

int
madvise(void *base, size_t bytes, int advice)
{
	return FAILS ? -1 : (int)syscall(SYS_madvise, base, bytes, advice);
}

int
mlock(const void *base, size_t bytes)
{
	return FAILS ? -1 : (int)syscall(SYS_mlock, base, bytes);
}

int
munlock(const void *base, size_t bytes)
{
	return FAILS ? -1 : (int)syscall(SYS_munlock, base, bytes);
}

int
epoll_create1(int flags)
{
	return FAILS ? -1 : (int)syscall(SYS_epoll_create1, flags);
}

int
sched_getcpu(void)
{
	return FAILS ? -1 : 0;
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
    void *(*run)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *,
	    void *(*)(void *), void *);
	void *found = dlsym(RTLD_NEXT, "pthread_create");

	memcpy(&real, &found, sizeof(real));
	return FAILS ? errno : real(thread, attributes, run, arg);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return FAILS ? -1 : syscall(SYS_pwritev, fd, iov, count, offset, 0);
}

int
ftruncate(int fd, off_t bytes)
{
	return FAILS ? -1 : (int)syscall(SYS_ftruncate, fd, bytes);
}

int
fallocate(int fd, int mode, off_t offset, off_t length)
{
	return FAILS ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset,
	    length);
}

int
fdatasync(int fd)
{
	return FAILS ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t
pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	return FAILS ? -1 : syscall(SYS_pread64, fd, buffer, bytes, offset);
}

ssize_t
pwrite(int fd, const void *buffer, size_t bytes, off_t offset)
{
	return FAILS ? -1 : syscall(SYS_pwrite64, fd, buffer, bytes, offset);
}

ssize_t
preadv(int fd, const struct iovec *iov, int count, off_t offset)
{
	return FAILS ? -1 : syscall(SYS_preadv, fd, iov, count, offset, 0);
}

ssize_t
preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	(void)flags;
	return FAILS ? -1 : syscall(SYS_preadv, fd, iov, count, offset, 0);
}

int
epoll_wait(int poll, struct epoll_event *events, int count, int timeout_ms)
{
	return FAILS ? -1 : (int)syscall(SYS_epoll_pwait, poll, events,
	    count, timeout_ms, NULL, 8);
}

static int
scratch(void)
{
	int fd;

	fail_with = 0;
	fd = OS->tmpfile("/var/tmp");
	CHECK(fd >= 0);
	return fd;
}

TEST(a_call_that_a_signal_interrupts_is_made_again)
{
	char bytes[BYTES] = { 'i' };
	int fd = scratch(), again;

	next_fails(EINTR);
	CHECK_INT(OS->pwrite(fd, bytes, BYTES, 0), BYTES);
	CHECK_INT(calls, 2);
	next_fails(EINTR);
	CHECK_INT(OS->pread(fd, bytes, BYTES, 0), BYTES);
	CHECK_INT(calls, 2);
	next_fails(EINTR);
	CHECK_INT(OS->ftruncate(fd, 2 * BYTES), 0);
	next_fails(EINTR);
	CHECK_INT(OS->fallocate(fd, 0, 0, 4 * BYTES), 0);
	next_fails(EINTR);
	CHECK_INT(OS->fsync(fd), 0);
	CHECK_INT(calls, 2);
	next_fails(EINTR);
	again = OS->reopen(fd, O_RDONLY);
	CHECK(again >= 0 && calls == 2);
	OS->close(again);
	next_fails(EINTR);
	again = OS->tmpfile("/var/tmp");
	CHECK(again >= 0);
	OS->close(again);
	next_fails(EINTR);
	again = OS->open_append("/dev/null");
	CHECK(again >= 0 && calls == 2);
	OS->close(again);
	OS->close(fd);
}

/* Whoever waits for many looks again by himself. */
TEST(an_interrupted_wait_finds_nothing)
{
	int poll = OS->poll_create();
	void *token;

	CHECK(poll >= 0);
	next_fails(EINTR);
	CHECK_INT(OS->poll_wait(poll, &token, 1, -1), 0);
	next_fails(ENOMEM);
	CHECK_INT(OS->poll_wait(poll, &token, 1, -1), -ENOMEM);
	OS->close(poll);
}

TEST(without_o_tmpfile_an_unnamed_file_is_made_by_name)
{
	static const int errors[] = { EOPNOTSUPP, EISDIR, EINVAL };
	char longer[5000];

	for (unsigned i = 0; i < 3; i++) {
		struct stat st;
		int fd;

		next_fails(errors[i]);
		fd = OS->tmpfile("/var/tmp");
		CHECK(fd >= 0);
		CHECK_INT(OS->fstat(fd, &st), 0);
		CHECK(st.st_nlink == 0 && (st.st_mode & 0777) == 0600);
		OS->close(fd);
	}
	next_fails(EACCES);
	CHECK_INT(OS->tmpfile("/var/tmp"), -EACCES);
	next_fails(EISDIR);
	CHECK_INT(OS->tmpfile("/nowhere/at/all"), -ENOENT);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	next_fails(EISDIR);
	CHECK_INT(OS->tmpfile(longer), -ENAMETOOLONG);
}

TEST(an_append_file_that_cannot_be_made_is_an_error)
{
	next_fails(EROFS);
	CHECK_INT(OS->open_append("/dev/null"), -EROFS);
	CHECK_INT(OS->exists("/dev/null"), 1);
	CHECK_INT(OS->exists("/nowhere/at/all"), 0);
}

TEST(what_is_cached_is_read_by_the_plain_call_where_the_flag_is_unknown)
{
	char bytes[BYTES] = { 'c' };
	struct iovec iov = { bytes, BYTES };
	int fd = scratch();

	CHECK_INT(OS->pwrite(fd, bytes, BYTES, 0), BYTES);
	if (OS->preadv_cached(fd, &iov, 1, 0) != BYTES)
		CHECK_SKIP("this kernel cannot tell what is cached");
	next_fails(EINTR);
	CHECK_INT(OS->preadv_cached(fd, &iov, 1, 0), BYTES);
	next_fails(EOPNOTSUPP);
	CHECK_INT(OS->preadv_cached(fd, &iov, 1, 0), BYTES);
	CHECK_INT(calls, 2);
	next_fails(ENOSYS);
	CHECK_INT(OS->preadv_cached(fd, &iov, 1, 0), -EAGAIN);
	next_fails(EIO);
	CHECK_INT(OS->preadv_cached(fd, &iov, 1, 0), -EIO);
	CHECK_INT(OS->preadv_cached(fd, &iov, 0, 0), -EAGAIN);
	CHECK_INT(OS->drop_cache(fd, 0, 0), 0);
	OS->close(fd);
}

TEST(an_unnamed_file_that_cannot_be_made_private_is_an_error)
{
	next_fails_in("fchmod", EPERM);
	CHECK_INT(OS->tmpfile("/var/tmp"), -EPERM);
}

TEST(wishes_for_memory_may_be_refused)
{
	void *base;

	next_fails(0);
	CHECK_INT(OS->map_anon(4 << 20, &base), 0);
	(void)OS->want_huge(base, 4 << 20);
	next_fails_in("madvise", EINVAL);
	CHECK_INT(OS->want_huge(base, 4 << 20), -EINVAL);
	CHECK_INT(OS->pin(base, 4096), 0);
	CHECK_INT(OS->unpin(base, 4096), 0);
	next_fails_in("mlock", ENOMEM);
	CHECK_INT(OS->pin(base, 4096), -ENOMEM);
	next_fails_in("munlock", ENOMEM);
	CHECK_INT(OS->unpin(base, 4096), -ENOMEM);
	next_fails_in("madvise", EINTR);
	CHECK_INT(OS->drop(base, 4096), 0);
	CHECK_INT(calls, 2);
	CHECK_INT(OS->unmap(base, 4 << 20), 0);
	next_fails_in("epoll_create1", EMFILE);
	CHECK_INT(OS->poll_create(), -EMFILE);
}

/* Where the kernel does not say, threads count themselves. */
TEST(a_thread_has_a_number_where_no_processor_is_told)
{
	unsigned number;

	next_fails_in("sched_getcpu", ENOSYS);
	number = OS->cpu();
	CHECK(number != 0);
	next_fails_in("sched_getcpu", ENOSYS);
	CHECK_INT(OS->cpu(), number);
}

static void
note_run(void *arg)
{
	*(int *)arg = 1;
}

TEST(a_thread_that_may_not_have_its_stack_gets_the_usual_one)
{
	struct vm_thread *thread;
	int ran = 0;

	next_fails_in("pthread_create", EINVAL);
	CHECK_INT(OS->thread_start("small", note_run, &ran, &thread), 0);
	OS->thread_join(thread);
	CHECK(ran == 1 && calls >= 2);
	next_fails_in("pthread_create", EAGAIN);
	CHECK_INT(OS->thread_start("none", note_run, &ran, &thread), -EAGAIN);
}

static void
nothing(struct vm_ioq_request *request)
{
	(void)request;
}

TEST(plain_requests_are_made_again_when_interrupted)
{
	struct vm_ioq_options options = { .depth = 1, .kind = VM_IOQ_SYNC };
	char bytes[BYTES] = { 'p' };
	struct iovec iov = { bytes, BYTES };
	struct vm_ioq *queue;
	int fd = scratch();

	CHECK_INT(OS->ioq_create(&options, &queue), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct vm_ioq_request request = { .fd = fd, .iov = &iov,
			.iov_count = 1, .done = nothing,
			.op = i == 0 ? VM_IOQ_WRITE : VM_IOQ_READ };

		next_fails_in(i == 0 ? "pwritev" : "preadv", EINTR);
		CHECK_INT(vm_ioq_submit(queue, &request), 0);
		CHECK_INT(request.result, BYTES);
		CHECK_INT(calls, 2);
	}
	vm_ioq_destroy(queue);
	OS->close(fd);
}
