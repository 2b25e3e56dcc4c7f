/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server whose every system call fails once, one after the other: it refuses
 * what it cannot do, ends a session at worst, and goes on.
 *
 * The calls below stand before the C library's.  Those of the test itself are
 * let by: its thread is `mine` but for a server's start and stop.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "rig.h"
#include "server/figures.h"

extern void *__libc_calloc(size_t count, size_t bytes);

static _Thread_local bool mine;
static _Atomic bool armed;
static _Atomic unsigned call, fail_at;
static const char *_Atomic failed;

/* Whether this is the call that fails. */
static bool
fails(const char *name, int error)
{
	if (mine || !atomic_load(&armed) ||
	    atomic_fetch_add(&call, 1) + 1 != atomic_load(&fail_at))
		return false;
	atomic_store(&failed, name);
	errno = error;
	return true;
}

#define FAILS(error) fails(__func__, error)

void *
calloc(size_t count, size_t bytes)
{
	return FAILS(ENOMEM) ? NULL : __libc_calloc(count, bytes);
}

int
memfd_create(const char *name, unsigned flags)
{
	return FAILS(EMFILE) ? -1 : (int)syscall(SYS_memfd_create, name,
	    flags);
}

int
ftruncate(int fd, off_t bytes)
{
	return FAILS(EIO) ? -1 : (int)syscall(SYS_ftruncate, fd, bytes);
}

/* Of the client's file: a hole in a memory file is no call that can fail. */
static bool
is_clients(int fd)
{
	struct stat a, b;

	return syscall(SYS_newfstatat, fd, "", &a, AT_EMPTY_PATH) == 0 &&
	    syscall(SYS_newfstatat, rig.file, "", &b, AT_EMPTY_PATH) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int
fallocate(int fd, int mode, off_t offset, off_t length)
{
	if (is_clients(fd) && FAILS(ENOSPC))
		return -1;
	return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

int
fstat(int fd, struct stat *st)
{
	return FAILS(EIO) ? -1 : (int)syscall(SYS_newfstatat, fd, "", st,
	    AT_EMPTY_PATH);
}

int
fstatfs(int fd, struct statfs *fs)
{
	return FAILS(EIO) ? -1 : (int)syscall(SYS_fstatfs, fd, fs);
}

int
fcntl(int fd, int command, ...)
{
	va_list args;
	long value;

	va_start(args, command);
	value = va_arg(args, long);
	va_end(args);
	return FAILS(EMFILE) ? -1 : (int)syscall(SYS_fcntl, fd, command,
	    value);
}

int
open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	return FAILS(EMFILE) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path,
	    flags, mode);
}

ssize_t
readlink(const char *path, char *out, size_t bytes)
{
	return FAILS(ENOENT) ? -1 : syscall(SYS_readlinkat, AT_FDCWD, path,
	    out, bytes);
}

void *
mmap(void *address, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	return FAILS(ENOMEM) ? MAP_FAILED : (void *)syscall(SYS_mmap, address,
	    bytes, prot, flags, fd, offset);
}

int
dup3(int from, int to, int flags)
{
	return FAILS(EMFILE) ? -1 : (int)syscall(SYS_dup3, from, to, flags);
}

int
fchmod(int fd, mode_t mode)
{
	return FAILS(EPERM) ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

int
socket(int family, int type, int protocol)
{
	return FAILS(EMFILE) ? -1 : (int)syscall(SYS_socket, family, type,
	    protocol);
}

int
listen(int fd, int backlog)
{
	return FAILS(EADDRINUSE) ? -1 : (int)syscall(SYS_listen, fd, backlog);
}

int
getsockopt(int fd, int level, int option, void *value, socklen_t *bytes)
{
	return FAILS(ENOPROTOOPT) ? -1 : (int)syscall(SYS_getsockopt, fd,
	    level, option, value, bytes);
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	return FAILS(EINTR) ? -1 : syscall(SYS_recvmsg, fd, message, flags);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	return FAILS(EINTR) ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
    void *(*run)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *,
	    void *(*)(void *), void *);
	void *found = dlsym(RTLD_NEXT, "pthread_create");

	memcpy(&real, &found, sizeof(real));
	return FAILS(EAGAIN) ? EAGAIN : real(thread, attributes, run, arg);
}

/* ---- all that a client does ---------------------------------------------- */

static uint32_t greeting;	/* VM_HELLO_... */

static void
come(void)
{
	if (rig.socket >= 0)
		close(rig.socket);
	rig.socket = rig_connect();
	(void)RIG_ASK(rig.uffd, .op = VM_REQ_HELLO, .length = PAGE,
	    .token = VM_PROTOCOL_VERSION, .flags = greeting);
}

/* A request; who lost his session comes again. */
static void
try(struct vm_request request, int fd)
{
	if (rig_ask(&request, fd) == -1)
		come();
}

#define TRY(fd, ...) try((struct vm_request){ __VA_ARGS__ }, (fd))

static void
map_as(int fd, int prot)
{
	TRY(fd, .op = VM_REQ_MAP, .address = (uintptr_t)rig.base,
	    .length = RIG_PAGES * PAGE, .prot = (uint32_t)prot,
	    .flags = MAP_SHARED);
}

static void
forget(void)
{
	TRY(-1, .op = VM_REQ_UNMAP, .address = (uintptr_t)rig.base,
	    .length = RIG_PAGES * PAGE, .flags = VM_UNMAP_FORGET);
}

/* Memory of its own, a copy of it, and more of it. */
static void
have_memory(void)
{
	uint32_t file, copy;

	greeting = VM_HELLO_FORKLESS;
	come();
	TRY(-1, .op = VM_REQ_ANON, .address = (uintptr_t)rig.base,
	    .length = RIG_PAGES / 2 * PAGE);
	file = rig.reply.file;
	TRY(-1, .op = VM_REQ_STORE, .file = file);
	TRY(-1, .op = VM_REQ_FREEZE, .token = 1);
	TRY(-1, .op = VM_REQ_CLONE, .file = file);
	copy = rig.reply.file;
	TRY(-1, .op = VM_REQ_FREEZE);
	TRY(-1, .op = VM_REQ_ENTER, .file = file, .length = PAGE,
	    .address = (uintptr_t)(rig.base + RIG_PAGES / 2 * PAGE),
	    .offset = RIG_PAGES / 2 * PAGE, .prot = VM_RANGE_TRACKED,
	    .flags = VM_ENTER_TAIL);
	TRY(-1, .op = VM_REQ_DISCARD, .file = file, .length = PAGE);
	TRY(-1, .op = VM_REQ_DISCARD, .file = copy,
	    .length = RIG_PAGES / 2 * PAGE, .flags = VM_DISCARD_LEFT);
	forget();
	TRY(-1, .op = VM_REQ_DISCARD, .file = file,
	    .length = RIG_PAGES * PAGE, .flags = VM_DISCARD_LEFT);
	greeting = 0;
}

static void
look_at_figures(void)
{
	struct sockaddr_un address;
	socklen_t length = vm_figures_address(&address, VM_FIGURES_PREFIX,
	    getpid());
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	static char text[VM_FIGURES_BYTES];

	if (connect(fd, (struct sockaddr *)&address, length) == 0)
		(void)!recv(fd, text, sizeof(text), 0);
	close(fd);
}

static void
live(int readable)
{
	come();
	map_as(readable, PROT_READ);
	TRY(-1, .op = VM_REQ_TRACK, .address = (uintptr_t)rig.base,
	    .length = PAGE);
	forget();
	map_as(rig.file, PROT_READ | PROT_WRITE);
	TRY(rig.file, .op = VM_REQ_OPEN);
	TRY(-1, .op = VM_REQ_STORE);
	TRY(-1, .op = VM_REQ_SOURCE);
	TRY(-1, .op = VM_REQ_WIRE, .length = PAGE);
	TRY(-1, .op = VM_REQ_WROTE, .length = PAGE);
	TRY(rig.file, .op = VM_REQ_TRUNCATE, .length = 8 * PAGE);
	TRY(rig.file, .op = VM_REQ_TRUNCATE, .length = RIG_PAGES * PAGE);
	TRY(rig.file, .op = VM_REQ_FALLOCATE, .length = PAGE,
	    .prot = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	TRY(rig.file, .op = VM_REQ_FALLOCATE, .length = PAGE,
	    .offset = RIG_PAGES * PAGE);
	look_at_figures();
	have_memory();
	come();		/* the same process again */
	TRY(-1, .op = VM_REQ_BYE);
	forget();
}

/* A life with that call failing; false: it came to no such call. */
static bool
live_and_fail(unsigned at)
{
	struct rig before = rig;
	char path[32];
	int readable, error;

	rig.file = rig_new_file(RIG_PAGES);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", rig.file);
	readable = open(path, O_RDONLY | O_CLOEXEC);
	rig.uffd = rig_new_uffd();
	atomic_store(&failed, NULL);
	atomic_store(&call, 0);
	atomic_store(&fail_at, at);
	mine = false;
	atomic_store(&armed, true);
	error = vm_server_start(&rig_options, &rig.server);
	mine = true;
	if (error == 0) {
		live(readable);
		mine = false;
		(void)vm_server_stop(rig.server, &rig_report);
		mine = true;
	}
	atomic_store(&armed, false);
	while (rig.fds > 0)
		close(rig.fd[--rig.fds]);
	if (rig.socket >= 0)
		close(rig.socket);
	close(rig.uffd);
	close(rig.file);
	close(readable);
	rig = before;
	return atomic_load(&failed) != NULL;
}

static int
lowest_free(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

TEST(whatever_call_of_a_server_fails_it_refuses_or_goes_on_and_keeps_nothing)
{
	unsigned at = 1;
	int free_fd;

	mine = true;
	rig_listen();
	rig_prepare();
	rig_options.anon_min_bytes = PAGE;
	rig.base = mmap(NULL, RIG_PAGES * PAGE, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	close(rig_new_uffd());
	free_fd = lowest_free();
	while (live_and_fail(at)) {
		if (lowest_free() != free_fd)
			printf("after %s\n", atomic_load(&failed));
		CHECK_INT(lowest_free(), free_fd);
		at++;
	}
	CHECK(at > 100);
	munmap(rig.base, RIG_PAGES * PAGE);
	rig_unlisten();
}
